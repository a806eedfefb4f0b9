"""Messages from people nobody registered, and from things that are not people."""

from __future__ import annotations

import pytest

from tests.support.field import CHW, LEAD, NURSE, STRANGER, Field

FRIEND = "+22366000998"


def test_a_stranger_is_told_once_a_day_whom_this_number_is_for(field: Field) -> None:
    for _ in range(4):
        field.text(STRANGER, "Bonjour docteur")
        field.pass_time(hours=5)
    assert len(field.phone(STRANGER)) == 1
    assert "pas inscrit" in field.last(STRANGER)
    field.pass_time(hours=5)
    field.text(STRANGER, "Bonjour encore")
    assert len(field.phone(STRANGER)) == 2
    assert len(field.messages()) == 5


def test_each_stranger_is_told(field: Field) -> None:
    field.text(STRANGER, "Bonjour")
    field.text(FRIEND, "Bonjour")
    assert len(field.phone(STRANGER)) == len(field.phone(FRIEND)) == 1


def test_a_strangers_message_is_kept_whole_without_site_or_sender_of_ours(field: Field) -> None:
    field.text(STRANGER, "  Où êtes-vous ?\n")
    (message,) = field.messages()
    assert (message["text"], message["sender"], message["staff_id"]) == ("  Où êtes-vous ?\n", STRANGER, None)


@pytest.mark.parametrize("said", ["Mon enfant CONVULSION", "URG", "convulsoin aidez nous", "MAL 4177 SANG"])
def test_a_danger_word_from_an_unknown_phone_alerts_the_site_lead_at_any_hour(field: Field, said: str) -> None:
    field.pass_time(hours=15)  # 23:00
    field.text(STRANGER, said)
    (alert,) = field.phone(LEAD)
    assert alert.startswith("URGENT? Numero inconnu")
    assert STRANGER in alert  # nobody else has the number to call
    assert "appelez le centre" in field.last(STRANGER)
    assert field.phone(NURSE) == []
    assert field.reports() == []


def test_somebody_frightened_who_writes_ten_times_alerts_once_an_hour(field: Field) -> None:
    for _ in range(10):
        field.text(STRANGER, "CONVULSION")
        field.pass_time(minutes=1)
    assert len(field.phone(LEAD)) == 1
    field.pass_time(hours=1)
    field.text(STRANGER, "CONVULSION")
    assert len(field.phone(LEAD)) == 2
    assert len(field.phone(STRANGER)) == 1


def test_a_stranger_who_was_told_this_morning_still_alerts(field: Field) -> None:
    field.text(STRANGER, "Bonjour")
    field.text(STRANGER, "CONVULSION")
    assert len(field.phone(LEAD)) == 1


def test_two_strangers_in_the_same_hour_both_alert(field: Field) -> None:
    field.text(STRANGER, "CONVULSION")
    field.text(FRIEND, "CONVULSION")
    assert len(field.phone(LEAD)) == 2


def test_danger_from_a_stranger_with_no_lead_to_tell_is_a_fault(field: Field) -> None:
    field.change_staff("RESP01", role="admin")
    field.text(STRANGER, "CONVULSION")
    assert field.faults() == ["nobody_reachable"]


def test_a_name_or_a_short_code_is_kept_and_never_answered(field: Field) -> None:
    """An answer to a machine that answers would go on for ever, at our cost."""
    senders = ("MTN", "36000", "OrangeMali", "+36000", "", "Info Sante")
    said = [(sender, text) for sender in senders for text in ("Vous avez recu 500 FCFA", "URG", "AIDE", "")]
    for sender, text in said:
        field.text(sender, text)
    assert [(row["sender"], row["text"]) for row in field.messages()] == said
    assert {row["state"] for row in field.messages()} == {"handled"}
    assert field.everything_sent() == []


def test_an_empty_text_is_kept(field: Field) -> None:
    for text in ("", "   ", "\n"):
        field.text(CHW, text)
        field.text(STRANGER, text)
    assert [row["text"] for row in field.messages()] == ["", "", "   ", "   ", "\n", "\n"]
    assert len(field.phone(CHW)) == 3
    assert len(field.phone(STRANGER)) == 1


def test_a_chws_second_phone_is_hers(field: Field) -> None:
    second = "+22376000021"
    field.text(second, "MAL 07-4177 CONVULSION")
    assert field.phone(second) != []
    assert field.reports()[0]["staff_id"] == field.staff("ASC11")["id"]
    assert "76000021" in field.last(NURSE)  # the phone she holds now
