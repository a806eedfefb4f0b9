"""Is the database as new as the code? Alembic's migrations bring it there; `/readyz` and `doctor` ask whether it is.

A database file is served by one engine at a time: a second one would push the slowest answers from 25 to 300 ms.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import Engine, make_url

from smsgateway.settings import shipped


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> str:
    """Bring the schema to the newest revision and return that revision; safe to run again, and by several at once."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_lock(7246001)"))
            connection.commit()
        try:
            command.upgrade(alembic_config(connection), "head")
            connection.commit()
        finally:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_unlock(7246001)"))
                connection.commit()
        return head()


def head() -> str:
    """The newest revision this code knows."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert newest is not None
    return newest


def current(connection: Connection) -> str | None:
    """The revision of the database, None when it was never set up."""
    return MigrationContext.configure(connection).get_current_revision()


class AlreadyServed(Exception):
    """Another process serves this SQLite file."""


@contextmanager
def sole_server(url: str) -> Iterator[None]:
    """Hold the operating system's lock beside an SQLite file while serving from it; nothing for other databases."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        yield
        return
    lock_file = Path(f"{parsed.database}.lock")
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyServed(
                f"{parsed.database} is already served by another process; use PostgreSQL for several processes"
            ) from error
        yield
    finally:
        os.close(descriptor)


class NotUpgraded(Exception):
    """The database's schema is not the code's."""


def require_current(engine: Engine) -> None:
    """Refuse to work on a schema that is not the code's; raises NotUpgraded saying what to run."""
    with engine.connect() as connection:
        found = current(connection)
    if found != head():
        raise NotUpgraded(
            f"the database is at revision {found or 'nothing'}, the code at {head()}: run smsgateway db upgrade"
        )
