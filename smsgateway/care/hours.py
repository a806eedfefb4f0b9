"""Whose hours are these? Duty and day judged in a person's own time zone; pure.

Duty is written as "07:30-19:00 20:00-06:00": windows of local time, which may cross midnight; empty means always.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

Window = tuple[time, time]

# The person's hours for what is not urgent, and the day of the referral ladder (DESIGN: 06:30–20:00 local).
DAY: Window = (time(6, 30), time(20, 0))


@lru_cache(maxsize=1024)
def windows(written: str) -> tuple[Window, ...]:
    """The windows of a duty text; raises ValueError on anything but `HH:MM-HH:MM` separated by spaces."""
    return tuple(_window(part) for part in written.split())


def _window(part: str) -> Window:
    start, dash, end = part.partition("-")
    if not dash:
        raise ValueError(f"{part!r}: write duty hours as 07:30-19:00")
    return time.fromisoformat(start), time.fromisoformat(end)


def window_written(value: object) -> Window:
    """One window as a programme's file writes it; raises ValueError with what to write."""
    try:
        (window,) = windows(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{value!r} is no time of day: write 06:30-20:00") from error
    return window


def within(moment: datetime, window: Window, zone: tzinfo) -> bool:
    """Whether `moment` lies in the window of local time: from its start, up to but not including its end."""
    local, (start, end) = moment.astimezone(zone).time(), window
    return start <= local < end if start < end else (local >= start or local < end)


def on_duty(moment: datetime, written: str, zone: tzinfo) -> bool:
    """Whether someone with these duty hours is on duty."""
    return not written.strip() or any(within(moment, window, zone) for window in windows(written))


def next_opening(moment: datetime, window: Window, zone: tzinfo) -> datetime:
    """`moment` itself when it lies in the window, else the window's next start."""
    if within(moment, window, zone):
        return moment
    local = moment.astimezone(zone)
    opening = local.replace(hour=window[0].hour, minute=window[0].minute, second=0, microsecond=0)
    if opening <= local:
        opening += timedelta(days=1)
    return opening.astimezone(moment.tzinfo)


@lru_cache(maxsize=64)
def zone_named(name: str | None) -> ZoneInfo:
    """The zone of that IANA name; UTC (Bamako's and Abidjan's time) when none is given."""
    return ZoneInfo(name or "UTC")
