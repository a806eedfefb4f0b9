"""How are a quarter of a million households and patients written? Streamed from the files a second time, in batches.

New ones get their code; known ones are brought up to date, and an empty cell leaves what CHWs have reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Insert, Table, Update, bindparam, func, insert, select, update

from smsgateway.store.tables import codes, households, patients
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.transfer.checking import Checked, Progress
from smsgateway.transfer.faults import Changed, Faults
from smsgateway.transfer.posts import Area
from smsgateway.transfer.rows import HouseholdRow, PatientRow, household_rows, patient_rows

BATCH = 5_000
Row = TypeVar("Row", HouseholdRow, PatientRow)
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows of a kind were new, and how many were known and brought up to date."""

    new: int
    updated: int


@dataclass(frozen=True, slots=True)
class Homes:
    """What writing people needs: the transaction, the checked files, and each catchment's id and site."""

    tx: Tx
    checked: Checked
    areas: Mapping[str, Area]
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Row]):
    """How rows of one file are written: as new ones, as changes, and which values they give."""

    name: str
    insert: Insert
    change: Update
    values: Callable[[Row, Area], dict[str, Any]]


def write_households(homes: Homes) -> Count:
    faults = Faults()
    return _write(homes, _HOUSEHOLD, household_rows(homes.checked.folder, faults), faults)


def write_patients(homes: Homes) -> Count:
    faults = Faults()
    return _write(homes, _PATIENT, patient_rows(homes.checked.folder, faults, homes.checked.today), faults)


def _write(homes: Homes, kind: _Kind[Row], rows: Iterator[Row], faults: Faults) -> Count:
    """Write one file's rows. They were sound when checked: a fault now means that the file was saved since."""
    new_rows = old_rows = 0
    while batch := list(islice(rows, BATCH)):
        new, given, old = _sorted_out(homes, kind, batch)
        for statement, parameters in ((kind.insert, new), (insert(codes), given), (kind.change, old)):
            if parameters:
                homes.tx.run(statement, parameters)
        new_rows, old_rows = new_rows + len(new), old_rows + len(old)
        homes.progress(len(batch))
    if faults.total:
        raise Changed("files")
    return Count(new_rows, old_rows)


def _sorted_out(homes: Homes, kind: _Kind[Row], batch: list[Row]) -> tuple[Rows, Rows, Rows]:
    """Rows of people who are new, of the codes they get, and of people who are known."""
    registered_at = datetime.combine(homes.checked.today, time(), UTC)
    new: Rows = []
    given: Rows = []
    old: Rows = []
    for row in batch:
        number, is_new = homes.checked.serials.found(row.catchment, row.serial)
        area = homes.areas[number]
        values = kind.values(row, area)
        if not is_new:
            old.append(values | {"row_catchment": area.id, "row_serial": row.serial})
            continue
        subject = new_id()
        place = {"site_id": area.site_id, "catchment_id": area.id, "serial": row.serial}
        new.append(values | place | {"id": subject, "registered_at": registered_at})
        given.append(place | {"kind": kind.name, "subject_id": subject})
    return new, given, old


def _household_values(row: HouseholdRow, area: Area) -> dict[str, Any]:
    return {"new_people": row.people, "new_village": row.village}


def _patient_values(row: PatientRow, area: Area) -> dict[str, Any]:
    return {
        "home_catchment": area.id,
        "home_serial": row.household,
        "new_sex": row.sex,
        "new_born_from": row.born_from,
        "new_born_to": row.born_to,
        "new_lmp": row.lmp,
    }


def _given(*columns: Column[Any]) -> dict[str, ColumnElement[Any]]:
    return {column.name: bindparam(f"new_{column.name}", type_=column.type) for column in columns}


def _given_or_kept(*columns: Column[Any]) -> dict[str, ColumnElement[Any]]:
    return {name: func.coalesce(value, columns[0].table.c[name]) for name, value in _given(*columns).items()}


def _at_its_place(table: Table) -> Update:
    return update(table).where(
        table.c.catchment_id == bindparam("row_catchment"), table.c.serial == bindparam("row_serial")
    )


_HOUSEHOLD_COLUMNS = (households.c.people, households.c.village)
_PATIENT_COLUMNS = (patients.c.sex, patients.c.born_from, patients.c.born_to, patients.c.lmp)
_HOME = (
    select(households.c.id)
    .where(households.c.catchment_id == bindparam("home_catchment"), households.c.serial == bindparam("home_serial"))
    .scalar_subquery()
)
_HOUSEHOLD = _Kind(
    "household",
    insert(households).values(_given(*_HOUSEHOLD_COLUMNS)),
    _at_its_place(households).values(_given_or_kept(*_HOUSEHOLD_COLUMNS)),
    _household_values,
)
_PATIENT = _Kind(
    "patient",
    insert(patients).values(_given(*_PATIENT_COLUMNS)).values(household_id=_HOME),
    _at_its_place(patients).values(_given_or_kept(*_PATIENT_COLUMNS)).values(household_id=_HOME),
    _patient_values,
)
