"""Households and people enter the register by SMS, each with a code that nobody else has or ever had."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsgateway.store.tables import catchments, codes, households, patients
from smsgateway.text.codes import is_valid
from tests.support.field import CHW, HOUSEHOLD, NURSE, OTHER_CHW, STRANGER, TWO_CATCHMENTS, Field
from tests.support.session import Session


def code_in(answer: str) -> str:
    """The code an answer gives, without its hyphen."""
    found = re.search(r"(\d+)-(\d)", answer)
    assert found, answer
    return found[1] + found[2]


def test_a_household_gets_the_next_code_of_its_catchment(field: Field) -> None:
    field.text(CHW, "MEN 6 ACCORD")
    assert field.last(CHW) == "Menage 418-9, 6 personnes. Ecrivez le code sur la porte et la fiche."
    (new,) = [row for row in field.rows(households) if row["serial"] == 418]
    assert (new["people"], new["consent"]) == (6, True)
    assert field.reports()[0]["household_id"] == new["id"]


def test_a_household_without_consent_is_registered_so(field: Field) -> None:
    field.text(CHW, "MEN 4")
    assert [row["consent"] for row in field.rows(households) if row["serial"] == 418] == [False]


def test_how_many_people_is_asked_before_a_code_is_given(field: Field) -> None:
    field.text(CHW, "MEN ACCORD")
    assert field.last(CHW).endswith("Combien de personnes?")
    assert all(row["serial"] < 418 for row in field.rows(households))


@pytest.mark.parametrize(
    ("said", "sex", "days"),
    [
        (f"ENR {HOUSEHOLD} F 14M", "F", (426, 456)),
        ("enr 12-3 fille quatorze mois", "F", (426, 456)),
        (f"ENR {HOUSEHOLD} M 5J", "M", (5, 5)),
        (f"REG {HOUSEHOLD} M 3Y", "M", (1095, 1460)),
    ],
)
def test_a_person_gets_a_code_and_a_birth_date_as_precise_as_the_age(
    field: Field, said: str, sex: str, days: tuple[int, int]
) -> None:
    field.text(CHW, said)
    assert "418-9" in field.last(CHW)
    (new,) = [row for row in field.rows(patients) if row["serial"] == 418]
    assert new["sex"] == sex
    ages = [(field.clock.now().date() - new[bound]).days for bound in ("born_to", "born_from")]
    assert ages[0] == pytest.approx(days[0], abs=1)
    assert ages[1] == pytest.approx(days[1], abs=1)
    (home,) = [row for row in field.rows(households) if row["id"] == new["household_id"]]
    assert home["serial"] == 12


def test_the_new_code_can_be_used_at_once(field: Field) -> None:
    field.text(CHW, "MEN 6 ACCORD")
    household = code_in(field.last(CHW))
    field.text(CHW, f"ENR {household} F 9M")
    child = code_in(field.last(CHW))
    field.text(CHW, f"MAL {child} CONVULSION")
    assert "fille 9 mois" in field.last(NURSE)
    assert field.referral()["patient_id"] is not None


@pytest.mark.parametrize("said", ["ENR 999 F 14M", "ENR F 14M", f"ENR {HOUSEHOLD} 14M", f"ENR {HOUSEHOLD} F"])
def test_nobody_is_registered_while_something_must_be_asked(field: Field, said: str) -> None:
    before = len(field.rows(patients))
    field.text(CHW, said)
    assert "?" in field.last(CHW) or "inconnu" in field.last(CHW)
    assert len(field.rows(patients)) == before


@pytest.mark.parametrize("sender", [NURSE, STRANGER])
def test_only_chws_register(field: Field, sender: str) -> None:
    field.text(sender, "MEN 6 ACCORD")
    assert all(row["serial"] < 418 for row in field.rows(households))


def test_registrations_at_the_same_moment_never_share_a_serial(field: Field) -> None:
    """Two CHWs of one catchment (a cover), households and people at once, as fast as threads can."""
    said = [(CHW, f"MEN {2 + i} ACCORD") for i in range(10)]
    said += [(CHW, f"ENR {HOUSEHOLD} {'FM'[i % 2]} {10 + i}M") for i in range(10)]
    said += [(OTHER_CHW, f"ENR 07-{HOUSEHOLD} {'FM'[i % 2]} {30 + i}M") for i in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda each: field.take(*each), said))
    new = [row for row in field.rows(codes) if row["serial"] >= 418]
    assert sorted(row["serial"] for row in new) == list(range(418, 448))
    assert len({row["subject_id"] for row in new}) == 30
    assert {row["state"] for row in field.messages()} == {"handled"}
    field.settle()
    given = [code_in(answer) for phone in (CHW, OTHER_CHW) for answer in field.phone(phone)]
    assert len(set(given)) == 30
    assert all(is_valid("07", code) for code in given)


# ---------------------------------------------------------------- a CHW of two catchments


def new_homes(field: Field) -> list[tuple[str, int]]:
    """The catchment and size of every household registered since."""
    numbers = {row["id"]: row["number"] for row in field.rows(catchments)}
    by_report = {row["household_id"] for row in field.reports() if row["flow"] == "register_household"}
    rows = [row for row in field.rows(households) if row["id"] in by_report]
    return [(numbers[row["catchment_id"]], row["people"]) for row in rows]


def test_a_household_in_one_of_two_catchments_is_asked_about_and_never_guessed(field: Field) -> None:
    field.text(TWO_CATCHMENTS, "MEN 6 ACCORD")
    assert field.last(TWO_CATCHMENTS).endswith("Dans quelle zone: 04 / 12? Repondez par son numero.")
    assert field.reports() == []
    field.text(TWO_CATCHMENTS, "12")
    assert new_homes(field) == [("12", 6)]
    assert re.search(r"Menage 12-\d{3,}, 6 personnes", field.last(TWO_CATCHMENTS))


@pytest.mark.parametrize(
    "said", ["MEN 6 ZONE 12", "MEN ZONE 12 6 ACCORD", "men 6 accord zone:12", "HH 6 AREA 12", "MEN 6 ZONE12"]
)
def test_the_catchment_may_be_written_with_it(field: Field, said: str) -> None:
    field.text(TWO_CATCHMENTS, said)
    assert new_homes(field) == [("12", 6)]


@pytest.mark.parametrize("reply", ["04", "4", "ZONE 4", "zone 04"])
def test_the_question_takes_a_number_or_the_words(field: Field, reply: str) -> None:
    field.text(TWO_CATCHMENTS, "MEN 6")
    field.text(TWO_CATCHMENTS, reply)
    assert new_homes(field) == [("04", 6)]


@pytest.mark.parametrize("who", [CHW, TWO_CATCHMENTS])
def test_an_area_that_is_not_hers_is_asked_back(field: Field, who: str) -> None:
    field.text(who, "MEN 6 ZONE 09")
    assert "Dans quelle zone" in field.last(who)
    assert field.reports() == []


def test_who_has_one_catchment_is_never_asked(field: Field) -> None:
    field.text(CHW, "MEN 6 ZONE 7")
    assert new_homes(field) == [("07", 6)]
    assert "Menage 418-9" in field.last(CHW)


def test_a_person_and_a_newborn_of_hers_get_the_whole_code(field: Field) -> None:
    field.text(TWO_CATCHMENTS, "MEN 6 ZONE 12")
    home = re.search(r"12-\d+", field.last(TWO_CATCHMENTS))
    assert home
    field.text(TWO_CATCHMENTS, f"ENR {home[0]} F 25A")
    woman = re.search(r"Patient (12-\d+)", field.last(TWO_CATCHMENTS))
    assert woman
    field.text(TWO_CATCHMENTS, f"NAI {woman[1]} F 3KG")
    assert re.search(r"fille 12-\d+ 3 kg, mere 12-\d+", field.last(TWO_CATCHMENTS))


def test_the_screens_ask_only_who_has_several(field: Field) -> None:
    session = Session(field, TWO_CATCHMENTS)
    session.enter("10")
    assert "Dans quelle zone?\n1 Zone 04\n2 Zone 12" in session.screen
    session.enter("3")
    assert "Dans quelle zone?" in session.screen
    session.enter("2", "6")
    session.to_the_end()
    hers = Session(field)
    hers.enter("10", "4")
    assert "zone" not in hers.screen
    hers.to_the_end()
    assert new_homes(field) == [("12", 6), ("07", 4)]
