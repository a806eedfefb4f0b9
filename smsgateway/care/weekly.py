"""What does a supervisor read on Monday? One SMS on the week of their CHWs: how much was reported, which follow-ups
were made in time, who is silent, whose list is late, and whom to supervise next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update

from smsgateway.care.enrolment import WEEK
from smsgateway.care.expiry import LATE_START
from smsgateway.care.reminders import End
from smsgateway.care.schedule_file import ABOUT_PATIENTS
from smsgateway.care.schedules import Schedules, schedules_of
from smsgateway.care.team import Mate, mates
from smsgateway.due import Batch, DueItem
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading import say
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import assignments, due, due_log, reports, staff
from smsgateway.store.write import Tx

SUPERVISORS_AT_ONCE: Final = 20
SEVEN_DAYS: Final = timedelta(days=7)
CATCH_UP_FOR: Final = timedelta(days=3)  # so late after an outage the week's figures are still worth reading


@dataclass
class Week:
    """What happened in one supervisor's area."""

    reports: int = 0
    done: int = 0
    ended: int = 0
    silent: list[str] = field(default_factory=list)
    late: Counter[str] = field(default_factory=Counter)
    to_supervise: list[str] = field(default_factory=list)


def weekly(programme: Programme) -> Mapping[str, Batch]:
    """What is done on the morning of a supervisor's digest."""

    def act(tx: Tx, items: Sequence[DueItem], now: datetime) -> dict[UUID, datetime]:
        return _tell(tx, items, programme, schedules_of(programme), now)

    return {WEEK: Batch(act, SUPERVISORS_AT_ONCE)}


def _tell(
    tx: Tx, items: Sequence[DueItem], programme: Programme, schedules: Schedules, now: datetime
) -> dict[UUID, datetime]:
    people = {mate.id: mate for mate in mates(tx, [item.subject_id for item in items], schedules.day)}
    again: dict[UUID, datetime] = {}
    told: dict[UUID, Mate] = {}
    for item in items:
        mate = people.get(item.subject_id)
        if mate is None:
            continue
        opening = mate.hours.now_open(now)
        if LATE_START < now - item.at < CATCH_UP_FOR:
            again[item.id] = mate.hours.next_morning(now)  # after an outage other things come first
            continue
        again[item.id] = mate.hours.next_weekday(now, schedules.day.week)
        if opening is not None and mate.phone is not None and now - item.at <= LATE_START:
            told[mate.id] = mate
    weeks = _weeks(tx, told, now)
    for mate in told.values():
        _queue(tx, mate, weeks[mate.id], programme, now)
    return again


def _queue(tx: Tx, mate: Mate, week: Week, programme: Programme, now: datetime) -> None:
    assert mate.phone is not None
    opening = mate.hours.now_open(now)
    text = say.text(
        programme,
        "digest_week",
        mate.language,
        reports=week.reports,
        followed=f"{week.done}/{week.ended}" if week.ended else None,
        silent=sorted(week.silent),
        late=[f"{code} {count}" for code, count in week.late.most_common()],
        visits=sorted(week.to_supervise),
    )
    draft = Draft(
        phone=mate.phone,
        body=text,
        rank=Rank.NOTICE,
        site_id=mate.site_id,
        staff_id=mate.id,
        rung=WEEK,
        expires_at=opening.end if opening else None,
    )
    enqueue(tx, draft, now)


# ---------------------------------------------------------------- the figures


def _weeks(tx: Tx, told: Mapping[UUID, Mate], now: datetime) -> defaultdict[UUID, Week]:
    weeks: defaultdict[UUID, Week] = defaultdict(Week)
    if not told:
        return weeks
    chws = {
        row.id: row
        for row in tx.execute(
            select(staff.c.id, staff.c.code, staff.c.supervisor_id).where(
                staff.c.supervisor_id.in_(list(told)), staff.c.role == Role.CHW.value
            )
        )
    }
    _count_reports(tx, weeks, chws, now)
    _count_lists(tx, weeks, chws, now)
    _name_whom_to_supervise(tx, weeks, told, now)
    return weeks


def _name_whom_to_supervise(tx: Tx, weeks: defaultdict[UUID, Week], told: Mapping[UUID, Mate], now: datetime) -> None:
    waiting = (
        update(due)
        .where(due.c.owner_id.in_(list(told)), due.c.kind == "supervision", due.c.starts_at <= now, due.c.at > now)
        .values(told_at=now)
        .returning(due.c.owner_id, due.c.detail)
    )
    for row in tx.execute(waiting):
        weeks[row.owner_id].to_supervise.append(str(row.detail.get("code", "")))


def _count_reports(tx: Tx, weeks: defaultdict[UUID, Week], chws: Mapping[UUID, Any], now: datetime) -> None:
    counted = (
        select(reports.c.staff_id, func.count().label("n"))
        .where(reports.c.staff_id.in_(list(chws)), reports.c.arrived_at > now - SEVEN_DAYS)
        .group_by(reports.c.staff_id)
    )
    sent: dict[UUID, int] = {row.staff_id: row.n for row in tx.execute(counted)}
    for chw in chws.values():
        week = weeks[chw.supervisor_id]
        week.reports += sent.get(chw.id, 0)
        if chw.id not in sent:
            week.silent.append(chw.code)


def _count_lists(tx: Tx, weeks: defaultdict[UUID, Week], chws: Mapping[UUID, Any], now: datetime) -> None:
    """Follow-ups that ended in the week, and reminders that are late now, by the CHWs whose lists they stand on."""
    today = now.date()
    lists = {
        row.catchment_id: chws[row.staff_id]
        for row in tx.execute(
            select(assignments.c.catchment_id, assignments.c.staff_id).where(
                assignments.c.staff_id.in_(list(chws)),
                assignments.c.starts_on <= today,
                or_(assignments.c.ends_on.is_(None), assignments.c.ends_on >= today),
            )
        )
    }
    ended = (
        select(due_log.c.owner_id, due_log.c.reason, (due_log.c.ended_at <= due_log.c.late_at).label("in_time"))
        .add_columns(func.count().label("n"))
        .where(
            due_log.c.owner_id.in_(list(lists)),
            due_log.c.ended_at > now - SEVEN_DAYS,
            due_log.c.kind == "follow_up",
            due_log.c.reason.in_([End.FULFILLED.value, End.COVERED.value, End.EXPIRED.value, End.MISSED.value]),
        )
        .group_by(due_log.c.owner_id, due_log.c.reason, due_log.c.ended_at <= due_log.c.late_at)
    )
    for row in tx.execute(ended):
        week = weeks[lists[row.owner_id].supervisor_id]
        week.ended += row.n
        if row.reason in (End.FULFILLED.value, End.COVERED.value) and row.in_time:
            week.done += row.n
    late = (
        select(due.c.owner_id, func.count().label("n"))
        .where(
            and_(due.c.owner_id.in_(list(lists)), due.c.kind.in_(ABOUT_PATIENTS)),
            due.c.late_at <= now,
            due.c.at > now,
        )
        .group_by(due.c.owner_id)
    )
    for row in tx.execute(late):
        chw = lists[row.owner_id]
        weeks[chw.supervisor_id].late[chw.code] += row.n
