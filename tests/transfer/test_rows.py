"""What one line may say, and what is answered when it says something else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.transfer import cells
from smsgateway.transfer.faults import Faults
from smsgateway.transfer.files import Wrong
from smsgateway.transfer.rows import household_rows, patient_rows, staff_rows
from tests.transfer import small


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("07,9,12,F,,", "serial: serials go from 10"),
        ("07,4l7,12,F,,", "serial: write a whole number"),
        ("07,٤١٧,12,F,,", "serial: write a whole number"),
        ("07,100000000,12,F,,", "serial: serials go from 10 to 99999999"),
        ("O7,417,12,F,,", "catchment: write the catchment's number"),
        ("00,417,12,F,,", "catchment: write the catchment's number"),
        ("07,417,,F,,", "household: write a whole number"),
        ("07,417,12,fille,,", "sex: write F or M"),
        ("07,417,12,F,10/09/2025,", "birth_date: no such date: write year-month-day"),
        ("07,417,12,F,2025-02-30,", "birth_date: no such date"),
        ("07,417,12,F,20250910,", "birth_date: no such date"),
        ("07,417,12,F,2026-11-24,", "birth_date: lies in the future"),
        ("07,417,12,F,1025-09-10,", "birth_date: lies more than 120 years back"),
        ("07,417,12,F,2025-09-10/2025-09-01,", "birth_date: the second day comes before the first"),
        ("07,13,12,F,1999-04-02,2026-11-24", "lmp: lies in the future"),
        ("07,13,12,F,1999-04-02,2026-01-11", "lmp: more than 45 weeks back"),
        ("07,13,12,M,1999-04-02,2026-05-11", "lmp: a last period, but the sex is M"),
        ("07,13,12,F,2025-09-10,2026-05-11", "lmp: a last period before the age of ten"),
    ],
)
def test_a_wrong_patient_is_answered_with_what_to_write(tmp_path: Path, row: str, fault: str) -> None:
    small.folder(tmp_path, patients=f"catchment,serial,household,sex,birth_date,lmp\n{row}\n")
    faults = Faults()
    assert list(patient_rows(tmp_path, faults, small.TODAY)) == []
    assert str(faults.shown[0]).startswith(f"patients.csv:2: {fault}")


def test_every_wrong_cell_of_a_line_is_named(tmp_path: Path) -> None:
    small.folder(tmp_path, patients="catchment,serial,household,sex,birth_date,lmp\nx,1,2,y,z,2020\n")
    faults = Faults()
    assert list(patient_rows(tmp_path, faults, small.TODAY)) == []
    assert [fault.what.split(":")[0] for fault in faults.shown] == [
        "birth_date",
        "catchment",
        "serial",
        "household",
        "sex",
        "lmp",
    ]


def test_45_weeks_to_the_day_are_a_pregnancy() -> None:
    read = cells.last_period(small.TODAY)
    assert read("2026-01-12") == date(2026, 1, 12)
    with pytest.raises(Wrong, match="45 weeks"):
        read("2026-01-11")


@pytest.mark.parametrize(
    ("written", "born_from", "born_to"),
    [
        ("2025-09-10", date(2025, 9, 10), date(2025, 9, 10)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("1993", date(1993, 1, 1), date(1993, 12, 31)),
        ("2025-08-24/2025-09-23", date(2025, 8, 24), date(2025, 9, 23)),
        ("2026", date(2026, 1, 1), small.TODAY),  # this year so far
        ("", None, None),
    ],
)
def test_a_birth_date_may_be_known_to_the_day_the_month_or_the_year(
    written: str, born_from: date | None, born_to: date | None
) -> None:
    assert cells.birth_date(small.TODAY)(written) == (born_from, born_to)


@given(st.dates(date(1950, 1, 1), small.TODAY), st.dates(date(1950, 1, 1), small.TODAY))
def test_a_span_of_birth_comes_back_as_it_was_written(one: date, other: date) -> None:
    span = min(one, other), max(one, other)
    assert cells.birth_date(small.TODAY)(cells.birth_date_written(*span)) == span


@pytest.mark.parametrize("code", ["123", "12-3", " 12-3", "07-123", ""])
def test_the_code_of_an_export_is_taken_with_its_line(tmp_path: Path, code: str) -> None:
    small.folder(tmp_path, households=f"catchment,serial,people,village,code\n07,12,6,Sogola,{code}\n")
    faults = Faults()
    assert [row.serial for row in household_rows(tmp_path, faults)] == [12]
    assert faults.total == 0


def test_a_code_that_is_not_that_of_its_line_is_refused(tmp_path: Path) -> None:
    small.folder(tmp_path, households="catchment,serial,people,village,code\n07,21,6,Sogola,123\n")
    faults = Faults()
    assert list(household_rows(tmp_path, faults)) == []
    assert "serial 21 of catchment 07 has the code 21-8" in str(faults.shown[0])


@pytest.mark.parametrize("hours", ["", "07:30-19:00", "07:30-13:00 15:00-22:00", "19:00-07:30", "22:00-00:00"])
def test_duty_hours(hours: str) -> None:
    assert cells.duty_hours(hours) == hours


@pytest.mark.parametrize(
    "hours", ["7h30-19h", "07:30", "07:30-24:00", "07:30-07:30", "25:00-07:00", "07:30-19:00,20:00"]
)
def test_duty_hours_that_nobody_can_keep(hours: str) -> None:
    with pytest.raises(Wrong):
        cells.duty_hours(hours)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("ASC 07,chw,X,76000001,fr,C1,,07,", "code: write letters"),
        ("ASC07,agent,X,76000001,fr,C1,,07,", "role: write one of chw, nurse"),
        ("ASC07,chw,,76000001,fr,C1,,07,", "name: empty"),
        ("ASC07,chw,X,76000001,es,C1,,07,", "language: write one of fr, en, bm"),
        ("ASC07,chw,X,76000001,fr,,,07,", "facility: write letters"),
        ("ASC07,chw,X,76000001,fr,C1,,seven,", "catchments: write the catchment's number"),
        ("ASC07,chw,X,76000001,fr,C1,,07,always", "on_duty: write hours as"),
        (f"ASC07,chw,{'X' * 201},76000001,fr,C1,,07,", "name: 201 characters, at most 200 fit"),
    ],
)
def test_a_wrong_member_of_staff_is_answered_with_what_to_write(tmp_path: Path, row: str, fault: str) -> None:
    header = small.STAFF.splitlines()[0]
    small.folder(tmp_path, staff=f"{header}\n{row}\n")
    faults = Faults()
    assert list(staff_rows(tmp_path, faults)) == []
    assert str(faults.shown[0]).startswith(f"staff.csv:2: {fault}")
