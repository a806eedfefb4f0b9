"""Which database is it, and how is it opened? `open_store(url)` gives a `Store`: one write door, many readers.

SQLite is embedded (one process writes; WAL, `synchronous=FULL`: what was answered 200 survives a power cut);
PostgreSQL carries many processes. The rest of the service sees only `Store`.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, bindparam, create_engine, event, func, literal, select
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import StaticPool

from smsgateway.clock import Clock, SystemClock
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import metadata
from smsgateway.store.together import side_by_side
from smsgateway.store.types import UTCDateTime
from smsgateway.store.write import Door, GroupDoor, PlainDoor, StoreUnavailable, Task, Tx, Work, Written

T = TypeVar("T")
SQLITE_BUSY_MS = 15_000
GROUP_WAITS_MS = 100


@dataclass(frozen=True)
class Readers:
    """Connections that only read; those who write never wait for them."""

    readers: Engine
    shared_connection: threading.RLock | None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading only; it never waits for the writer."""
        with self.shared_connection or nullcontext(), self.readers.connect() as connection:
            yield connection

    def close(self) -> None:
        self.readers.dispose()


@dataclass(frozen=True)
class Store(Readers):
    """The database as the service sees it."""

    engine: Engine
    door: Door
    filing: Door  # for what reaches us

    def write(self, work: Work[T]) -> T:
        """Do `work` in a transaction and return what it returned, once that is on disk; see `store.write`."""
        return self.door.write_each([work])[0].value()

    def carry_out(self, tasks: Sequence[Task[T]]) -> list[Written[T]]:
        """Do what these ask for, each whatever becomes of the others; they share a commit."""
        outcomes = self.filing.write_each([task.work for task in tasks])
        return [self._made_good(task, outcome) for task, outcome in zip(tasks, outcomes, strict=True)]

    def _made_good(self, task: Task[T], outcome: Written[T]) -> Written[T]:
        error = outcome.error
        if task.instead is None or not isinstance(error, Exception) or isinstance(error, StoreUnavailable):
            return outcome
        return self.door.write_each([task.instead(error)])[0]

    def do(self, task: Task[T]) -> T:
        """Do what one task asks for; raises StoreUnavailable, or what its work raised if nothing is written instead."""
        return self.carry_out([task])[0].value()

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def close(self) -> None:
        self.filing.close()
        self.door.close()
        self.engine.dispose()
        super().close()


def open_store(url: str, *, pool_size: int = 24) -> Store:
    """Open the database at `url`; it is not created or upgraded here (`schema.upgrade` does that). Errors never show
    the values of a statement: they hold what people texted."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=8, pool_use_lifo=True, hide_parameters=True)
        event.listen(engine, "connect", _prepare_postgresql)
        alone = PlainDoor(engine)
        return Store(engine, None, engine, alone, GroupDoor(_postgresql_writer(url), side_by_side, alone))
    if parsed.database in (None, "", ":memory:"):
        return _memory_store()
    assert parsed.database is not None
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, pool_size=1, max_overflow=4, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    together = GroupDoor(engine)
    return Store(_sqlite_readers(url, pool_size=8), None, engine, together, together)


def open_readers(url: str) -> Readers:
    """The database at `url`, for somebody who only looks at it now and then."""
    if make_url(url).get_backend_name() == "sqlite":
        return Readers(_sqlite_readers(url, pool_size=1), None)
    return Readers(create_engine(url, pool_size=1, max_overflow=2, hide_parameters=True), None)


def _sqlite_readers(url: str, pool_size: int) -> Engine:
    engine = create_engine(url, pool_size=pool_size, max_overflow=24, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite_reader)
    return engine


def _postgresql_writer(url: str) -> Engine:
    """For the one connection that commits groups. A group waits for nobody's locks, holding all its own: it falls
    apart. What many ask at once is planned once, not anew for each number of them."""
    engine = create_engine(url, pool_size=1, hide_parameters=True)

    def prepare(connection: Any, record: Any) -> None:
        _prepare_postgresql(connection, record)
        connection.execute(f"SET lock_timeout = {GROUP_WAITS_MS}")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine


def _memory_store() -> Store:
    """One connection for everything, used in turn: for scenarios, which live on a virtual clock in one thread."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    metadata.create_all(engine)
    lock = threading.RLock()
    door = PlainDoor(engine, lock)
    return Store(engine, lock, engine, door, door)


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Planning a look-up takes three times as long as answering it, and a process has more statements than the driver
    keeps planned; the pool gives out the connection that was used last, whose plans are there."""
    connection.prepare_threshold = 1
    connection.prepared_max = 500


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event decides how a transaction begins
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={SQLITE_BUSY_MS}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_sqlite_reader(connection: sqlite3.Connection, record: Any) -> None:
    _prepare_sqlite(connection, record)
    connection.execute("PRAGMA query_only=ON")


def _begin_immediate(connection: Connection) -> None:
    """A deferred transaction that reads first and writes later fails at once when another writer was between."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def lock_sender(tx: Tx, sender: str) -> None:
    """Hold the sender's place until the transaction ends, so that a correction cannot overtake the report it
    corrects. On SQLite the one writer already does."""
    if tx.dialect == "postgresql":
        tx.ask(HOLD, key=sender_lock(sender))


def sender_lock(sender: str) -> int:
    """The number of the advisory lock that `lock_sender` takes."""
    return _lock_number("sender:" + sender)


def lock_key(tx: Tx, name: str) -> None:
    """Hold `name` until the transaction ends (PostgreSQL's advisory lock; nothing to do under SQLite's one writer)."""
    if tx.dialect == "postgresql":
        tx.ask(HOLD, key=_lock_number(name))


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


HOLD = Prepared(select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)).label("held")), holds="key")


def database_time(tx: Tx, clock: Clock) -> ColumnElement[datetime]:
    """Now, by the clock that all processes share: PostgreSQL's own. A virtual clock, and SQLite, which lives in one
    process, use the clock given."""
    if tx.dialect == "postgresql" and isinstance(clock, SystemClock):
        return func.clock_timestamp(type_=UTCDateTime())
    return literal(clock.now(), UTCDateTime())
