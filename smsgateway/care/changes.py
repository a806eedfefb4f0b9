"""What did a report change in the register, and how is it put back when the report is taken back?

Whatever a report changes goes through here, so that its cancelling leaves the register as if it had never come. What
was given by mistake keeps its serial: a code is never given twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, Table, Uuid, delete, select, update

from smsgateway.store.revisions import register_changed
from smsgateway.store.tables import assignments, codes, households, patients, register_changes, staff
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx

_TABLES: Final[Mapping[str, Table]] = {table.name: table for table in (patients, households, staff)}


def change(tx: Tx, table: Table, row_id: UUID, report_id: UUID, now: datetime, **values: Any) -> None:
    """Write new values into a row of the register, and what stood there before beside the report."""
    columns = [table.c[name] for name in values]
    before = tx.execute(select(table.c.site_id, *columns).where(table.c.id == row_id)).one()
    kept = {name: _plain(getattr(before, name)) for name in values}
    _note(tx, table.name, row_id, before.site_id, report_id, now, kept)
    tx.execute(update(table).where(table.c.id == row_id).values(**values))


def added(tx: Tx, table: Table, row_id: UUID, site_id: UUID, report_id: UUID, now: datetime) -> None:
    """Note that a report brought this row into being."""
    _note(tx, table.name, row_id, site_id, report_id, now, None)


def _note(
    tx: Tx, what: str, row_id: UUID, site_id: UUID, report_id: UUID, now: datetime, before: Mapping[str, Any] | None
) -> None:
    tx.insert(
        register_changes,
        {
            "id": new_id(),
            "site_id": site_id,
            "report_id": report_id,
            "at": now,
            "what": what,
            "row_id": row_id,
            "before": before,
        },
    )


def recoded(
    tx: Tx, row_id: UUID, site_id: UUID, report_id: UUID, now: datetime, old: tuple[UUID, int], new: tuple[UUID, int]
) -> None:
    """Somebody goes by the new code (catchment and serial) from now on; the old one leads to it."""
    _lead(tx, old, new)
    kept = {"old": [str(old[0]), old[1]], "new": [str(new[0]), new[1]]}
    _note(tx, codes.name, row_id, site_id, report_id, now, kept)


def _call_as_before(tx: Tx, kept: Mapping[str, Any]) -> None:
    """The new code was written down somewhere: it leads back to the old one."""
    old, new = ((UUID(catchment), serial) for catchment, serial in (kept["old"], kept["new"]))
    _lead(tx, new, old)
    _lead(tx, old, (None, None))


def _lead(tx: Tx, code: tuple[UUID, int], to: tuple[UUID | None, int | None]) -> None:
    tx.execute(
        update(codes)
        .where(codes.c.catchment_id == code[0], codes.c.serial == code[1])
        .values(now_catchment_id=to[0], now_serial=to[1])
    )


def inherit(tx: Tx, old_report: UUID, new_report: UUID) -> None:
    """What a corrected report changed is put back with its correction."""
    tx.execute(update(register_changes).where(register_changes.c.report_id == old_report).values(report_id=new_report))


def put_back(tx: Tx, report_id: UUID) -> list[UUID]:
    """Undo what a report changed, the last first; gives the ids of the rows it had touched."""
    query = (
        select(register_changes.c.what, register_changes.c.row_id, register_changes.c.before)
        .where(register_changes.c.report_id == report_id)
        .order_by(register_changes.c.id.desc())
    )
    touched = tx.execute(query).all()
    for row in touched:
        if row.what == codes.name:
            _call_as_before(tx, row.before)
        elif row.before is None:
            _TAKE_AWAY[row.what](tx, row.row_id)
        else:
            _restore(tx, _TABLES[row.what], row.row_id, row.before)
    tx.execute(delete(register_changes).where(register_changes.c.report_id == report_id))
    return [row.row_id for row in touched]


def said_by(tx: Tx, row_id: UUID, column: str) -> UUID | None:
    """The report that last changed this column of a row of the register."""
    query = (
        select(register_changes.c.report_id, register_changes.c.before)
        .where(register_changes.c.row_id == row_id, register_changes.c.before.is_not(None))
        .order_by(register_changes.c.id.desc())
    )
    return next((row.report_id for row in tx.execute(query) if column in (row.before or {})), None)


def brought(tx: Tx, report_id: UUID) -> list[UUID]:
    """The households and persons that this report brought into the register."""
    query = select(register_changes.c.row_id).where(
        register_changes.c.report_id == report_id,
        register_changes.c.what.in_([patients.name, households.name]),
    )
    rows = tx.execute(query.add_columns(register_changes.c.before)).all()
    return [row.row_id for row in rows if row.before is None]


def _restore(tx: Tx, table: Table, row_id: UUID, before: Mapping[str, Any]) -> None:
    values = {name: _typed(table, name, value) for name, value in before.items()}
    tx.execute(update(table).where(table.c.id == row_id).values(**values))


def _void(table: Table) -> Callable[[Tx, UUID], None]:
    """Its code is nobody's any more."""

    def take_away(tx: Tx, row_id: UUID) -> None:
        row = tx.execute(select(table.c.catchment_id, table.c.serial).where(table.c.id == row_id)).one()
        tx.execute(
            update(codes)
            .where(codes.c.catchment_id == row.catchment_id, codes.c.serial == row.serial)
            .values(void=True)
        )

    return take_away


def _unassign(tx: Tx, row_id: UUID) -> None:
    tx.execute(delete(assignments).where(assignments.c.id == row_id))
    register_changed(tx)


_TAKE_AWAY: Final[Mapping[str, Callable[[Tx, UUID], None]]] = {
    patients.name: _void(patients),
    households.name: _void(households),
    assignments.name: _unassign,
}


def _plain(value: Any) -> Any:
    """As JSON keeps it."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _typed(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if value is None:
        return None
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    return UUID(value) if isinstance(kind, Uuid) else value
