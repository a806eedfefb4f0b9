"""Who gets digests, and what is known of people nobody reported on yet? When the register changes, everybody new gets
their mornings, and what follows from a birth date or a pregnancy in the imported files is planned.

Small transactions, each of which may be repeated: several processes that do it at once do it once. Messages that wait
for somebody whose number has changed go to the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.care.beginnings import plan_from_register
from smsgateway.care.briefing import BRIEFING
from smsgateway.care.calendar import this_round
from smsgateway.care.recall import EVENING, MORNING
from smsgateway.care.reminders import Subject
from smsgateway.care.schedules import Schedules
from smsgateway.care.team import Mate, mates
from smsgateway.clock import Clock
from smsgateway.due import LATER_RANK
from smsgateway.reading.models import Role
from smsgateway.store.database import Store, database_time
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due, due_log, outbox, patients, phones, revisions, staff
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx

REGISTER, ENROLLED, PLANNED = "register", "enrolled", "planned"
WEEK: Final = "week"
DAY: Final = "day"  # the only step of the items that come again
STAFF_AT_ONCE: Final = 100
PATIENTS_AT_ONCE: Final = 500
LONGEST_IMPORT: Final = timedelta(days=1)  # ids are of the moment they were made, rows seen when all are committed
CHILDHOOD: Final = timedelta(days=731)


def enrol(store: Store, clock: Clock, schedules: Schedules) -> int:
    """Do all that a change of the register asks for; how many people were looked at. Cheap when nothing changed."""
    with store.read() as connection:
        numbers = _numbers(Tx(connection))
    if numbers.get(REGISTER, 0) == numbers.get(ENROLLED, 0):
        return 0
    seen = sum(store.write(partial(_enrol_staff, ids=ids, schedules=schedules, clock=clock)) for ids in _staff(store))
    store.write(lambda tx: readdress(tx))
    store.write(lambda tx: _supervisors_anew(tx))
    seen += _plan_register(store, clock, schedules, numbers.get(PLANNED, 0))
    store.write(lambda tx: _note(tx, ENROLLED, numbers.get(REGISTER, 0)))
    return seen


def _numbers(tx: Tx) -> dict[str, int]:
    return {row.name: row.number for row in tx.ask(_NUMBERS)}


_NUMBERS: Final = Prepared(
    select(revisions.c.name, revisions.c.number).where(
        or_(*(revisions.c.name == literal(name) for name in (REGISTER, ENROLLED, PLANNED)))
    )
)


def _note(tx: Tx, name: str, number: int) -> None:
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(revisions)
    tx.execute(
        insert.values(name=name, number=number).on_conflict_do_update(index_elements=["name"], set_={"number": number})
    )


# ---------------------------------------------------------------- staff


def _staff(store: Store) -> Iterator[list[UUID]]:
    """Everybody who gets digests, so many at once."""
    told = select(staff.c.id).where(staff.c.role.in_([Role.CHW.value, Role.SUPERVISOR.value])).order_by(staff.c.id)
    with store.read() as connection:
        ids = list(connection.execute(told).scalars())
    yield from (ids[first : first + STAFF_AT_ONCE] for first in range(0, len(ids), STAFF_AT_ONCE))


def _enrol_staff(tx: Tx, ids: Sequence[UUID], schedules: Schedules, clock: Clock) -> int:
    now: datetime = tx.run(select(database_time(tx, clock))).scalar_one()
    people = list(mates(tx, ids, schedules.day))
    rows = [row for mate in people for row in _standing(mate, schedules, now)]
    rows += _rounds(tx, people, schedules, now)
    if rows:
        insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(due)
        for first in range(0, len(rows), 100):
            tx.execute(insert.values(rows[first : first + 100]).on_conflict_do_nothing())
    return len(people)


def _standing(mate: Mate, schedules: Schedules, now: datetime) -> Iterator[dict[str, Any]]:
    """The items that always come again: nobody is told on the day they are enrolled."""
    yield _item(mate, MORNING, mate.hours.next_morning(now))
    if mate.role is Role.CHW:
        yield _item(mate, EVENING, mate.hours.next_evening(now, schedules.day.evening))
    else:
        yield _item(mate, WEEK, mate.hours.next_weekday(now, schedules.day.week))
        yield _item(mate, BRIEFING, mate.hours.next_morning(now))


def _item(mate: Mate, kind: str, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "site_id": mate.site_id,
        "kind": kind,
        "subject_id": mate.id,
        "step": DAY,
        "at": at,
        "detail": {},
        "failures": 0,
        "rank": LATER_RANK,
        "owner_id": None,
        "starts_at": None,
        "late_at": None,
        "told_at": None,
    }


def _rounds(tx: Tx, people: Sequence[Mate], schedules: Schedules, now: datetime) -> list[dict[str, Any]]:
    """What comes round by the calendar, for those who have nothing of the kind yet."""
    chws = [mate for mate in people if mate.role is Role.CHW]
    rows = []
    for schedule in schedules.by_calendar():
        query = select(due.c.subject_id).where(
            due.c.kind == schedule.kind, due.c.subject_id.in_([mate.id for mate in chws])
        )
        have = set(tx.execute(query).scalars())
        for mate in chws:
            owner = mate.id if schedule.tell == "chw" else mate.supervisor_id
            if mate.id not in have and owner is not None:
                subject = Subject(mate.id, mate.site_id, owner, "" if schedule.tell == "chw" else mate.code)
                rows.append(this_round(schedule, schedules, subject, mate.hours.zone, now))
    return rows


def readdress(tx: Tx) -> int:
    """Messages that wait for somebody at a number that is no longer theirs go to the number they have now; how many
    there were."""
    theirs = select(phones.c.phone).where(phones.c.staff_id == outbox.c.staff_id)
    first = theirs.where(phones.c.position == 0).scalar_subquery()
    moved = (
        update(outbox)
        .where(
            outbox.c.staff_id.is_not(None),
            outbox.c.lease.is_(None),
            outbox.c.phone.not_in(theirs),
            first.is_not(None),
        )
        .values(phone=first)
    )
    return len(tx.execute(moved.returning(outbox.c.id)).all())


def _supervisors_anew(tx: Tx) -> None:
    """A CHW's supervision stands on the list of the supervisor they have now."""
    now_theirs = select(staff.c.supervisor_id).where(staff.c.id == due.c.subject_id).scalar_subquery()
    tx.execute(
        update(due)
        .where(due.c.kind == "supervision", now_theirs.is_not(None), due.c.owner_id != now_theirs)
        .values(owner_id=now_theirs)
    )


# ---------------------------------------------------------------- people who were imported


def _plan_register(store: Store, clock: Clock, schedules: Schedules, planned: int) -> int:
    """Plan for everybody registered since the last time, by their ids, which grow with time."""
    with store.read() as connection:
        now: datetime = connection.execute(select(database_time(Tx(connection), clock))).scalar_one()
    after = _first_id(datetime.fromtimestamp(planned, UTC) - LONGEST_IMPORT) if planned else UUID(int=0)
    seen = 0
    while True:
        last, count = store.write(partial(_plan_some, after=after, schedules=schedules, now=now))
        seen += count
        if last is None:
            store.write(lambda tx: _note(tx, PLANNED, int(now.timestamp())))
            return seen
        after = last


def _first_id(moment: datetime) -> UUID:
    """Where the ids of that moment begin: a UUIDv7 starts with its milliseconds."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _plan_some(tx: Tx, after: UUID, schedules: Schedules, now: datetime) -> tuple[UUID | None, int]:
    """The next people of the register, as far as anything can follow; gives the last one looked at."""
    young = now.date() - CHILDHOOD
    some = (
        select(patients.c.id)
        .where(
            patients.c.id > after,
            or_(patients.c.born_from >= young, patients.c.lmp.is_not(None)),
            patients.c.died_on.is_(None),
            patients.c.left_on.is_(None),
        )
        .order_by(patients.c.id)
        .limit(PATIENTS_AT_ONCE)
    )
    ids = list(tx.execute(some).scalars())
    if not ids:
        return None, 0
    known = {kind: _known(tx, kind, ids) for kind in ("vaccine", "antenatal")}
    plan_from_register(tx, ids, known, schedules, now)
    return ids[-1], len(ids)


def _known(tx: Tx, kind: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those for whom something of the kind was planned before."""
    found: set[UUID] = set()
    for table in (due, due_log):
        found |= set(tx.execute(select(table.c.subject_id).where(_about(table, kind, ids))).scalars())
    return found


def _about(table: Any, kind: str, ids: Sequence[UUID]) -> Any:
    return and_(table.c.kind == kind, table.c.subject_id.in_(ids))
