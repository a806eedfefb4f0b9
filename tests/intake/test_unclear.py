"""When it cannot be read whether there is danger: the CHW is asked, and five minutes later a human is told."""

from __future__ import annotations

import pytest

from tests.support.field import BOY, CHW, GIRL, NURSE, OTHER_CHW, Field

# What may hide danger: an unreadable word, a measure without its unit, a negation of something we could not place.
UNCLEAR = [f"MAL {GIRL} FIEVRE 2 XYZZQ", f"MAL {GIRL} PB 11,2", "MAL XYZZQ", f"{GIRL} XYZZQ"]


@pytest.mark.parametrize("said", UNCLEAR)
def test_the_chw_is_asked_at_once_and_the_nurse_told_after_five_minutes(field: Field, said: str) -> None:
    field.text(CHW, said)
    assert len(field.phone(CHW)) == 1
    field.pass_time(minutes=4, seconds=59)
    assert field.phone(NURSE) == []
    field.pass_time(seconds=1)
    (alert,) = field.phone(NURSE)
    code = field.referral()["code"]
    assert alert.startswith(f"URGENT? {code}: ")
    assert "Appelez ASC 76000001" in alert
    assert alert.endswith(f"Repondez RECU {code}")
    assert not field.referral()["certain"]


def test_the_alert_quotes_the_words_that_were_read_and_no_others(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 XYZZQ Aminata Traore")
    field.pass_time(minutes=5)
    assert 'ASC ecrit: "MAL FIEVRE 2"' in field.last(NURSE)
    assert "Aminata" not in field.last(NURSE)
    assert "XYZZQ" not in field.last(NURSE)
    assert "XYZZQ" in field.phone(CHW)[0]


def test_a_measure_is_quoted_with_its_number(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} PB 11,2")
    field.pass_time(minutes=5)
    assert 'ASC ecrit: "MAL PB 11,2"' in field.last(NURSE)
    assert "fille 14 mois" in field.last(NURSE)


def test_a_correction_in_time_prevents_it(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 XYZZQ")
    field.pass_time(minutes=4)
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 TOUX 3")
    field.pass_time(hours=2)
    assert field.phone(NURSE) == []
    assert field.referrals() == []
    assert len(field.reports()) == 2


def test_a_correction_with_danger_alerts_at_once_and_only_once(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} PB 11,2")
    field.pass_time(minutes=2)
    field.text(CHW, f"MAL {GIRL} PB 112")
    assert field.last(NURSE).startswith("URGENT ")
    field.pass_time(minutes=30)
    assert not any(text.startswith("URGENT?") for text in field.phone(NURSE))


def test_a_report_about_another_child_corrects_nothing(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} PB 11,2")
    field.text(CHW, f"MAL {BOY} PB 130")
    field.pass_time(minutes=5)
    assert field.last(NURSE).startswith("URGENT? ")
    assert "07-4177" in field.last(NURSE)


def test_another_chws_report_corrects_nothing(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} PB 11,2")
    field.text(OTHER_CHW, f"MAL 07-{GIRL} PB 130")
    field.pass_time(minutes=5)
    assert field.last(NURSE).startswith("URGENT? ")


def test_an_unclear_correction_corrects_nothing(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} XYZZQ")
    field.pass_time(minutes=3)
    field.text(CHW, f"MAL {GIRL} FIEVRE XYZZW")
    field.pass_time(minutes=2)
    assert field.last(NURSE).startswith("URGENT? ")


def test_two_unclear_reports_about_one_child_are_one_referral(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} XYZZQ")
    field.text(CHW, f"MAL {GIRL} BLORPT")
    field.pass_time(minutes=6)
    assert len(field.referrals()) == 1


def test_the_nurse_answers_an_unclear_alert_like_any_other(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} XYZZQ")
    field.pass_time(minutes=5)
    field.text(NURSE, "RECU")
    assert field.referral()["state"] == "received"
    assert "le centre a recu l'alerte" in field.last(CHW)


def test_clear_danger_beside_an_unreadable_word_does_not_wait(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION XYZZQ")
    assert field.last(NURSE).startswith("URGENT ")
    assert "CONVULSION" in field.last(NURSE)
    field.pass_time(minutes=30)
    assert len(field.referrals()) == 1


def test_an_unclear_report_about_a_child_already_referred_does_not_make_it_look_routine(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 XYZZQ")
    field.pass_time(minutes=6)
    assert all("URGENT" in text for text in field.phone(NURSE))


def test_an_unreadable_word_in_a_routine_referral_makes_it_urgent_after_five_minutes(field: Field) -> None:
    field.text(CHW, f"REF {GIRL} XYZZQ")
    assert "URGENT" not in field.last(NURSE)
    field.pass_time(minutes=5)
    assert "URGENT" in field.last(NURSE)
    assert len(field.referrals()) == 1
    assert field.referral()["urgency"] == "urgent"


def test_chatter_alerts_nobody(field: Field) -> None:
    for said in ("Bonjour docteur", "merci", "AIDE", f"MAL {GIRL} FIEVRE 2"):
        field.text(CHW, said)
    field.pass_time(hours=1)
    assert field.phone(NURSE) == []


def test_a_code_and_an_unreadable_word_are_about_that_person(field: Field) -> None:
    field.text(CHW, f"{GIRL} BLORPT")
    assert "Quel rapport" in field.last(CHW)
    field.pass_time(minutes=5)
    assert "fille 14 mois, 07-4177" in field.last(NURSE)
    assert field.reports()[0]["state"] == "unfiled"


def test_a_report_about_that_person_says_what_it_was(field: Field) -> None:
    field.text(CHW, f"{GIRL} BLORPT")
    field.text(CHW, f"MAL {GIRL} TOUX 3")
    field.pass_time(minutes=30)
    assert field.phone(NURSE) == []


@pytest.mark.parametrize("said", [GIRL, f"{GIRL} merci", "4178 XYZZQ", "je passe demain XYZZQ", "XYZZQ au 76123456"])
def test_what_is_about_nobody_or_says_nothing_is_only_asked(field: Field, said: str) -> None:
    field.text(CHW, said)
    field.pass_time(minutes=30)
    assert field.phone(NURSE) == []
