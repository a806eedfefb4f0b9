"""Somebody lives elsewhere now: what becomes of their code? Who leaves the programme's area keeps it, and is not
reminded of. Who moves within it gets a new one from the new catchment; the old one leads there for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from smsgateway.care import followups
from smsgateway.care.beginnings import subject_of
from smsgateway.care.changes import added, change, recoded
from smsgateway.care.people import Catchment
from smsgateway.care.register import next_serial, register_household, take_code
from smsgateway.care.reminders import reopen
from smsgateway.store.tables import households, patients
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for


@dataclass(frozen=True, slots=True)
class NewHome:
    """Where somebody lives from now on; `code` is the household's, digits."""

    catchment: Catchment
    household_id: UUID
    code: str


def left(tx: Tx, patient_id: UUID, on: date, report_id: UUID, now: datetime) -> None:
    """The person lives outside the programme's area from that day. Reminders were ended by the report itself."""
    change(tx, patients, patient_id, report_id, now, left_on=on)


def came_back(tx: Tx, patient_id: UUID, report_id: UUID, now: datetime) -> None:
    """Somebody who had left was seen by a CHW."""
    change(tx, patients, patient_id, report_id, now, left_on=None)


def new_household(tx: Tx, catchment: Catchment, people: int | None, report_id: UUID, now: datetime) -> NewHome:
    """A household that begins with those who moved in."""
    household_id, code = register_household(tx, catchment, people, None, False, now)
    added(tx, households, household_id, catchment.site_id, report_id, now)
    return NewHome(catchment, household_id, code)


def move_person(tx: Tx, patient_id: UUID, home: NewHome, report_id: UUID, now: datetime) -> str:
    """Give a person a code of the new catchment; their reminders go along. Gives the code's digits. Within a catchment
    only the household changes."""
    row = tx.execute(select(patients.c.catchment_id, patients.c.serial).where(patients.c.id == patient_id)).one()
    if row.catchment_id == home.catchment.id:
        change(tx, patients, patient_id, report_id, now, household_id=home.household_id, left_on=None)
        serial = row.serial
    else:
        serial = _recode(tx, "patient", patient_id, (row.catchment_id, row.serial), home.catchment, report_id, now)
        change(
            tx,
            patients,
            patient_id,
            report_id,
            now,
            catchment_id=home.catchment.id,
            serial=serial,
            household_id=home.household_id,
            left_on=None,
        )
    reopen(tx, [patient_id], report_id, now)
    subject = subject_of(tx, patient_id)
    if subject is not None:
        followups.moved(tx, patient_id, subject, now)
    return code_for(home.catchment.number, serial)


def move_household(tx: Tx, household_id: UUID, to: Catchment, report_id: UUID, now: datetime) -> NewHome:
    """Give a household a code of the new catchment; its members are moved one by one."""
    row = tx.execute(
        select(households.c.catchment_id, households.c.serial).where(households.c.id == household_id)
    ).one()
    serial = _recode(tx, "household", household_id, (row.catchment_id, row.serial), to, report_id, now)
    change(tx, households, household_id, report_id, now, catchment_id=to.id, serial=serial, village=None)
    return NewHome(to, household_id, code_for(to.number, serial))


def _recode(
    tx: Tx, kind: str, row_id: UUID, old: tuple[UUID, int], to: Catchment, report_id: UUID, now: datetime
) -> int:
    serial = next_serial(tx, to)
    take_code(tx, to, serial, kind, row_id)
    recoded(tx, row_id, to.site_id, report_id, now, old, (to.id, serial))
    return serial


def members_of(tx: Tx, household_id: UUID) -> list[UUID]:
    """Everybody of a household who has not died."""
    query = select(patients.c.id).where(patients.c.household_id == household_id, patients.c.died_on.is_(None))
    return list(tx.execute(query.order_by(patients.c.serial)).scalars())
