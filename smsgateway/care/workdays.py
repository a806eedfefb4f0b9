"""When may somebody be reminded? Inside their hours, on their working days, in their own time zone; pure.

Hours are windows of local time and may cross midnight; such a window belongs to the day on which it begins. Days are
reckoned by the wall clock, so a morning comes at the same hour on the day of a clock change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from smsgateway.care.hours import Window, windows
from smsgateway.care.schedule_file import DayRow

AHEAD = 60  # days looked ahead for a working day: longer than any row of holidays
BEFORE_CLOSING = timedelta(minutes=90)  # the evening nudge of somebody whose hours do not have the evening in them


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of one person. `open` are their windows, `rest` and `holidays` the days without any."""

    open: tuple[Window, ...]
    zone: ZoneInfo
    rest: frozenset[int] = frozenset()
    holidays: frozenset[date] = frozenset()

    def now_open(self, moment: datetime) -> Opening | None:
        """The opening in which the moment lies, None outside the hours."""
        today = self.day(moment)
        for opening in self._from(today - timedelta(days=1), days=2):
            if opening.start <= moment < opening.end:
                return opening
        return None

    def next_open(self, moment: datetime) -> datetime:
        """The moment itself within the hours, else when they begin next."""
        for opening in self._from(self.day(moment) - timedelta(days=1), days=AHEAD):
            if moment < opening.end:
                return max(moment, opening.start)
        raise ValueError(f"no working day within {AHEAD} days: check the days of rest and the holidays")

    def next_morning(self, after: datetime) -> datetime:
        """The beginning of the first working day's hours after that moment."""
        for opening in self._from(self.day(after), days=AHEAD):
            if opening.start > after and opening.first:
                return opening.start
        raise ValueError(f"no working day within {AHEAD} days: check the days of rest and the holidays")

    def next_evening(self, after: datetime, at: time) -> datetime:
        """The first moment after that one to nudge somebody who has been silent all day."""
        for day in (self.day(after) + timedelta(days=n) for n in range(-1, AHEAD)):
            moment = self._evening(day, at)
            if moment is not None and moment > after:
                return moment
        raise ValueError(f"no working day within {AHEAD} days: check the days of rest and the holidays")

    def next_weekday(self, after: datetime, weekday: int) -> datetime:
        """The first morning after that moment on this day of the week, or, is it one of rest, on the next working
        day."""
        day = self.day(after) - timedelta(days=7)
        for _ in range(AHEAD):
            if day.weekday() == weekday:
                morning = self.next_morning(_at(day, time(), self.zone) - timedelta(microseconds=1))
                if morning > after:
                    return morning
            day += timedelta(days=1)
        raise ValueError(f"no working day within {AHEAD} days: check the days of rest and the holidays")

    def every_day(self) -> Hours:
        """The same hours without days of rest."""
        return replace(self, rest=frozenset(), holidays=frozenset())

    def day(self, moment: datetime) -> date:
        """The date on the wall."""
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """When a local day begins."""
        return _at(day, time(), self.zone)

    def works_on(self, day: date) -> bool:
        return day.weekday() not in self.rest and day not in self.holidays

    def _from(self, day: date, days: int) -> Iterator[Opening]:
        for n in range(days):
            yield from self._on(day + timedelta(days=n))

    def _on(self, day: date) -> Iterator[Opening]:
        if not self.works_on(day):
            return
        for position, (start, end) in enumerate(self.open):
            closing = day if start < end else day + timedelta(days=1)
            yield Opening(_at(day, start, self.zone), _at(closing, end, self.zone), first=position == 0)

    def _evening(self, day: date, at: time) -> datetime | None:
        openings = list(self._on(day))
        if not openings:
            return None
        moment = _at(day, at, self.zone)
        if any(opening.start <= moment < opening.end for opening in openings):
            return moment
        return max(openings[-1].start, openings[-1].end - BEFORE_CLOSING)


@dataclass(frozen=True, slots=True)
class Opening:
    """One stretch of somebody's hours; the `first` of its day is their morning."""

    start: datetime
    end: datetime
    first: bool


def hours_of(on_duty: str, zone: ZoneInfo, day: DayRow) -> Hours:
    """The hours of somebody with these duty hours, or with those of the programme when none are written."""
    return Hours(_in_order(windows(on_duty)) or (day.hours,), zone, day.rest, day.holidays)


def _in_order(written: Sequence[Window]) -> tuple[Window, ...]:
    return tuple(sorted(written))


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """A time on the wall as a moment; one that the clock skips is the moment of the skip."""
    return datetime.combine(day, clock, zone).astimezone(UTC)
