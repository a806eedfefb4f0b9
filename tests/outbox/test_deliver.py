"""Handing over: every fate has its consequence, a crash is no silence, no transaction is open during a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from smsgateway.channels.messages import Fate, Handover, Outgoing
from smsgateway.outbox.aftercare import SentMessage
from smsgateway.outbox.queue import Rank, expire, withdraw
from smsgateway.outbox.record import sweep_leases
from smsgateway.store.database import Store
from smsgateway.store.tables import faults, handovers, opt_outs, outbox
from smsgateway.store.types import new_id
from smsgateway.store.write import StoreUnavailable, T, Tx, Work, Written
from tests.outbox.peers import NOON, NURSE, CareDiary, House, ends

SUPERVISOR = "+22376000201"


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def test_what_the_provider_took_is_in_the_log_with_its_cost_and_care_knows(house: House) -> None:
    queued = house.queue("URGENT K7", Rank.URGENT, referral_id=new_id(), rung="first")
    assert house.deliver() == 1
    assert house.queued() == []
    (row,) = house.log()
    assert (row["id"], row["status"], row["channel"], row["attempts"]) == (queued, "handed_over", "peer", 1)
    assert (row["provider_id"], row["cost"], row["rung"]) == ("peer-1-0", "XOF 12.0000", "first")
    assert house.care.heard == [("handed_over", queued, "")]
    assert house.care.messages[0].rung == "first"


def test_urgent_reaches_the_provider_first(house: House) -> None:
    house.queue("weekly", Rank.NOTICE)
    house.queue("answer", Rank.REPLY)
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert house.provider.bodies == ["URGENT K7", "answer", "weekly"]


def test_no_transaction_is_open_while_the_provider_thinks(house: House) -> None:
    """Were one open, the write from within the call would wait for ever on SQLite."""

    def answer(messages: list[Outgoing]) -> None:
        if messages[0].body == "reminder":
            house.queue("answer", Rank.REPLY)

    house.provider.meanwhile = answer
    house.queue("reminder")
    house.deliver()
    assert house.provider.bodies == ["reminder", "answer"]


def test_refused_goes_back_to_care_at_once(house: House) -> None:
    house.provider.script[NURSE].append(ends(Fate.REFUSED, "UserInBlacklist"))
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert house.statuses() == [("failed", "UserInBlacklist")]
    assert house.care.story == [("undelivered", "UserInBlacklist")]


def test_a_phone_that_wants_no_messages_is_not_texted_and_somebody_else_is_told(house: House) -> None:
    house.store.write(lambda tx: tx.run(insert(opt_outs).values(phone=NURSE, channel="peer", at=NOON)))
    house.queue("URGENT K7", Rank.URGENT)
    house.queue("URGENT K8", Rank.URGENT, phone=SUPERVISOR)
    assert house.deliver() == 2
    assert house.provider.bodies == ["URGENT K8"]
    assert house.care.story == [("undelivered", "opted_out"), ("handed_over", "")]


def test_a_passing_failure_is_tried_again_within_ten_seconds_then_ever_later(house: House) -> None:
    house.provider.otherwise = ends(Fate.RETRY, "GatewayError")
    house.queue("follow-up")
    house.deliver()
    pauses = []
    for _ in range(10):
        (row,) = house.queued()
        pauses.append((row["not_before"] - house.clock.now()).total_seconds())
        house.clock.set(row["not_before"])
        house.deliver()
    assert 0 < pauses[0] <= 10
    assert all(later > earlier for earlier, later in pairwise(pauses[:7]))
    assert max(pauses) <= 300


@pytest.mark.parametrize(("rank", "tries", "within"), [(Rank.URGENT, 6, 150), (Rank.REMINDER, 12, 2400)])
def test_nothing_is_tried_for_ever_and_care_is_told_once(house: House, rank: Rank, tries: int, within: int) -> None:
    house.provider.otherwise = ends(Fate.RETRY, "InternalServerError")
    house.queue("K7", rank)
    while house.queued() and house.clock.now() < NOON + timedelta(hours=2):
        house.deliver()
        house.pass_time(seconds=5)
    assert len(house.provider.requests) == tries
    assert house.statuses() == [("gave_up", "InternalServerError")]
    assert house.care.story == [("undelivered", "InternalServerError")]
    assert house.clock.now() - NOON < timedelta(seconds=within)


def test_a_network_that_is_gone_for_twenty_minutes_costs_no_alert(house: House) -> None:
    house.provider.otherwise = ends(Fate.NOT_SENT, "connection refused")
    house.queue("URGENT K7", Rank.URGENT)
    while house.clock.now() < NOON + timedelta(minutes=20):
        house.deliver()
        house.pass_time(seconds=10)
    house.provider.otherwise = ends(Fate.ACCEPTED)
    house.pass_time(seconds=60)
    house.deliver()
    assert house.statuses() == [("handed_over", None)]
    assert house.care.story == [("handed_over", "")]


def test_an_alert_of_unknown_end_is_sent_once_more_then_the_ladder_goes_on(house: House) -> None:
    house.provider.otherwise = ends(Fate.UNKNOWN, "read timeout")
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert house.queued()[0]["doubtful"]
    assert house.care.story == []
    house.pass_time(seconds=10)
    house.deliver()
    house.pass_time(hours=1)
    house.deliver()
    assert len(house.provider.requests) == 2
    assert house.statuses() == [("unknown", "read timeout")]
    assert house.care.story == [("undelivered", "read timeout")]


@pytest.mark.parametrize("rank", [Rank.REPLY, Rank.REMINDER, Rank.NOTICE])
def test_anything_else_of_unknown_end_is_not_repeated(house: House, rank: Rank) -> None:
    house.provider.otherwise = ends(Fate.UNKNOWN, "read timeout")
    house.queue("K7", rank)
    house.deliver()
    house.pass_time(hours=1)
    house.deliver()
    assert len(house.provider.requests) == 1
    assert house.statuses() == [("unknown", "read timeout")]
    assert house.care.story == []


def test_a_throttled_message_goes_back_without_losing_a_try(house: House) -> None:
    house.provider.script[NURSE].extend([ends(Fate.THROTTLED, "429")] * 20)
    house.queue("follow-up")
    for _ in range(21):
        house.deliver()
        house.pass_time(seconds=3)
    assert house.statuses() == [("handed_over", None)]
    assert house.log()[0]["attempts"] == 1


@pytest.mark.parametrize(("asked", "waits"), [(None, 2), (4.0, 4), (300.0, 10)])
def test_a_throttled_alert_waits_ten_seconds_at_most(house: House, asked: float | None, waits: int) -> None:
    house.provider.script[NURSE].append(ends(Fate.THROTTLED, "429", retry_after=asked))
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert house.queued()[0]["not_before"] == NOON + timedelta(seconds=waits)


def test_a_channel_that_raises_leaves_nothing_unsettled(house: House) -> None:
    def fall(_messages: list[Outgoing]) -> None:
        raise KeyError("Recipients")

    house.provider.meanwhile = fall
    house.queue("reminder")
    house.deliver()
    assert house.statuses() == [("unknown", "no_outcome")]


def test_equal_texts_share_a_request_and_each_gets_its_own_fate(house: House) -> None:
    house.provider.batch_limit = 3
    house.provider.script["+22376000003"].append(ends(Fate.REFUSED, "InvalidPhoneNumber"))
    for last in range(1, 6):
        house.queue("RUPTURE CTA", phone=f"+2237600000{last}")
    house.queue("something else", phone="+22376000009")
    house.deliver()
    assert [len(request) for request in house.provider.requests] == [3, 2, 1]
    assert house.statuses().count(("handed_over", None)) == 5
    assert house.statuses().count(("failed", "InvalidPhoneNumber")) == 1
    assert len({row["provider_id"] for row in house.log()}) == 6


def test_alerts_never_share_a_request(house: House) -> None:
    house.provider.batch_limit = 10
    for last in range(1, 4):
        house.queue("URGENT K7", Rank.URGENT, phone=f"+2237600000{last}")
    house.deliver()
    assert [len(request) for request in house.provider.requests] == [1, 1, 1]


def test_an_alert_taken_back_while_it_is_handed_over_is_not_tried_again(house: House) -> None:
    referral = new_id()
    house.queue("URGENT K7", Rank.URGENT, referral_id=referral)
    house.provider.script[NURSE].append(ends(Fate.RETRY, "GatewayError"))
    house.provider.meanwhile = lambda _messages: received(house, referral)
    house.deliver()
    assert house.queued() == []
    assert house.statuses() == [("withdrawn", "received")]


def received(house: House, referral: UUID) -> None:
    house.store.write(lambda tx: withdraw(tx, NOON, referral_id=referral, reason="received"))


# ---------------------------------------------------------------- crashes and lost leases


def crash(_messages: list[Outgoing]) -> None:
    """The process is gone between claiming and recording: nothing of it comes back."""
    raise SystemExit("killed")


@pytest.mark.parametrize(
    ("rank", "statuses", "requests"),
    [(Rank.URGENT, [("handed_over", None)], 2), (Rank.REMINDER, [("unknown", "lease_ended")], 1)],
)
def test_a_lane_that_died_left_an_unknown_not_an_unsent_message(
    house: House, rank: Rank, statuses: list[tuple[str, str | None]], requests: int
) -> None:
    house.queue("K7", rank)
    house.provider.meanwhile = crash
    with pytest.raises(SystemExit):
        house.deliver()
    house.provider.meanwhile = lambda _messages: None
    house.pass_time(seconds=39)
    assert sweep_leases(house.store, house.clock, house.care) == 0
    house.pass_time(seconds=1)
    assert sweep_leases(house.store, house.clock, house.care) == 1
    house.pass_time(seconds=10)
    house.deliver()
    assert house.statuses() == statuses
    assert len(house.provider.requests) == requests


def test_a_call_that_outlived_its_lease_changes_nothing_but_its_receipt_finds_the_message(house: House) -> None:
    house.queue("reminder")

    def stand_still(_messages: list[Outgoing]) -> None:
        house.pass_time(seconds=60)
        sweep_leases(house.store, house.clock, house.care)

    house.provider.meanwhile = stand_still
    house.deliver()
    assert house.statuses() == [("unknown", "lease_ended")]
    assert house.log()[0]["provider_id"] == "peer-1-0"
    house.report("peer-1-0", "Success")
    assert house.statuses() == [("delivered", "lease_ended")]


@pytest.mark.parametrize("late", [ends(Fate.RETRY), ends(Fate.ACCEPTED), ends(Fate.REFUSED), ends(Fate.UNKNOWN)])
def test_whoever_lost_its_lease_cannot_touch_the_message_another_lane_is_sending(house: House, late: Handover) -> None:
    house.queue("URGENT K7", Rank.URGENT)

    def stand_still(_messages: list[Outgoing]) -> None:
        house.pass_time(seconds=60)
        sweep_leases(house.store, house.clock, house.care)
        house.pass_time(seconds=10)
        house.provider.meanwhile = crash
        with pytest.raises(SystemExit):
            house.lane().deliver_once()  # it holds the message now, and has not recorded anything

    house.provider.meanwhile = stand_still
    house.provider.script[NURSE].append(late)
    house.lane().deliver_once()
    (row,) = house.queued()
    assert row["lease"] is not None
    assert row["doubtful"]
    assert house.care.story == []


def test_an_outcome_the_database_could_not_take_is_recorded_when_it_is_back(house: House) -> None:
    lane = house.lane()
    house.queue("reminder")
    away = Away(house.store)
    house.provider.meanwhile = lambda _messages: away.go()
    lane._store = away.store
    with pytest.raises(StoreUnavailable):
        lane.deliver_once()
    away.come_back()
    lane.deliver_once()
    assert house.statuses() == [("handed_over", None)]
    assert len(house.provider.requests) == 1


class Away:
    """A door that can be shut, as when the database is restarted."""

    def __init__(self, store: Store) -> None:
        self._door = store.door
        self._gone = False
        self.store = replace(store, door=self)

    def go(self) -> None:
        self._gone = True

    def come_back(self) -> None:
        self._gone = False

    def write_each(self, works: Sequence[Work[T]]) -> list[Written[T]]:
        if self._gone:
            return [Written(error=StoreUnavailable("shut")) for _ in works]
        return self._door.write_each(works)

    def close(self) -> None:
        self._door.close()


def test_a_care_that_stumbles_costs_no_record_and_a_human_sees_it(house: House) -> None:
    class Stumbling(CareDiary):
        def undelivered(self, tx: Tx, message: SentMessage, reason: str, now: Any) -> None:
            raise LookupError("no supervisor")

    house.care = Stumbling()
    house.provider.script[NURSE].append(ends(Fate.REFUSED, "InvalidPhoneNumber"))
    queued = house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert house.statuses() == [("failed", "InvalidPhoneNumber")]
    with house.store.read() as connection:
        assert connection.execute(select(faults.c.kind, faults.c.subject)).all() == [("aftercare_failed", str(queued))]


def test_expired_replies_are_settled_and_urgent_ones_never_are(house: House) -> None:
    house.provider.otherwise = ends(Fate.CHANNEL_DOWN, "InsufficientBalance")
    house.queue("answer", Rank.REPLY)
    house.queue("URGENT K7", Rank.URGENT)
    house.pass_time(hours=3)
    assert house.store.write(lambda tx: expire(tx, house.clock.now())) == 1
    assert house.statuses() == [("expired", "too_late")]
    assert [row["body"] for row in house.queued()] == ["URGENT K7"]


def test_an_id_the_provider_uses_twice_belongs_to_the_later_message(house: House) -> None:
    house.provider.otherwise = Handover(new_id(), Fate.ACCEPTED, provider_id="1")
    house.queue("first")
    second = house.queue("second")
    house.deliver()
    with house.store.read() as connection:
        assert connection.execute(select(handovers.c.message_id)).scalars().all() == [second]


def test_after_a_night_without_power_what_can_wait_is_put_off_a_request_at_a_time(house: House) -> None:
    """All of a country's reminders in one transaction would hold up the alert that comes in meanwhile."""
    morning = NOON + timedelta(hours=18)
    for number in range(3):
        house.queue(f"digest {number}")
    house.clock.advance(timedelta(hours=10))
    house.care.asleep_until = morning
    lane = house.lane()
    for put_off in range(1, 4):
        assert lane.deliver_once() == 1  # dealt with, so that it goes on at once
        assert [row["not_before"] for row in house.queued()].count(morning) == put_off
    house.queue("URGENT K7", Rank.URGENT)
    assert lane.deliver_once() == 1
    assert house.provider.bodies == ["URGENT K7"]
    assert lane.deliver_once() == 0
    assert all(row["lease"] is None for row in house.queued())


def test_a_lane_leaves_nothing_claimed(house: House) -> None:
    house.provider.otherwise = ends(Fate.RETRY)
    for number in range(5):
        house.queue(f"n{number}")
    house.deliver()
    with house.store.read() as connection:
        assert connection.execute(select(outbox.c.lease)).scalars().all() == [None] * 5
