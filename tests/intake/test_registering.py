"""Households and people enter the register by SMS, each with a code that nobody else has or ever had."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsgateway.store.tables import codes, households, patients
from smsgateway.text.codes import is_valid
from tests.support.field import CHW, HOUSEHOLD, NURSE, OTHER_CHW, STRANGER, Field


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
