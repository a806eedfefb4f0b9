"""The rate: held over all processes, borrowed from only by urgent messages, halved when the provider says too fast."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.channels.messages import Fate
from smsgateway.clock import SystemClock, VirtualClock
from smsgateway.outbox.queue import Rank
from smsgateway.outbox.rates import Pacer, slow_down
from smsgateway.store.database import Store, open_store
from tests.outbox.peers import NOON, NURSE, House, ends


def taken_in(clock: VirtualClock, pacers: list[Pacer], seconds: float, step: float = 0.01, wanted: int = 100) -> int:
    """Permits that greedy processes get in so many seconds."""
    got, end = 0, clock.now() + timedelta(seconds=seconds)
    while clock.now() < end:
        for pacer in pacers:
            got += pacer.take(wanted).count
        clock.advance(timedelta(seconds=step))
    return got


@pytest.mark.parametrize("rate", [1.0, 7.5, 20.0, 400.0])
def test_three_processes_together_keep_the_rate(store: Store, rate: float) -> None:
    clock = VirtualClock(NOON)
    pacers = [Pacer(store, "at", rate, clock) for _ in range(3)]
    got = taken_in(clock, pacers, 3.0, step=0.05 if rate < 100 else 0.1)
    assert rate * 3 * 0.75 - 1 <= got <= rate * 3 + rate * 0.1 + 1


@given(rate=st.floats(0.5, 2000), steps=st.lists(st.tuples(st.floats(0.001, 1.5), st.integers(1, 200)), max_size=40))
def test_no_pattern_of_asking_gets_more_than_the_rate(rate: float, steps: list[tuple[float, int]]) -> None:
    store, clock = open_store("sqlite://"), VirtualClock(NOON)
    pacers = [Pacer(store, "at", rate, clock) for _ in range(2)]
    got = 0
    for number, (pause, wanted) in enumerate(steps):
        got += pacers[number % 2].take(wanted).count
        elapsed = (clock.now() - NOON).total_seconds()
        assert got <= rate * (elapsed + 0.1) + 1.001
        clock.advance(timedelta(seconds=pause))
    store.close()


def test_who_must_wait_is_told_how_long(store: Store) -> None:
    clock = VirtualClock(NOON)
    pacer = Pacer(store, "at", 2.0, clock)
    assert pacer.take(5).count == 1
    waiting = pacer.take(5)
    assert waiting.count == 0
    assert waiting.wait == pytest.approx(0.5)
    clock.advance(timedelta(seconds=0.5))
    assert pacer.take(5).count == 1


def test_those_who_must_wait_come_back_one_after_another(store: Store) -> None:
    clock = VirtualClock(NOON)
    pacer = Pacer(store, "at", 2.0, clock)
    pacer.take(1)
    assert [pacer.take(1).wait for _ in range(3)] == pytest.approx([0.5, 1.0, 1.5])
    clock.advance(timedelta(seconds=0.5))
    assert pacer.take(1).count == 1
    assert pacer.take(1).wait == pytest.approx(0.5)


def test_an_idle_hour_does_not_save_up_a_flood(store: Store) -> None:
    clock = VirtualClock(NOON)
    pacer = Pacer(store, "at", 20.0, clock)
    pacer.take(1)
    clock.advance(timedelta(hours=1))
    assert sum(pacer.take(100).count for _ in range(10)) == 2


def test_urgent_never_waits_and_the_others_wait_for_it(store: Store) -> None:
    house = House(store)
    house.pacers["peer"] = Pacer(store, "peer", 10.0, house.clock)
    for number in range(20):
        house.queue(f"URGENT K{number}", Rank.URGENT)
    house.queue("reminder")
    house.deliver()
    assert len(house.provider.requests) == 20
    house.pass_time(seconds=1.9)
    assert house.deliver() == 0
    house.pass_time(seconds=0.2)
    assert house.deliver() == 1


def test_a_batch_is_never_larger_than_its_permits(store: Store) -> None:
    house = House(store)
    house.provider.batch_limit = 100
    house.pacers["peer"] = Pacer(store, "peer", 50.0, house.clock)
    for last in range(10, 30):
        house.queue("RUPTURE CTA", phone=f"+223760000{last}")
    house.deliver()
    house.pass_time(seconds=0.1)
    house.deliver()
    assert [len(request) for request in house.provider.requests] == [5, 5]


def test_messages_that_cannot_share_a_request_use_the_whole_rate(store: Store) -> None:
    """A request might have carried a hundred: what it did not carry is not used up."""
    house = House(store)
    house.provider.batch_limit = 100
    house.pacers["peer"] = Pacer(store, "peer", 50.0, house.clock)
    for number in range(50):
        house.queue(f"reminder {number}")
    for _ in range(10):
        house.deliver()
        house.pass_time(seconds=0.1)
    assert len(house.provider.bodies) == 50


def test_too_fast_halves_the_rate_for_a_minute(store: Store) -> None:
    clock = VirtualClock(NOON)
    pacer = Pacer(store, "at", 10.0, clock)
    store.write(lambda tx: slow_down(tx, "at", None, clock.now()))
    assert taken_in(clock, [pacer], 4.0, step=0.05) == pytest.approx(20, abs=3)
    clock.advance(timedelta(minutes=1))
    assert taken_in(clock, [pacer], 4.0, step=0.05) == pytest.approx(40, abs=4)


def test_the_pause_the_provider_asks_for_is_kept_by_all_but_urgent(store: Store) -> None:
    house = House(store)
    house.pacers["peer"] = Pacer(store, "peer", 100.0, house.clock)
    house.provider.script[NURSE].append(ends(Fate.THROTTLED, "429", retry_after=8.0))
    house.queue("reminder")
    house.deliver()
    house.queue("another", phone="+22376000002")
    house.queue("URGENT K7", Rank.URGENT, phone="+22376000003")
    house.pass_time(seconds=7)
    house.deliver()
    assert house.provider.bodies == ["reminder", "URGENT K7"]
    house.pass_time(seconds=2)
    for _ in range(5):
        house.deliver()
        house.pass_time(seconds=1)
    assert sorted(house.provider.bodies[2:]) == ["another", "reminder"]


def test_a_clock_that_went_back_an_hour_does_not_silence_the_channel(store: Store) -> None:
    Pacer(store, "at", 20.0, VirtualClock(NOON + timedelta(hours=1))).take(2)
    assert Pacer(store, "at", 20.0, VirtualClock(NOON)).take(2).count == 2


def test_many_threads_share_the_permits_of_their_process(store: Store) -> None:
    """On the real clock, that is on PostgreSQL's own where there is one."""
    pacer = Pacer(store, "at", 1000.0, SystemClock())
    got: list[int] = []

    def ask() -> None:
        got.append(pacer.take(10).count)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 10 <= sum(got) <= 100
