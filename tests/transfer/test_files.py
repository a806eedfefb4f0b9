"""Files come from spreadsheets of every make, and their mistakes are named by line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.transfer.faults import SHOWN_AT_MOST, Faults
from smsgateway.transfer.files import FACILITIES, HOUSEHOLDS, lines_of, write_table


def read(folder: Path, content: str | bytes, file: str = HOUSEHOLDS) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """(line, cells) of every line that could be read, and the faults."""
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    faults = Faults()
    lines = [(line.number, line.cells) for line in lines_of(folder, file, faults)]
    return lines, [str(fault) for fault in faults.shown]


@pytest.mark.parametrize(
    "content",
    [
        "catchment,serial,people,village\n07,12,6,Sogola\n",
        "\ufeffcatchment,serial,people,village\n07,12,6,Sogola\n",  # Excel's UTF-8
        "catchment;serial;people;village\r\n07;12;6;Sogola\r\n",  # a French Excel
        "catchment\tserial\tpeople\tvillage\n07\t12\t6\tSogola\n",
        "Catchment, Serial ,PEOPLE,village\n 07 ,12 ,6,\u00a0Sogola\n",
        '"catchment","serial","people","village"\n"07","12","6","Sogola"',
        "catchment,serial,people,village\n\n07,12,6,Sogola\n,,,\n",
    ],
)
def test_spreadsheets_of_every_make_are_read_alike(tmp_path: Path, content: str) -> None:
    lines, faults = read(tmp_path, content)
    assert [cells for _, cells in lines] == [["07", "12", "6", "Sogola"]]
    assert faults == []


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    (tmp_path / HOUSEHOLDS).write_text("village,people,serial,catchment,code\nSogola,6,12,07,123\n")
    (line,) = lines_of(tmp_path, HOUSEHOLDS, Faults())
    assert (line.text("catchment"), line.text("serial"), line.text("code")) == ("07", "12", "123")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("catchment,serial,people\n", "households.csv:1: the column 'village' is missing"),
        ("catchment,serial,people,village,name\n", "households.csv:1: unknown column 'name'"),
        ("catchment,serial,people,village,serial\n", "households.csv:1: the column 'serial' stands there twice"),
        ("", "households.csv:1: the header is missing: the first line must be catchment,serial,people,village"),
        ("07,12,6,Sogola\n", "households.csv:1: the header is missing: the first line must be catchment,serial"),
        ("catchment,serial,people,village\n07,12,6\n", "households.csv:2: 3 cells where the header has 4"),
        ("catchment,serial,people,village\n07,12,6,So,gola\n", "households.csv:2: 5 cells where the header has 4"),
        ('catchment,serial,people,village\n07,12,6,"Sogola\n', "households.csv:2: a quotation mark is left open"),
        (
            "catchment,serial,people,village\n07,12,6,Sogola\n07,15,2,Tiéla\n".encode("cp1252"),
            "households.csv:3: not UTF-8 text",
        ),
    ],
)
def test_what_cannot_be_read_is_named_by_line(tmp_path: Path, content: str | bytes, fault: str) -> None:
    _, faults = read(tmp_path, content)
    assert faults[0].startswith(fault)


def test_only_households_and_patients_may_carry_a_code_added(tmp_path: Path) -> None:
    _, faults = read(tmp_path, "code,name,kind,parent,timezone,arm,code\n", FACILITIES)
    assert faults == ["facilities.csv:1: the column 'code' stands there twice: leave one out"]


def test_a_cell_over_several_lines_does_not_shift_the_count(tmp_path: Path) -> None:
    content = 'catchment,serial,people,village\n07,12,6,"So\ngola"\n07,15,6,Tiela\n'
    lines, _ = read(tmp_path, content)
    assert [number for number, _ in lines] == [2, 4]


def test_a_thousand_faults_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    faults = Faults()
    for line in range(1_000):
        faults.add(HOUSEHOLDS, line, "wrong")
    assert (faults.total, len(faults.shown)) == (1_000, SHOWN_AT_MOST)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "'=1", "''+1", "plain", "O'Brien", ""]
)
def test_no_spreadsheet_runs_what_we_write_and_reading_gives_it_back(tmp_path: Path, cell: str) -> None:
    write_table(tmp_path / HOUSEHOLDS, ("catchment", "serial", "people", "village"), [("07", 12, 6, cell)])
    with (tmp_path / HOUSEHOLDS).open(newline="") as opened:
        written = list(csv.reader(opened))[1][3]
    assert not written.startswith(("=", "+", "-", "@"))
    (line,) = lines_of(tmp_path, HOUSEHOLDS, Faults())
    assert line.text("village") == cell


@given(st.text(st.characters(exclude_categories=["Cs"])).map(str.strip))
def test_any_text_comes_back_as_it_was(tmp_path: Path, cell: str) -> None:
    write_table(tmp_path / HOUSEHOLDS, ("catchment", "serial", "people", "village"), [("07", 12, 6, cell)])
    (line,) = lines_of(tmp_path, HOUSEHOLDS, Faults())
    assert line.text("village") == cell


def test_phones_keep_their_plus(tmp_path: Path) -> None:
    write_table(tmp_path / "staff.csv", ("code", "phones"), [("ASC07", "+22376000001 +22376000021")])
    assert (tmp_path / "staff.csv").read_text().splitlines()[1] == "ASC07,+22376000001 +22376000021"


def test_others_on_the_computer_cannot_read_an_export(tmp_path: Path) -> None:
    write_table(tmp_path / HOUSEHOLDS, ("catchment",), [("07",)])
    assert (tmp_path / HOUSEHOLDS).stat().st_mode & 0o077 == 0
