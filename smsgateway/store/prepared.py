"""How can a statement that runs with every report cost what the driver costs, and no more? Compiled once, it goes to
the driver's own cursor; what SQLAlchemy adds for each execution was two thirds of the time of a whole report.

The types stay SQLAlchemy's: the same conversions, the same errors (`DBAPIError`), the same SQL on both databases.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
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
)
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Executable, operators, visitors
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

_CURSORS = "smsgateway_cursors"
Convert = Callable[[Any], Any]
Unwritten = Mapping[Table, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Compiled:
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

    def __init__(self, *statements: Executable, holds: str | None = None) -> None:
        """One statement for all dialects, or several, each for the dialect it was written for (SQLite, PostgreSQL).
        `holds`: the parameter that names a lock which it takes, to be held until the transaction ends."""
        self.holds = holds
        self.writes = tables_written(statements[0])
        self.only_looks = not self.writes and not _locks_rows(statements[0])
        self._statements = statements
        self._compiled: dict[str, Compiled] = {}
        self._row: Any = None
        self._reads = _tables_read(statements[0])

    @property
    def statement(self) -> Any:
        """What it was made of, for PostgreSQL."""
        return self._statements[-1]

    def reads(self, tables: frozenset[Table]) -> bool:
        """Whether it asks any of these."""
        return any(table in tables for table, _ in self._reads)

    def would_see(self, rows: Unwritten, values: Mapping[str, Any]) -> bool:
        """Whether any of these rows, not written yet, might be among its results: when its table is read, and nothing
        that the statement asks of that table rules it out."""
        return any(
            all(name not in row or row[name] == wanted.of(values) for name, wanted in conditions)
            for table, conditions in self._reads
            for row in rows.get(table, ())
        )

    def __call__(self, connection: Connection, **values: Any) -> list[Any]:
        (rows,) = run_each(connection, [(self, values)])
        return rows

    def sql(self, dialect: Dialect) -> str:
        """The text that goes to the driver."""
        return self.compiled(dialect).sql

    def compiled(self, dialect: Dialect) -> Compiled:
        """As it goes to the driver."""
        return self._compiled.get(dialect.name) or self._compile(dialect)

    def fetched(self, dialect: Dialect, cursor: Any) -> list[Any]:
        """Its rows, from the driver's cursor that ran it."""
        compiled = self.compiled(dialect)
        if not compiled.returns_rows:
            return []
        make = self._row._make
        return [make(compiled.row(row)) for row in cursor.fetchall()]

    def _compile(self, dialect: Dialect) -> Compiled:
        position = 1 if dialect.name == "postgresql" and len(self._statements) > 1 else 0
        statement: Any = self._statements[position]
        columns = list(statement.exported_columns)
        self._row = self._row or namedtuple("Row", [column.key for column in columns])
        compiled = compile_for(statement, dialect, None, [column.type for column in columns])
        self._compiled[dialect.name] = compiled
        return compiled


Question = tuple[Prepared, Mapping[str, Any]]


def run_each(connection: Connection, questions: Sequence[Question]) -> list[list[Any]]:
    """The rows of each statement. PostgreSQL is sent all of them before the first is waited for."""
    dialect, sql = connection.dialect, ""
    cursors = cursors_of(connection, len(questions))
    try:
        with in_one_go(connection) if len(questions) > 1 else nullcontext():
            for cursor, (statement, values) in zip(cursors, questions, strict=True):
                compiled = statement.compiled(dialect)
                sql = compiled.sql
                cursor.execute(sql, compiled.parameters(values))
        return [statement.fetched(dialect, cursor) for cursor, (statement, _) in zip(cursors, questions, strict=True)]
    except dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemys(connection, sql, error) from error


def in_one_go(connection: Connection) -> AbstractContextManager[Any]:
    """On PostgreSQL, statements within are sent without waiting for each other's results; those are there after it."""
    if connection.dialect.name != "postgresql":
        return nullcontext()
    driver: Any = connection.connection.driver_connection
    pipeline: AbstractContextManager[Any] = driver.pipeline()
    return pipeline


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a column must be: the value of a parameter, or one that never changes."""

    parameter: str | None
    value: Any

    def of(self, values: Mapping[str, Any]) -> Any:
        return self.value if self.parameter is None else values[self.parameter]


_Conditions = tuple[tuple[str, _Wanted], ...]


def tables_written(statement: Any) -> frozenset[Table]:
    """What a statement inserts into, changes or deletes from."""
    changing = [each for each in visitors.iterate(statement) if isinstance(each, UpdateBase)]
    return frozenset(each.table for each in changing if isinstance(each.table, Table))


def _locks_rows(statement: Any) -> bool:
    return any(getattr(each, "_for_update_arg", None) is not None for each in visitors.iterate(statement))


def _tables_read(statement: Any) -> tuple[tuple[Table, _Conditions], ...]:
    """The tables a statement reads, each with what its WHERE asks of the table's own columns by `=`. An alias may stand
    for any row of its table. An INSERT reads none."""
    if isinstance(statement, Insert):
        return ()
    if isinstance(statement, CompoundSelect):
        return tuple(read for each in statement.selects for read in _tables_read(each))
    found = list(visitors.iterate(statement))
    aliased = {each.element for each in found if isinstance(each, Alias) and isinstance(each.element, Table)}
    asked: dict[Table, list[tuple[str, _Wanted]]] = {each: [] for each in found if isinstance(each, Table)}
    for compared, bound in _equalities(getattr(statement, "whereclause", None)):
        if compared.table in asked:
            wanted = _Wanted(bound.key if bound.required else None, bound.value)
            asked[compared.table].append((compared.name, wanted))
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


def cursors_of(connection: Connection, count: int = 1) -> list[Any]:
    """The driver's cursors, made once a connection: what they find is fetched before the next statements."""
    ours = connection.connection
    found: list[Any] = ours.info.setdefault(_CURSORS, [])
    while len(found) < count:
        found.append(ours.cursor())
    return found[:count]


def compile_for(
    statement: Any, dialect: Dialect, column_keys: Sequence[str] | None = None, results: Sequence[TypeEngine[Any]] = ()
) -> Compiled:
    """A statement as the driver gets it, with columns of these types for results (none: it gives no rows)."""
    made = statement.compile(dialect=dialect, column_keys=column_keys)
    names = tuple(made.positiontup or made.binds)
    constants = {name: bind.value for name, bind in made.binds.items() if bind.value is not None and not bind.required}
    return Compiled(
        sql=str(made),
        names=names,
        binds=_needed(bind_of(made.binds[name].type, dialect) for name in names),
        constants=constants,
        positional=bool(made.positiontup),
        returns_rows=bool(results),
        results=_needed(_result(kind, dialect) for kind in results),
    )


def _needed(converts: Iterable[Convert | None]) -> tuple[tuple[int, Convert], ...]:
    return tuple((position, convert) for position, convert in enumerate(converts) if convert is not None)


def bind_of(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """What turns a value of ours into the driver's, if it must be."""
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def as_sqlalchemys(connection: Connection, sql: str, error: Exception) -> BaseException:
    """The error as SQLAlchemy would raise it; a lost connection leaves the pool."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection, None)  # type: ignore[arg-type]
    wrapped = DBAPIError.instance(
        sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    if lost:
        connection.invalidate(error)
    return wrapped
