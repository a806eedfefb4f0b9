"""How do a household and a person enter the register? With the next serial of the catchment's one counter, so that no
two of them can ever share a code, and a birth date kept as the interval it is known to lie in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import update

from smsgateway.care.people import Catchment
from smsgateway.reading.models import Age
from smsgateway.store.tables import catchments, codes, households, patients
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for


def next_serial(tx: Tx, catchment: Catchment) -> int:
    """Take the next number; the row stays locked until the registration commits."""
    statement = (
        update(catchments)
        .where(catchments.c.id == catchment.id)
        .values(next_serial=catchments.c.next_serial + 1)
        .returning(catchments.c.next_serial)
    )
    following: int = tx.execute(statement).scalar_one()
    return following - 1


def register_household(
    tx: Tx, catchment: Catchment, people: int | None, village: str | None, consent: bool, now: datetime
) -> tuple[UUID, str]:
    """Register a household; gives its id and its code (digits)."""
    serial, household_id = next_serial(tx, catchment), new_id()
    tx.execute(
        households.insert(),
        {
            "id": household_id,
            "site_id": catchment.site_id,
            "catchment_id": catchment.id,
            "serial": serial,
            "people": people,
            "village": village,
            "consent": consent,
            "registered_at": now,
        },
    )
    take_code(tx, catchment, serial, "household", household_id)
    return household_id, code_for(catchment.number, serial)


def register_patient(
    tx: Tx,
    catchment: Catchment,
    household_id: UUID,
    sex: str | None,
    age: Age | None,
    on: date,
    now: datetime,
    *,
    mother_id: UUID | None = None,
) -> tuple[UUID, str]:
    """Register a person of a household, `age` as it was on the day `on`; gives the id and the code (digits)."""
    serial, patient_id = next_serial(tx, catchment), new_id()
    tx.execute(
        patients.insert(),
        {
            "id": patient_id,
            "site_id": catchment.site_id,
            "catchment_id": catchment.id,
            "serial": serial,
            "household_id": household_id,
            "sex": sex,
            "born_from": on - timedelta(days=age.oldest) if age else None,
            "born_to": on - timedelta(days=age.youngest) if age else None,
            "lmp": None,
            "mother_id": mother_id,
            "registered_at": now,
        },
    )
    take_code(tx, catchment, serial, "patient", patient_id)
    return patient_id, code_for(catchment.number, serial)


def take_code(tx: Tx, catchment: Catchment, serial: int, kind: str, subject_id: UUID) -> None:
    """The code of this serial is theirs (a household's or a patient's) for ever."""
    tx.execute(
        codes.insert(),
        {
            "catchment_id": catchment.id,
            "serial": serial,
            "site_id": catchment.site_id,
            "kind": kind,
            "subject_id": subject_id,
        },
    )
