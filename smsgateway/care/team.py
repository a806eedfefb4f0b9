"""Whose list is this today? Who is there, who is away and who covers, found for many at once.

A list is a catchment's: it outlives the CHW and the phone. On any day exactly one person reads it: a CHW assigned there
who is present (the one who reported the person, where several share it), else who covers, else the supervisor.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select

from smsgateway.care.hours import zone_named
from smsgateway.care.schedule_file import DayRow
from smsgateway.care.workdays import Hours, hours_of
from smsgateway.care.zones import WORKPLACE, timezone_of
from smsgateway.reading.models import Role
from smsgateway.store.tables import assignments, catchments, leaves, phones, staff
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown, shown_full


@dataclass(frozen=True, slots=True)
class Mate:
    """One member of staff as digests need them; without a phone nobody can be told."""

    id: UUID
    site_id: UUID
    code: str
    role: Role
    language: str
    supervisor_id: UUID | None
    phone: str | None
    hours: Hours


@dataclass(frozen=True, slots=True)
class _Away:
    staff_id: UUID
    cover_id: UUID | None
    supervisor_id: UUID | None
    first: date
    last: date


@dataclass
class Team:
    """Some people, with the lists they may have to read. `staffed`: the CHWs of each catchment in the order of their
    codes; `numbers`: the number of each."""

    mates: Mapping[UUID, Mate]
    staffed: dict[UUID, list[UUID]] = field(default_factory=dict)
    numbers: dict[UUID, str] = field(default_factory=dict)
    _away: dict[UUID, _Away] = field(default_factory=dict)
    _only: dict[UUID, UUID | None] = field(default_factory=dict)

    def is_away(self, staff_id: UUID) -> bool:
        return staff_id in self._away

    def reader(self, owner_id: UUID, rather: UUID | None = None) -> UUID | None:
        """Who reads this list today. `rather`: who is asked first when several share it."""
        if owner_id not in self.staffed:
            return owner_id
        chws = self.staffed[owner_id]
        present = [chw for chw in chws if chw not in self._away]
        if rather in present:
            return rather
        if present:
            return present[0]
        for chw in [each for each in (rather, *chws) if each in self._away]:
            away = self._away[chw]
            if away.cover_id is not None and away.cover_id not in self._away:
                return away.cover_id
        return next((self._away[chw].supervisor_id for chw in chws if chw in self._away), None)

    def shared(self, owner_id: UUID) -> bool:
        """Whether several CHWs are assigned there, so that it depends on the reminder who reads it."""
        return len(self.staffed.get(owner_id, ())) > 1

    def shown(self, reader: UUID, owner_id: UUID, code: str) -> str:
        """A code as this reader knows it: with its catchment unless it can only be of their own one."""
        if reader not in self._only:
            self._only[reader] = self._only_list(reader)
        if self._only[reader] == owner_id:
            return shown(code)
        return shown_full(self.numbers[owner_id], code)

    def _only_list(self, reader: UUID) -> UUID | None:
        own = [each for each, chws in self.staffed.items() if reader in chws]
        return own[0] if len(own) == 1 else None


def gather(tx: Tx, staff_ids: Collection[UUID], day: DayRow, now: datetime) -> Team:
    """These people and all lists they may have to read now."""
    team = Team({mate.id: mate for mate in mates(tx, staff_ids, day)})
    _add_lists(tx, team, staff_ids, now)
    absent = _leaves(tx, staff_ids, team, now)
    team._away.update({each.staff_id: each for each in absent if _covers_today(each, team, now)})
    elsewhere = set(team._away) - {chw for chws in team.staffed.values() for chw in chws}
    if elsewhere:
        _add_lists(tx, team, elsewhere, now)
    return team


_MATES = (
    select(
        *(staff.c[name] for name in ("id", "site_id", "code", "role", "language", "supervisor_id", "on_duty")),
        phones.c.phone,
        timezone_of(WORKPLACE).label("timezone"),
    )
    .select_from(staff.outerjoin(phones, and_(phones.c.staff_id == staff.c.id, phones.c.position == 0)))
    .order_by(staff.c.code)
)


def mates(tx: Tx, staff_ids: Collection[UUID], day: DayRow) -> Iterable[Mate]:
    for row in tx.execute(_MATES.where(staff.c.id.in_(list(staff_ids)))):
        hours = hours_of(row.on_duty, zone_named(row.timezone), day)
        yield Mate(row.id, row.site_id, row.code, Role(row.role), row.language, row.supervisor_id, row.phone, hours)


_mine, _theirs = assignments.alias("mine"), assignments.alias("theirs")


def _add_lists(tx: Tx, team: Team, staff_ids: Collection[UUID], now: datetime) -> None:
    """The catchments these people are assigned to, with everybody who is."""
    mine, theirs = _mine, _theirs
    today = now.date()
    query = (
        select(catchments.c.id, catchments.c.number, theirs.c.staff_id)
        .distinct()
        .select_from(
            mine.join(theirs, theirs.c.catchment_id == mine.c.catchment_id)
            .join(catchments, catchments.c.id == mine.c.catchment_id)
            .join(staff, staff.c.id == theirs.c.staff_id)
        )
        .add_columns(staff.c.code)
        .where(mine.c.staff_id.in_(list(staff_ids)), *_current(mine, today), *_current(theirs, today))
        .order_by(staff.c.code)
    )
    for row in tx.execute(query):
        team.numbers[row.id] = row.number
        chws = team.staffed.setdefault(row.id, [])
        if row.staff_id not in chws:
            chws.append(row.staff_id)


def _current(table: Any, today: date) -> tuple[Any, ...]:
    return table.c.starts_on <= today, or_(table.c.ends_on.is_(None), table.c.ends_on >= today)


def _leaves(tx: Tx, staff_ids: Collection[UUID], team: Team, now: datetime) -> list[_Away]:
    """Leaves about now that touch these people: their own, their colleagues', those they cover, and, of a supervisor's
    CHWs, those that nobody covers."""
    known = {*staff_ids, *(chw for chws in team.staffed.values() for chw in chws)}
    supervisors = [mate.id for mate in team.mates.values() if mate.role is not Role.CHW]
    day = timedelta(days=1)
    query = (
        select(leaves.c.staff_id, leaves.c.cover_id, staff.c.supervisor_id, leaves.c.starts_on, leaves.c.ends_on)
        .select_from(leaves.join(staff, staff.c.id == leaves.c.staff_id))
        .where(
            leaves.c.ends_on >= now.date() - day,
            leaves.c.starts_on <= now.date() + day,
            or_(
                leaves.c.staff_id.in_(known),
                leaves.c.cover_id.in_(list(staff_ids)),
                and_(staff.c.supervisor_id.in_(supervisors), leaves.c.cover_id.is_(None)),
            ),
        )
    )
    return [
        _Away(row.staff_id, row.cover_id, row.supervisor_id, row.starts_on, row.ends_on) for row in tx.execute(query)
    ]


def _covers_today(away: _Away, team: Team, now: datetime) -> bool:
    """Whether the leave is on today, by the wall of whoever of these people is nearest to it."""
    near = (team.mates.get(each) for each in (away.staff_id, away.cover_id, away.supervisor_id) if each is not None)
    mate = next((each for each in near if each is not None), None)
    today = mate.hours.day(now) if mate is not None else now.date()
    return away.first <= today <= away.last
