"""Can these files be imported? Every line is read and laid over what the database has, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import Connection

from smsgateway.transfer.faults import Faults
from smsgateway.transfer.files import COLUMNS
from smsgateway.transfer.places import Place, places
from smsgateway.transfer.register import NOTHING_KNOWN, Known, KnownCode, read_codes, read_known
from smsgateway.transfer.rows import FacilityRow, StaffRow, facility_rows, household_rows, patient_rows, staff_rows
from smsgateway.transfer.serials import KnownCodes, Serials
from smsgateway.transfer.staffing import Staffing, staffing

Progress = Callable[[int], None]
Stamp = tuple[tuple[str, int, int], ...]
Row = TypeVar("Row")

REPORTED_EVERY = 2_000  # rows between two calls of `progress`


@dataclass(frozen=True)
class Checked:
    """Files without a fault, laid over what the database knew. `stamp` tells whether they are still the same files."""

    folder: Path
    today: date
    stamp: Stamp
    known: Known
    facilities: tuple[FacilityRow, ...]
    staff: tuple[StaffRow, ...]
    places: dict[str, Place]
    staffing: Staffing
    serials: Serials


def check(connection: Connection, folder: Path, today: date, progress: Progress) -> Checked:
    """Read the four files of `folder` against the database; raises ImportRefused with everything that is wrong."""
    known = read_known(connection, today)
    return _check(folder, today, known, _codes_of(connection, known), progress)


def check_files(folder: Path, today: date) -> Checked:
    """The same for files by themselves, as against an empty database."""
    return _check(folder, today, NOTHING_KNOWN, lambda number: {}, lambda rows: None)


def _check(folder: Path, today: date, known: Known, codes: KnownCodes, progress: Progress) -> Checked:
    faults = Faults()
    stamp = stamp_of(folder)
    _check_folder(folder, faults)
    facilities = tuple(counted(facility_rows(folder, faults), progress))
    tree = places(facilities, known.facilities, faults)
    facilities_read = not faults.total
    staff = tuple(counted(staff_rows(folder, faults), progress))
    plan = staffing(staff, known, tree, faults, all_read=facilities_read and not faults.total)
    serials = Serials(plan.number_as_known, codes, faults, all_staff_read=not faults.total)
    _check_people(folder, today, serials, faults, progress)
    faults.refuse()
    return Checked(folder, today, stamp, known, facilities, staff, tree, plan, serials)


def _check_folder(folder: Path, faults: Faults) -> None:
    """A misspelt file would import nothing and say nothing."""
    if not folder.is_dir():
        faults.add(folder.name, 0, "there is no such folder")
        faults.refuse()
    found = {path.name for path in folder.iterdir() if path.suffix.casefold() == ".csv"}
    if not found & set(COLUMNS):
        faults.add(folder.name, 0, f"none of the files {', '.join(COLUMNS)} is in this folder")
    for name in sorted(found - set(COLUMNS)):
        faults.add(name, 0, f"unknown file: the files are {', '.join(COLUMNS)}; rename or remove it")


def _codes_of(connection: Connection, known: Known) -> KnownCodes:
    def codes(number: str) -> dict[int, KnownCode]:
        catchment = known.catchments.get(number)
        return {} if catchment is None else read_codes(connection, catchment.id)

    return codes


def _check_people(folder: Path, today: date, serials: Serials, faults: Faults, progress: Progress) -> None:
    before = faults.total
    for household in counted(household_rows(folder, faults), progress):
        serials.add_household(household)
    all_read = faults.total == before
    for patient in counted(patient_rows(folder, faults, today), progress):
        serials.add_patient(patient, all_households_read=all_read)


def counted(rows: Iterable[Row], progress: Progress) -> Iterator[Row]:
    """The rows as they come; `progress` is told of every few thousand."""
    done = 0
    for row in rows:
        yield row
        done += 1
        if done == REPORTED_EVERY:
            progress(done)
            done = 0
    if done:
        progress(done)


def stamp_of(folder: Path) -> Stamp:
    """Size and time of each file: they are read twice, and must not have been saved in between."""
    found = [(name, folder / name) for name in COLUMNS if (folder / name).is_file()]
    return tuple((name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in found)
