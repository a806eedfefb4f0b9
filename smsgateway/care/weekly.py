"""What does a supervisor read on Monday? One SMS on the week before: how much was reported, which follow-ups were made
in time, who is silent, whose follow-ups are late, and whom to supervise next. No figure has a definition of its own
here: what BILAN and RETARD would answer is what Monday says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import update

from smsgateway.care import figures
from smsgateway.care.enrolment import WEEK
from smsgateway.care.expiry import LATE_START
from smsgateway.care.figures import FollowedUp, Period
from smsgateway.care.questions import dates, of
from smsgateway.care.schedules import Schedules, schedules_of
from smsgateway.care.team import Mate, mates
from smsgateway.due import Batch, DueItem
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading import say
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import due
from smsgateway.store.write import Tx

SUPERVISORS_AT_ONCE: Final = 10  # each is asked some ten queries
CATCH_UP_FOR: Final = timedelta(days=3)  # so late after an outage the week's figures are still worth reading


@dataclass(frozen=True, slots=True)
class Week:
    """What happened in one supervisor's area: the figures she would be given if she asked."""

    period: Period
    reports: int
    followed: FollowedUp
    silent: Sequence[str]
    late: Mapping[str, int]


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
    to_supervise = _whom_to_supervise(tx, told, now)
    for mate in told.values():
        week = _week(tx, mate, schedules, now)
        _queue(tx, mate, week, to_supervise[mate.id], programme, now)
    return again


def _queue(tx: Tx, mate: Mate, week: Week, to_supervise: Sequence[str], programme: Programme, now: datetime) -> None:
    assert mate.phone is not None
    opening = mate.hours.now_open(now)
    text = say.text(
        programme,
        "digest_week",
        mate.language,
        dates=dates(week.period),
        reports=week.reports,
        followed=of(week.followed.on_time, week.followed.due),
        silent=sorted(week.silent),
        late=[f"{code} {count}" for code, count in week.late.items()],
        visits=sorted(to_supervise),
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


def _week(tx: Tx, mate: Mate, schedules: Schedules, now: datetime) -> Week:
    """The week before, by the definitions of every other answer. Silent is who was not heard of since it began."""
    tx.flush()
    zone, connection = mate.hours.zone, tx.connection
    scope = figures.supervisor_scope(connection, mate.id, zone, now)
    period = figures.week_before(now, schedules.day.week, zone)
    since = (mate.hours.day(now) - period.first).days
    return Week(
        period=period,
        reports=figures.reports_filed(connection, scope, period),
        followed=figures.followed_up(connection, scope, period, now),
        silent=[each.chw for each in figures.silent_chws(connection, scope, now, since + 1)],
        late=figures.overdue_follow_ups(connection, scope, now),
    )


def _whom_to_supervise(tx: Tx, told: Mapping[UUID, Mate], now: datetime) -> defaultdict[UUID, list[str]]:
    """The CHWs whose supervision waits, by supervisor; they are told now."""
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    if not told:
        return found
    waiting = (
        update(due)
        .where(due.c.owner_id.in_(list(told)), due.c.kind == "supervision", due.c.starts_at <= now, due.c.at > now)
        .values(told_at=now)
        .returning(due.c.owner_id, due.c.detail)
    )
    for row in tx.execute(waiting):
        found[row.owner_id].append(str(row.detail.get("code", "")))
    return found
