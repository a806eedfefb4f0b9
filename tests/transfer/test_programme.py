"""Who is who in a folder of files, asked without a database."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

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
