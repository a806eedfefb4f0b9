"""Which days are counted? A period is whole local days of one zone; it knows the moments where each day begins.

A day with a clock change is 23 or 25 hours long, so days are never reckoned by adding hours.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, case, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

EPOCH = date(1970, 1, 1)


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


def week_before(now: datetime, begins_on: int, zone: ZoneInfo) -> Period:
    """The seven days before the week under way, which began on that weekday (0 is Monday)."""
    today = local_day(now, zone)
    began = today - timedelta(days=(today.weekday() - begins_on) % 7)
    return Period(began - timedelta(days=7), began - timedelta(days=1), zone)


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


class DayNumber(FunctionElement[int]):
    """The number of the day (since 1970) in which a moment lies, for a clock so many seconds ahead of UTC."""

    type = Integer()
    inherit_cache = True
    name = "day_number"


@compiles(DayNumber, "sqlite")
def _on_sqlite(element: DayNumber, compiler: SQLCompiler, **options: Any) -> str:
    moment, ahead = (compiler.process(each, **options) for each in element.clauses)
    return f"((CAST(strftime('%s', {moment}) AS INTEGER) + {ahead}) / 86400)"


@compiles(DayNumber, "postgresql")
def _on_postgresql(element: DayNumber, compiler: SQLCompiler, **options: Any) -> str:
    moment, ahead = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(floor((extract(epoch FROM {moment}) + {ahead}) / 86400) AS INTEGER)"


def day_number(moment: ColumnElement[Any], period: Period) -> ColumnElement[int]:
    """In a query: the number of the local day of a moment in the period, right across clock changes."""
    *changes, (_, ahead_at_end) = _offsets(period)
    last = DayNumber(moment, literal(ahead_at_end))
    if not changes:
        return last
    return case(*((moment < until, DayNumber(moment, literal(ahead))) for until, ahead in changes), else_=last)


def number_of(day: date) -> int:
    """The number of a day, as `day_number` counts."""
    return (day - EPOCH).days


def _offsets(period: Period) -> list[tuple[datetime, int]]:
    """How many seconds the zone's clock is ahead of UTC, each value with the moment until which it holds."""
    found: list[tuple[datetime, int]] = []
    moment = period.start
    while moment < period.end:
        following = min(moment + timedelta(days=1), period.end)
        if _ahead(following, period.zone) != _ahead(moment, period.zone):
            following = _change_between(moment, following, period.zone)
            found.append((following, _ahead(moment, period.zone)))
        moment = following
    return [*found, (period.end, _ahead(moment, period.zone))]


def _ahead(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second with the later one's offset."""
    old = _ahead(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _ahead(middle, zone) == old else (before, middle)
    return after
