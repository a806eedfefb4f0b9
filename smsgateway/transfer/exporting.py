"""How do people get out of the database? As the four files that `people import` takes, with each household's and
patient's code added; importing them again changes nothing.

An export is the register of today, not a backup: it has no reports, no past assignments, no codes of before a move.
A last period more than 45 weeks back is left out, since that pregnancy is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.engine import Connection

from smsgateway.clock import SystemClock
from smsgateway.store.database import Store
from smsgateway.store.tables import assignments, catchments, facilities, households, patients, phones, staff
from smsgateway.text.codes import code_for
from smsgateway.transfer.cells import PREGNANCY_AT_MOST, birth_date_written
from smsgateway.transfer.checking import Progress, counted
from smsgateway.transfer.files import COLUMNS, FACILITIES, HOUSEHOLDS, PATIENTS, STAFF, WITH_CODE, write_table
from smsgateway.transfer.places import LEVEL

FETCHED_AT_ONCE = 5_000
Cells = tuple[object, ...]


def export_people(
    store: Store, folder: Path, progress: Progress = lambda rows: None, today: date | None = None
) -> dict[str, int]:
    """Write the four files into `folder`, streaming, all of one moment; how many rows each has. Files that were there
    are replaced only when all four are complete. `progress` is told of rows done; `today` decides which pregnancies
    are still under way."""
    today = today or SystemClock().now().date()
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, int] = {}
    with ExitStack() as leftovers:
        for file in COLUMNS:
            leftovers.callback(_unfinished(folder, file).unlink, missing_ok=True)
        with store.read() as connection:
            frozen = _frozen(connection)
            for file, rows in _tables(frozen, today).items():
                columns = (*COLUMNS[file], "code") if file in WITH_CODE else COLUMNS[file]
                written[file] = write_table(_unfinished(folder, file), columns, counted(rows, progress))
        for file in COLUMNS:
            _unfinished(folder, file).replace(folder / file)
    return written


def rows_to_export(store: Store) -> int:
    """How many rows `export_people` will report to `progress`, give or take those registered meanwhile."""
    with store.read() as connection:
        return sum(
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (facilities, staff, households, patients)
        )


def _unfinished(folder: Path, file: str) -> Path:
    return folder / f".{file}.unfinished"


def _frozen(connection: Connection) -> Connection:
    """The connection on one moment for all four queries: a patient's household must not move between two files."""
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ", yield_per=FETCHED_AT_ONCE)
    connection.exec_driver_sql("BEGIN")
    return connection.execution_options(yield_per=FETCHED_AT_ONCE)


def _tables(connection: Connection, today: date) -> dict[str, Iterator[Cells]]:
    return {
        FACILITIES: _facilities(connection),
        STAFF: _staff(connection),
        HOUSEHOLDS: _households(connection),
        PATIENTS: _patients(connection, today),
    }


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    yield from connection.execute(query)


def _facilities(connection: Connection) -> Iterator[Cells]:
    above = facilities.alias("above")
    columns = facilities.c
    query = (
        select(columns.code, columns.name, columns.kind, above.c.code, columns.timezone, columns.arm)
        .select_from(facilities.outerjoin(above, above.c.id == columns.parent_id))
        .order_by(case(LEVEL, value=columns.kind), columns.code)
    )
    return (_filled(row) for row in _rows(connection, query))


def _filled(row: Any) -> Cells:
    return tuple("" if cell is None else cell for cell in row)


def _staff(connection: Connection) -> Iterator[Cells]:
    owned = _joined(
        connection, select(phones.c.staff_id, phones.c.phone).order_by(phones.c.staff_id, phones.c.position)
    )
    looked_after = _joined(
        connection,
        select(assignments.c.staff_id, catchments.c.number)
        .join(catchments, catchments.c.id == assignments.c.catchment_id)
        .where(assignments.c.ends_on.is_(None))  # a cover with a last day is not the file's to keep
        .order_by(assignments.c.staff_id, catchments.c.number),
    )
    above = staff.alias("above")
    columns = staff.c
    query = (
        select(
            columns.id,
            columns.code,
            columns.role,
            columns.name,
            columns.language,
            facilities.c.code.label("facility"),
            above.c.code.label("supervisor"),
            columns.on_duty,
        )
        .select_from(
            staff.outerjoin(facilities, facilities.c.id == columns.facility_id).outerjoin(
                above, above.c.id == columns.supervisor_id
            )
        )
        .order_by(columns.code)
    )
    for row in _rows(connection, query):
        yield _filled(
            (
                row.code,
                row.role,
                row.name,
                owned.get(row.id),
                row.language,
                row.facility,
                row.supervisor,
                looked_after.get(row.id),
                row.on_duty,
            )
        )


def _joined(connection: Connection, query: Select[Any]) -> dict[Any, str]:
    """The second columns of rows with the same first one, separated by spaces."""
    grouped = groupby(_rows(connection, query), key=itemgetter(0))
    return {owner: " ".join(dict.fromkeys(value for _, value in rows)) for owner, rows in grouped}


def _households(connection: Connection) -> Iterator[Cells]:
    query = (
        select(catchments.c.number, households.c.serial, households.c.people, households.c.village)
        .join(catchments, catchments.c.id == households.c.catchment_id)
        .order_by(catchments.c.number, households.c.serial)
    )
    for number, serial, people, village in _rows(connection, query):
        yield _filled((number, serial, people, village, code_for(number, serial)))


def _patients(connection: Connection, today: date) -> Iterator[Cells]:
    columns = patients.c
    query = (
        select(
            catchments.c.number,
            columns.serial,
            households.c.serial.label("household"),
            columns.sex,
            columns.born_from,
            columns.born_to,
            columns.lmp,
        )
        .join(catchments, catchments.c.id == columns.catchment_id)
        .join(households, households.c.id == columns.household_id)
        .order_by(catchments.c.number, columns.serial)
    )
    for number, serial, household, sex, born_from, born_to, lmp in _rows(connection, query):
        lasts = lmp is not None and today - lmp <= PREGNANCY_AT_MOST
        born = birth_date_written(born_from, born_to)
        # The code without its hyphen: a spreadsheet reads 12-3 as the twelfth of March.
        yield _filled((number, serial, household, sex, born, lmp if lasts else None, code_for(number, serial)))
