"""Who is silent, what is overdue, and how many children treated at home were seen again in time?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, and_, case, func, select

from smsgateway.care.figures.periods import Period, local_day
from smsgateway.care.figures.scope import Scope
from smsgateway.care.figures.work import cases_of, day_of, filed
from smsgateway.store.tables import due, inbound, phones, reports

FOLLOW_UP = "follow_up"
# After one of these nobody is expected to see the child again.
ENDED_BY = ("death", "moved")


@dataclass(frozen=True, slots=True)
class Silent:
    """A CHW nobody heard from; `days` since the last message, None when there never was one."""

    chw: str
    days: int | None


def silent_chws(connection: Connection, scope: Scope, now: datetime, after_days: int) -> list[Silent]:
    """The CHWs of the scope who sent nothing on this and the `after_days` days before it, the longest silent first."""
    today = local_day(now, scope.zone)
    heard = last_heard(connection, scope)
    found = []
    for chw in scope.chws:
        last = heard.get(chw.id)
        days = None if last is None else (today - local_day(last, scope.zone)).days
        if days is None or days >= after_days:
            found.append(Silent(chw.code, days))
    return sorted(found, key=lambda each: (-(each.days if each.days is not None else 10**6), each.chw))


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
    """Follow-ups whose time has passed, by CHW; the most first."""
    counts: dict[str, int] = {}
    codes = {str(chw.id): chw.code for chw in scope.chws}
    query = select(due.c.detail).where(due.c.kind == FOLLOW_UP, due.c.site_id.in_(scope.sites), due.c.at < now)
    for detail in connection.execute(query).scalars():
        code = codes.get(str(detail.get("staff_id")))
        if code is not None:
            counts[code] = counts.get(code, 0) + 1
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """Children treated at home whose days for a follow-up ended in the period, and those of them seen again in time."""

    due: int = 0
    on_time: int = 0

    def __add__(self, other: FollowedUp) -> FollowedUp:
        return FollowedUp(self.due + other.due, self.on_time + other.on_time)


def followed_up(
    connection: Connection, scope: Scope, period: Period, within_days: int, now: datetime
) -> Mapping[UUID, FollowedUp]:
    """By CHW. A child treated on a day without a danger sign is to be reported on (`SUIVI`) on one of the next
    `within_days` local days, by whomever; not when it died or moved before they were over."""
    over = min(period.last, local_day(now, period.zone) - timedelta(days=1))
    if over < period.first:
        return {}
    ended = Period(period.first, over, period.zone)
    seen = cases_of(scope, ended.shifted(-within_days, -within_days)).subquery("seen")
    days = ended.shifted(-within_days, 0)
    later = (
        select(reports.c.patient_id, day_of(days).label("n"), reports.c.flow)
        .where(
            reports.c.site_id.in_(scope.sites),
            filed(),
            reports.c.flow.in_((FOLLOW_UP, *ENDED_BY)),
            reports.c.patient_id.is_not(None),
            reports.c.happened_at >= days.start,
            reports.c.happened_at < days.end,
        )
        .subquery("later")
    )
    in_days = and_(later.c.patient_id == seen.c.child, later.c.n >= seen.c.n, later.c.n <= seen.c.n + within_days)
    again = case((and_(later.c.flow == FOLLOW_UP, later.c.n > seen.c.n), 1), else_=0)
    each = (
        select(
            seen.c.staff_id,
            func.max(again).label("on_time"),
            func.max(case((later.c.flow.in_(ENDED_BY), 1), else_=0)).label("gone"),
        )
        .select_from(seen.outerjoin(later, in_days))
        .where(seen.c.registered == 1, seen.c.treated == 1, seen.c.danger == 0)
        .group_by(seen.c.staff_id, seen.c.child, seen.c.n)
        .subquery("each")
    )
    query = (
        select(each.c.staff_id, func.count().label("due"), func.sum(each.c.on_time).label("on_time"))
        .where(each.c.gone == 0)
        .group_by(each.c.staff_id)
    )
    return {row.staff_id: FollowedUp(row.due, int(row.on_time)) for row in connection.execute(query)}
