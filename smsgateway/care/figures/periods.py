"""Which days are counted? A period is whole local days of one zone; it knows the moments where each day begins.

A day with a clock change is 23 or 25 hours long, so days are never reckoned by adding hours.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import CTE, Integer, column, values

from smsgateway.store.types import UTCDateTime


@dataclass(frozen=True, slots=True)
class Period:
    """The local days from `first` to `last`, both counted."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """Its first moment, in UTC."""
        return _midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The moment it is over, in UTC: the first that is not counted."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    def days(self) -> Iterator[date]:
        """Each of its days."""
        return (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))

    def shifted(self, first: int, last: int) -> Period:
        """The period that begins and ends so many days later."""
        return Period(self.first + timedelta(days=first), self.last + timedelta(days=last), self.zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a local day begins. Where the clock skips midnight this is the moment of the skip."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The date on the wall at that moment."""
    return moment.astimezone(zone).date()


def last_days(now: datetime, count: int, zone: ZoneInfo) -> Period:
    """So many days up to and with today."""
    today = local_day(now, zone)
    return Period(today - timedelta(days=count - 1), today, zone)


def period_of(now: datetime, starts_on: int, zone: ZoneInfo) -> Period:
    """The programme's period that has today in it, up to its last day: the 26th to the 25th where `starts_on` is 26."""
    today = local_day(now, zone)
    first = today.replace(day=starts_on)
    if first > today:
        first = _month_after(first.replace(day=1), -1).replace(day=starts_on)
    following = _month_after(first.replace(day=1), 1).replace(day=starts_on)
    return Period(first, following - timedelta(days=1), zone)


def periods_between(first: date, last: date, starts_on: int, zone: ZoneInfo) -> list[Period]:
    """The programme's periods from `first` to `last`, the outer ones cut to them."""
    found = []
    while first <= last:
        whole = period_of(datetime.combine(first, time(12), zone), starts_on, zone)
        found.append(Period(first, min(whole.last, last), zone))
        first = whole.last + timedelta(days=1)
    return found


def _month_after(first_of_month: date, months: int) -> date:
    if months < 0:
        return (first_of_month - timedelta(days=1)).replace(day=1)
    return first_of_month + timedelta(days=monthrange(first_of_month.year, first_of_month.month)[1])


def days_table(period: Period, name: str = "days") -> CTE:
    """The period's days as a table of the query: `n` (a day's proleptic number), `starts`, `ends`. Joined with moments
    it gives their local day, alike on both databases and right across clock changes."""
    rows = [
        (day.toordinal(), _midnight(day, period.zone), _midnight(day + timedelta(days=1), period.zone))
        for day in period.days()
    ]
    shape = values(column("n", Integer), column("starts", UTCDateTime()), column("ends", UTCDateTime()), name=name)
    return shape.data(rows).cte(name)
