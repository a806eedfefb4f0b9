"""A report is never filed under the wrong patient: the check digit decides where a code begins and ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.text.codes import code_for, is_valid
from tests.reading.cases import heard


@pytest.mark.parametrize(
    "written",
    ["4177", "417-7", "417 7", "4 177", "41 77", "417.7", "417/7", "4l77", "4I77", "N°4177", "#4177", "code 4177"],
)
def test_one_code_written_in_many_ways(written: str) -> None:
    assert heard(f"MAL {written} FIEVRE 2")["subject"] == "4177"


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("MAL 417 7 FIEVRE 2", "4177"),
        ("MAL 417-7 FIEVRE 2", "4177"),
        ("MAL 4177 FIEVRE 2", "4177"),
        ("MAL 99999999 FIEVRE 2", None),  # a phone is no code
        ("MAL 0417 FIEVRE 2", None),
    ],
)
def test_without_a_catchment_a_code_is_taken_by_its_form(text: str, subject: str | None) -> None:
    assert heard(text, chw=None)["subject"] == subject


@pytest.mark.parametrize("text", ["MAL 4178 FIEVRE 2", "MAL 1477 FIEVRE 2", "MAL 477 FIEVRE 2", "MAL 41777 FIEVRE 2"])
def test_a_slip_of_the_thumb_is_asked_not_filed(text: str) -> None:
    answer = heard(text)
    assert (answer["subject"], answer["outcome"]) == (None, "ask")
    assert answer["unclear"] == [text.split()[1]]
    assert "inconnu" in answer["reply"]


@given(serial=st.integers(10, 9999), place=st.integers(0, 4), digit=st.integers(0, 9))
def test_no_wrong_digit_names_another_patient(serial: int, place: int, digit: int) -> None:
    code = code_for("07", serial)
    at = place % len(code)
    typed = code[:at] + str(digit) + code[at + 1 :]
    subject = heard(f"MAL {typed} FIEVRE 2")["subject"]
    assert subject == (code if typed == code else None)


@given(serial=st.integers(10, 9999), days=st.integers(0, 30))
def test_a_value_beside_a_code_is_never_drawn_into_it(serial: int, days: int) -> None:
    code = code_for("07", serial)
    for text in (
        f"MAL {code} TOUX {days}",
        f"MAL TOUX {days} {code}",
        f"{code} MAL TOUX {days}",
        f"MAL {code},TOUX {days}.",
    ):
        answer = heard(text, age_months=20)
        assert (answer["subject"], answer["answers"]["cough_days"]) == (code, days)


def test_two_codes_that_both_exist_are_filed_under_neither() -> None:
    both = [code_for("07", 417), code_for("07", 523)]
    answer = heard(f"MAL {' '.join(both)} FIEVRE 2")
    assert (answer["subject"], answer["outcome"], answer["unclear"]) == (None, "ask", both)


def test_of_a_list_of_households_the_bad_one_is_asked_and_the_others_are_kept() -> None:
    answer = heard("VIS 123 151 184")
    assert answer["answers"]["households"] == ["123", "151"]
    assert (answer["unclear"], answer["outcome"]) == (["184"], "ask")


def test_a_list_is_no_code_of_another_catchment() -> None:
    assert is_valid("07", "123")
    assert heard("VIS 123-151")["answers"]["households"] == ["123", "151"]
