"""Whose is each serial? Households and patients of the files against each other and against the database.

A quarter of a million serials are held as one whole number each: the line it stands on and four marks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from smsgateway.text.codes import FIRST_SERIAL
from smsgateway.transfer.faults import Changed, Faults
from smsgateway.transfer.files import HOUSEHOLDS, PATIENTS, STAFF
from smsgateway.transfer.register import KnownCode
from smsgateway.transfer.rows import HouseholdRow, PatientRow

HOUSEHOLD, IN_DATABASE, MOVED, IN_FILES = 1, 2, 4, 8
_LINE = 4  # bits that the marks take

KnownCodes = Callable[[str], dict[int, KnownCode]]


@dataclass(slots=True)
class Serials:
    """The serials of every catchment that the files mention. `known_codes` gives those of the database for a catchment
    by its number, `number_as_known` the number under which a catchment is kept, None when nobody has it."""

    number_as_known: Callable[[str], str | None]
    known_codes: KnownCodes
    faults: Faults
    all_staff_read: bool
    _marks: dict[str, dict[int, int]] = field(default_factory=dict)  # by the number under which it is kept
    _written: dict[str, str] = field(default_factory=dict)  # how the files write it: how it is kept
    _unknown: set[str] = field(default_factory=set)

    def add_household(self, row: HouseholdRow) -> None:
        self._add(HOUSEHOLDS, row.line, row.catchment, row.serial, HOUSEHOLD)

    def add_patient(self, row: PatientRow, *, all_households_read: bool) -> None:
        marks = self._add(PATIENTS, row.line, row.catchment, row.serial, 0)
        if marks is None:
            return
        household = marks.get(row.household)
        where = f"household {row.household} of catchment {row.catchment}"
        if household is None:
            if all_households_read:
                self.faults.add(PATIENTS, row.line, f"household: there is no {where} in the files or the database")
        elif not household & HOUSEHOLD:
            self.faults.add(
                PATIENTS, row.line, f"household: the serial {row.household} is a patient's, not a household's"
            )
        elif household & MOVED:
            self.faults.add(
                PATIENTS, row.line, f"household: {where} has moved: write the catchment and serial it has now"
            )

    def found(self, written: str, serial: int) -> tuple[str, bool]:
        """The number under which a checked row's catchment is kept, and whether its serial is new to the database.
        Raises Changed when it was not there to be checked."""
        number = self._written.get(written)
        mark = None if number is None else self._marks[number].get(serial)
        if number is None or mark is None:
            raise Changed("files")
        return number, not mark & IN_DATABASE

    def next_serials(self) -> dict[str, int]:
        """For every catchment mentioned, the first serial above all that were ever used."""
        return {number: max(marks, default=FIRST_SERIAL - 1) + 1 for number, marks in self._marks.items()}

    def _add(self, file: str, line: int, written: str, serial: int, kind: int) -> dict[int, int] | None:
        """Put a serial down and give the marks of its catchment; None when there is no such catchment."""
        marks = self._catchment(file, line, written)
        if marks is None:
            return None
        before = marks.get(serial, 0)
        marks[serial] = before & (IN_DATABASE | MOVED) | kind | IN_FILES | line << _LINE
        if before:
            self._check(file, line, f"serial {serial} of catchment {written}", before, kind)
        return marks

    def _check(self, file: str, line: int, what: str, before: int, kind: int) -> None:
        other = "household" if before & HOUSEHOLD else "patient"
        if before & IN_FILES:
            at = f"{HOUSEHOLDS if before & HOUSEHOLD else PATIENTS}:{before >> _LINE}"
            self.faults.add(file, line, f"{what} is given out already at {at}: each household and patient has its own")
        elif before & HOUSEHOLD != kind:
            self.faults.add(file, line, f"{what} is a {other} in the database: take a serial that nobody has")
        elif before & MOVED:
            self.faults.add(
                file, line, f"{what} is of a {other} that has moved: write the catchment and serial it has now"
            )

    def _catchment(self, file: str, line: int, written: str) -> dict[int, int] | None:
        number = self._written.get(written)
        if number is None and written not in self._unknown:
            number = self._first_seen(file, line, written)
        return None if number is None else self._marks[number]

    def _first_seen(self, file: str, line: int, written: str) -> str | None:
        number = self.number_as_known(written)
        if number is None:
            self._unknown.add(written)  # said once, not for each of its thousand people
            if self.all_staff_read:
                self.faults.add(
                    file, line, f"catchment: no CHW has {written}: add it to a CHW in {STAFF}, here and below"
                )
            return None
        self._written[written] = number
        if number not in self._marks:
            self._marks[number] = {serial: _mark(code) for serial, code in self.known_codes(number).items()}
        return number


def _mark(code: KnownCode) -> int:
    return IN_DATABASE | (HOUSEHOLD if code.kind == "household" else 0) | (MOVED if code.moved else 0)
