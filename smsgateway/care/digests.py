"""What does a CHW read in the morning? One SMS with all there is to do, and in the evening, only after a silent day,
what is left of it. Many digests are made in one transaction, few enough that no other writer waits long.

Each person has one item of `due` for the morning and one for the evening, which always comes again: the item is who is
told and when, the reminders on their lists are what. After an outage, however long, each still has one item, so each
gets one digest; and it waits a few minutes for reports that waited at the network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update

from smsgateway.care.customs import customs_of
from smsgateway.care.expiry import FOLLOW_UP, LATE_START, expiries
from smsgateway.care.lists import Entry, Rounds, fitted
from smsgateway.care.recall import EVENING, MORNING
from smsgateway.care.rounds import households_behind
from smsgateway.care.schedules import Schedule, schedules_of
from smsgateway.care.team import Mate, Team, gather
from smsgateway.care.weekly import weekly
from smsgateway.care.workdays import Opening
from smsgateway.due import Batch, DueItem, Handler
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading import say
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import due, reports
from smsgateway.store.types import as_kept, as_kept_value
from smsgateway.store.write import Tx

PEOPLE_AT_ONCE: Final = 40  # with 25 reminders each about a thousand in a transaction
FIRST_LISTEN: Final = timedelta(minutes=5)  # the network repeats every minute what it could not deliver to us
TOLD_LATELY: Final = timedelta(hours=3)  # no nudge so soon after a digest


@dataclass(frozen=True, slots=True)
class ToDo:
    """A reminder on a list, as a digest needs it. `id` is as the database keeps it."""

    id: object
    owner_id: UUID
    schedule: Schedule
    late_at: datetime
    told_at: datetime | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody whose digest is made now, within their hours."""

    mate: Mate
    phone: str
    opening: Opening
    until: datetime  # what is due before that is told


class Digests:
    """The batches that make digests, of one programme."""

    def __init__(self, programme: Programme) -> None:
        self._programme = programme
        self._schedules = schedules_of(programme)
        self._customs = customs_of(programme)

    def batches(self) -> Mapping[str, Batch]:
        """What is done on mornings and evenings."""
        return {MORNING: Batch(self.mornings, PEOPLE_AT_ONCE), EVENING: Batch(self.evenings, PEOPLE_AT_ONCE)}

    # ------------------------------------------------------------ in the morning

    def mornings(self, tx: Tx, items: Sequence[DueItem], now: datetime) -> dict[UUID, datetime]:
        """Make the digests of these people; each item comes again on their next morning."""
        late = {item.id for item in items if now - item.at > LATE_START}
        team = gather(tx, [item.subject_id for item in items], self._schedules.day, now)
        again: dict[UUID, datetime] = {}
        readers: dict[UUID, Reader] = {}
        for item in items:
            mate = team.mates.get(item.subject_id)
            if mate is None:
                continue  # nobody of the staff any more: no more mornings
            reader = _reader(mate, now)
            if reader is not None and item.id in late:
                again[item.id] = now + FIRST_LISTEN
                continue
            again[item.id] = mate.hours.next_morning(now)
            if reader is not None and not team.is_away(mate.id):
                readers[mate.id] = reader
        self._tell(tx, team, readers, now)
        return again

    def _tell(self, tx: Tx, team: Team, readers: Mapping[UUID, Reader], now: datetime) -> None:
        todo = self._todo(tx, team, readers, now)
        rounds = self._rounds(tx, team, readers, now)
        told: list[object] = []
        for reader in readers.values():
            mine = [each for each in todo[reader.mate.id] if _wanted(each, reader)]
            behind = rounds.get(reader.mate.id)
            if mine or behind is not None:
                self._queue(tx, reader, MORNING, self._morning_text(team, reader, mine, behind, now), now)
                told += [each.id for each in mine]
        if told:
            tx.execute(update(due).where(as_kept(due.c.id, tx.dialect).in_(told)).values(told_at=now))

    def _morning_text(
        self, team: Team, reader: Reader, mine: Sequence[ToDo], behind: Rounds | None, now: datetime
    ) -> str:
        language = reader.mate.language
        head = say.text(self._programme, "digest_morning", language, day=_day(reader, now))
        legend = say.text(self._programme, "digest_late_mark", language)
        return fitted(head, self._entries(team, reader, mine, now), behind, legend=legend)

    # ------------------------------------------------------------ in the evening

    def evenings(self, tx: Tx, items: Sequence[DueItem], now: datetime) -> dict[UUID, datetime]:
        """Nudge those of these people who were told in the morning and have not reported since."""
        team = gather(tx, [item.subject_id for item in items], self._schedules.day, now)
        again: dict[UUID, datetime] = {}
        readers: dict[UUID, Reader] = {}
        for item in items:
            mate = team.mates.get(item.subject_id)
            if mate is None:
                continue
            again[item.id] = mate.hours.next_evening(now, self._schedules.day.evening)
            reader = _reader(mate, now)
            in_time = now - item.at <= LATE_START
            if reader is not None and in_time and not team.is_away(mate.id):
                readers[mate.id] = reader
        self._nudge(tx, team, readers, now)
        return again

    def _nudge(self, tx: Tx, team: Team, readers: Mapping[UUID, Reader], now: datetime) -> None:
        if not readers:
            return
        since = min(reader.mate.hours.start_of(reader.mate.hours.day(now)) for reader in readers.values())
        heard = set(
            tx.execute(
                select(reports.c.staff_id).where(reports.c.staff_id.in_(list(readers)), reports.c.arrived_at >= since)
            ).scalars()
        )
        silent = {id: reader for id, reader in readers.items() if id not in heard}
        todo = self._todo(tx, team, silent, now)
        for reader in silent.values():
            today = reader.mate.hours.start_of(reader.mate.hours.day(now))
            left = [
                each
                for each in todo[reader.mate.id]
                if each.schedule.urgency <= self._schedules.day.nudge
                and each.told_at is not None
                and today <= each.told_at <= now - TOLD_LATELY
            ]
            if left:
                head = say.text(self._programme, "digest_evening", reader.mate.language)
                text = fitted(head, self._entries(team, reader, left, now))
                self._queue(tx, reader, EVENING, text, now)

    # ------------------------------------------------------------ what there is to do

    def _todo(self, tx: Tx, team: Team, readers: Mapping[UUID, Reader], now: datetime) -> defaultdict[UUID, list[ToDo]]:
        """By who reads it today: everything on their lists that is due by the end of their day and not pointless, the
        most urgent first and of those the one that is late soonest."""
        found: defaultdict[UUID, list[ToDo]] = defaultdict(list)
        if not readers:
            return found
        for until in {reader.until for reader in readers.values()}:
            some = {id: reader for id, reader in readers.items() if reader.until == until}
            for each, reader in self._due_until(tx, team, some, until, now):
                found[reader].append(each)
        for mine in found.values():
            mine.sort(key=lambda each: (each.schedule.urgency, each.late_at))
        return found

    def _due_until(
        self, tx: Tx, team: Team, readers: Mapping[UUID, Reader], until: datetime, now: datetime
    ) -> Iterator[tuple[ToDo, UUID]]:
        """What is on the lists of people whose day ends at the same moment, each with who reads it."""
        always = {owner: team.reader(owner) for owner in (*team.staffed, *readers) if not team.shared(owner)}
        lists = [owner for owner, reader in always.items() if reader in readers]
        lists += [owner for owner in team.staffed if owner not in always and _may_read(team, owner, readers)]
        owners = {as_kept_value(owner, tx.dialect): owner for owner in lists}
        kept_id, kept_owner = as_kept(due.c.id, tx.dialect), as_kept(due.c.owner_id, tx.dialect)
        query = select(kept_id, kept_owner, due.c.step, due.c.late_at, due.c.told_at, due.c.detail).where(
            due.c.owner_id.in_(lists), due.c.starts_at < until, due.c.at > now
        )
        named = self._schedules.named
        for row in tx.execute(query):
            id, kept, step, late, told, detail = tuple(row)
            schedule = named.get(step.partition(":")[0])
            if schedule is None or schedule.tell != "chw":
                continue  # a supervisor's own rounds are told on Monday
            owner = owners[kept]
            reader = always[owner] if owner in always else team.reader(owner, _rather(detail))
            if reader is not None and reader in readers:
                yield ToDo(id, owner, schedule, late, told, detail), reader

    def _rounds(self, tx: Tx, team: Team, readers: Mapping[UUID, Reader], now: datetime) -> dict[UUID, Rounds]:
        """By who reads it today: the households that wait for a visit."""
        schedule = self._schedules.rounds()
        if schedule is None:
            return {}
        lists = {owner: reader for owner in team.staffed if (reader := team.reader(owner)) in readers}
        owners = {team.numbers[owner]: owner for owner in lists}
        by_reader: defaultdict[UUID, list[tuple[datetime, str]]] = defaultdict(list)
        for zone in {readers[id].mate.hours.zone for id in lists.values() if id is not None}:
            some = [owner for owner, id in lists.items() if id is not None and readers[id].mate.hours.zone == zone]
            for each in households_behind(tx, some, self._customs, zone, now):
                owner = owners[each.catchment]
                reader = lists[owner]
                assert reader is not None
                by_reader[reader].append((each.last_visit, team.shown(reader, owner, each.code)))
        return {
            id: Rounds(schedule.label(readers[id].mate.language), tuple(code for _, code in sorted(behind)))
            for id, behind in by_reader.items()
        }

    def _entries(self, team: Team, reader: Reader, todo: Iterable[ToDo], now: datetime) -> list[Entry]:
        """The same report about the same person is asked for once, late if any of it is, with all its vaccines."""
        together: dict[tuple[str, str], list[ToDo]] = {}
        for each in todo:
            about = (each.schedule.label(reader.mate.language), _code(team, reader, each))
            together.setdefault(about, []).append(each)
        return [
            Entry(label, _with_vaccines(code, some), late=any(each.late_at <= now for each in some))
            for (label, code), some in together.items()
        ]

    def _queue(self, tx: Tx, reader: Reader, digest: str, text: str, now: datetime) -> None:
        draft = Draft(
            phone=reader.phone,
            body=text,
            rank=Rank.REMINDER,
            site_id=reader.mate.site_id,
            staff_id=reader.mate.id,
            rung=digest,
            expires_at=reader.opening.end,
        )
        enqueue(tx, draft, now)


def digest_handlers(programme: Programme, visits: Mapping[str, Handler]) -> Mapping[str, Batch]:
    """What is done with everything that has to do with reminders, by its kind in `due`. `visits`: how a visit that a
    referral asked for is told on its morning."""
    schedules = schedules_of(programme)
    return {**expiries(schedules, visits.get(FOLLOW_UP)), **Digests(programme).batches(), **weekly(programme)}


def _reader(mate: Mate, now: datetime) -> Reader | None:
    """None outside their hours, and of somebody without a phone."""
    opening = mate.hours.now_open(now)
    if opening is None or mate.phone is None:
        return None
    tomorrow = mate.hours.start_of(mate.hours.day(now) + timedelta(days=1))
    return Reader(mate, mate.phone, opening, max(tomorrow, opening.end))


def _wanted(todo: ToDo, reader: Reader) -> bool:
    """Not told yet, or so long ago that its turn comes again today."""
    return todo.told_at is None or todo.told_at + todo.schedule.again < reader.until


def _may_read(team: Team, owner: UUID, readers: Mapping[UUID, Reader]) -> bool:
    """Whether any of these may read a list that several share: which one, depends on the reminder."""
    return team.reader(owner) in readers or any(chw in readers for chw in team.staffed[owner])


def _rather(detail: Mapping[str, Any]) -> UUID | None:
    """Who reported the person: of several who share a catchment, the one who knows them."""
    said = detail.get("staff_id")
    return UUID(said) if said else None


def _code(team: Team, reader: Reader, todo: ToDo) -> str:
    """Whom it is about."""
    code = str(todo.detail.get("code", ""))
    return team.shown(reader.mate.id, todo.owner_id, code) if todo.owner_id in team.numbers and code else code


def _with_vaccines(code: str, some: Sequence[ToDo]) -> str:
    """Of vaccine visits also the first vaccine, and how many more there are: `416-6 PENTA1+3`."""
    vaccines = [vaccine for each in some for vaccine in each.detail.get("vaccines", ())]
    if not vaccines:
        return code
    more = f"+{len(vaccines) - 1}" if len(vaccines) > 1 else ""
    return f"{code} {str(vaccines[0]).upper()}{more}"


def _day(reader: Reader, now: datetime) -> str:
    return f"{reader.mate.hours.day(now):%d/%m}"
