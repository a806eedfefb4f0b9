"""What time is it, and for whom? Every decision gets its time from one of these clocks, never from the system directly.

A service running for real uses `SystemClock`; a scenario, a simulation or a test uses `VirtualClock` and never sleeps.
All times are aware UTC `datetime`s; local time exists only where a person's hours are judged.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time in UTC."""

    def now(self) -> datetime:
        """The current time, timezone-aware, UTC."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class VirtualClock:
    """A clock that moves only when told to, and never backwards."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by` and return the new time; a negative step is an error."""
        return self.set(self.now() + by)

    def set(self, to: datetime) -> datetime:
        """Move to `to`; raises ValueError if that lies in the past."""
        with self._lock:
            if to < self._now:
                raise ValueError(f"time does not go back: {to.isoformat()} is before {self._now.isoformat()}")
            self._now = to.astimezone(UTC)
            return self._now
