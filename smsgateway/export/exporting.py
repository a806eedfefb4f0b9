"""How does an export come about? One moment of the database, written table by table, and shown when it is complete.

Files that were there before are replaced only when all new ones are whole. Everything is streamed: a year of a large
programme needs no more memory than a day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection

from smsgateway.care.customs import Customs
from smsgateway.care.figures.periods import Period
from smsgateway.care.figures.scope import sites
from smsgateway.clock import SystemClock
from smsgateway.export.tables import EXPORTED, Chosen, Exported, arm_indicators, count, site_indicators
from smsgateway.export.writers import ParquetMissing, Row, Writer, write_csv, write_parquet
from smsgateway.store.database import Store
from smsgateway.transfer.checking import Progress, counted

FORMATS: dict[str, Writer] = {"csv": write_csv, "parquet": write_parquet}
FETCHED_AT_ONCE = 5_000


class ExportRefused(ValueError):
    """What was asked for cannot be exported: says why, and what to write."""


def export_data(
    store: Store,
    folder: Path,
    start: date,
    end: date,
    site: str | None = None,
    formats: Collection[str] = ("csv",),
    with_phones: bool = False,
    progress: Progress = lambda rows: None,
    customs: Customs | None = None,
    now: datetime | None = None,
) -> dict[str, int]:
    """Write reports, referrals, messages and indicators of the local days `start` to `end` (both included) into
    `folder`, of one site (its code) or all; how many rows each file has. Phone numbers and the words of messages are
    left out unless `with_phones`. Raises ExportRefused."""
    if start > end:
        raise ExportRefused(f"the first day {start} is after the last day {end}")
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown or not formats:
        raise ExportRefused(f"formats are {' and '.join(FORMATS)}, not {', '.join(unknown) or 'none'}")
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    with ExitStack() as leftovers, store.read() as connection:
        frozen = _frozen(connection)
        chosen = _chosen(frozen, start, end, site, customs or Customs(), now or SystemClock().now())
        for table in EXPORTED:
            for format in formats:
                path = folder / f"{table.name}.{format}"
                unfinished = path.with_name(f".{path.name}.unfinished")
                leftovers.callback(unfinished.unlink, missing_ok=True)
                told = progress if format == next(iter(formats)) else lambda rows: None
                written[path.name] = _write(frozen, unfinished, table, format, chosen, with_phones, told)
        for name in written:
            (folder / f".{name}.unfinished").replace(folder / name)
    return written


def rows_ahead(store: Store, start: date, end: date, site: str | None = None) -> int:
    """How many rows `export_data` will tell `progress` of, give or take; for a progress bar."""
    with store.read() as connection:
        return sum(
            count(connection, each) for each in _chosen(connection, start, end, site, Customs(), SystemClock().now())
        )


def _chosen(
    connection: Connection, start: date, end: date, site: str | None, customs: Customs, now: datetime
) -> list[Chosen]:
    """The sites to export, each with the period of its own clock."""
    known = sites(connection)
    chosen = [
        Chosen(place, Period(start, end, zone), customs, now) for place, zone in known if site in (None, place.code)
    ]
    if not chosen:
        codes = ", ".join(place.code for place, _ in known[:20])
        raise ExportRefused(f"there is no site {site}" + (f": the sites are {codes}" if codes else ""))
    return chosen


def _frozen(connection: Connection) -> Connection:
    """The connection on one moment for all tables: an indicator must not count a report that the list does not have."""
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ", yield_per=FETCHED_AT_ONCE)
    if not connection.in_transaction():
        connection.exec_driver_sql("BEGIN")
    return connection.execution_options(yield_per=FETCHED_AT_ONCE)


def _write(
    connection: Connection,
    path: Path,
    table: Exported,
    format: str,
    chosen: Sequence[Chosen],
    with_phones: bool,
    progress: Progress,
) -> int:
    kept = [place for place, column in enumerate(table.columns) if with_phones or not column.personal]
    columns = [table.columns[place] for place in kept]
    rows = ([row[place] for place in kept] for row in _rows(connection, table, chosen))
    try:
        return FORMATS[format](path, columns, counted(rows, progress))
    except ParquetMissing as missing:
        raise ExportRefused(str(missing)) from missing


def _rows(connection: Connection, table: Exported, chosen: Sequence[Chosen]) -> Iterator[Row]:
    for each in chosen:
        yield from table.rows(connection, each)
    if table.rows is site_indicators:
        yield from _arms(connection, chosen)


def _arms(connection: Connection, chosen: Sequence[Chosen]) -> Iterator[Row]:
    """The sites of each trial arm together, where sites carry one; those of one clock, since days must be the same."""

    def arm(each: Chosen) -> tuple[str, str]:
        return each.site.arm or "", each.period.zone.key

    for (name, _), several in groupby(sorted(chosen, key=arm), key=arm):
        if name:
            yield from arm_indicators(connection, name, list(several))
