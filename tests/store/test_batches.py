"""Asked together, every statement of the service answers each as it would have answered it alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import BindParameter, Date, DateTime, Float, Integer, String, Uuid, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql import visitors

from smsgateway.store.batches import ask_together, for_many
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import catchments, facilities, outbox, patients, phones, reports, staff
from smsgateway.store.types import UTCDateTime, new_id
from tests.store.test_plans import prepared
from tests.support.field import CHW, Field


@pytest.fixture
def at_work(field: Field) -> Field:
    """The demo programme with a few reports in it."""
    if field.store.dialect != "postgresql":
        pytest.skip("SQLite has nobody to wait for")
    for text in ("MAL 4177 CONVULSION", "MAL 4177 FIEVRE 2", "VISITE 4177"):
        field.text(CHW, text)
    return field


def looks() -> Iterator[Prepared]:
    yield from (each for each in prepared() if each.only_looks and not each.holds)


def wanted(statement: Prepared) -> dict[str, BindParameter[Any]]:
    found = [each for each in visitors.iterate(statement.statement) if isinstance(each, BindParameter)]
    return {each.key: each for each in found if each.required}


def pool(field: Field, kind: Any) -> list[Any]:
    """Values of a type, most of them of somebody or something that is there."""
    now = field.clock.now()
    with field.store.read() as connection:

        def some(*columns: Any) -> list[Any]:
            return [value for column in columns for value in connection.scalars(select(column).limit(4))]

        if isinstance(kind, Uuid):
            filed = some(reports.c.staff_id, reports.c.patient_id, outbox.c.inbound_id)
            return [new_id(), *filed, *some(patients.c.id, catchments.c.id, facilities.c.id, staff.c.id)]
        if isinstance(kind, UTCDateTime | DateTime):
            return [now, now - timedelta(days=30), now + timedelta(days=30)]
        if isinstance(kind, Date):
            return [now.date(), now.date() - timedelta(days=30), date(2000, 1, 1)]
        if isinstance(kind, Integer | Float):
            return [0, 1, 417, 7]
        assert isinstance(kind, String), kind
        longer = "7" * 300  # than any column: must find nothing, and not what it begins with
        return ["sms", "unclear", longer, "'; --", "content", "briefing", "07", *some(phones.c.phone, staff.c.code)]


def drawn(values: dict[str, list[Any]], number: int) -> dict[str, Any]:
    """One of each, in other combinations for other numbers."""
    return {name: some[number * (at + 1) % len(some)] for at, (name, some) in enumerate(values.items())}


def test_each_is_answered_as_if_alone(at_work: Field) -> None:
    tried = answered = 0
    with at_work.store.read() as connection:
        connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
        for statement in looks():
            names = wanted(statement)
            if not names or any(isinstance(each.type, ARRAY) or each.expanding for each in names.values()):
                continue
            values = {name: pool(at_work, each.type) for name, each in names.items()}
            most = max(len(some) for some in values.values())
            questions = [(statement, drawn(values, number)) for number in range(2 * most)]
            alone = [statement(connection, **given) for _, given in questions]
            together = ask_together(connection, questions)
            if for_many(statement) is not None:
                together = [[row[:-1] for row in rows] for rows in together]
            assert together == [[tuple(row) for row in rows] for rows in alone], statement.sql(connection.dialect)
            tried += 1
            answered += any(alone)
    assert tried > 20
    assert answered > 10


def test_the_statements_of_every_report_can_be_asked_together() -> None:
    """Those that cannot are asked one by one, which no test of what comes out would notice."""
    apart = [each for each in looks() if wanted(each) and for_many(each) is None]
    assert len(apart) <= 2
