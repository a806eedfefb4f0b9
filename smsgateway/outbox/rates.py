"""How fast may a channel be used? As fast as its rate, counted over all processes on the database's clock.

One row a channel says from when on it is free again (GCRA). A process takes permits for up to 100 ms at once, so that
the row is written ten times a second at most and not once a message. An urgent message never asks: it goes, and its
permits are booked afterwards, so that the others wait a little longer for it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Float, bindparam, case, cast, func, or_, select, text, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType

from smsgateway.clock import Clock, SystemClock
from smsgateway.store.database import Store
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import channel_states
from smsgateway.store.types import UTCDateTime
from smsgateway.store.write import Tx

GRANT_SECONDS = 0.1
SLOWED_FOR = timedelta(minutes=1)
# Overdrawn permits never hold the others back for longer. A row that says more was written before a clock went back.
AHEAD_AT_MOST = 60.0


@dataclass(frozen=True, slots=True)
class Permits:
    """How many messages may go now; when none, in how many seconds to ask again."""

    count: int
    wait: float = 0.0


class Pacer:
    """The permits of one channel for all lanes of this process; `per_second` is the channel's rate over all of them."""

    def __init__(self, store: Store, name: str, per_second: float, clock: Clock) -> None:
        self._store = store
        self._name = name
        self._per_second = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._left = 0
        self._refusals = 0  # since the last grant
        self._granted_at = clock.now()
        self._refused_at = self._free_at = self._granted_at

    def take(self, wanted: int) -> Permits:
        """Up to `wanted` permits. Asking again before the channel is free costs the database nothing. Those who must
        wait are told to come back one after another, at the channel's pace: all at once, all but one would look through
        the queue for nothing."""
        with self._lock:
            now = self._clock.now()
            if not self._left and self._refused_at <= now < self._free_at:
                return self._refusal(now)
            if not self._left or abs(self._clock.now() - self._granted_at) > timedelta(seconds=GRANT_SECONDS):
                self._left = max(1, int(self._per_second * GRANT_SECONDS))
                wait = self._store.write(self._grant)
                if wait > 0:
                    self._left = 0
                    self._refused_at, self._free_at = now, now + timedelta(seconds=wait)
                    return self._refusal(now)
                self._granted_at = self._clock.now()
                self._refusals = 0
            count = min(wanted, self._left)
            self._left -= count
            return Permits(count)

    def _refusal(self, now: datetime) -> Permits:
        turn = self._refusals / self._per_second
        self._refusals += 1
        return Permits(0, (self._free_at - now).total_seconds() + turn)

    def give_back(self, count: int) -> None:
        """Permits that were taken and not needed: for another lane of this process, or for nobody."""
        with self._lock:
            self._left += count

    def book(self, count: int) -> None:
        """Count messages that went without asking."""
        self._store.write(lambda tx: self._book(tx, count))

    def _grant(self, tx: Tx) -> float:
        """Book the permits this process is about to use: 0.0, or the seconds until the channel is free."""
        spoken = self._begin(tx)
        cost = self._left / self._per_second
        if tx.ask(spoken.grant, channel=self._name, cost=cost, **self._now(spoken)):
            return 0.0
        for row in tx.ask(spoken.wait, channel=self._name, **self._now(spoken)):
            return max(float(row.until), 0.001)
        know_channel(tx, self._name)
        return self._grant(tx)

    def _book(self, tx: Tx, count: int) -> None:
        spoken = self._begin(tx)
        know_channel(tx, self._name)
        tx.ask(spoken.book, channel=self._name, cost=count / self._per_second, **self._now(spoken))

    def _begin(self, tx: Tx) -> _Spoken:
        """The statements that read the clock all processes share. What a crash would lose of this is a tenth of a
        second of rate: it does not wait for the disk."""
        if tx.dialect == "postgresql":
            tx.run(_SOON)
            if isinstance(self._clock, SystemClock):
                return _BY_DATABASE
        return _BY_CLOCK

    def _now(self, spoken: _Spoken) -> dict[str, float | datetime]:
        if spoken is _BY_DATABASE:
            return {}
        now = self._clock.now()
        return {"now": now.timestamp(), "moment": now}


_SOON = text("SET LOCAL synchronous_commit = off")


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What a pacer asks the database: take permits if the channel is free, how long until it is, overdraw."""

    grant: Prepared
    wait: Prepared
    book: Prepared


def _spoken(now: ColumnElement[float], moment: ColumnElement[datetime]) -> _Spoken:
    """`now`: seconds since 1970. A message takes twice its time while the channel is slowed."""
    row = channel_states.c
    this = row.name == bindparam("channel")
    cost = bindparam("cost", type_=Float(53)) * case((row.slow_until > moment, 2.0), else_=1.0)
    ahead = case((row.next_free > now, row.next_free), else_=now) + cost
    free = or_(row.next_free <= now, row.next_free > now + AHEAD_AT_MOST + 1)
    return _Spoken(
        Prepared(update(channel_states).where(this, free).values(next_free=now + cost).returning(row.name)),
        Prepared(select(type_coerce(row.next_free - now, NullType).label("until")).where(this)),  # a float from both
        Prepared(
            update(channel_states)
            .where(this)
            .values(next_free=case((ahead > now + AHEAD_AT_MOST, now + AHEAD_AT_MOST), else_=ahead))
        ),
    )


_BY_CLOCK = _spoken(bindparam("now", type_=Float(53)), bindparam("moment", type_=UTCDateTime()))
_BY_DATABASE = _spoken(
    cast(func.extract("epoch", func.clock_timestamp()), Float(53)), func.clock_timestamp(type_=UTCDateTime())
)


def know_channel(tx: Tx, name: str) -> None:
    """Have a row for this channel."""
    tx.ask(_KNOW, name=name, next_free=0.0, probes=0)


_KNOW = Prepared(
    *(
        dialect.insert(channel_states)
        .values({name: bindparam(name) for name in ("name", "next_free", "probes")})
        .on_conflict_do_nothing()
        for dialect in (sqlite, postgresql)
    )
)


def slow_down(tx: Tx, name: str, asked: float | None, now: datetime) -> None:
    """The provider said too fast: half the rate for a minute, or for as long as it asked, whose pause all but urgent
    messages keep."""
    know_channel(tx, name)
    pause = timedelta(seconds=min(asked or 0.0, AHEAD_AT_MOST))
    resumes = (now + pause).timestamp()
    row = channel_states.c
    tx.execute(
        update(channel_states)
        .where(row.name == name)
        .values(
            slow_until=now + SLOWED_FOR + pause,
            next_free=case((row.next_free > resumes, row.next_free), else_=resumes),
        )
    )
