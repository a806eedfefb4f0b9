"""What if a CHW says more, says it otherwise, answers what was asked, or takes it back? One report stands."""

from __future__ import annotations

import pytest

from tests.support.field import BOY, CHW, GIRL, NURSE, STAFF, SUPERVISOR, Field

MOTHER = "138"


def standing(field: Field, flow: str = "sick_child") -> list[dict[str, object]]:
    return [row for row in field.reports() if row["flow"] == flow and row["state"] == "filed"]


def test_a_correction_is_one_report_with_what_it_corrects(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 TDR+ CTA")
    field.text(CHW, f"MAL {GIRL} FIEVRE 3")
    (report,) = standing(field)
    assert report["answers"] == {"fever_days": 3, "rdt": "positive", "treatments": ["act"], "signs": ["fever"]}
    assert "FIEVRE 3j" in field.last(CHW)
    assert "Avant: FIEVRE 2j" in field.last(CHW)
    assert field.reports()[0]["replaced_by"] == report["id"]


def test_a_sign_goes_with_the_value_it_came_from(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} PB 120 FIEVRE 1")
    field.text(CHW, f"MAL {GIRL} PB 130")
    (report,) = standing(field)
    assert report["answers"]["signs"] == ["fever"]  # type: ignore[index]


def test_an_hour_later_it_is_a_new_report(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    field.pass_time(minutes=61)
    field.text(CHW, f"MAL {GIRL} FIEVRE 3")
    assert len(standing(field)) == 2


def test_new_danger_is_news_and_no_correction(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert len(standing(field)) == 2
    assert field.last(NURSE).startswith("URGENT ")


@pytest.mark.parametrize(
    ("asked", "answer", "answers"),
    [
        (f"MAL {GIRL} FIEVRE 2 TDR", "+", {"fever_days": 2, "rdt": "positive"}),
        (f"MAL {GIRL} FIEVRE 2 XYZZQ", "TOUX 3", {"fever_days": 2, "cough_days": 3}),
        (f"MAL {GIRL} VOMIT FIEVRE 1", "NON", {"fever_days": 1}),
        ("MAL 4178 FIEVRE 2", "OUI", {"fever_days": 2}),
        ("MAL FIEVRE 2", GIRL, {"fever_days": 2}),
        (f"MAL {GIRL} PB 13,0", "130", {"muac_mm": 130}),
    ],
)
def test_a_bare_answer_is_read_in_its_place(field: Field, asked: str, answer: str, answers: dict[str, object]) -> None:
    field.text(CHW, asked)
    field.text(CHW, answer)
    (report,) = standing(field)
    said = {name: value for name, value in dict(report["answers"]).items() if name != "signs"}  # type: ignore[call-overload]
    assert said == answers
    assert report["patient_id"] is not None
    assert field.referrals() == []
    field.pass_time(minutes=6)
    assert field.referrals() == []


def test_an_answer_may_be_danger(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} PB 11,2")
    field.text(CHW, "cm")
    assert field.referral()["danger"] == ["muac_red"]
    assert field.last(CHW).startswith(str(field.referral()["code"]))


def test_the_code_that_was_missing_completes_the_open_referral(field: Field) -> None:
    field.text(CHW, "MAL CONVULSION")
    field.text(CHW, BOY)
    assert field.referral()["patient_id"] == standing(field)[0]["patient_id"]
    assert "07-205" in field.last(NURSE)


def test_a_danger_word_alone_is_no_answer_to_something_else(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 TDR")
    field.text(CHW, "CONVULSION")
    assert field.referral()["patient_id"] is None


def test_yes_to_two_open_questions_is_asked(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} VOMIT")
    field.text(CHW, f"MAL {BOY} VOMIT")
    field.text(CHW, "OUI")
    assert field.referrals() == []
    assert "417-7" in field.last(CHW)
    assert "20-5" in field.last(CHW)
    field.text(CHW, f"OUI {BOY}")
    assert field.referral()["danger"] == ["vomits_everything"]


def test_no_right_after_an_answer_takes_the_report_back(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 CTA")
    field.text(CHW, "NON")
    assert [row["state"] for row in field.reports() if row["flow"] == "sick_child"] == ["cancelled"]
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 CTA")
    assert len(standing(field)) == 1


def test_no_before_the_answer_was_handed_over_means_the_report_before(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    field.take(CHW, f"MAL {BOY} TOUX 2")
    field.text(CHW, "NON")
    states = {tuple(row["answers"]): row["state"] for row in field.reports() if row["flow"] == "sick_child"}
    assert states[("cough_days",)] == "filed"


def test_no_never_takes_back_an_open_referral(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    code = field.referral()["code"]
    field.text(CHW, "NON")
    assert field.referral()["state"] == "opened"
    assert f"ANN {code}" in field.last(CHW)
    field.text(CHW, f"ANN {code}")
    assert field.referral()["state"] == "cancelled"
    assert str(code) in field.last(NURSE)
    assert "ANNULE" in field.last(NURSE)


def test_what_a_cancelled_report_changed_is_put_back(field: Field) -> None:
    field.text(CHW, f"NAI {MOTHER} F 3KG")
    field.text(CHW, f"ANN {MOTHER}")
    field.text(CHW, "FAMILLE 123")
    assert "418" not in field.last(CHW)
    field.text(CHW, "MAL 4189 TOUX 1")
    assert "inconnu" in field.last(CHW)


def test_a_death_taken_back_is_danger_again(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(CHW, f"DEC {GIRL}")
    assert "Autopsie verbale" in field.last(SUPERVISOR)
    field.text(CHW, f"ANN {GIRL}")
    assert [row["state"] for row in field.referrals()] == ["died", "opened"]
    field.text(CHW, f"MAL {GIRL} FIEVRE 1")
    assert "417-7" in field.last(CHW)
    assert "decede" not in field.last(CHW)


@pytest.mark.parametrize(
    "text",
    [
        "VIS 123 CONVULSION",
        "VIS 999 CONVULSION",
        "STOCK CTA 3 CONVULSION",
        "FAMILLE 123 CONVULSION",
        f"DEP {GIRL} CONVULSION",
        "ANN CONVULSION",
    ],
)
def test_a_danger_word_in_any_report_reaches_the_nurse(field: Field, text: str) -> None:
    field.text(CHW, text)
    assert field.referral()["danger"] == ["convulsions"]
    assert field.last(NURSE).startswith("URGENT ")


def test_an_exercise_files_nothing_and_tells_nobody(field: Field) -> None:
    field.text(CHW, "ECOLE")
    for text in ("MAL 99012 CONVULSION", "ENR 99004 F 14M", "VIS 99004", "STOCK CTA 0", "NON"):
        field.text(CHW, text)
        assert field.last(CHW).startswith("EXERCICE:")
    assert field.reports() == []
    assert field.referrals() == []
    assert {phone for phone, _ in field.everything_sent()} == {CHW} & set(STAFF)
