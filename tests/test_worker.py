"""The worker over real sockets and threads: an alert passes whatever the reminders do, and a stop loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from smsgateway.channels.africastalking import AfricasTalkingChannel
from smsgateway.channels.standin import Sending, StandIn
from smsgateway.clock import SystemClock
from smsgateway.due import DueItem, schedule
from smsgateway.outbox.bell import Bell
from smsgateway.outbox.notify import Herald, Listener
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.store.database import Store, open_store
from smsgateway.store.tables import due, message_log, outbox
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.worker import Tick, Watchdog, Worker, guarded
from tests.outbox.peers import CareDiary

SOON = 20.0  # seconds after which a test that waits for something has failed
ROOT = Path(__file__).resolve().parent.parent


class Gate:
    """Between the provider's socket and its answer: whatever is not urgent waits here until it is opened."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.urgent = threading.Event()
        self.opened = threading.Event()

    def pass_through(self, sending: Sending) -> None:
        if sending.message.startswith("URGENT"):
            self.urgent.set()
            return
        self.arrived.release()
        self.opened.wait(SOON)

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=SOON), "a message did not reach the provider"


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.opened.set()


@pytest.fixture
def provider(gate: Gate) -> Iterator[StandIn]:
    with StandIn(listener=gate.pass_through) as standing_in:
        yield standing_in


def channel(provider: StandIn) -> AfricasTalkingChannel:
    return AfricasTalkingChannel(username=provider.username, api_key=provider.api_key, base_url=provider.url)


@pytest.fixture
def worker(store: Store, provider: StandIn) -> Iterator[Worker]:
    made = work_for(store, provider)
    made.start()
    yield made
    made.stop(SOON)


def work_for(store: Store, provider: StandIn, **rest: Any) -> Worker:
    settings: dict[str, Any] = {"rate": 1_000, "due_handlers": {}, "urgent_lanes": 2, "other_lanes": 2}
    return Worker(store, [channel(provider)], SystemClock(), CareDiary(), **settings | rest)


def queue(store: Store, body: str, rank: Rank = Rank.REMINDER, phone: str = "+22376000101") -> None:
    store.write(lambda tx: enqueue(tx, Draft(phone, body, rank), SystemClock().now()))


def statuses(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.scalars(select(message_log.c.status)))


def leases(store: Store) -> list[Any]:
    with store.read() as connection:
        return list(connection.scalars(select(outbox.c.lease)))


def test_an_alert_is_not_held_up_by_reminders_the_provider_sits_on(store: Store, worker: Worker, gate: Gate) -> None:
    for number in range(6):
        queue(store, f"reminder {number}")
    gate.wait_for(2)  # every other lane is in the middle of a call now
    queue(store, "URGENT K7", Rank.URGENT)
    assert gate.urgent.wait(SOON)
    assert not gate.opened.is_set()
    gate.opened.set()


def test_a_stop_waits_for_what_is_under_way_and_leaves_the_rest_as_it_was(
    store: Store, provider: StandIn, gate: Gate
) -> None:
    worker = work_for(store, provider)
    worker.start()
    for number in range(6):
        queue(store, f"reminder {number}")
    gate.wait_for(2)
    ended: list[bool] = []
    stopping = threading.Thread(target=lambda: ended.append(worker.stop(SOON)))
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()
    gate.opened.set()
    stopping.join(SOON)
    assert ended == [True]
    assert statuses(store) == ["handed_over"] * 2
    assert leases(store) == [None] * 4
    assert len(provider.received) == 2


def test_a_stop_does_not_wait_for_ever(store: Store, provider: StandIn, gate: Gate) -> None:
    worker = work_for(store, provider)
    worker.start()
    queue(store, "reminder")
    gate.wait_for(1)
    assert worker.stop(0.0) is False
    assert len([lease for lease in leases(store) if lease is not None]) == 1
    gate.opened.set()
    assert worker.stop(SOON) is True


def test_sigterm_finishes_or_releases_what_a_worker_process_claimed(
    database_url: str, provider: StandIn, gate: Gate
) -> None:
    store = open_store(database_url)
    for number in range(5):
        queue(store, f"reminder {number}")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.worker_process", database_url, provider.url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    try:
        gate.wait_for(2)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        gate.opened.set()
        assert process.wait(SOON) == 0
    finally:
        process.kill()
        process.wait()
    assert statuses(store) == ["handed_over"] * 2
    assert leases(store) == [None] * 3
    assert len(provider.received) == 2
    store.close()


def test_what_falls_due_is_acted_on(store: Store, provider: StandIn) -> None:
    acted = threading.Event()

    def act(tx: Tx, item: DueItem, now: datetime) -> None:
        tx.after_commit(acted.set)

    store.write(lambda tx: schedule(tx, "rung", new_id(), "second", SystemClock().now(), new_id(), {}))
    worker = work_for(store, provider, due_handlers={"rung": act})
    worker.start()
    assert acted.wait(SOON)
    worker.stop(SOON)
    with store.read() as connection:
        assert connection.scalars(select(due.c.id)).all() == []


def test_messages_that_could_not_be_handled_are_tried_again_by_the_clock(store: Store, provider: StandIn) -> None:
    tried = threading.Event()
    worker = work_for(store, provider, retry_failed=tried.set)
    worker.start()
    assert tried.wait(SOON)
    worker.stop(SOON)


def test_a_tick_that_fails_comes_again() -> None:
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise LookupError

    tick = guarded(Tick("x", 1, fail))
    tick()
    tick()
    assert len(calls) == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_message_queued_in_one_process_wakes_a_lane_in_another(database_url: str) -> None:
    here, there = open_store(database_url), open_store(database_url)
    bell, far_bell = Bell(), Bell()
    bell.hang(here)
    herald, listener = Herald(here, bell), Listener(there, far_bell)
    herald.start()
    listener.start()
    assert listener.listening.wait(SOON)
    heard = far_bell.heard(True)
    queue(here, "URGENT K7", Rank.URGENT)
    far_bell.wait(True, heard, SOON)
    assert far_bell.heard(True) == heard + 1
    for part in (herald, listener):
        part.stop()
    for store in (here, there):
        store.close()


class Hands:
    """Two clocks set by hand."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_800_000_000.0, 50.0

    def pass_seconds(self, seconds: float, *, wall: float | None = None) -> None:
        self.monotonic += seconds
        self.wall += seconds if wall is None else wall


@pytest.mark.parametrize(
    ("wall", "jumps"),
    [
        (1.0, []),
        (1.3, []),  # a slewed clock
        (61.0, [60.0]),  # a laptop that woke up, a clock set forward
        (-3599.0, [-3600.0]),
    ],
)
def test_a_clock_that_is_set_is_noticed_once(wall: float, jumps: list[float]) -> None:
    hands, noticed = Hands(), list[float]()
    watchdog = Watchdog(lambda: hands.wall, lambda: hands.monotonic, noticed.append)
    hands.pass_seconds(1.0, wall=wall)
    watchdog.check()
    hands.pass_seconds(1.0)
    watchdog.check()
    assert noticed == pytest.approx(jumps)


def test_after_the_clock_went_back_ticks_go_on_and_alerts_go_now(store: Store, provider: StandIn, gate: Gate) -> None:
    """The ticks wait for a time an hour ahead, and so does an alert that was queued by the clock that was wrong."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    store.write(lambda tx: enqueue(tx, Draft("+22376000101", "URGENT K7", Rank.URGENT), ahead))
    ticked = threading.Event()
    worker = work_for(store, provider, retry_failed=ticked.set)
    worker.start()
    assert ticked.wait(SOON)
    while min(worker.next_ticks().values()) < ahead:  # a tick that is just ending sets its own next time
        worker.tick_next_at(ahead)
    ticked.clear()
    worker.clock_jumped(-3_600.0)
    assert ticked.wait(SOON)
    assert gate.urgent.wait(SOON)
    worker.stop(SOON)
