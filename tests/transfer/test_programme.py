"""Who is who in a folder of files, asked without a database."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from smsgateway.reading.models import Age, Code, CodeState
from smsgateway.transfer import Entry, ImportRefused, Listed, ProgrammeFiles
from tests.transfer.small import HOUSEHOLDS, STAFF, TODAY, folder


@pytest.fixture
def files(tmp_path: Path) -> ProgrammeFiles:
    lead = "RESP1,lead,Une Responsable,+22376000301,fr,S1,,,\n"
    return ProgrammeFiles.load(folder(tmp_path, staff=STAFF + lead), TODAY)


@pytest.mark.parametrize(
    ("who", "catchments"),
    [
        ("+22376000001", ("07",)),
        ("76000021", ("07",)),
        ("asc08", ("08",)),
        ("INF1", ("07",)),  # her clinic's
        ("SUP1", ("07", "08")),  # his CHWs'
        ("RESP1", ("07", "08")),  # her site's
        ("7", ("07",)),  # a catchment itself
        ("+22376000999", ()),
        ("99", ()),
        ("", ()),
        ("²", ()),
    ],
)
def test_which_catchments_someone_asks_about(files: ProgrammeFiles, who: str, catchments: tuple[str, ...]) -> None:
    assert files.catchments_of(who) == catchments


def test_a_member_of_staff(files: ProgrammeFiles) -> None:
    assert files.member("76000008") == Listed("ASC08", "chw", "bm", ("08",))
    assert files.member("+22376000999") is None


def test_who_has_a_serial(files: ProgrammeFiles) -> None:
    born = date(2025, 9, 10)
    assert files.entry("07", 417) == Entry("patient", "Sogola", 12, "F", born, born, None)
    assert files.entry("7", 13) == Entry(
        "patient", "Sogola", 12, "F", date(1999, 4, 2), date(1999, 4, 2), date(2026, 5, 11)
    )
    assert files.entry("07", 12) == Entry("household", "Sogola", 12)
    assert files.entry("07", 16) == Entry("patient", None, 15)
    assert files.entry("08", 417) is None


def test_files_with_a_fault_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"households\.csv:2: people"):
        ProgrammeFiles.load(folder(tmp_path, households=HOUSEHOLDS.replace("12,6", "12,six")), TODAY)


# ---------------------------------------------------------------- codes as typed


@pytest.mark.parametrize("code", [Code("4177"), Code("4177", "07"), Code("4177", "7")])
def test_the_code_of_a_patient(files: ProgrammeFiles, code: Code) -> None:
    facts = files.lookup(code, ("07",))
    assert facts.state is CodeState.FOUND
    assert facts.person is not None
    assert (facts.person.code, facts.person.catchment, facts.person.sex) == ("417-7", "07", "F")
    assert facts.person.age == Age(439, 439)
    assert facts.person.village == "Sogola"


def test_a_pregnant_woman_and_a_birth_date_that_is_not_known(files: ProgrammeFiles) -> None:
    mother, other = files.lookup(Code("138"), ("07",)).person, files.lookup(Code("167"), ("07",)).person
    assert mother is not None
    assert mother.pregnant
    assert other is not None
    assert other.age is None


def test_the_code_of_a_household_is_nobody_in_particular(files: ProgrammeFiles) -> None:
    facts = files.lookup(Code("123"), ("07",))
    assert (facts.state, facts.person) == (CodeState.FOUND, None)


def test_a_code_that_nobody_has_gets_those_one_slip_away(files: ProgrammeFiles) -> None:
    facts = files.lookup(Code("4717"), ("07",))
    assert facts.state is CodeState.FAILED
    assert facts.near == ("417-7",)


def test_a_right_code_under_the_wrong_catchment_fails(files: ProgrammeFiles) -> None:
    assert files.lookup(Code("4177"), ("08",)).state is CodeState.FAILED
    assert files.lookup(Code("4177", "99"), ("07",)).state is CodeState.FAILED


def test_without_any_catchment_a_code_is_taken_as_typed(files: ProgrammeFiles) -> None:
    assert files.lookup(Code("4177"), ()).state is CodeState.UNCHECKED


def test_a_code_of_two_catchments_is_asked_about() -> None:
    demo = ProgrammeFiles.load(Path(__file__).parents[2] / "flows" / "demo", TODAY)
    facts = demo.lookup(Code("105"), demo.catchments_of("ASC12"))
    assert (facts.state, facts.near) == (CodeState.AMBIGUOUS, ("04-105", "12-105"))
