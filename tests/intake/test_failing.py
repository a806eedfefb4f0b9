"""A message whose handling fails is not lost: it is kept, tried again, and from a CHW it counts as danger meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.field import CHW, GIRL, NURSE, STRANGER, SUPERVISOR, Field


def test_it_is_kept_with_its_bytes_and_the_kind_of_failure_but_not_the_words(field: Field) -> None:
    with field.refusing("reports"):
        field.take(CHW, f"MAL {GIRL} CONVULSION", id="at-1")
    (message,) = field.messages()
    assert (message["state"], message["attempts"], message["text"]) == ("failed", 1, f"MAL {GIRL} CONVULSION")
    assert message["raw"] == b"id=at-1"
    assert message["staff_id"] == field.staff("ASC07")["id"]
    assert "CONVULSION" not in message["error"]


def test_the_provider_repeating_it_meanwhile_changes_nothing(field: Field) -> None:
    with field.refusing("reports"):
        for _ in range(3):
            field.take(CHW, f"MAL {GIRL} CONVULSION", id="at-1")
    assert len(field.messages()) == 1
    field.pass_time(minutes=10)
    assert len(field.reports()) == 1


def test_it_is_tried_again_within_seconds_and_then_is_like_any_other(field: Field) -> None:
    with field.refusing("reports"):
        field.take(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(seconds=30)
    assert [row["state"] for row in field.messages()] == ["handled"]
    assert field.last(NURSE).startswith("URGENT ")
    assert "PARTEZ MAINTENANT" in field.last(CHW)
    field.pass_time(hours=1)
    assert not any(text.startswith("URGENT?") for text in field.phone(NURSE))
    assert len(field.referrals()) == 1
    assert field.faults() == []


def test_from_a_chw_it_counts_as_unclear_danger_after_five_minutes(field: Field) -> None:
    with field.refusing("reports"):
        field.take(CHW, f"MAL {GIRL} FIEVRE 2")
        field.pass_time(minutes=4)
        assert field.phone(NURSE) == []
        field.pass_time(minutes=1, seconds=1)
        assert field.last(NURSE).startswith("URGENT? ")
        assert "Appelez ASC 76000001" in field.last(NURSE)
    assert not field.referral()["certain"]


def test_what_cannot_be_handled_is_given_up_and_becomes_a_fault(field: Field) -> None:
    with field.refusing("reports"):
        field.take(CHW, f"MAL {GIRL} FIEVRE 2")
        field.pass_time(minutes=30)
    (message,) = field.messages()
    assert (message["state"], message["attempts"]) == ("given_up", 4)
    assert field.faults() == ["message_not_handled"]
    assert field.last(NURSE).startswith("URGENT? ")
    assert field.reports() == []


def test_mended_after_the_alert_it_is_filed_all_the_same(field: Field) -> None:
    with field.refusing("reports"):
        field.take(CHW, f"MAL {GIRL} FIEVRE 2")
        field.pass_time(seconds=100)
    field.pass_time(minutes=6)
    assert [row["state"] for row in field.messages()] == ["handled"]
    assert len(field.reports()) == 1
    assert field.phone(NURSE) == []


@pytest.mark.parametrize("sender", [STRANGER, NURSE, SUPERVISOR, "MTN"])
def test_from_anybody_else_it_is_kept_and_tried_again_without_alarm(field: Field, sender: str) -> None:
    with field.refusing("inbound"):
        field.take(sender, "Bonjour docteur")
        field.pass_time(seconds=10)
        assert [row["state"] for row in field.messages()] == ["failed"]
    field.pass_time(minutes=10)
    assert [row["state"] for row in field.messages()] == ["handled"]
    assert field.referrals() == []


def test_a_failure_costs_the_next_message_nothing(field: Field) -> None:
    with field.refusing("referrals"):
        field.take(CHW, f"MAL {GIRL} CONVULSION")
        field.text(CHW, "MAL 205 FIEVRE 2")
    assert [row["state"] for row in field.messages()] == ["failed", "handled"]
    assert field.last(CHW).startswith("Bien note garcon 8 mois")


def test_a_retry_keeps_the_moment_it_arrived(field: Field) -> None:
    arrived = field.clock.now()
    with field.refusing("reports"):
        field.take(CHW, f"MAL {GIRL} FIEVRE 2")
    field.pass_time(seconds=30)
    assert field.reports()[0]["happened_at"] == arrived


def test_an_alert_that_comes_of_a_retry_is_not_held_back_by_its_age(field: Field) -> None:
    with field.refusing("outbox"):
        field.take(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(seconds=30)
    alert = field.network.texts_to(NURSE)[-1]
    assert alert.at - field.messages()[0]["arrived_at"] < timedelta(seconds=31)
