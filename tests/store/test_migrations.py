"""The schema grows by migrations, from empty, on both databases, and ends at what the code believes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from smsgateway.store.database import Store, open_store
from smsgateway.store.schema import AlreadyServed, current, head, sole_server, upgrade
from smsgateway.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        store = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
        yield store
        store.close()
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"empty_{abs(hash(tmp_path))}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        store = open_store(server.rsplit("/", 1)[0].replace("postgresql:", "postgresql+psycopg:") + "/" + name)
        yield store
        store.close()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_an_empty_database_becomes_what_the_code_believes(empty_store: Store) -> None:
    with empty_store.engine.connect() as connection:
        assert current(connection) is None
    assert upgrade(empty_store.engine) == head()
    assert upgrade(empty_store.engine) == head(), "upgrading again changes nothing"
    with empty_store.engine.connect() as connection:
        assert current(connection) == head()
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_object": lambda _o, name, _kind, reflected, _c: (
                    not (reflected and (name or "").startswith("message_log_"))
                ),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_an_sqlite_file_is_served_by_one_process_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'served.db'}"
    with sole_server(url), pytest.raises(AlreadyServed, match="PostgreSQL"), sole_server(url):
        pass
    with sole_server(url):
        pass
