"""How does a table become a file? Two writers with one face: rows go in as they come, and a file comes out.

CSV is made to be opened in a spreadsheet, so no cell may run: what would begin a formula, also after a separator at
which a spreadsheet of another country cuts the line, gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

ROWS_A_GROUP = 20_000
Row = Sequence[Any]

# Excel and LibreOffice run these, also full width; at the start of a cell, or of what they may take for one.
_RUNS = re.compile(r"(^|[;,|\t\r\n\"])([\s']*)(?=[=+\-@＝＋－＠])")


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    WHOLE = "whole"
    REAL = "real"
    FLAG = "flag"
    DAY = "day"
    MOMENT = "moment"  # UTC


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an exported table. A `personal` one (a phone number, the words of a message) is written only when
    asked for."""

    name: str
    kind: Kind = Kind.TEXT
    personal: bool = False


Writer = Callable[[Path, Sequence[Column], Iterable[Row]], int]


class ParquetMissing(Exception):
    """The library that writes Parquet is not installed."""


def write_csv(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Write a CSV file (UTF-8, commas) that only its owner may read; how many rows it has."""
    count = 0
    with open(path, "w", encoding="utf-8", newline="", opener=_private) as opened:
        writer = csv.writer(opened, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow([column.name for column in columns])
        for row in rows:
            writer.writerow([_cell(value) for value in row])
            count += 1
    return count


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    return guarded(str(value))


def guarded(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would run."""
    text = _RUNS.sub(r"\1\2'", text)
    return f"'{text}" if text.startswith(("\t", "\r")) else text


def write_parquet(path: Path, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Write a Parquet file with typed columns that only its owner may read; how many rows it has."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise ParquetMissing("Parquet needs pyarrow: pip install 'smsgateway[parquet]'") from error
    types = {
        Kind.TEXT: arrow.string(),
        Kind.WHOLE: arrow.int64(),
        Kind.REAL: arrow.float64(),
        Kind.FLAG: arrow.bool_(),
        Kind.DAY: arrow.date32(),
        Kind.MOMENT: arrow.timestamp("us", tz="UTC"),
    }
    schema = arrow.schema([(column.name, types[column.kind]) for column in columns])
    count = 0
    os.close(_private(str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(iter(rows)):
            cells = zip(*group, strict=True)
            arrays = [arrow.array(values, type=field.type) for values, field in zip(cells, schema, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(rows, ROWS_A_GROUP)):
        yield group


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
