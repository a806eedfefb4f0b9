"""Delivery reports: kept once, forward only, in whatever order, and matched even after a read timeout."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from smsgateway.channels.messages import Fate, Handover, Outgoing
from smsgateway.outbox.queue import Rank
from smsgateway.outbox.record import sweep_leases
from smsgateway.store.database import Store, open_store
from smsgateway.store.tables import faults, receipts
from smsgateway.store.types import new_id
from tests.outbox.peers import NURSE, CareDiary, House, ends

ID = "peer-1-0"  # what the provider calls the first message it takes


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


def sent(house: House, rank: Rank = Rank.URGENT) -> UUID:
    queued = house.queue("URGENT K7", rank, referral_id=new_id(), rung="first")
    house.deliver()
    house.care.heard.clear()
    return queued


def stored(house: House) -> list[tuple[str, str | None, UUID | None]]:
    with house.store.read() as connection:
        query = select(receipts.c.provider_status, receipts.c.reason, receipts.c.message_id).order_by(receipts.c.id)
        return [(word, reason, about) for word, reason, about in connection.execute(query)]


def test_sent_then_on_the_operators_queue_then_on_the_phone(house: House) -> None:
    message = sent(house)
    house.pass_time(seconds=20)
    for word, status in [("Sent", "handed_over"), ("Buffered", "submitted"), ("Success", "delivered")]:
        house.report(ID, word)
        assert house.statuses() == [(status, None)]
    assert house.log()[0]["delivered_at"] == house.clock.now()
    assert house.care.heard == [("delivered", message, "")]


def test_an_alert_the_network_could_not_deliver_goes_back_to_care_once_with_the_reason(house: House) -> None:
    message = sent(house)
    house.report(ID, "Failed", reason="UserDoesNotExist")
    house.report(ID, "AbsentSubscriber")
    house.report(ID, "Failed", reason="UserDoesNotExist")
    assert house.statuses() == [("failed", "UserDoesNotExist")]
    assert house.care.heard == [("undelivered", message, "UserDoesNotExist")]


def test_the_networks_word_is_the_reason_when_it_gives_none(house: House) -> None:
    sent(house)
    house.report(ID, "AbsentSubscriber")
    assert house.statuses() == [("failed", "AbsentSubscriber")]


def test_failed_then_success_is_delivered_and_the_escalation_stays(house: House) -> None:
    message = sent(house)
    house.report(ID, "Failed", reason="DeliveryFailure")
    house.report(ID, "Success")
    assert house.statuses() == [("delivered", "DeliveryFailure")]
    assert house.care.heard == [("undelivered", message, "DeliveryFailure"), ("delivered", message, "")]


def test_success_then_failed_stays_delivered(house: House) -> None:
    sent(house)
    house.report(ID, "Success")
    house.report(ID, "Failed", reason="DeliveryFailure")
    assert house.statuses() == [("delivered", None)]
    assert len(house.care.heard) == 1


def test_a_word_nobody_knows_is_kept_and_changes_nothing(house: House) -> None:
    message = sent(house)
    house.report(ID, "Teleported")
    assert house.statuses() == [("handed_over", None)]
    assert stored(house) == [("Teleported", None, message)]


def test_a_report_is_kept_once_however_often_it_comes(house: House) -> None:
    sent(house)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: house.report(ID, "Success"), range(20)))
    assert len(stored(house)) == 1
    assert len(house.care.heard) == 1


def test_a_report_that_comes_before_the_answer_waits_for_it(house: House) -> None:
    """The provider posts it while our request is still open."""
    house.provider.meanwhile = lambda _messages: house.report(ID, "Success")
    queued = house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert house.statuses() == [("delivered", None)]
    assert house.care.heard == [("handed_over", queued, ""), ("delivered", queued, "")]
    assert stored(house)[0][2] == queued


def test_a_failure_that_comes_before_the_answer_still_goes_back_to_care(house: House) -> None:
    house.provider.meanwhile = lambda _messages: house.report(ID, "Failed", reason="UserIsInactive")
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    assert house.care.story == [("handed_over", ""), ("undelivered", "UserIsInactive")]


def test_reports_and_answers_at_the_same_moment_never_miss_each_other(house: House) -> None:
    """Each report is posted by another thread as soon as the provider has made up its id."""
    with ThreadPoolExecutor(8) as pool:
        posted = []

        def post(_messages: list[Outgoing]) -> None:
            provider_id = f"peer-{len(house.provider.requests)}-0"
            posted.append(pool.submit(house.report, provider_id, "Success"))

        house.provider.meanwhile = post
        for number in range(40):
            house.queue(f"n{number}", Rank.REMINDER)
        house.deliver()
        for each in posted:
            each.result()
    assert {row["status"] for row in house.log()} == {"delivered"}
    assert len(house.log()) == 40


def test_a_report_about_nothing_of_ours_is_kept(house: House) -> None:
    sent(house)
    house.report("somebody-elses", "Success", phone="+22376999999")
    assert stored(house) == [("Success", None, None)]
    assert house.statuses() == [("handed_over", None)]


def test_one_id_for_several_phones_of_a_request_is_told_apart_by_the_phone(house: House) -> None:
    house.provider.batch_limit = 2
    house.provider.otherwise = ends(Fate.ACCEPTED)
    house.provider.script["+22376000001"].append(with_id("shared"))
    house.provider.script["+22376000002"].append(with_id("shared"))
    house.queue("RUPTURE CTA", phone="+22376000001")
    house.queue("RUPTURE CTA", phone="+22376000002")
    house.deliver()
    house.report("shared", "Success", phone="+22376000002")
    assert [(row["phone"], row["status"]) for row in house.log()] == [
        ("+22376000001", "handed_over"),
        ("+22376000002", "delivered"),
    ]


def with_id(provider_id: str) -> Handover:
    return replace(ends(Fate.ACCEPTED), provider_id=provider_id)


# ---------------------------------------------------------------- after a read timeout: no id to go by


def timed_out(house: House, rank: Rank) -> UUID:
    house.provider.script[NURSE].append(ends(Fate.UNKNOWN, "read timeout"))
    queued = house.queue("K7", rank)
    house.deliver()
    return queued


def test_the_next_report_about_that_phone_settles_a_reminder_of_unknown_end(house: House) -> None:
    message = timed_out(house, Rank.REMINDER)
    house.pass_time(minutes=14)
    house.report("ATXid_1", "Success")
    assert house.statuses() == [("delivered", "read timeout")]
    assert stored(house)[0][2] == message


@pytest.mark.parametrize(
    ("minutes", "phone"),
    [(16, NURSE), (1, "+22376000102")],  # too late to be about it; about another phone
)
def test_no_other_report_does(house: House, minutes: int, phone: str) -> None:
    timed_out(house, Rank.REMINDER)
    house.pass_time(minutes=minutes)
    house.report("ATXid_1", "Success", phone=phone)
    assert house.statuses() == [("unknown", "read timeout")]


def test_the_reports_that_follow_the_first_go_to_the_same_message(house: House) -> None:
    timed_out(house, Rank.REMINDER)
    house.report("ATXid_1", "Submitted")
    house.pass_time(hours=2)
    house.report("ATXid_1", "Failed", reason="UserIsInactive")
    assert house.statuses() == [("failed", "UserIsInactive")]


def test_a_report_that_came_during_the_call_that_timed_out_settles_it(house: House) -> None:
    house.provider.meanwhile = lambda _messages: house.report("ATXid_1", "Success")
    timed_out(house, Rank.REPLY)
    assert house.statuses() == [("delivered", "read timeout")]


def test_an_alert_already_passed_on_is_not_passed_on_again(house: House) -> None:
    """Both hand-overs ended unknown and the supervisor was told; late reports then say: on its way, failed."""
    timed_out(house, Rank.URGENT)
    house.pass_time(seconds=10)
    house.provider.script[NURSE].append(ends(Fate.UNKNOWN, "read timeout"))
    house.deliver()
    house.report("ATXid_1", "Submitted")
    house.report("ATXid_1", "Failed", reason="UserIsInactive")
    assert house.statuses() == [("failed", "UserIsInactive")]
    assert [what for what, _ in house.care.story] == ["undelivered", "handed_over"]


def test_a_report_in_time_spares_the_second_alert(house: House) -> None:
    message = timed_out(house, Rank.URGENT)
    house.report("ATXid_1", "Success")
    house.pass_time(minutes=1)
    house.deliver()
    assert house.statuses() == [("delivered", None)]
    assert len(house.provider.requests) == 1
    assert house.care.heard == [("handed_over", message, ""), ("delivered", message, "")]


def test_a_report_of_failure_does_not(house: House) -> None:
    timed_out(house, Rank.URGENT)
    house.report("ATXid_1", "Failed", reason="DeliveryFailure")
    house.pass_time(minutes=1)
    house.deliver()
    assert house.statuses() == [("handed_over", None)]
    assert len(house.provider.requests) == 2


def test_while_another_message_is_on_its_way_to_that_phone_nothing_is_guessed(house: House) -> None:
    """The report is about the second message, whose answer is not there yet; the first stays unknown."""
    timed_out(house, Rank.REMINDER)
    house.provider.meanwhile = lambda _messages: house.report("peer-2-0", "Success")
    second = house.queue("second")
    house.deliver()
    assert [row["status"] for row in house.log()] == ["unknown", "delivered"]
    assert stored(house)[0][2] == second


def test_two_alerts_of_one_message_both_find_it(house: House) -> None:
    """The first hand-over's lease ended, the alert went again; then both ids are reported on."""
    house.queue("URGENT K7", Rank.URGENT)

    def stand_still(_messages: list[Outgoing]) -> None:
        house.provider.meanwhile = lambda _messages: None
        house.pass_time(seconds=60)
        sweep_leases(house.store, house.clock, house.care)

    house.provider.meanwhile = stand_still
    house.deliver()
    house.pass_time(seconds=10)
    house.deliver()
    house.report("peer-2-0", "Submitted")
    assert house.statuses() == [("submitted", None)]
    house.report("peer-1-0", "Success")
    assert house.statuses() == [("delivered", None)]
    assert house.care.story == [("handed_over", ""), ("delivered", "")]


def test_a_care_that_stumbles_costs_no_report_and_a_human_sees_it(house: House) -> None:
    class Stumbling(CareDiary):
        def undelivered(self, *_rest: object) -> None:
            raise LookupError("no supervisor")

    sent(house)
    house.care = Stumbling()
    house.report(ID, "Failed", reason="UserDoesNotExist")
    assert house.statuses() == [("failed", "UserDoesNotExist")]
    with house.store.read() as connection:
        assert connection.scalars(select(faults.c.kind)).all() == ["aftercare_failed"]


def test_words_longer_than_we_keep_are_cut_not_refused(house: House) -> None:
    house.report("i" * 300, "W" * 300, reason="r" * 300)
    assert stored(house) == [("W" * 64, "r" * 80, None)]


WORD_STATUS = {"Sent": "handed_over", "Submitted": "submitted", "Failed": "failed", "Success": "delivered"}
ORDER = ["handed_over", "submitted", "failed", "delivered"]


@given(
    words=st.lists(st.sampled_from(["Sent", "Submitted", "Failed", "Success", "Odd"]), max_size=8),
    early=st.integers(0, 8),
)
def test_any_order_of_reports_ends_at_the_furthest(words: list[str], early: int) -> None:
    """Some of them come before the answer to the hand-over."""
    house = House(open_store("sqlite://"))
    before, after = words[:early], words[early:]
    seen_statuses: list[str] = []

    def report(word: str) -> None:
        house.report(ID, word)
        seen_statuses.extend(row["status"] for row in house.log())

    def report_early(_messages: list[Outgoing]) -> None:
        for word in before:
            report(word)

    house.provider.meanwhile = report_early
    house.queue("URGENT K7", Rank.URGENT)
    house.deliver()
    for word in after:
        report(word)
    furthest = max(["handed_over", *(WORD_STATUS[word] for word in words if word in WORD_STATUS)], key=ORDER.index)
    assert [row["status"] for row in house.log()] == [furthest]
    assert all(ORDER.index(a) <= ORDER.index(b) for a, b in itertools.pairwise(seen_statuses))
    assert len([what for what, _ in house.care.story if what == "undelivered"]) <= 1
    house.store.close()
