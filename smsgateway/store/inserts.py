"""How are rows written? Those of one table in one call of the driver; all those of a transaction, on PostgreSQL, as one
statement that takes each table's rows as a list of JSON objects. However many rows there are it is the same statement,
planned once, and it is waited for once: each wait costs as much as reading a report.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import String, Table, bindparam, cast, column, func, insert, literal_column, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.types import TypeDecorator

from smsgateway.store.prepared import Compiled, Convert, as_sqlalchemys, bind_of, compile_for, cursors_of


@lru_cache(maxsize=256)
def _insert(table: Table, dialect: Dialect, names: tuple[str, ...]) -> Compiled:
    return compile_for(insert(table), dialect, names)


@lru_cache(maxsize=256)
def _insert_together(shape: tuple[tuple[Table, tuple[str, ...]], ...], dialect: Dialect) -> Compiled:
    parts = []
    for table, names in shape:
        listed = cast(bindparam(table.name, type_=String()), postgresql.JSON)
        rows = func.json_to_recordset(listed).table_valued(*[column(name, table.c[name].type) for name in names])
        given = rows.render_derived(with_types=True)
        parts.append(insert(table).from_select(names, select(*given.c)).cte(f"into_{table.name}"))
    return compile_for(select(literal_column("1")).add_cte(*parts), dialect)


@lru_cache(maxsize=256)
def _our_types(table: Table, dialect: Dialect, names: tuple[str, ...]) -> tuple[tuple[str, Convert], ...]:
    """The columns of types of our own, whose values are checked on their way in."""
    kinds = ((name, table.c[name].type) for name in names)
    ours = ((name, bind_of(kind, dialect)) for name, kind in kinds if isinstance(kind, TypeDecorator))
    return tuple((name, convert) for name, convert in ours if convert is not None)


def insert_all(connection: Connection, rows: Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]) -> None:
    """Insert rows into several tables, those that others refer to first. All rows of a table name the same columns."""
    if connection.dialect.name != "postgresql":
        for table, some in rows:
            insert_many(connection, table, some)
        return
    shape = tuple((table, tuple(some[0])) for table, some in rows)
    compiled = _insert_together(shape, connection.dialect)
    listed = {table.name: _as_json(table, connection.dialect, some) for table, some in rows}
    try:
        cursors_of(connection)[0].execute(compiled.sql, compiled.parameters(listed))
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemys(connection, compiled.sql, error) from error


def _as_json(table: Table, dialect: Dialect, rows: Sequence[Mapping[str, Any]]) -> str:
    ours = _our_types(table, dialect, tuple(rows[0]))
    converted = [{**row, **{name: convert(row[name]) for name, convert in ours}} for row in rows]
    return json.dumps(converted, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no kind of, as PostgreSQL reads it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return str(value)


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, in one call of the driver."""
    compiled = _insert(table, connection.dialect, tuple(rows[0]))
    (cursor,) = cursors_of(connection)
    try:
        if len(rows) == 1:
            cursor.execute(compiled.sql, compiled.parameters(rows[0]))
        else:
            cursor.executemany(compiled.sql, [compiled.parameters(row) for row in rows])
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemys(connection, compiled.sql, error) from error
