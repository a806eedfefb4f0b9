"""What is forgotten, and what is prepared? Ids of callbacks, hand-overs and reports are kept thirty days, longer than
any provider repeats itself; the message log gets its monthly partitions (PostgreSQL) before the month begins.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Column, Table, delete, select, text, tuple_

from smsgateway.store.database import Store, lock_key
from smsgateway.store.tables import handovers, receipts, seen
from smsgateway.store.write import Tx

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(days=30)
AT_ONCE: Final = 500  # rows a transaction: nobody else should wait long for it
MONTHS_AHEAD: Final = 2
_FORGOTTEN: Final[tuple[tuple[Table, Column[datetime]], ...]] = (
    (seen, seen.c.at),
    (handovers, handovers.c.at),
    (receipts, receipts.c.arrived_at),
)


def forget(store: Store, now: datetime) -> int:
    """Delete what is older than it is kept; how many rows."""
    gone = 0
    for table, moment in _FORGOTTEN:
        while count := store.write(partial(_forget, table=table, moment=moment, before=now - KEPT)):
            gone += count
    return gone


def _forget(tx: Tx, table: Table, moment: Column[datetime], before: datetime) -> int:
    key = tuple_(*table.primary_key)
    oldest = select(*table.primary_key).where(moment < before).order_by(moment).limit(AT_ONCE)
    return len(tx.execute(delete(table).where(key.in_(oldest)).returning(moment)).all())


def prepare_months(store: Store, now: datetime) -> list[str]:
    """Create the message log's partitions for this month and the next ones; the names of those that were missing."""
    if store.dialect != "postgresql":
        return []
    created = []
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(MONTHS_AHEAD + 1):
        following = (first + timedelta(days=32)).replace(day=1)
        if store.write(partial(_create_month, first=first, following=following)):
            created.append(partition_of(first))
        first = following
    return created


def partition_of(moment: datetime) -> str:
    """The name of the partition that holds messages queued then."""
    return f"message_log_{moment.astimezone(UTC):%Y_%m}"


def _create_month(tx: Tx, first: datetime, following: datetime) -> bool:
    lock_key(tx, "partitions")
    name = partition_of(first)
    if tx.run(text("SELECT to_regclass(:name)"), {"name": name}).scalar_one() is not None:
        return False
    bounds = {"first": first, "following": following}
    outside = "SELECT 1 FROM message_log_default WHERE created_at >= :first AND created_at < :following LIMIT 1"
    if tx.run(text(outside), bounds).first() is not None:
        log.warning("month stays in the default partition", month=name)  # rows are there already: nothing is lost
        return False
    tx.run(text("SET LOCAL lock_timeout = '3s'"))
    tx.run(
        text(
            f"CREATE TABLE {name} PARTITION OF message_log"
            f" FOR VALUES FROM ('{first.isoformat()}') TO ('{following.isoformat()}')"
        )
    )
    return True
