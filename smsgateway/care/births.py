"""Who was born, and to whom? Each newborn alive enters the register with its mother; a second report on the same birth
corrects what is known of it and registers nobody twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, select

from smsgateway.care.beginnings import registered
from smsgateway.care.changes import added, change
from smsgateway.care.people import Catchment
from smsgateway.care.register import register_patient
from smsgateway.care.schedules import Schedules
from smsgateway.reading.models import Age
from smsgateway.store.tables import catchments, codes, patients
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for

SAME_BIRTH_WITHIN: Final = timedelta(days=150)  # no woman gives birth twice within five months

OF_A_BABY: Final = frozenset({"babies", "sex", "weight_kg", "stillbirth"})


@dataclass(frozen=True, slots=True)
class Baby:
    """One child of a birth, as reported."""

    sex: str | None
    weight_kg: float | None
    stillborn: bool


@dataclass(frozen=True, slots=True)
class Newborn:
    """A child of a birth, as registered; `code` is its digits."""

    id: UUID
    code: str
    sex: str | None


@dataclass(frozen=True, slots=True)
class Birth:
    """Where and when, and whose report it is that says so."""

    mother_id: UUID
    household_id: UUID
    catchment: Catchment
    on: date
    report_id: UUID


def babies_of(answers: Mapping[str, Any]) -> Sequence[Baby]:
    """Every child that a report of a birth speaks of."""
    said = [*answers.get("babies", ()), answers]
    return [
        Baby(each.get("sex"), each.get("weight_kg"), bool(each.get("stillbirth")))
        for each in said
        if each.get("sex") or each.get("stillbirth")
    ]


def newborns_of(tx: Tx, mother_id: UUID, since: date) -> Sequence[Newborn]:
    """The living children of this mother born since a day, in the order of their registration."""
    query = (
        select(patients.c.id, patients.c.serial, patients.c.sex, catchments.c.number)
        .select_from(
            patients.join(catchments, catchments.c.id == patients.c.catchment_id).join(
                codes, and_(codes.c.catchment_id == patients.c.catchment_id, codes.c.serial == patients.c.serial)
            )
        )
        .where(patients.c.mother_id == mother_id, patients.c.born_from >= since, ~codes.c.void)
        .order_by(patients.c.id)
    )
    return [Newborn(row.id, code_for(row.number, row.serial), row.sex) for row in tx.execute(query)]


def register(
    tx: Tx, birth: Birth, babies: Sequence[Baby], known: Sequence[Newborn], schedules: Schedules, now: datetime
) -> Sequence[Newborn]:
    """Register the living; of those known already only what is said anew is changed. All of them, in order."""
    alive = [baby for baby in babies if not baby.stillborn]
    found = []
    for i, baby in enumerate(alive):
        found.append(
            _corrected(tx, birth, baby, known[i], now) if i < len(known) else _new(tx, birth, baby, schedules, now)
        )
    return found


def _new(tx: Tx, birth: Birth, baby: Baby, schedules: Schedules, now: datetime) -> Newborn:
    newborn_id, code = register_patient(
        tx,
        birth.catchment,
        birth.household_id,
        baby.sex,
        Age(0, 0),
        birth.on,
        now,
        mother_id=birth.mother_id,
    )
    added(tx, patients, newborn_id, birth.catchment.site_id, birth.report_id, now)
    registered(tx, newborn_id, schedules, now)
    return Newborn(newborn_id, code, baby.sex)


def _corrected(tx: Tx, birth: Birth, baby: Baby, known: Newborn, now: datetime) -> Newborn:
    sex = baby.sex or known.sex
    change(tx, patients, known.id, birth.report_id, now, sex=sex, born_from=birth.on, born_to=birth.on)
    return Newborn(known.id, known.code, sex)
