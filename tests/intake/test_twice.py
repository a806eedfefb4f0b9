"""Nothing is counted twice: the provider repeats itself, and so do people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smsgateway.channels.messages import Fate
from tests.support.field import BOY, CHW, GIRL, NURSE, OTHER_CHW, Field


def test_the_same_callback_changes_nothing_and_sends_nothing(field: Field) -> None:
    for _ in range(3):
        field.text(CHW, f"MAL {GIRL} CONVULSION", id="at-1")
        field.pass_time(minutes=1)
    assert len(field.messages()) == len(field.reports()) == len(field.referrals()) == 1
    assert len(field.phone(NURSE)) == len(field.phone(CHW)) == 1


def test_a_callback_repeated_days_later_changes_nothing(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2", id="at-1")
    field.clock.advance(timedelta(days=9))
    field.take(CHW, f"MAL {GIRL} FIEVRE 2", id="at-1")
    assert len(field.messages()) == len(field.reports()) == 1
    assert field.queued() == []


def test_one_id_with_two_contents_is_the_first(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2", id="at-1")
    field.text(CHW, f"MAL {GIRL} CONVULSION", id="at-1")
    assert [row["text"] for row in field.messages()] == [f"MAL {GIRL} FIEVRE 2"]


@pytest.mark.parametrize(
    "again", [f"MAL {GIRL} CONVULSION", "mal 417-7 convulsions", f"MAL{GIRL}CONVULSION.", f"SICK {GIRL} fits"]
)
def test_the_same_report_in_a_new_message_is_one_report_and_a_second_text_to_the_nurse(
    field: Field, again: str
) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(hours=11)
    field.text(CHW, again)
    assert len(field.messages()) == 2
    assert len(field.reports()) == 1
    code = field.referral()["code"]
    first, *_, second = field.phone(NURSE)
    assert first.startswith(f"URGENT {code}")
    assert second.startswith(f"2e message: URGENT {code}")
    assert field.phone(CHW)[0] == field.phone(CHW)[-1]
    assert "repeated" in field.history()


def test_after_twelve_hours_it_is_another_report(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    field.pass_time(hours=12, minutes=1)
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    assert len(field.reports()) == 2


@pytest.mark.parametrize(
    ("sender", "text"),
    [(OTHER_CHW, f"MAL 07-{GIRL} FIEVRE 2"), (CHW, f"MAL {BOY} FIEVRE 2"), (CHW, f"MAL {GIRL} FIEVRE 3")],
)
def test_another_sender_child_or_value_is_another_report(field: Field, sender: str, text: str) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    field.text(sender, text)
    assert len(field.reports()) == 2


def test_a_visit_reported_twice_is_one_visit(field: Field) -> None:
    for _ in range(2):
        field.text(CHW, "VIS 123 151")
    assert len(field.reports()) == 2  # one for each household
    assert field.phone(CHW)[0] == field.phone(CHW)[1]


def test_two_households_registered_with_the_same_words_an_hour_apart_are_one(field: Field) -> None:
    """The answer was lost, so she wrote again: she gets the code she was given, and no second household exists."""
    field.text(CHW, "MEN 6 ACCORD")
    field.pass_time(hours=1)
    field.text(CHW, "MEN 6 ACCORD")
    assert field.phone(CHW)[0] == field.phone(CHW)[1]
    assert len(field.reports()) == 1


def test_a_question_asked_twice_is_answered_twice(field: Field) -> None:
    for _ in range(2):
        field.text(CHW, "AIDE MAL")
    assert len(field.phone(CHW)) == 2


def test_the_same_report_again_while_its_alert_waits_for_the_network_reaches_the_nurse(field: Field) -> None:
    field.network.break_down(Fate.RETRY)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert field.phone(NURSE) == []
    field.network.repair()
    field.pass_time(minutes=5)
    assert sum(text.startswith("URGENT") for text in field.phone(NURSE)) == 1
    assert len(field.reports()) == 1


@pytest.mark.parametrize("said", [f"MAL {GIRL} CONVULSION", "MAL 4171 CONVULSION", "URG"])
def test_the_same_words_after_the_first_danger_is_over_are_a_new_danger(field: Field, said: str) -> None:
    """The girl came home from the clinic, and has convulsions again."""
    field.text(CHW, said)
    field.text(NURSE, f"GUERI {field.referral()['code']}")
    field.pass_time(hours=3)
    field.text(CHW, said)
    assert [row["state"] for row in field.referrals()] == ["closed", "opened"]
    second = field.referrals()[1]["code"]
    assert field.last(NURSE).startswith(f"URGENT {second}")
    assert field.last(CHW).startswith(second)
    assert len(field.reports()) == 2
