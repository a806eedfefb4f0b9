"""A channel that is down: it rests as a whole, urgent messages take the other one, and it is probed until it works."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from smsgateway.channels.messages import Fate
from smsgateway.outbox.pauses import channel_states_of
from smsgateway.outbox.probing import probe_paused
from smsgateway.outbox.queue import Rank
from smsgateway.store.database import Store
from smsgateway.store.tables import faults
from tests.outbox.peers import NOON, NURSE, House, Provider, ends

NO_MONEY = ends(Fate.CHANNEL_DOWN, "InsufficientBalance")


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def open_faults(house: House) -> list[tuple[str, str]]:
    with house.store.read() as connection:
        return [
            (row.kind, row.subject)
            for row in connection.execute(select(faults.c.kind, faults.c.subject).where(faults.c.cleared_at.is_(None)))
        ]


def probe(house: House) -> int:
    channels = [house.provider] + ([house.fallback] if house.fallback else [])
    return probe_paused(house.store, channels, house.clock)


def test_an_empty_account_costs_one_request_not_one_a_message(house: House) -> None:
    house.provider.otherwise = NO_MONEY
    for number in range(50):
        house.queue(f"n{number}")
    house.deliver()
    assert len(house.provider.requests) == 1
    assert len(house.queued()) == 50
    assert {row["attempts"] for row in house.queued()} == {0}
    assert open_faults(house) == [("channel_down", "peer")]


def test_it_is_probed_within_ten_seconds_and_everything_goes_when_it_works(house: House) -> None:
    house.provider.otherwise = house.provider.broken = NO_MONEY
    house.queue("reminder")
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert probe(house) == 0
    house.pass_time(seconds=10)
    assert probe(house) == 1
    assert house.deliver() == 0
    house.provider.otherwise, house.provider.broken = ends(Fate.ACCEPTED), None
    house.pass_time(seconds=30)
    probe(house)
    assert house.deliver() == 2
    assert house.provider.bodies[-2:] == ["URGENT K7", "reminder"]
    assert open_faults(house) == []


def test_probes_grow_rarer_but_never_rarer_than_half_a_minute(house: House) -> None:
    house.provider.otherwise = house.provider.broken = NO_MONEY
    house.queue("reminder")
    house.deliver()
    moments = []
    while house.clock.now() < NOON + timedelta(minutes=10):
        if probe(house):
            moments.append(house.clock.now())
        house.pass_time(seconds=1)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert gaps == sorted(gaps)
    assert max(gaps) <= 31
    assert len(moments) <= 25


def test_a_wall_no_probe_can_see_is_met_again_ever_more_rarely(house: House) -> None:
    """A refused sender name: the balance answers, every message is refused."""
    house.provider.otherwise = ends(Fate.CHANNEL_DOWN, "InvalidSenderId")
    house.queue("reminder")
    while house.clock.now() < NOON + timedelta(minutes=10):
        house.deliver()
        probe(house)
        house.pass_time(seconds=1)
    assert len(house.provider.requests) <= 25
    assert [row["attempts"] for row in house.queued()] == [0]
    assert open_faults(house) == [("channel_down", "peer")]
    house.provider.otherwise = ends(Fate.ACCEPTED)
    house.pass_time(seconds=31)
    probe(house)
    house.deliver()
    assert house.statuses() == [("handed_over", None)]
    assert open_faults(house) == []


def test_an_alert_takes_the_second_channel_at_once_and_the_first_again_when_it_works(house: House) -> None:
    house.fallback = Provider("second")
    house.provider.otherwise = house.provider.broken = NO_MONEY
    house.queue("URGENT K7", Rank.URGENT)
    house.queue("reminder")
    house.deliver()
    assert house.fallback.bodies == ["URGENT K7"]
    assert house.care.story == [("handed_over", "")]
    house.provider.otherwise, house.provider.broken = ends(Fate.ACCEPTED), None
    house.pass_time(seconds=10)
    probe(house)
    house.queue("URGENT K8", Rank.URGENT)
    house.deliver()
    assert house.fallback.bodies == ["URGENT K7"]
    assert house.provider.bodies[-2:] == ["URGENT K8", "reminder"]


def test_an_alert_that_did_not_pass_tries_the_second_channel_next(house: House) -> None:
    house.fallback = Provider("second")
    house.provider.script[NURSE].append(ends(Fate.NOT_SENT, "connection refused"))
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    house.pass_time(seconds=10)
    house.deliver()
    assert (house.provider.bodies, house.fallback.bodies) == (["URGENT K7"], ["URGENT K7"])


def test_with_both_channels_down_an_alert_waits_and_is_not_lost(house: House) -> None:
    house.fallback = Provider("second", otherwise=NO_MONEY, broken=NO_MONEY)
    house.provider.otherwise = house.provider.broken = NO_MONEY
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    house.pass_time(hours=5)
    house.fallback.otherwise, house.fallback.broken = ends(Fate.ACCEPTED), None
    probe(house)
    house.deliver()
    assert house.statuses() == [("handed_over", None)]
    assert house.log()[0]["channel"] == "second"


def test_lanes_that_meet_the_wall_together_make_one_pause(house: House) -> None:
    house.provider.otherwise = NO_MONEY
    house.queue("a")
    house.queue("b")

    def meanwhile(messages: object) -> None:
        if len(house.provider.requests) == 1:
            house.lane().deliver_once()

    house.provider.meanwhile = meanwhile
    house.deliver()
    assert len(house.provider.requests) == 2
    with house.store.read() as connection:
        state = channel_states_of(connection, ["peer"])["peer"]
    assert (state.paused, state.reason, state.probes) == (True, "InsufficientBalance", 1)


def test_one_process_probes_not_all(house: House) -> None:
    house.provider.otherwise = house.provider.broken = NO_MONEY
    house.queue("a")
    house.deliver()
    house.pass_time(seconds=10)
    assert [probe(house) for _ in range(5)] == [1, 0, 0, 0, 0]
    assert house.provider.probed == 1


def test_a_pause_written_before_the_clock_went_back_ends(house: House) -> None:
    house.provider.otherwise = NO_MONEY
    house.clock.advance(timedelta(hours=1))
    house.queue("a")
    house.deliver()
    earlier = House(house.store, house.provider)
    earlier.provider.otherwise = ends(Fate.ACCEPTED)
    assert probe(earlier) == 1
