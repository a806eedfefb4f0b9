"""How can a statement that runs with every report cost what the driver costs, and no more? Compiled once, it goes to
the driver's own cursor; what SQLAlchemy adds for each execution was two thirds of the time of a whole report.

The types stay SQLAlchemy's: the same conversions, the same errors (`DBAPIError`), the same SQL on both databases.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Alias,
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    Column,
    CompoundSelect,
    Insert,
    Table,
    bindparam,
    insert,
    literal_column,
    select,
)
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Executable, operators, visitors
from sqlalchemy.types import TypeEngine

_CURSOR = "smsgateway_cursor"
ROWS_TOGETHER = 4  # of a table: every other count is another statement to compile
Convert = Callable[[Any], Any]
Rows = Mapping[Table, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """SQL of one dialect, with what turns our values into the driver's and back: `binds` and `results` by position, for
    the values that need it."""

    sql: str
    names: tuple[str, ...]
    binds: tuple[tuple[int, Convert], ...]
    constants: Mapping[str, Any]
    positional: bool
    returns_rows: bool
    results: tuple[tuple[int, Convert], ...]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """The driver's parameters for one execution."""
        given = {**self.constants, **values} if self.constants else values
        converted = [given[name] for name in self.names]
        for position, convert in self.binds:
            converted[position] = convert(converted[position])
        return converted if self.positional else dict(zip(self.names, converted, strict=True))

    def row(self, found: Sequence[Any]) -> Sequence[Any]:
        """One row as the driver gave it, in our values."""
        row = list(found)
        for position, convert in self.results:
            if row[position] is not None:
                row[position] = convert(row[position])
        return row


class Prepared:
    """A statement with named parameters, to be run again and again: `statement(connection, name=value)` gives its rows,
    with a column's name as attribute. Not for statements whose shape depends on their values (IN lists)."""

    def __init__(self, *statements: Executable) -> None:
        """One statement for all dialects, or several, each for the dialect it was written for (SQLite, PostgreSQL)."""
        self._statements = statements
        self._compiled: dict[str, _Compiled] = {}
        self._row: Any = None
        self._reads = _tables_read(statements[0])

    def would_see(self, rows: Rows, values: Mapping[str, Any]) -> bool:
        """Whether any of these rows, not written yet, might be among its results: when its table is read, and nothing
        that the statement asks of that table rules it out."""
        return any(
            all(name not in row or row[name] == wanted.of(values) for name, wanted in conditions)
            for table, conditions in self._reads
            for row in rows.get(table, ())
        )

    def sql(self, dialect: Dialect) -> str:
        """The text that goes to the driver."""
        return (self._compiled.get(dialect.name) or self._compile(dialect)).sql

    def __call__(self, connection: Connection, **values: Any) -> list[Any]:
        compiled = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        cursor = _cursor(connection)
        try:
            cursor.execute(compiled.sql, compiled.parameters(values))
            rows = cursor.fetchall() if compiled.returns_rows else ()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _wrapped(connection, compiled.sql, error) from error
        made = self._row._make
        return [made(compiled.row(row)) for row in rows]

    def _compile(self, dialect: Dialect) -> _Compiled:
        position = 1 if dialect.name == "postgresql" and len(self._statements) > 1 else 0
        statement: Any = self._statements[position]
        columns = list(statement.exported_columns)
        self._row = self._row or namedtuple("Row", [column.key for column in columns])
        compiled = _compiled(statement, dialect, None, [column.type for column in columns])
        self._compiled[dialect.name] = compiled
        return compiled


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a column must be: the value of a parameter, or one that never changes."""

    parameter: str | None
    value: Any

    def of(self, values: Mapping[str, Any]) -> Any:
        return self.value if self.parameter is None else values[self.parameter]


_Conditions = tuple[tuple[str, _Wanted], ...]


def _tables_read(statement: Any) -> tuple[tuple[Table, _Conditions], ...]:
    """The tables a statement reads, each with what its WHERE asks of the table's own columns by `=`. An alias may stand
    for any row of its table. An INSERT reads none."""
    if isinstance(statement, Insert):
        return ()
    if isinstance(statement, CompoundSelect):
        return tuple(read for each in statement.selects for read in _tables_read(each))
    found = list(visitors.iterate(statement))
    aliased = [each.element for each in found if isinstance(each, Alias)]
    asked: dict[Table, list[tuple[str, _Wanted]]] = {each: [] for each in found if isinstance(each, Table)}
    for column, bound in _equalities(getattr(statement, "whereclause", None)):
        if column.table in asked:
            wanted = _Wanted(bound.key if bound.required else None, bound.value)
            asked[column.table].append((column.name, wanted))
    once = {table: () if table in aliased else tuple(conditions) for table, conditions in asked.items()}
    return tuple(once.items())


def _equalities(clause: Any) -> Iterator[tuple[Column[Any], BindParameter[Any]]]:
    """`column = parameter`, of all that must hold together."""
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for each in clause.clauses:
            yield from _equalities(each)
    elif (
        isinstance(clause, BinaryExpression)
        and clause.operator is operators.eq
        and isinstance(clause.left, Column)
        and isinstance(clause.right, BindParameter)
    ):
        yield clause.left, clause.right


@lru_cache(maxsize=256)
def _insert(table: Table, dialect: Dialect, names: tuple[str, ...]) -> _Compiled:
    return _compiled(insert(table), dialect, names, ())


@lru_cache(maxsize=256)
def _insert_together(shape: tuple[tuple[Table, int, tuple[str, ...]], ...], dialect: Dialect) -> _Compiled:
    def parameters(table: Table, place: int, row: int, names: Sequence[str]) -> dict[str, BindParameter[Any]]:
        return {name: bindparam(f"{name}_{place}_{row}", type_=table.c[name].type) for name in names}

    parts = [
        insert(table).values([parameters(table, place, row, names) for row in range(count)]).cte(f"part_{place}")
        for place, (table, count, names) in enumerate(shape)
    ]
    return _compiled(select(literal_column("1")).add_cte(*parts), dialect, None, ())


def insert_all(connection: Connection, rows: Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]) -> None:
    """Insert rows into several tables, those that others refer to first. PostgreSQL gets what one report writes as a
    single statement: each that it waits for costs as much as reading the report."""
    together = connection.dialect.name == "postgresql" and len(rows) > 1
    if not together or any(len(some) > ROWS_TOGETHER for _, some in rows):
        for table, some in rows:
            insert_many(connection, table, some)
        return
    shape = tuple((table, len(some), tuple(some[0])) for table, some in rows)
    values = {
        f"{name}_{place}_{number}": value
        for place, (_, some) in enumerate(rows)
        for number, row in enumerate(some)
        for name, value in row.items()
    }
    compiled = _insert_together(shape, connection.dialect)
    try:
        _cursor(connection).execute(compiled.sql, compiled.parameters(values))
    except connection.dialect.loaded_dbapi.Error as error:
        raise _wrapped(connection, compiled.sql, error) from error


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, in one call of the driver."""
    compiled = _insert(table, connection.dialect, tuple(rows[0]))
    cursor = _cursor(connection)
    try:
        if len(rows) == 1:
            cursor.execute(compiled.sql, compiled.parameters(rows[0]))
        else:
            cursor.executemany(compiled.sql, [compiled.parameters(row) for row in rows])
    except connection.dialect.loaded_dbapi.Error as error:
        raise _wrapped(connection, compiled.sql, error) from error


def _cursor(connection: Connection) -> Any:
    """The driver's cursor, made once a connection: what it finds is fetched before the next statement."""
    ours = connection.connection
    found = ours.info.get(_CURSOR)
    if found is None:
        found = ours.info[_CURSOR] = ours.cursor()
    return found


def _compiled(
    statement: Any, dialect: Dialect, column_keys: Sequence[str] | None, results: Sequence[TypeEngine[Any]]
) -> _Compiled:
    made = statement.compile(dialect=dialect, column_keys=column_keys)
    names = tuple(made.positiontup or made.binds)
    constants = {name: bind.value for name, bind in made.binds.items() if bind.value is not None and not bind.required}
    return _Compiled(
        sql=str(made),
        names=names,
        binds=_needed(_bind(made.binds[name].type, dialect) for name in names),
        constants=constants,
        positional=bool(made.positiontup),
        returns_rows=bool(results),
        results=_needed(_result(kind, dialect) for kind in results),
    )


def _needed(converts: Iterable[Convert | None]) -> tuple[tuple[int, Convert], ...]:
    return tuple((position, convert) for position, convert in enumerate(converts) if convert is not None)


def _bind(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _wrapped(connection: Connection, sql: str, error: Exception) -> BaseException:
    """The error as SQLAlchemy would raise it; a lost connection leaves the pool."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection, None)  # type: ignore[arg-type]
    wrapped = DBAPIError.instance(
        sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    if lost:
        connection.invalidate(error)
    return wrapped
