"""What stands in a programme's CSV files? Four tables, read line by line and written so that a spreadsheet is safe.

The files come from spreadsheets and go back to them. Read: UTF-8 with or without a byte order mark, commas, semicolons
or tabs (a French Excel writes semicolons), empty lines. Written: a cell that a spreadsheet would run as a formula gets
an apostrophe in front, which reading takes off again, so that nothing changes on the way out and back.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from smsgateway.transfer.faults import Faults

if TYPE_CHECKING:
    from _csv import Reader

T = TypeVar("T")

FACILITIES = "facilities.csv"
STAFF = "staff.csv"
HOUSEHOLDS = "households.csv"
PATIENTS = "patients.csv"
COLUMNS = {
    FACILITIES: ("code", "name", "kind", "parent", "timezone", "arm"),
    STAFF: ("code", "role", "name", "phones", "language", "facility", "supervisor", "catchments", "on_duty"),
    HOUSEHOLDS: ("catchment", "serial", "people", "village"),
    PATIENTS: ("catchment", "serial", "household", "sex", "birth_date", "lmp"),
}
WITH_CODE = frozenset({HOUSEHOLDS, PATIENTS})  # an export adds the code as its CHW types it
PHONES_COLUMN = "phones"

_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what Excel and LibreOffice run, under any number of our apostrophes


class Wrong(ValueError):
    """A cell that cannot be read: what is wrong and what to write."""


@dataclass(slots=True)
class Line:
    """One line of a file. `value` reads a cell; a wrong one is put on the list, and the line is no longer `sound`."""

    file: str
    number: int
    cells: list[str]
    columns: dict[str, int]
    faults: Faults
    sound: bool = True

    def value(self, column: str, read: Callable[[str], T], otherwise: T) -> T:
        """The cell as `read` understands it, `otherwise` when it is wrong."""
        try:
            return read(self.cells[self.columns[column]])
        except Wrong as wrong:
            self.wrong(f"{column}: {wrong}")
            return otherwise

    def text(self, column: str) -> str:
        """The cell as it is; empty when an optional column is missing."""
        at = self.columns.get(column)
        return "" if at is None else self.cells[at]

    def wrong(self, what: str) -> None:
        self.sound = False
        self.faults.add(self.file, self.number, what)


def lines_of(folder: Path, file: str, faults: Faults) -> Iterator[Line]:
    """The lines of one file below its header, empty ones left out; none when the file is not there."""
    path = folder / file
    if not path.is_file():
        return
    with path.open(encoding="utf-8-sig", newline="") as opened:
        try:
            separator = _separator(opened.readline())
            opened.seek(0)
            reader = csv.reader(opened, delimiter=separator, strict=True)
            columns = _header(file, next(reader, []), faults)
            if columns is not None:
                yield from _lines(file, reader, columns, faults)
        except UnicodeDecodeError:
            faults.add(
                file, _undecodable(path), 'not UTF-8 text: save it from the spreadsheet as "CSV UTF-8", then try again'
            )
        except csv.Error:
            faults.add(
                file, reader.line_num, 'a quotation mark is left open or stands inside a cell: write it twice ("")'
            )


def _separator(header: str) -> str:
    return max(",;\t", key=header.count)


def _header(file: str, cells: list[str], faults: Faults) -> dict[str, int] | None:
    """Where each column stands, or None when the header is not that of this file."""
    names = [cell.strip().casefold() for cell in cells]
    wanted = COLUMNS[file]
    allowed = {*wanted, "code"} if file in WITH_CODE else set(wanted)
    before = faults.total
    if len(allowed & set(names)) * 2 < len(wanted):  # somebody's data, which are not repeated
        faults.add(file, 1, f"the header is missing: the first line must be {','.join(wanted)}")
        return None
    for name in dict.fromkeys(names):
        if name not in allowed:
            faults.add(file, 1, f"unknown column {name!r}: the columns are {', '.join(wanted)}")
        elif names.count(name) > 1:
            faults.add(file, 1, f"the column {name!r} stands there twice: leave one out")
    for name in wanted:
        if name not in names:
            faults.add(file, 1, f"the column {name!r} is missing: the first line must be {','.join(wanted)}")
    return None if faults.total > before else {name: place for place, name in enumerate(names)}


def _lines(file: str, reader: Reader, columns: dict[str, int], faults: Faults) -> Iterator[Line]:
    while True:
        number = reader.line_num + 1  # where the record begins: a quoted cell may go over several lines
        cells = next(reader, None)
        if cells is None:
            return
        cells = [_unguarded(cell) if cell[:1] == "'" else cell for cell in map(str.strip, cells)]
        if not any(cells):
            continue
        if len(cells) != len(columns):
            faults.add(file, number, f"{len(cells)} cells where the header has {len(columns)}: one was lost or added")
            continue
        yield Line(file, number, cells, columns, faults)


def _unguarded(cell: str) -> str:
    return cell[1:] if _FORMULA.match(cell) else cell


def _undecodable(path: Path) -> int:
    with path.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0


def write_table(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> int:
    """Write a file of this header and these rows, streaming, readable by its owner only; how many rows there were."""
    count = 0
    with open(path, "w", encoding="utf-8", newline="", opener=_private) as opened:
        plain = csv.writer(opened, lineterminator="\n")
        quoting = csv.writer(opened, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(columns)
        phones = columns.index(PHONES_COLUMN) if PHONES_COLUMN in columns else -1
        for row in rows:
            # Phones are digits and "+" only, checked on the way in: a spreadsheet makes numbers of them, nothing runs.
            cells = [_safe(cell) if place != phones else cell for place, cell in enumerate(row)]
            # The csv module leaves a lone carriage return unquoted, and reads it as the end of the line.
            (quoting if any("\r" in cell for cell in cells if isinstance(cell, str)) else plain).writerow(cells)
            count += 1
    return count


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
