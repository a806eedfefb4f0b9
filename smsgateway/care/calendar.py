"""What comes round by the calendar? The count of stock each week, the supervision of each CHW each period.

There is always one such reminder a person: when it ends, whatever the reason, the next one is planned in the same
transaction. After an outage of a month there is one that was missed and one that is next, not four.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from smsgateway.care.figures.periods import local_day, period_of
from smsgateway.care.reminders import Open, Subject, known_since, row, window
from smsgateway.care.schedule_file import ABOUT_STAFF
from smsgateway.care.schedules import Schedule, Schedules
from smsgateway.care.sites import place_of
from smsgateway.store.tables import due
from smsgateway.store.write import Tx

WORTH_IT: Final = timedelta(days=2)  # with less of a round left, somebody new begins with the next one


def next_round(tx: Tx, schedules: Schedules, ended: Iterable[Open], now: datetime) -> None:
    """Plan what comes after these reminders; of those that do not come round, nothing."""
    zones: dict[UUID, ZoneInfo] = {}
    for each in ended:
        schedule = schedules.named.get(each.schedule)
        if each.kind not in ABOUT_STAFF or schedule is None:
            continue
        zone = zones.get(each.site_id) or zones.setdefault(each.site_id, place_of(tx, each.site_id).zone)
        subject = Subject(each.subject_id, each.site_id, each.owner_id, str(each.detail["code"]))
        began = date.fromisoformat(each.step.split(":")[1])
        start = _start_after(schedule, schedules, began, zone, now)
        tx.insert(due, reminder(schedule, subject, start, zone, now))


def this_round(schedule: Schedule, schedules: Schedules, subject: Subject, zone: ZoneInfo, now: datetime) -> Any:
    """The row of `due` for the week or period under way, or for the next when this one is as good as over."""
    (step,) = schedule.steps
    start = _start(schedule, schedules, local_day(now, zone), zone)
    if window(step, start, zone).pointless_at - now < WORTH_IT:
        start = _following(schedule, schedules, start, zone)
    return reminder(schedule, subject, start, zone, now)


def reminder(schedule: Schedule, subject: Subject, start: date, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The row of `due` for the week or period that begins on this day."""
    (step,) = schedule.steps
    times = known_since(window(step, start, zone), now)
    return row(schedule, step, subject, times, mark=start.isoformat(), detail={})


def _start(schedule: Schedule, schedules: Schedules, day: date, zone: ZoneInfo) -> date:
    """The first day of the week, or period, that has `day` in it."""
    if schedule.counted_from == "week":
        return day - timedelta(days=(day.weekday() - schedules.day.week) % 7)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return period_of(noon, schedules.period_starts_on, zone).first


def _start_after(schedule: Schedule, schedules: Schedules, began: date, zone: ZoneInfo, now: datetime) -> date:
    """The first day of the next one, or of the one under way when that is later."""
    under_way = _start(schedule, schedules, local_day(now, zone), zone)
    if under_way > began:
        return under_way
    return _following(schedule, schedules, began, zone)


def _following(schedule: Schedule, schedules: Schedules, began: date, zone: ZoneInfo) -> date:
    beyond = began + (timedelta(days=7) if schedule.counted_from == "week" else timedelta(days=32))
    return _start(schedule, schedules, beyond, zone)
