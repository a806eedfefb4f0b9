"""Which database is it, and how is it opened? `open_store(url)` gives a `Store`: one write door, many readers.

SQLite is the embedded engine (one process, WAL, `synchronous=FULL`: what was answered 200 survives a power cut);
PostgreSQL carries many processes. The rest of the service sees only `Store`.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
from smsgateway.store.types import UTCDateTime
from smsgateway.store.write import Door, GroupDoor, PlainDoor, Tx, Work

T = TypeVar("T")
SQLITE_BUSY_MS = 15_000


@dataclass(frozen=True)
class Store:
    """The database as the service sees it."""

    engine: Engine
    readers: Engine
    door: Door
    shared_connection: threading.RLock | None = None

    def write(self, work: Work[T]) -> T:
        """Do `work` in a transaction and return what it returned, once that is on disk; see `store.write`."""
        return self.door.write(work)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading only; it never waits for the writer."""
        if self.shared_connection is None:
            with self.readers.connect() as connection:
                yield connection
            return
        with self.shared_connection, self.readers.connect() as connection:
            yield connection

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def close(self) -> None:
        self.door.close()
        self.engine.dispose()
        self.readers.dispose()


def open_store(url: str, *, pool_size: int = 24) -> Store:
    """Open the database at `url`; it is not created or upgraded here (`schema.upgrade` does that). Errors never show
    the values of a statement: they hold what people texted."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=8, hide_parameters=True)
        return Store(engine, engine, PlainDoor(engine))
    if parsed.database in (None, "", ":memory:"):
        return _memory_store()
    assert parsed.database is not None
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, pool_size=1, max_overflow=4, hide_parameters=True)
    readers = create_engine(parsed, pool_size=8, max_overflow=24, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    event.listen(readers, "connect", _prepare_sqlite_reader)
    return Store(engine, readers, GroupDoor(engine))


def _memory_store() -> Store:
    """One connection for everything, used in turn: for scenarios, which live on a virtual clock in one thread."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    metadata.create_all(engine)
    lock = threading.RLock()
    return Store(engine, engine, PlainDoor(engine, lock), lock)


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
        tx.ask(_LOCK, key=sender_lock(sender))


def sender_lock(sender: str) -> int:
    """The number of the advisory lock that `lock_sender` takes."""
    return _lock_number("sender:" + sender)


def lock_key(tx: Tx, name: str) -> None:
    """Hold `name` until the transaction ends (PostgreSQL's advisory lock; nothing to do under SQLite's one writer)."""
    if tx.dialect == "postgresql":
        tx.ask(_LOCK, key=_lock_number(name))


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


_LOCK = Prepared(select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)).label("held")))


def database_time(tx: Tx, clock: Clock) -> ColumnElement[datetime]:
    """Now, by the clock that all processes share: PostgreSQL's own. A virtual clock, and SQLite, which lives in one
    process, use the clock given."""
    if tx.dialect == "postgresql" and isinstance(clock, SystemClock):
        return func.clock_timestamp(type_=UTCDateTime())
    return literal(clock.now(), UTCDateTime())
