"""How is a year counted while somebody waits? Whole months that are over are counted once, and remembered.

What is remembered is checked every time by how many reports there are and how many of them stand: reports are added,
cancelled and replaced, never removed, so a month in which both numbers are the same is the same month. One that
differs, or was never counted, is counted anew. Short periods are always counted anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, case, delete, func, insert, select

from smsgateway.care.figures.periods import Period, local_day
from smsgateway.care.figures.scope import Scope, site_scope, sites
from smsgateway.care.figures.work import Work, during, total, work_by_chw
from smsgateway.clock import Clock
from smsgateway.store.database import Store
from smsgateway.store.tables import month_work, reports
from smsgateway.store.write import Tx

LONG = 62  # days; what is no longer is counted anew
SETTLED_AFTER = timedelta(days=10)  # a report may be seven days under way
LOOKED_BACK = 13  # months

Tally = tuple[int, int]  # reports, and those of them that stand


def total_work(connection: Connection, scope: Scope, period: Period) -> Work:
    """All work of the scope in a period of any length."""
    months = whole_months(period) if (period.last - period.first).days >= LONG else []
    known = {month.first: work for month in months if (work := _remembered(connection, scope, month)) is not None}
    counted = [work_by_chw(connection, scope, stretch).values() for stretch in _between(period, months, known)]
    return total([*known.values(), *(work for works in counted for work in works)])


def whole_months(period: Period) -> list[Period]:
    """The calendar months that lie within the period as a whole."""
    found = []
    first = period.first if period.first.day == 1 else _next_month(period.first)
    while (following := _next_month(first)) <= period.last + timedelta(days=1):
        found.append(Period(first, following - timedelta(days=1), period.zone))
        first = following
    return found


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _between(period: Period, months: Sequence[Period], known: Mapping[date, Work]) -> list[Period]:
    """The stretches of the period outside the months that are known."""
    stretches, first = [], period.first
    for month in months:
        if month.first in known:
            if first < month.first:
                stretches.append(Period(first, month.first - timedelta(days=1), period.zone))
            first = month.last + timedelta(days=1)
    if first <= period.last:
        stretches.append(Period(first, period.last, period.zone))
    return stretches


# ---------------------------------------------------------------- what is remembered


def _subjects(scope: Scope) -> tuple[Column[Any], list[UUID]]:
    """Whose months are remembered: the sites', or each CHW's."""
    if scope.whole:
        return reports.c.site_id, list(scope.sites)
    return reports.c.staff_id, [chw.id for chw in scope.chws]


UNFILED_WEIGHS = 10_007  # more than the reports of a CHW's month, and few enough for a column of whole numbers


def _tallies(connection: Connection, scope: Scope, month: Period) -> Mapping[UUID, Tally]:
    column, _ = _subjects(scope)
    # The states weigh so that no change of them leaves the sum alone: also an unfiled report can be cancelled.
    stands = case((reports.c.state == "filed", 1), (reports.c.state == "unfiled", UNFILED_WEIGHS), else_=0)
    query = select(column, func.count(), func.sum(stands)).where(during(scope, month)).group_by(column)
    return {subject: (count, int(filed)) for subject, count, filed in connection.execute(query)}


def _remembered(connection: Connection, scope: Scope, month: Period) -> Work | None:
    """The work of a month, if it is remembered of all and still true."""
    _, subjects = _subjects(scope)
    rows = connection.execute(
        select(month_work).where(
            month_work.c.subject_id.in_(subjects),
            month_work.c.month == month.first,
            month_work.c.zone == month.zone.key,
        )
    ).all()
    if {row.subject_id: (row.reports, row.filed) for row in rows} != _tallies(connection, scope, month):
        return None
    return total(Work(**{each.name: getattr(row, each.name) for each in fields(Work)}) for row in rows)


# ---------------------------------------------------------------- remembering


def remember_months(store: Store, clock: Clock) -> int:
    """Count the months that are over and not remembered, or no longer true, site by site; how many were counted. For a
    tick, every hour or so."""
    counted = 0
    now = clock.now()
    with store.read() as connection:
        known = sites(connection)
    for place, zone in known:
        for month in _months_over(local_day(now, zone), zone):
            with store.read() as connection:
                scopes = _scopes(connection, place.id, month, now)
                stale = [scope for scope in scopes if _remembered(connection, scope, month) is None]
                rows = [row for scope in stale for row in _counted(connection, scope, month, place.id)]
            if rows:
                store.write(_replacing(rows, month))
                counted += 1
    return counted


def _months_over(today: date, zone: Any) -> list[Period]:
    first = today
    for _ in range(LOOKED_BACK):
        first = (first.replace(day=1) - timedelta(days=1)).replace(day=1)
    return whole_months(Period(first, today - SETTLED_AFTER, zone))


def _scopes(connection: Connection, site_id: UUID, month: Period, now: datetime) -> list[Scope]:
    """The site as a whole, and its CHWs one by one."""
    whole = site_scope(connection, [site_id], month.zone, now)
    return [whole, Scope(whole.chws, whole.sites, False, whole.zone)]


def _counted(connection: Connection, scope: Scope, month: Period, site_id: UUID) -> Iterable[dict[str, Any]]:
    """A row for each subject of the scope that reported. Tallied before it is counted: a report that comes in between
    makes the row untrue, and it is counted anew; the other way round the row would look true."""
    tallies = _tallies(connection, scope, month)
    works = work_by_chw(connection, scope, month)
    by_subject = {scope.sites[0]: total(works.values())} if scope.whole else works
    for subject in tallies.keys() & by_subject.keys():
        (count, filed), work = tallies[subject], by_subject[subject]
        yield {
            "subject_id": subject,
            "month": month.first,
            "site_id": site_id,
            "zone": month.zone.key,
            "reports": count,
            "filed": filed,
            **asdict(work),
        }


def _replacing(rows: list[dict[str, Any]], month: Period) -> Any:
    def work(tx: Tx) -> None:
        subjects = [row["subject_id"] for row in rows]
        tx.execute(delete(month_work).where(month_work.c.subject_id.in_(subjects), month_work.c.month == month.first))
        tx.execute(insert(month_work), rows)

    return work
