"""How does anything get written? Through one door: `store.write(work)`.

`work` is replayable: it is given a `Tx`, touches nothing outside it, and may be called again after a rollback. When
`write` returns, what `work` wrote is on disk; when it raises, none of it is.

One thread commits what several ask for together (`GroupDoor`). If one of them fails the whole group is rolled back and
its members are replayed one by one, so that only the one that fails alone is refused. On SQLite all that is written
goes that way, through the only writing connection. No savepoints: on a full disk SQLite drops the whole transaction,
not the savepoint, and they cost a third of the writes. On PostgreSQL the messages that reach us go that way; everything
else, and the replays, has a transaction of its own (`PlainDoor`), replayed after a deadlock, a lost race or a lost
connection.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import structlog
from sqlalchemy import CursorResult, Executable, Table
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from smsgateway.store.batches import ask_together
from smsgateway.store.inserts import insert_all
from smsgateway.store.prepared import Prepared, Question, in_one_go
from smsgateway.store.tables import WRITE_ORDER

log = structlog.get_logger(__name__)

T = TypeVar("T")
Work = Callable[["Tx"], T]

GROUP_AT_MOST = 64
# A lost race: another transaction was first, and a replay will see what it did.
LOST_RACE = frozenset({"40001", "40P01", "23505"})
REPLAYS = 3


class StoreUnavailable(Exception):
    """The database cannot take anything now (down, locked, disk full): nothing was written, try again later."""


class Rows:
    """Rows that are not written yet. All rows of a table must name the same columns."""

    def __init__(self) -> None:
        self._of: dict[Table, list[Mapping[str, Any]]] = {}

    def add(self, table: Table, row: Mapping[str, Any]) -> None:
        self._of.setdefault(table, []).append(row)

    def add_all(self, other: Rows) -> None:
        for table, rows in other._of.items():
            self._of.setdefault(table, []).extend(rows)

    def are_seen_by(self, statement: Prepared, values: Mapping[str, Any]) -> bool:
        """Whether any of these might be among its results."""
        return bool(self._of) and statement.would_see(self._of, values)

    def write(self, connection: Connection) -> None:
        """Write them, tables in the order of their foreign keys, and be empty again."""
        if self._of:
            rows, self._of = self._of, {}
            insert_all(connection, [(table, rows[table]) for table in sorted(rows, key=WRITE_ORDER.__getitem__)])


class Tx:
    """One transaction in progress. `insert` is buffered and written in bulk with the whole group's rows just before
    the commit. `execute` writes what is buffered first, so that it sees it; `ask` does so when it might see any of it;
    `run` does not, and is for statements that do not read what `insert` buffers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect.name
        self.rows = Rows()
        self._after: list[Callable[[], None]] = []

    @property
    def connection(self) -> Connection:
        """For what reads much, with a statement for each shape of the question; what is buffered is written first."""
        self.flush()
        return self._connection

    def option(self, name: str) -> Any:
        """What the store was given under this name (an execution option of its engine), if anything."""
        return self._connection.get_execution_options().get(name)

    def insert(self, table: Table, row: Mapping[str, Any]) -> None:
        """Add one row. All rows of a table must name the same columns."""
        self.rows.add(table, row)

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement after writing what is buffered."""
        self.flush()
        return self.run(statement, parameters)

    def run(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement that does not read what is buffered."""
        result: CursorResult[Any] = self._connection.execute(statement, parameters)
        return result

    def ask(self, statement: Prepared, **values: Any) -> list[Any]:
        """The rows of a prepared statement, written or buffered."""
        if self.rows.are_seen_by(statement, values):
            self.flush()
        return statement(self._connection, **values)

    def ask_each(self, *questions: Question) -> list[list[Any]]:
        """The rows of each of several; on PostgreSQL asked at once, unless one writes."""
        if self.dialect != "postgresql" or not all(statement.only_looks for statement, _ in questions):
            return [Tx.ask(self, statement, **values) for statement, values in questions]
        if any(self.rows.are_seen_by(*question) for question in questions):
            self.flush()
        return ask_together(self._connection, questions)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Something to do once this is on disk, and only then (wake a sender, drop a cache entry)."""
        self._after.append(action)

    def flush(self) -> None:
        """Write the buffered rows."""
        self.rows.write(self._connection)

    def take_after_commit(self) -> list[Callable[[], None]]:
        """The actions to do, handed over once."""
        actions, self._after = self._after, []
        return actions


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """What became of one work: its result, on disk, or why nothing of it is."""

    result: T | None = None
    error: BaseException | None = None

    def value(self) -> T:
        """The result; raises the error."""
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """Something to write, and what is written instead when the work itself fails: a fault of ours, never the
    database's, after which nothing is written (`StoreUnavailable`)."""

    work: Work[T]
    instead: Callable[[Exception], Work[T]] | None = None


class Door(Protocol):
    def write_each(self, works: Sequence[Work[T]]) -> list[Written[T]]:
        """Do each, and return once it is known of all; whether one fails does not depend on the others."""
        ...

    def close(self) -> None: ...


class _Job(Generic[T]):
    """One request waiting for the writer."""

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.result: T | None = None
        self.error: BaseException | None = None
        self.fell_out = False
        self._done = threading.Lock()
        self._done.acquire()

    def wait(self) -> Written[T] | None:
        """What became of it; None when it is still to be done, alone."""
        self._done.acquire()
        return None if self.fell_out else Written(self.result, self.error)

    def finish(self) -> None:
        self._done.release()


Doing = Callable[[Tx, Sequence[Work[Any]]], list[Any]]


def one_after_the_other(tx: Tx, works: Sequence[Work[Any]]) -> list[Any]:
    """Do all works in this transaction and give their results."""
    return [work(tx) for work in works]


class GroupDoor:
    """One writer thread, group commit. `do`: how the works of a group are done. Those of a group that failed are each
    done again by the writer, or, given a door for those `alone`, by whoever asked, who may have to wait there for a
    lock that somebody else holds: the writer then goes on with others."""

    def __init__(self, engine: Engine, do: Doing = one_after_the_other, alone: Door | None = None) -> None:
        self._engine = engine
        self._do = do
        self._alone = alone
        self._queue: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._connection: Connection | None = None  # the writer thread's
        self._thread = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._thread.start()

    def write_each(self, works: Sequence[Work[T]]) -> list[Written[T]]:
        jobs = [_Job(work) for work in works]
        for job in jobs:
            self._queue.put(job)
        return [self._outcome(job) for job in jobs]

    def _outcome(self, job: _Job[T]) -> Written[T]:
        written = job.wait()
        if written is None and self._alone is not None:
            (written,) = self._alone.write_each([job.work])
        assert written is not None
        return written

    def waiting(self) -> int:
        """How many requests stand before the writer."""
        return self._queue.qsize()

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._engine.dispose()

    def _serve(self) -> None:
        closing = False
        while not closing:
            group: list[_Job[Any]] = []
            job = self._queue.get()
            while job is not None:
                group.append(job)
                if len(group) == GROUP_AT_MOST:
                    break
                try:
                    job = self._queue.get_nowait()
                except queue.Empty:
                    break
            closing = job is None
            if group:
                self._commit(group)
            if self._queue.empty():
                self._hang_up()

    def _commit(self, group: list[_Job[Any]]) -> None:
        """Commit all together, or else each alone: the replay that keeps one bad request from costing the others."""
        try:
            after = self._attempt(group)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked, and the writer must live on
            if self._alone is not None:
                log.info("a group is done apart", works=len(group), error=type(error).__name__)
                for job in group:
                    job.fell_out = True
            elif len(group) > 1:
                for job in group:
                    self._commit([job])
                return
            else:
                group[0].error = _translated(error)
        else:
            for action in after:
                action()
        for job in group:
            job.finish()

    def _attempt(self, group: list[_Job[Any]]) -> list[Callable[[], None]]:
        connection = self._connection = self._connection or self._engine.connect()
        try:
            with connection.begin() as transaction:
                tx = Tx(connection)
                for job, result in zip(group, self._do(tx, [job.work for job in group]), strict=True):
                    job.result = result
                with in_one_go(connection):
                    tx.flush()
                    transaction.commit()
        except BaseException:
            self._hang_up()
            raise
        return tx.take_after_commit()

    def _hang_up(self) -> None:
        """Give the connection back to its pool; it is kept from group to group while there is work."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class PlainDoor:
    """Each request its own transaction: on PostgreSQL, and on an in-memory SQLite, one at a time."""

    def __init__(self, engine: Engine, guard: AbstractContextManager[Any] | None = None) -> None:
        self._engine = engine
        self._guard = guard

    def write_each(self, works: Sequence[Work[T]]) -> list[Written[T]]:
        return [self._outcome(work) for work in works]

    def close(self) -> None:
        """Nothing of its own to give back."""

    def _outcome(self, work: Work[T]) -> Written[T]:
        try:
            with self._guard or nullcontext():
                return Written(self._replayed(work))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            return Written(error=_translated(error))

    def _replayed(self, work: Work[T]) -> T:
        for left in reversed(range(REPLAYS)):
            try:
                with self._engine.begin() as connection:
                    tx = Tx(connection)
                    result = work(tx)
                    tx.flush()
            except DBAPIError as error:
                if left and _worth_replaying(error):
                    continue
                raise
            for action in tx.take_after_commit():
                action()
            return result
        raise AssertionError("unreachable: the last replay returns or raises")


def _worth_replaying(error: DBAPIError) -> bool:
    """A lost connection may have been lost after its COMMIT: `work` finds its own rows (`seen`) and changes nothing."""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in LOST_RACE


def _translated(error: BaseException) -> BaseException:
    away = isinstance(error, OperationalError | InterfaceError | PoolTimeout)
    if away or getattr(error, "connection_invalidated", False):
        unavailable = StoreUnavailable(type(getattr(error, "orig", error)).__name__)
        unavailable.__cause__ = error
        return unavailable
    return error
