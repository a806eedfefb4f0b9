"""Who is doing an exercise, and on whom? On people who do not exist: their codes are longer than any catchment's
serials will ever be, and good only while the exercise lasts. A real code is always real.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.care.people import Located, Member
from smsgateway.reading.models import Age, Code, CodeFacts, CodeState, Person
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import trainings
from smsgateway.store.write import Tx
from smsgateway.text import codes

LASTS: Final = timedelta(hours=2)
CATCHMENT: Final = "0"  # its codes have check digits like any other's, so that wrong ones can be practised too


@dataclass(frozen=True, slots=True)
class Pupil:
    """Somebody who does not exist; a household has no sex and no age (days)."""

    serial: int
    sex: str | None = None
    days: int | None = None
    pregnant: bool = False

    @property
    def code(self) -> str:
        return codes.code_for(CATCHMENT, self.serial)


HOUSEHOLD: Final = Pupil(9900)
GIRL: Final = Pupil(9901, "F", 440)
WOMAN: Final = Pupil(9902, "F", 25 * 365, pregnant=True)
NEWBORN: Final = Pupil(9903, "M", 10)
NEXT: Final = Pupil(9904)  # the code that an exercise of registering gives
_PUPILS: Final = {pupil.code: pupil for pupil in (HOUSEHOLD, GIRL, WOMAN, NEWBORN, NEXT)}


def pupil(code: Code) -> Located | None:
    """Whom a code of the exercise means; None for any other code."""
    found = _PUPILS.get(code.digits) if code.catchment is None else None
    if found is None:
        return None
    if found.days is None:
        return Located(CodeFacts(code, CodeState.FOUND))
    person = Person(
        code=codes.shown(found.code), sex=found.sex, age=Age(found.days, found.days), pregnant=found.pregnant
    )
    return Located(CodeFacts(code, CodeState.FOUND, person))


def begin(tx: Tx, member: Member, inbound_id: UUID, now: datetime) -> None:
    """From now on, for two hours."""
    row = {
        "staff_id": member.id,
        "site_id": member.site_id,
        "ends_at": now + LASTS,
        "last_at": now,
        "last_id": inbound_id,
    }
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(trainings)
    changed = {"ends_at": row["ends_at"], "last_at": now, "last_id": inbound_id}
    tx.run(insert.values(row).on_conflict_do_update(index_elements=["staff_id"], set_=changed))


def end(tx: Tx, member: Member, now: datetime) -> bool:
    """No more; False when there was no exercise."""
    ended = delete(trainings).where(trainings.c.staff_id == member.id).returning(trainings.c.ends_at)
    row = tx.run(ended).first()
    return row is not None and row.ends_at > now


def last_exercise(tx: Tx, member: Member, now: datetime) -> tuple[datetime, UUID] | None:
    """The last message of this sender's exercise, when and which; None when no exercise is on."""
    rows = tx.ask(_ON, staff=member.id, now=now)
    return (rows[0].last_at, rows[0].last_id) if rows else None


def exercised(tx: Tx, member: Member, inbound_id: UUID, now: datetime) -> None:
    """A message of the exercise was answered."""
    last = {"last_at": now, "last_id": inbound_id}
    tx.run(update(trainings).where(trainings.c.staff_id == member.id).values(last))


_ON = Prepared(
    select(trainings.c.last_at, trainings.c.last_id).where(
        trainings.c.staff_id == bindparam("staff"), trainings.c.ends_at > bindparam("now")
    )
)
