"""Who lives in a household? Its members by code, sex and age, without those who died or left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, select

from smsgateway.care.people import PERSON_COLUMNS, person_from
from smsgateway.reading.models import Age, Person
from smsgateway.store.tables import catchments, codes, households, patients
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for, shown

CHILDBEARING: Final = (10 * 365, 56 * 365)  # days; WHO counts maternal deaths from the age of ten


@dataclass(frozen=True, slots=True)
class Relative:
    """A member of a household; `code` is its digits as the CHW of the catchment types them."""

    id: UUID
    code: str
    person: Person

    @property
    def may_bear_children(self) -> bool:
        """Whether this can be the woman a report about a pregnancy or a birth is about."""
        return may_bear_children(self.person)


def may_bear_children(person: Person) -> bool:
    """Not of a man, a girl or an old woman; of whom nobody knows, yes."""
    if person.sex == "M":
        return False
    return person.age is None or (person.age.oldest >= CHILDBEARING[0] and person.age.youngest <= CHILDBEARING[1])


def relative(tx: Tx, patient_id: UUID, today: date) -> Relative | None:
    """One person by the register's own id, alive or not, there or gone."""
    row = tx.execute(_MEMBERS.where(patients.c.id == patient_id)).first()
    return None if row is None else _relative(row, today)


def household_code(tx: Tx, household_id: UUID) -> str:
    """The code of a household as its CHW knows it: 12-3."""
    query = (
        select(catchments.c.number, households.c.serial)
        .select_from(households.join(catchments, catchments.c.id == households.c.catchment_id))
        .where(households.c.id == household_id)
    )
    row = tx.execute(query).one()
    return shown(code_for(row.number, row.serial))


def family_of(tx: Tx, household_id: UUID, today: date) -> Sequence[Relative]:
    """The members of a household, the oldest first, those of unknown age last."""
    members = [
        _relative(row, today) for row in tx.execute(_MEMBERS.where(patients.c.household_id == household_id, *_THERE))
    ]
    return sorted(members, key=lambda each: (-_days(each.person.age), each.code))


def _days(age: Age | None) -> int:
    return -1 if age is None else age.youngest


def _relative(row: Any, today: date) -> Relative:
    code = code_for(row.number, row.serial)
    return Relative(row.id, code, person_from(row, row.number, code, today))


_MEMBERS = select(patients.c.id, patients.c.serial, *PERSON_COLUMNS, catchments.c.number).select_from(
    patients.join(catchments, catchments.c.id == patients.c.catchment_id).join(
        codes, and_(codes.c.catchment_id == patients.c.catchment_id, codes.c.serial == patients.c.serial)
    )
)
_THERE = (patients.c.died_on.is_(None), patients.c.left_on.is_(None), ~codes.c.void)
