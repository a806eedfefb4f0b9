"""A death told by whoever sent the person: the referral ends, nobody waits any more, and it stays the CHW's word."""

from __future__ import annotations

from datetime import date

import pytest

from smsgateway.store.tables import due, patients, referral_events
from tests.support.field import CHW, GIRL, NURSE, OTHER_CHW, SUPERVISOR, Field


def sent(field: Field, text: str = f"MAL {GIRL} CONVULSION FIEVRE 1") -> str:
    field.text(CHW, text)
    return str(field.referral()["code"])


def girl(field: Field) -> dict[str, object]:
    return next(row for row in field.rows(patients) if row["serial"] == 417)


@pytest.mark.parametrize("words", ["DECEDE {}", "{} decede", "DEC {}", "l'enfant de {} est decede", "DIED {}"])
def test_the_chw_tells_the_death_of_whom_she_sent(field: Field, words: str) -> None:
    code = sent(field)
    field.text(CHW, words.format(code))
    assert (field.referral()["state"], field.referral()["outcome_by"]) == ("died", "chw")
    assert girl(field)["died_on"] == date(2026, 11, 23)
    assert "Deces note fille 14 mois 417-7" in field.last(CHW)
    assert f"{code} fille 14 mois 07-4177: decede, dit l'ASC 76000001" in field.last(NURSE)
    assert any("dit l'ASC 76000001" in body for body in field.phone(SUPERVISOR))
    assert "Autopsie verbale" in field.last(SUPERVISOR)


def test_nobody_is_reminded_or_asked_any_more(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 TDR+ CTA")
    code = sent(field)
    field.text(CHW, f"DECEDE {code}")
    assert not [row for row in field.rows(due) if row["subject_id"] in (girl(field)["id"], field.referral()["id"])]
    before = len(field.everything_sent())
    field.pass_time(hours=50)
    about = [body for _, body in field.everything_sent()[before:] if code in body or "417-7" in body]
    assert not [body for body in about if "Autopsie" not in body]


def test_when_and_where_may_be_told_with_it(field: Field) -> None:
    code = sent(field)
    field.text(CHW, f"DECEDE {code} 22/11 a la maison")
    assert girl(field)["died_on"] == date(2026, 11, 22)
    (report,) = [row for row in field.reports() if row["flow"] == "death"]
    assert report["answers"] == {"date": "11-22", "at_home": True}


def test_words_that_cannot_be_read_do_not_undo_a_death(field: Field) -> None:
    code = sent(field)
    field.text(CHW, f"DECEDE {code} blorpt avant le depart")
    assert field.referral()["state"] == "died"
    field.pass_time(minutes=6)
    assert len(field.referrals()) == 1


@pytest.mark.parametrize("words", [f"ANN {GIRL}", "ANN {}"])
def test_it_is_taken_back_like_every_death(field: Field, words: str) -> None:
    code = sent(field)
    field.text(CHW, f"DECEDE {code}")
    field.text(CHW, words.format(code))
    assert girl(field)["died_on"] is None
    assert [row["state"] for row in field.referrals()] == ["died", "opened"]
    assert [row["state"] for row in field.reports() if row["flow"] == "sick_child"] == ["filed"]


@pytest.mark.parametrize("who", [NURSE, OTHER_CHW])
def test_taking_back_what_was_reported_before_a_death_alerts_nobody(field: Field, who: str) -> None:
    code = sent(field)
    field.text(who, f"DECEDE {code}" if who == NURSE else f"DEC 07-{GIRL}")
    before = len(field.phone(NURSE))
    field.text(CHW, f"ANN {GIRL}")
    assert [row["state"] for row in field.reports() if row["flow"] == "sick_child"] == ["cancelled"]
    assert [row["state"] for row in field.referrals()] == ["died"]
    assert not [body for body in field.phone(NURSE)[before:] if body.startswith("URGENT")]


def test_the_clinic_confirms_what_the_chw_said_and_not_the_other_way_round(field: Field) -> None:
    code = sent(field)
    field.text(CHW, f"DECEDE {code}")
    field.text(NURSE, f"DECEDE {code}")
    assert field.referral()["outcome_by"] == "nurse"
    assert field.last(CHW).endswith(f"{code} fille 14 mois 07-4177: decede.")
    field.text(CHW, f"DECEDE {code}")
    assert field.referral()["outcome_by"] == "nurse"
    said = [
        (row["detail"]["role"], row["detail"]["moved"]) for row in field.rows(referral_events) if row["kind"] == "died"
    ]
    assert said == [("chw", True), ("nurse", True)]


def test_a_child_that_died_at_the_hospital_is_known_from_the_family(field: Field) -> None:
    code = sent(field)
    field.text(NURSE, f"HOSPITALISE {code}")
    field.pass_time(hours=30)
    field.text(CHW, f"DECEDE {code}")
    assert (field.referral()["state"], field.referral()["outcome"]) == ("died", "died")


def test_of_a_visitor_the_referral_ends_and_nothing_is_filed(field: Field) -> None:
    code = sent(field, "MAL 0 F 14M CONVULSION")
    field.text(CHW, f"DEC {code}")
    assert field.referral()["state"] == "died"
    assert code in field.last(CHW)
    assert not [row for row in field.reports() if row["flow"] == "death"]


@pytest.mark.parametrize("words", ["DECEDE {}", "DEC {}"])
def test_another_chw_has_no_say(field: Field, words: str) -> None:
    code = sent(field)
    field.text(OTHER_CHW, words.format(code))
    assert field.referral()["state"] == "opened"
    assert girl(field)["died_on"] is None
    assert code in field.last(OTHER_CHW)


@pytest.mark.parametrize("words", ["DECEDE", "decede hier"])
def test_without_a_code_it_is_asked_who_died(field: Field, words: str) -> None:
    sent(field)
    field.text(CHW, words)
    assert field.referral()["state"] == "opened"
    assert "?" in field.last(CHW)


def test_the_nurse_alone_confirms(field: Field) -> None:
    code = sent(field)
    field.text(NURSE, f"DECEDE {code}")
    assert field.referral()["outcome_by"] == "nurse"
    assert "dit l'ASC" not in field.last(SUPERVISOR)
