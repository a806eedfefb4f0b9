"""When did a pregnancy begin, and when did it end? Dated by the last period, or by weeks or months as an interval.

What ends it ends its reminders: a loss leaves none behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from smsgateway.care.changes import change
from smsgateway.care.people import PREGNANCY_AT_MOST
from smsgateway.store.tables import patients
from smsgateway.store.write import Tx

DAYS_PER_MONTH: Final = 30.4375


@dataclass(frozen=True, slots=True)
class Interval:
    """Two days, both included, between which something lies."""

    first: date
    last: date


def past_day(said: str, today: date) -> date | None:
    """`2026-11-22`, or `11-22` for the last such day; None for a day to come, or one that does not exist."""
    try:
        if len(said) > 5:
            day = date.fromisoformat(said)
            return day if day <= today else None
        day = date.fromisoformat(f"{today.year}-{said}")
        return day if day <= today else day.replace(year=today.year - 1)
    except ValueError:
        return None


def last_period(answers: Mapping[str, Any], today: date) -> Interval | None:
    """Between which days the first day of the last period lies; None when nothing was said of it, or what was said
    cannot be (a day to come, a pregnancy longer than any)."""
    found = _last_period(answers, today)
    return found if found is not None and today - found.last <= PREGNANCY_AT_MOST else None


def _last_period(answers: Mapping[str, Any], today: date) -> Interval | None:
    if "lmp" in answers:
        day = past_day(str(answers["lmp"]), today)
        return None if day is None else Interval(day, day)
    if "gestation_weeks" in answers:
        latest = today - timedelta(weeks=int(answers["gestation_weeks"]))
        return Interval(latest - timedelta(days=6), latest)
    if "gestation_months" in answers:
        months = int(answers["gestation_months"])
        latest = today - timedelta(days=round(months * DAYS_PER_MONTH))
        return Interval(today - timedelta(days=round((months + 1) * DAYS_PER_MONTH) - 1), latest)
    return None


def begun(tx: Tx, woman_id: UUID, began: Interval, report_id: UUID, now: datetime) -> None:
    """A pregnancy is under way; another date than before corrects it."""
    change(tx, patients, woman_id, report_id, now, lmp=began.first, lmp_to=began.last)


def lost(tx: Tx, woman_id: UUID, on: date, report_id: UUID, now: datetime) -> None:
    """The pregnancy ended without a birth."""
    change(tx, patients, woman_id, report_id, now, lmp=None, lmp_to=None, pregnancy_lost_on=on)


def delivered(tx: Tx, woman_id: UUID, on: date, report_id: UUID, now: datetime) -> None:
    """The pregnancy ended with a birth: the woman's dangers are now those after it."""
    change(tx, patients, woman_id, report_id, now, lmp=None, lmp_to=None, delivered_on=on)
