"""Both databases for everything that touches the store: empty and migrated for each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from smsgateway.logs import configure
from smsgateway.reading.programme import Programme, load_programme
from smsgateway.settings import Settings
from smsgateway.store.database import Store, open_store
from smsgateway.store.schema import upgrade
from smsgateway.store.tables import metadata
from tests.support.field import Field
from tests.support.postgres import running_postgres

configure("INFO")  # logs as the service writes them; structlog's own default prints every local variable of a traceback
# CI judges the change, not the luck of the draw; every other run explores.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize="CI" in os.environ
)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server to test on: the one given by the environment, or one of our own. Missing PostgreSQL is a failure."""
    given = os.environ.get("SMSGATEWAY_TEST_DATABASE_URL")
    if given:
        yield given.replace("postgresql+psycopg://", "postgresql://")
        return
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    store = open_store(f"sqlite:///{path}")
    upgrade(store.engine)
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres_url: str) -> Iterator[str]:
    """One database for all tests of this process: emptying it takes a twentieth of the time of making another."""
    name = f"test_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
        store = open_store(_sibling(postgres_url, name))
        upgrade(store.engine)
        store.close()
        yield _sibling(postgres_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty, migrated database; every test that uses it runs on both engines."""
    if request.param == "sqlite":
        target = tmp_path / "smsgateway.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), target)
        return f"sqlite:///{target}"
    url: str = request.getfixturevalue("postgres_database")
    empty(url)
    return url


def empty(url: str) -> None:
    """Remove every row, after whatever an earlier test may have left connected."""
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
        connection.execute("SET lock_timeout = '10s'")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(";".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A fresh store on each database in turn."""
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def programme() -> Programme:
    """The flow files of the checkout, loaded once: a programme never changes."""
    return load_programme(Settings().flows)


@pytest.fixture
def field(store: Store, programme: Programme) -> Field:
    """The demo programme's people and phones on a fresh store."""
    return Field(store, programme)


def _sibling(server: str, name: str) -> str:
    return server.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg://") + "/" + name
