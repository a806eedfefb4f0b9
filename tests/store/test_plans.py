"""No statement that is prepared, which are those that run with every message, goes through a whole table."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

import smsgateway
from smsgateway import simulation
from smsgateway.store.database import Store
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import metadata

LARGE = frozenset(metadata.tables) - {"channel_states", "facilities", "revisions"}


def prepared() -> Iterator[Prepared]:
    """Every prepared statement of the service; a simulation looks through its own small queue."""
    for module in pkgutil.walk_packages(smsgateway.__path__, "smsgateway."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    simulated = list(vars(simulation).values())
    yield from (each for each in gc.get_objects() if type(each) is Prepared and each not in simulated)


def scans(connection: Connection, statement: Prepared) -> list[str]:
    """What SQLite says it will go through from end to end; it plans without looking at how many rows there are."""
    sql = statement.sql(connection.dialect)
    if "pg_" in sql or "set_config" in sql or "clock_timestamp" in sql:
        return []  # PostgreSQL's alone
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?")).all()
    return [row[3] for row in plan if row[3].startswith("SCAN") and row[3].split()[1] in LARGE]


def test_every_prepared_statement_finds_its_rows_by_an_index(store: Store) -> None:
    if store.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by how many rows there are")
    with store.read() as connection:
        found = {statement: scans(connection, statement) for statement in prepared()}
    assert len(found) > 40
    assert {statement.sql(store.engine.dialect): bad for statement, bad in found.items() if bad} == {}
