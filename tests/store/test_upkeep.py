"""What is forgotten after a month, and that a month's partition is there before the month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from smsgateway.outbox.queue import Draft, Rank, enqueue, withdraw
from smsgateway.store.database import Store
from smsgateway.store.tables import handovers, message_log, receipts, seen
from smsgateway.store.types import new_id
from smsgateway.store.upkeep import forget, partition_of, prepare_months
from smsgateway.store.write import Tx

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PHONE = "+22376000101"


def count(store: Store, table: Any) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def leave_traces(store: Store, at: datetime, numbers: range) -> None:
    def work(tx: Tx) -> None:
        for number in numbers:
            name = f"{at:%d}-{number}"
            tx.insert(seen, {"channel": "at", "provider_id": name, "subject_id": new_id(), "at": at})
            tx.insert(
                handovers,
                {
                    "channel": "at",
                    "provider_id": name,
                    "phone": PHONE,
                    "message_id": new_id(),
                    "message_created_at": at,
                    "at": at,
                },
            )
            tx.insert(
                receipts,
                {
                    "id": new_id(),
                    "channel": "at",
                    "provider_id": name,
                    "phone": PHONE,
                    "status": "delivered",
                    "provider_status": "Success",
                    "raw": b"",
                    "arrived_at": at,
                },
            )

    store.write(work)


def test_traces_are_kept_thirty_days(store: Store) -> None:
    leave_traces(store, NOW - timedelta(days=31), range(700))
    leave_traces(store, NOW - timedelta(days=29), range(5))
    assert forget(store, NOW) == 3 * 700
    assert [count(store, table) for table in (seen, handovers, receipts)] == [5, 5, 5]
    assert forget(store, NOW) == 0


def test_partitions_are_a_matter_of_postgresql(store: Store) -> None:
    later = NOW.replace(year=2056)
    expected = ["message_log_2056_11", "message_log_2056_12", "message_log_2057_01"]
    created = prepare_months(store, later)
    assert created == (expected if store.dialect == "postgresql" else [])
    assert prepare_months(store, later) == []


def log_one(store: Store, at: datetime) -> None:
    referral = new_id()
    store.write(lambda tx: enqueue(tx, Draft(PHONE, "K7", Rank.URGENT, referral_id=referral), at))
    store.write(lambda tx: withdraw(tx, at, referral_id=referral, reason="received"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_message_is_logged_in_its_month_and_one_out_of_time_is_not_refused(store: Store) -> None:
    later = NOW.replace(year=2036)
    prepare_months(store, later)
    log_one(store, later)
    log_one(store, later - timedelta(days=400))
    with store.read() as connection:
        tables = select(text("tableoid::regclass::text")).select_from(message_log).order_by(message_log.c.created_at)
        assert connection.execute(tables).scalars().all() == ["message_log_default", partition_of(later)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_month_that_has_begun_in_the_default_partition_stays_there(store: Store) -> None:
    later = NOW.replace(year=2046)
    log_one(store, later)
    assert prepare_months(store, later) == ["message_log_2046_12", "message_log_2047_01"]
    assert count(store, message_log) == 1
