"""Who sends, and who watches the clock? The worker: sending lanes on threads of their own, and a handful of ticks.

Urgent messages have lanes, threads and connections nobody else uses, so slow reminders never hold them. On SIGTERM
nothing new begins: a message in the middle of a call is waited for and recorded, one claimed and not sent is let go.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from smsgateway.care.figures import remember_months
from smsgateway.channels.messages import Channel
from smsgateway.clock import Clock
from smsgateway.due import Handlers, run_due
from smsgateway.outbox.aftercare import AfterCare
from smsgateway.outbox.bell import Bell
from smsgateway.outbox.deliver import Lane
from smsgateway.outbox.notify import Herald, Listener
from smsgateway.outbox.probing import probe_paused
from smsgateway.outbox.queue import Rank, bring_back, expire, moment
from smsgateway.outbox.rates import Pacer
from smsgateway.outbox.record import sweep_leases
from smsgateway.store.database import Store
from smsgateway.store.upkeep import forget, prepare_months
from smsgateway.store.write import StoreUnavailable

log = structlog.get_logger(__name__)

OTHERS: Final = (Rank.REPLY, Rank.REMINDER, Rank.NOTICE)
STOP_WITHIN: Final = 20.0  # seconds: a call's deadline and its record
TROUBLED_REST: Final = 1.0
CLOCK_JUMP: Final = 2.0  # seconds of difference between the wall clock and the monotonic one


@dataclass(frozen=True, slots=True)
class Tick:
    """Something done every so many seconds, in one place at a time within this process."""

    name: str
    seconds: float
    act: Callable[[], object]


class Worker:
    """Lanes and ticks of one process. `channels`: the channel, then the fallback, if any; each lane opens its own.
    `rate` is the channel's messages a second over all processes."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        clock: Clock,
        care: AfterCare,
        *,
        rate: float,
        due_handlers: Handlers,
        retry_failed: Callable[[], object] = lambda: None,
        enrol: Callable[[], object] = lambda: None,
        release_codes: Callable[[], object] = lambda: None,
        urgent_lanes: int = 4,
        other_lanes: int = 4,
    ) -> None:
        self._store = store
        self._channels = tuple(channels)
        self._clock = clock
        self._care = care
        self._due_handlers = due_handlers
        self._retry_failed = retry_failed
        self._enrol = enrol
        self._release_codes = release_codes
        self._halt = threading.Event()
        self._bell = Bell()
        self._pacers = {channel.name: Pacer(store, channel.name, rate, clock) for channel in channels}
        self._lanes = [self._lane(True, number) for number in range(urgent_lanes)]
        self._lanes += [self._lane(False, number) for number in range(other_lanes)]
        self._probes = [channel.open() for channel in channels]
        postgres = store.dialect == "postgresql"
        self._between = (Herald(store, self._bell), Listener(store, self._bell)) if postgres else ()
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._watchdog = Watchdog(time.time, time.monotonic, self.clock_jumped)

    def ticks(self) -> tuple[Tick, ...]:
        """What this worker does by the clock."""
        return (
            Tick("due", 1, self._due),
            Tick("probes", 1, lambda: probe_paused(self._store, self._probes, self._clock)),
            Tick("leases", 5, lambda: sweep_leases(self._store, self._clock, self._care)),
            Tick("expiry", 5, lambda: self._store.write(lambda tx: expire(tx, moment(tx, self._clock)))),
            Tick("failed inbound", 5, self._retry_failed),
            Tick("enrolment", 5, self._enrol),
            Tick("upkeep", 3_600, self._upkeep),
            Tick("codes", 3_600, self._release_codes),
            Tick("months", 3_600, lambda: remember_months(self._store, self._clock)),
        )

    def start(self) -> None:
        """Begin to send and to tick; returns at once."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that takes long is no news every second
        self._bell.hang(self._store)
        for part in (*self._between, *self._lanes):
            part.start()
        for tick in self.ticks():
            self._scheduler.add_job(
                guarded(tick),
                IntervalTrigger(seconds=tick.seconds, timezone=UTC),
                id=tick.name,
                next_run_time=datetime.now(UTC),
            )
        self._scheduler.start()
        self._watchdog.start()
        log.info("worker started", channels=[channel.name for channel in self._channels], lanes=len(self._lanes))

    def stop(self, timeout: float = STOP_WITHIN) -> bool:
        """Begin nothing new, wait for what is under way at most `timeout` seconds, and say whether all of it ended.
        What did not end keeps its lease, and will count as unknown when that is over."""
        deadline = time.monotonic() + timeout
        self._halt.set()
        self._watchdog.stop()
        self._bell.wake_all()
        for lane in self._lanes:
            lane.join(max(0.0, deadline - time.monotonic()))
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        for part in self._between:
            part.stop()
        for channel in self._probes:
            channel.close()
        ended = not any(lane.is_alive() for lane in self._lanes)
        log.info("worker stopped", everything_ended=ended)
        return ended

    def run_until_signalled(self) -> bool:
        """Work until SIGTERM or SIGINT, then stop as `stop` does. For the main thread of a process."""
        asked = threading.Event()
        before = {each: signal.signal(each, lambda *_: asked.set()) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.start()
            asked.wait()
            return self.stop()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _lane(self, urgent: bool, number: int) -> _LaneThread:
        channels = [channel.open() for channel in (self._channels if urgent else self._channels[:1])]
        lane = Lane(
            self._store,
            channels,
            (Rank.URGENT,) if urgent else OTHERS,
            self._clock,
            self._care,
            pacers=self._pacers,
            halt=self._halt,
        )
        name = f"{'urgent' if urgent else 'other'}-lane-{number}"
        return _LaneThread(name, lane, urgent, self._bell, self._halt)

    def _due(self) -> None:
        while not self._halt.is_set() and run_due(self._store, self._clock, self._due_handlers):
            pass

    def _upkeep(self) -> None:
        now = self._clock.now()
        prepare_months(self._store, now)
        forget(self._store, now)

    def clock_jumped(self, seconds: float) -> None:
        """The scheduler waits for moments of the wall clock: after -1 h it would do nothing for an hour."""
        log.warning("the clock jumped", seconds=round(seconds, 1))
        self.tick_next_at(datetime.now(UTC))
        if seconds < 0:
            self._store.write(lambda tx: bring_back(tx, moment(tx, self._clock)))

    def next_ticks(self) -> Mapping[str, datetime]:
        """When each tick comes next."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs()}

    def tick_next_at(self, when: datetime) -> None:
        """Have every tick come next at this moment, then at its own pace again."""
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=when)


class _LaneThread(threading.Thread):
    """A lane at work until it is told to halt."""

    def __init__(self, name: str, lane: Lane, urgent: bool, bell: Bell, halt: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._lane = lane
        self._urgent = urgent
        self._bell = bell
        self._halt = halt

    def run(self) -> None:
        while not self._halt.is_set():
            heard = self._bell.heard(self._urgent)
            dealt, rest = self._deliver()
            if not dealt and self._lane.paced:
                self._halt.wait(rest)
            elif not dealt:
                self._bell.wait(self._urgent, heard, rest)
        try:
            self._lane.close()
        except StoreUnavailable:
            log.error("outcome not recorded", lane=self.name)

    def _deliver(self) -> tuple[int, float]:
        try:
            return self._lane.deliver_once(), self._lane.rest
        except StoreUnavailable:
            log.warning("database away", lane=self.name)
        except Exception as error:  # noqa: BLE001 - a lane lives as long as its process
            log.error("lane stumbled", lane=self.name, error=type(error).__name__)
        self._halt.wait(TROUBLED_REST)
        return 1, 0.0


class Watchdog:
    """Notices that the wall clock was set, by comparing it with one that only moves forward."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float], jumped: Callable[[float], None]):
        self._wall = wall
        self._monotonic = monotonic
        self._jumped = jumped
        self._difference = wall() - monotonic()
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._halt.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Compare once. A clock that is slewed drifts less than this in a second."""
        difference = self._wall() - self._monotonic()
        jump, self._difference = difference - self._difference, difference
        if abs(jump) > CLOCK_JUMP:
            self._jumped(jump)

    def _serve(self) -> None:
        while not self._halt.wait(1.0):
            try:
                self.check()
            except StoreUnavailable:
                log.warning("database away", thread="watchdog")


def guarded(tick: Tick) -> Callable[[], None]:
    """A tick that fails is logged, and comes again."""

    def act() -> None:
        try:
            tick.act()
        except StoreUnavailable:
            log.warning("database away", tick=tick.name)
        except Exception as error:  # noqa: BLE001 - the scheduler must go on
            log.error("tick failed", tick=tick.name, error=type(error).__name__)

    return act
