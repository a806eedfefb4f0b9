"""Who is silent, what is overdue, and how many children treated at home were seen again in time?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, select

from smsgateway.care.figures.periods import Period, local_day
from smsgateway.care.figures.scope import Scope
from smsgateway.store.tables import due, due_log, inbound, leaves, phones, reports

FOLLOW_UP = "follow_up"
# Why a reminder ended (see care/reminders.py): it was done, or it was not.
MADE = ("fulfilled", "covered")
NOT_MADE = ("expired", "missed")


@dataclass(frozen=True, slots=True)
class Silent:
    """A CHW nobody heard from; `days` since the last message, None when there never was one."""

    chw: str
    days: int | None


def silent_chws(connection: Connection, scope: Scope, now: datetime, after_days: int) -> list[Silent]:
    """The CHWs of the scope who sent nothing for `after_days` days and are not on leave, the longest silent first."""
    today = local_day(now, scope.zone)
    heard, away = last_heard(connection, scope), _away(connection, scope, today)
    found = []
    for chw in scope.chws:
        last = heard.get(chw.id)
        days = None if last is None else (today - local_day(last, scope.zone)).days
        if chw.id not in away and (days is None or days >= after_days):
            found.append(Silent(chw.code, days))
    return sorted(found, key=lambda each: (-(each.days if each.days is not None else 10**6), each.chw))


def _away(connection: Connection, scope: Scope, today: date) -> set[UUID]:
    """The CHWs who said that they are on leave today."""
    query = select(leaves.c.staff_id).where(
        leaves.c.staff_id.in_([chw.id for chw in scope.chws]), leaves.c.starts_on <= today, leaves.c.ends_on >= today
    )
    return set(connection.execute(query).scalars())


def last_heard(connection: Connection, scope: Scope) -> Mapping[UUID, datetime]:
    """When each CHW of the scope last sent anything, by SMS or USSD."""
    ids = [chw.id for chw in scope.chws]
    by_text = select(func.max(inbound.c.arrived_at)).where(inbound.c.sender == phones.c.phone).scalar_subquery()
    by_report = select(func.max(reports.c.arrived_at)).where(reports.c.staff_id == phones.c.staff_id).scalar_subquery()
    query = select(phones.c.staff_id, by_text.label("text"), by_report.label("report")).where(
        phones.c.staff_id.in_(ids)
    )
    found: dict[UUID, datetime] = {}
    for row in connection.execute(query):
        for moment in (row.text, row.report, found.get(row.staff_id)):
            if moment is not None and moment >= found.get(row.staff_id, moment):
                found[row.staff_id] = moment
    return found


def overdue_follow_ups(connection: Connection, scope: Scope, now: datetime) -> Mapping[str, int]:
    """How many people are late to be seen again, by the CHW on whose list they stand; the most first."""
    query = (
        select(due.c.owner_id, func.count(due.c.subject_id.distinct()).label("people"))
        .where(due.c.kind == FOLLOW_UP, due.c.owner_id.in_(scope.lists()), due.c.late_at <= now, due.c.at > now)
        .group_by(due.c.owner_id)
    )
    people: dict[str, int] = {}
    for row in connection.execute(query):
        code = scope.code_of_list(row.owner_id)
        people[code] = people.get(code, 0) + row.people
    return dict(sorted(people.items(), key=lambda each: (-each[1], each[0])))


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """Follow-ups that had to be made by a moment of the period, and those of them made by then."""

    due: int = 0
    on_time: int = 0

    def __add__(self, other: FollowedUp) -> FollowedUp:
        return FollowedUp(self.due + other.due, self.on_time + other.on_time)


def followed_up(connection: Connection, scope: Scope, period: Period, now: datetime) -> FollowedUp:
    """Those on the lists of the scope. One that was not needed any more (recovered, replaced, death, moved, taken
    back) was not due; one still to be made is late."""
    until = min(period.end, now)
    ended = select(
        func.count().label("due"),
        func.sum(case((and_(due_log.c.reason.in_(MADE), due_log.c.ended_at <= due_log.c.late_at), 1), else_=0)),
    ).where(*_deadline(due_log, scope, period.start, until), due_log.c.reason.in_((*MADE, *NOT_MADE)))
    waiting = select(func.count()).where(*_deadline(due, scope, period.start, until))
    count, on_time = connection.execute(ended).one()
    return FollowedUp(count + (connection.scalar(waiting) or 0), int(on_time or 0))


def _deadline(table: Table, scope: Scope, start: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [
        table.c.kind == FOLLOW_UP,
        table.c.site_id.in_(scope.sites),
        table.c.owner_id.in_(scope.lists()),
        table.c.late_at >= start,
        table.c.late_at < until,
    ]
