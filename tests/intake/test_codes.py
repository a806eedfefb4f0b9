"""Never under the wrong patient: codes that fail, that are several people's, of other catchments, of who moved."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from smsgateway.store.tables import catchments, codes, patients
from smsgateway.text.codes import code_for, shown
from tests.support.field import BOY, CHW, GIRL, HOUSEHOLD, MERINDE_NURSE, NURSE, OTHER_CHW, TWO_CATCHMENTS, Field

# Two thumbs' slips: a wrong digit, two digits swapped.
SLIPS = ["4178", "4187", "1477", "4777"]


@pytest.mark.parametrize("typed", SLIPS)
def test_a_failing_code_is_asked_back_with_the_near_codes_that_exist_and_filed_under_nobody(
    field: Field, typed: str
) -> None:
    field.text(CHW, f"MAL {typed} FIEVRE 2")
    assert f"Code {typed} inconnu" in field.last(CHW)
    (report,) = field.reports()
    assert (report["state"], report["patient_id"], report["household_id"]) == ("unfiled", None, None)
    assert report["answers"]["fever_days"] == 2
    assert typed in report["unclear"]


def test_did_you_mean_names_the_girl_and_nobody_who_does_not_exist(field: Field) -> None:
    field.text(CHW, "MAL 4171 FIEVRE 2")
    assert "Est-ce 417-7?" in field.last(CHW)
    field.text(CHW, "MAL 9991 FIEVRE 2")
    assert "Code 9991 inconnu." in field.last(CHW)
    assert "Est-ce" not in field.last(CHW)


@pytest.mark.parametrize("typed", SLIPS)
def test_danger_under_a_failing_code_goes_out_at_once_under_nobodys_name(field: Field, typed: str) -> None:
    field.text(CHW, f"MAL {typed} CONVULSION")
    (alert,) = field.phone(NURSE)
    assert alert.startswith("URGENT ")
    assert "CONVULSION" in alert
    assert "ASC 76000001" in alert
    assert "fille" not in alert
    assert "4177" not in alert
    assert field.referral()["patient_id"] is None
    assert field.reports()[0]["state"] == "unfiled"
    assert f"Code {typed} inconnu" in field.last(CHW)


def test_a_sick_child_without_a_code_is_asked_for_it_and_its_danger_does_not_wait(field: Field) -> None:
    field.text(CHW, "MAL CONVULSION")
    assert field.last(NURSE).startswith("URGENT ")
    assert "Quel code patient?" in field.last(CHW)


@pytest.mark.parametrize("typed", ["07-4177", "07-417-7", "07/4177"])
def test_from_outside_the_catchment_a_code_is_written_with_it(field: Field, typed: str) -> None:
    field.text(OTHER_CHW, f"MAL {typed} FIEVRE 2")
    (report,) = field.reports()
    (girl,) = [row for row in field.rows(patients) if row["serial"] == 417]
    assert report["patient_id"] == girl["id"]


def test_a_bare_code_of_another_catchment_is_nobodys(field: Field) -> None:
    field.text(OTHER_CHW, f"MAL {GIRL} FIEVRE 2")
    assert field.reports()[0]["patient_id"] is None


def test_near_codes_of_another_catchment_are_given_with_it(field: Field) -> None:
    """A bare code would be looked for in her own catchment, and could be somebody there."""
    field.text(OTHER_CHW, "MAL 07-4171 FIEVRE 2")
    assert "Est-ce 07-4177?" in field.last(OTHER_CHW)


def test_a_child_of_another_clinic_is_referred_to_its_own(field: Field) -> None:
    theirs = next(row for row in field.rows(patients) if number_of(field, row) == "04")
    field.text(CHW, f"MAL 04-{code_for('04', theirs['serial'])} CONVULSION")
    assert field.last(MERINDE_NURSE).startswith("URGENT ")
    assert field.phone(NURSE) == []


def test_a_code_valid_in_two_of_her_catchments_is_asked_back(field: Field) -> None:
    both = {row["serial"] for row in field.rows(codes) if number_of(field, row) == "04"} & {
        row["serial"] for row in field.rows(codes) if number_of(field, row) == "12"
    }
    code = code_for("04", min(both))
    assert code == code_for("12", min(both))
    field.text(TWO_CATCHMENTS, f"MAL {code} FIEVRE 2")
    assert f"deux zones. Ecrivez 04-{code} / 12-{code}" in field.last(TWO_CATCHMENTS)
    assert field.reports()[0]["state"] == "unfiled"


def test_a_household_is_no_patient(field: Field) -> None:
    field.text(CHW, f"MAL {HOUSEHOLD} FIEVRE 2")
    assert field.reports()[0]["patient_id"] is None
    assert HOUSEHOLD in field.last(CHW)
    assert "Bien note" not in field.last(CHW)


def test_danger_with_a_households_code_still_goes_out(field: Field) -> None:
    field.text(CHW, f"MAL {HOUSEHOLD} CONVULSION")
    assert field.last(NURSE).startswith("URGENT ")


def test_a_patient_is_no_household(field: Field) -> None:
    before = len(field.rows(patients))
    field.text(CHW, f"ENR {GIRL} F 14M")
    assert len(field.rows(patients)) == before
    assert "Patient" not in field.last(CHW)


def test_one_bad_code_of_a_list_costs_the_others_nothing(field: Field) -> None:
    field.text(CHW, "VIS 123 999 151")
    assert len(field.reports()) == 2
    assert len({row["household_id"] for row in field.reports()}) == 2
    assert "999 inconnu" in field.last(CHW)


@pytest.mark.parametrize("said", [f"MAL {GIRL} {BOY} CONVULSION", f"URG {BOY} {GIRL}"])
def test_danger_with_two_childrens_codes_is_neither_childs_and_goes_out(field: Field, said: str) -> None:
    field.text(CHW, said)
    assert field.last(NURSE).startswith("URGENT ")
    assert field.referral()["patient_id"] is None
    assert field.reports()[0]["patient_id"] is None
    assert "Deux codes" in field.last(CHW)


# ---------------------------------------------------------------- people who moved


def moved(field: Field, serial: int, to: str) -> str:
    """The person of catchment 07 now lives in another catchment, under a new code; gives it as shown there."""
    with field.store.read() as connection:
        old = connection.execute(select(codes).where(codes.c.serial == serial, codes.c.kind == "patient")).mappings()
        row = next(row for row in old if number_of(field, row) == "07")
        there = connection.execute(select(catchments).where(catchments.c.number == to)).mappings().one()
    new_serial = there["next_serial"]

    def work(tx: Any) -> None:
        tx.execute(update(catchments).where(catchments.c.number == to).values(next_serial=new_serial + 1))
        tx.execute(
            codes.insert(),
            {
                "catchment_id": there["id"],
                "serial": new_serial,
                "site_id": there["site_id"],
                "kind": "patient",
                "subject_id": row["subject_id"],
            },
        )
        tx.execute(
            update(codes)
            .where(codes.c.catchment_id == row["catchment_id"], codes.c.serial == serial)
            .values(now_catchment_id=there["id"], now_serial=new_serial)
        )
        tx.execute(
            update(patients)
            .where(patients.c.id == row["subject_id"])
            .values(catchment_id=there["id"], serial=new_serial)
        )

    field.store.write(work)
    return f"{to}-{code_for(to, new_serial)}"


def test_the_old_code_of_a_child_who_moved_still_resolves_and_the_answer_says_the_new_one(field: Field) -> None:
    now = moved(field, 417, "06")
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    (report,) = field.reports()
    assert report["state"] == "filed"
    assert report["patient_id"] is not None
    assert number_of(field, report) == "06"
    assert now in field.last(CHW)


def test_danger_under_an_old_code_goes_to_the_clinic_of_the_new_one(field: Field) -> None:
    now = moved(field, 417, "04")
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert now in field.last(MERINDE_NURSE)
    assert field.phone(NURSE) == []


def test_both_codes_of_one_child_are_one_open_referral(field: Field) -> None:
    now = moved(field, 417, "06")
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(CHW, f"MAL {now} TIRAGE")
    assert len(field.referrals()) == 1


def number_of(field: Field, row: Any) -> str:
    """The number of the catchment a row belongs to."""
    return next(str(each["number"]) for each in field.rows(catchments) if each["id"] == row["catchment_id"])


def test_the_boy_and_the_girl_are_not_mistaken(field: Field) -> None:
    for code in (GIRL, BOY, shown(GIRL), shown(BOY)):
        field.text(CHW, f"MAL {code} TOUX 2")
    assert [row["patient_id"] for row in field.reports()] == [
        next(p["id"] for p in field.rows(patients) if p["serial"] == serial and number_of(field, p) == "07")
        for serial in (417, 20)
    ]
