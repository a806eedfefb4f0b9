"""What does one line of a file say? Typed rows of the four tables, every wrong cell on the list of faults.

A row is given on only when each of its cells is right by itself; whether it fits with the others is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from smsgateway.text.codes import check_digit, shown
from smsgateway.transfer import cells
from smsgateway.transfer.faults import Faults
from smsgateway.transfer.files import FACILITIES, HOUSEHOLDS, PATIENTS, STAFF, Line, lines_of
from smsgateway.transfer.made_up import moved_on

KINDS = ("country", "district", "site", "clinic")  # each lies in one further left
ROLES = ("chw", "nurse", "supervisor", "lead", "admin")
LANGUAGES = ("fr", "en", "bm")
YOUNGEST_MOTHER = timedelta(days=10 * 365)


@dataclass(frozen=True, slots=True)
class FacilityRow:
    line: int
    code: str
    name: str
    kind: str
    parent: str | None
    timezone: str | None
    arm: str | None


@dataclass(frozen=True, slots=True)
class StaffRow:
    """`phones` as written: in which country a number is read is known once the facilities are."""

    line: int
    code: str
    role: str
    name: str
    phones: tuple[str, ...]
    language: str
    facility: str
    supervisor: str | None
    catchments: tuple[str, ...]
    on_duty: str


@dataclass(frozen=True, slots=True)
class HouseholdRow:
    line: int
    catchment: str
    serial: int
    people: int | None
    village: str | None


@dataclass(frozen=True, slots=True)
class PatientRow:
    """Born between `born_from` and `born_to`, both included; equal when the day is known."""

    line: int
    catchment: str
    serial: int
    household: int
    sex: str | None
    born_from: date | None
    born_to: date | None
    lmp: date | None


def facility_rows(folder: Path, faults: Faults) -> Iterator[FacilityRow]:
    name, arm, zone = cells.free_text(200, required=True), cells.free_text(40), cells.free_text(60)
    kind = cells.one_of(KINDS)
    for line in lines_of(folder, FACILITIES, faults):
        row = FacilityRow(
            line=line.number,
            code=line.value("code", cells.code, ""),
            name=line.value("name", name, ""),
            kind=line.value("kind", kind, ""),
            parent=line.value("parent", cells.code_or_none, None),
            timezone=line.value("timezone", zone, "") or None,
            arm=line.value("arm", arm, "") or None,
        )
        if line.sound:
            yield row


def staff_rows(folder: Path, faults: Faults) -> Iterator[StaffRow]:
    name = cells.free_text(200, required=True)
    role, language = cells.one_of(ROLES), cells.one_of(LANGUAGES)
    for line in lines_of(folder, STAFF, faults):
        row = StaffRow(
            line=line.number,
            code=line.value("code", cells.code, ""),
            role=line.value("role", role, ""),
            name=line.value("name", name, ""),
            phones=tuple(line.text("phones").split()),
            language=line.value("language", language, ""),
            facility=line.value("facility", cells.code, ""),
            supervisor=line.value("supervisor", cells.code_or_none, None),
            catchments=line.value("catchments", cells.catchment_numbers, ()),
            on_duty=line.value("on_duty", cells.duty_hours, ""),
        )
        if line.sound:
            yield row


def household_rows(folder: Path, faults: Faults) -> Iterator[HouseholdRow]:
    village = cells.free_text(120)
    for line in lines_of(folder, HOUSEHOLDS, faults):
        row = HouseholdRow(
            line=line.number,
            catchment=line.value("catchment", cells.catchment, ""),
            serial=line.value("serial", cells.serial, 0),
            people=line.value("people", cells.people, None),
            village=line.value("village", village, "") or None,
        )
        _check_code(line, row.catchment, row.serial)
        if line.sound:
            yield row


def patient_rows(folder: Path, faults: Faults, today: date) -> Iterator[PatientRow]:
    later = moved_on(folder, today, faults)  # of made-up people only
    birth_date, last_period = cells.birth_date(today - later), cells.last_period(today - later)
    for line in lines_of(folder, PATIENTS, faults):
        born_from, born_to = line.value("birth_date", birth_date, cells.UNKNOWN)
        row = PatientRow(
            line=line.number,
            catchment=line.value("catchment", cells.catchment, ""),
            serial=line.value("serial", cells.serial, 0),
            household=line.value("household", cells.serial, 0),
            sex=line.value("sex", cells.sex, None),
            born_from=born_from,
            born_to=born_to,
            lmp=line.value("lmp", last_period, None),
        )
        _check_code(line, row.catchment, row.serial)
        if row.lmp is not None:
            _check_pregnancy(line, row, row.lmp)
        if line.sound:
            yield _later(row, later) if later else row


def _later(row: PatientRow, by: timedelta) -> PatientRow:
    def moved(day: date | None) -> date | None:
        return None if day is None else day + by

    return replace(row, born_from=moved(row.born_from), born_to=moved(row.born_to), lmp=moved(row.lmp))


def _check_code(line: Line, catchment: str, serial: int) -> None:
    """The `code` column of an export holds what its line says, or one of them was changed by accident."""
    written = line.value("code", cells.written_code, "") if "code" in line.columns else ""
    if not written or not line.sound:
        return
    right = f"{serial}{check_digit(catchment, serial)}"
    if written != right:
        line.wrong(
            f"code: serial {serial} of catchment {catchment} has the code {shown(right)}: "
            "put catchment and serial right, or leave the code empty"
        )


def _check_pregnancy(line: Line, row: PatientRow, lmp: date) -> None:
    if row.sex == "M":
        line.wrong("lmp: a last period, but the sex is M: put one of them right")
    if row.born_from is not None and lmp - row.born_from < YOUNGEST_MOTHER:
        line.wrong("lmp: a last period before the age of ten: put it or the birth date right")
