"""What is to be sent, and in which order? The queue is a table: a message is queued in the transaction of what caused
it, so that neither exists without the other, and claimed with a lease that only its holder can settle.

Urgent before reply before reminder before notice. A message with a `key` is told once, ever: the second is not queued.
Whatever leaves the queue is written to the log in the same transaction, with how it ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.clock import Clock
from smsgateway.outbox.bell import ring_after_commit
from smsgateway.store.database import database_time
from smsgateway.store.tables import message_log, outbox, seen
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.text.gsm7 import fold, segments

REPLY_LASTS = timedelta(hours=2)
TOLD = "told"  # the "channel" under which `seen` keeps the keys of what was said once


class Rank(IntEnum):
    """The class of a message; a lower one goes first."""

    URGENT = 0
    REPLY = 1
    REMINDER = 2
    NOTICE = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be queued. `not_before` holds it back; a reply without `expires_at` lasts two hours, an urgent
    message never expires. With a `key` (at most 120 characters) it is said once, however often it is queued."""

    phone: str
    body: str
    rank: Rank
    site_id: UUID | None = None
    staff_id: UUID | None = None
    referral_id: UUID | None = None
    rung: str | None = None
    inbound_id: UUID | None = None
    key: str | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to hand over until its lease ends."""

    id: UUID
    created_at: datetime
    rank: Rank
    phone: str
    body: str
    attempts: int
    doubtful: bool
    lease: UUID


_CLAIMED = (
    outbox.c.id,
    outbox.c.created_at,
    outbox.c.rank,
    outbox.c.phone,
    outbox.c.body,
    outbox.c.attempts,
    outbox.c.doubtful,
)
# What a message takes along from the queue to the log.
LOGGED = tuple(
    outbox.c[name]
    for name in (
        *("id", "created_at", "site_id", "rank", "phone", "staff_id", "body", "segments", "attempts", "channel"),
        *("referral_id", "rung", "inbound_id", "key"),
    )
)


def enqueue(tx: Tx, draft: Draft, now: datetime) -> UUID | None:
    """Queue a message and give its id; None when its key was told before."""
    message_id = new_id()
    if draft.key is not None and not _told_first(tx, draft.key, message_id, now):
        return None
    body = fold(draft.body)
    ready = draft.not_before or now
    row = {
        "id": message_id,
        "site_id": draft.site_id,
        "rank": int(draft.rank),
        "phone": draft.phone,
        "staff_id": draft.staff_id,
        "body": body,
        "segments": segments(body),
        "created_at": now,
        "not_before": ready,
        "expires_at": _expiry(draft, now),
        "attempts": 0,
        "doubtful": False,
        "referral_id": draft.referral_id,
        "rung": draft.rung,
        "inbound_id": draft.inbound_id,
        "key": draft.key,
    }
    tx.insert(outbox, row)
    if ready <= now:
        ring_after_commit(tx, draft.rank is Rank.URGENT)
    return message_id


def _expiry(draft: Draft, now: datetime) -> datetime | None:
    if draft.rank is Rank.URGENT:
        return None
    if draft.expires_at is None and draft.rank is Rank.REPLY:
        return (draft.not_before or now) + REPLY_LASTS
    return draft.expires_at


def _told_first(tx: Tx, key: str, message_id: UUID, now: datetime) -> bool:
    """Write down that this is said now; False when it was said before."""
    row = {"channel": TOLD, "provider_id": key, "subject_id": message_id, "at": now}
    return insert_new(tx, seen, row)


def insert_new(tx: Tx, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one of its unique keys is there already; whether it was inserted."""
    make = postgresql.insert if tx.dialect == "postgresql" else sqlite.insert
    statement = make(table).values(row).on_conflict_do_nothing()
    return tx.run(statement.returning(*table.primary_key)).first() is not None  # psycopg counts no rows here


def moment(tx: Tx, clock: Clock) -> datetime:
    """Now, by the clock all processes share."""
    now: datetime = tx.run(select(database_time(tx, clock))).scalar_one()
    return now


def claim(tx: Tx, ranks: Collection[Rank], limit: int, clock: Clock, lease: timedelta) -> list[Claimed]:
    """Take up to `limit` messages that may go now, the first in order of rank, then of waiting. Nobody else can take or
    settle them until the lease ends; what another process is taking is passed over, not waited for."""
    now = moment(tx, clock)
    claimed: list[Claimed] = []
    # One rank at a time: an index gives its rows in order, where several ranks at once would all be sorted.
    for rank in sorted(ranks):
        if len(claimed) < limit:
            claimed += _lease(tx, _ready(rank, now), limit - len(claimed), now + lease)
    return claimed


def claim_like(tx: Tx, first: Claimed, limit: int, clock: Clock, lease: timedelta) -> list[Claimed]:
    """Take up to `limit` more messages that say the same as `first` and have the same rank: they can share a request.
    Only the next few hundred in order are looked at. A phone appears once: an answer that names phones could not tell
    two messages to one of them apart."""
    now = moment(tx, clock)
    nearest = (
        select(outbox.c.id, outbox.c.body)
        .where(*_ready(first.rank, now))
        .order_by(outbox.c.not_before, outbox.c.id)
        .limit(500)
        .subquery()
    )
    alike = select(nearest.c.id).where(nearest.c.body == first.body)
    found = _lease(tx, [*_ready(first.rank, now), outbox.c.id.in_(alike)], limit, now + lease)
    kept = {message.phone: message for message in reversed(found) if message.phone != first.phone}
    let_go(tx, [message for message in found if kept.get(message.phone) is not message])
    return [message for message in found if kept.get(message.phone) is message]


def soonest(connection: Connection, rank: Rank, now: datetime) -> datetime | None:
    """When the first message of a rank may go, past or future; None when none waits."""
    query = select(outbox.c.not_before).where(*_waiting(rank, now)).order_by(outbox.c.not_before).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _waiting(rank: Rank, now: datetime) -> list[ColumnElement[bool]]:
    return [
        outbox.c.rank == int(rank),
        outbox.c.lease.is_(None),
        or_(outbox.c.expires_at.is_(None), outbox.c.expires_at > now),
    ]


def _ready(rank: Rank, now: datetime) -> list[ColumnElement[bool]]:
    return [*_waiting(rank, now), outbox.c.not_before <= now]


def _lease(tx: Tx, which: Sequence[ColumnElement[bool]], limit: int, until: datetime) -> list[Claimed]:
    token = uuid4()
    picked = (
        select(outbox.c.id)
        .where(*which)
        .order_by(outbox.c.not_before, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)  # left out on SQLite, where there is one writer
        .cte("picked")
        .prefix_with("MATERIALIZED")  # or the planner may run it once a row and lock more than the limit
    )
    rows = tx.execute(
        update(outbox)
        .where(outbox.c.id.in_(select(picked.c.id)))
        .values(lease=token, lease_until=until)
        .returning(*_CLAIMED, outbox.c.not_before)
    ).all()
    return [claimed_from(row, token) for row in sorted(rows, key=lambda row: (row.not_before, row.id))]


def claimed_from(row: Any, lease: UUID) -> Claimed:
    """From a row of the queue."""
    return Claimed(row.id, row.created_at, Rank(row.rank), row.phone, row.body, row.attempts, row.doubtful, lease)


def let_go(tx: Tx, claimed: Sequence[Claimed]) -> None:
    """Give back what was claimed and not sent, as if it had not been claimed."""
    for message in claimed:
        tx.execute(
            update(outbox)
            .where(outbox.c.id == message.id, outbox.c.lease == message.lease)
            .values(lease=None, lease_until=None)
        )


def withdraw(
    tx: Tx,
    now: datetime,
    *,
    referral_id: UUID | None = None,
    inbound_id: UUID | None = None,
    rungs: Collection[str] | None = None,
    reason: str,
) -> int:
    """Take back what is queued for a referral (only those `rungs`, when given) or as an answer to a message, and give
    how many there were. One that is being handed over right now cannot be stopped, but is not tried again."""
    if referral_id is None and inbound_id is None:
        raise ValueError("say what to withdraw: a referral_id or an inbound_id")
    which: list[ColumnElement[bool]] = []
    if referral_id is not None:
        which.append(outbox.c.referral_id == referral_id)
    if inbound_id is not None:
        which.append(outbox.c.inbound_id == inbound_id)
    if rungs is not None:
        which.append(outbox.c.rung.in_(rungs))
    gone = take_out(tx, *which, outbox.c.lease.is_(None))
    for row in gone:
        tx.insert(message_log, log_row(row, now, status="withdrawn", reason=reason))
    tx.execute(update(outbox).where(*which).values(withdrawn=reason))
    return len(gone)


def release(tx: Tx, now: datetime, referral_id: UUID) -> int:
    """Let go now what was held back for a referral; how many there were. A retry keeps its pause."""
    held = update(outbox).where(
        outbox.c.referral_id == referral_id,
        outbox.c.not_before > now,
        outbox.c.attempts == 0,
        outbox.c.lease.is_(None),
    )
    ranks = tx.execute(held.values(not_before=now).returning(outbox.c.rank)).scalars().all()
    for urgent in {rank == Rank.URGENT for rank in ranks}:
        ring_after_commit(tx, urgent)
    return len(ranks)


def expire(tx: Tx, now: datetime) -> int:
    """Settle what came too late to be useful; how many there were. Never an urgent message."""
    gone = take_out(tx, outbox.c.expires_at <= now, outbox.c.lease.is_(None), outbox.c.rank != int(Rank.URGENT))
    for row in gone:
        tx.insert(message_log, log_row(row, now, status="expired", reason="too_late"))
    return len(gone)


def bring_back(tx: Tx, now: datetime) -> int:
    """After a clock was set back: what was queued by the clock that was ahead, to go at once, goes now and not when
    the clock has got there again."""
    late = update(outbox).where(outbox.c.created_at > now, outbox.c.not_before <= outbox.c.created_at)
    return len(tx.execute(late.values(not_before=now).returning(outbox.c.id)).all())


def take_out(tx: Tx, *which: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Remove messages from the queue and give what the log keeps of them."""
    return [row._asdict() for row in tx.execute(delete(outbox).where(*which).returning(*LOGGED))]


def log_row(
    row: Mapping[str, Any],
    now: datetime,
    *,
    status: str,
    reason: str | None = None,
    provider_id: str | None = None,
    cost: str | None = None,
    returned: bool = False,
) -> dict[str, Any]:
    """A message's row in the log; `row` holds the columns of `LOGGED`."""
    return {
        **row,
        "status": status,
        "reason": reason and reason[:80],
        "returned": returned,
        "provider_id": provider_id and provider_id[:200],
        "cost": cost and cost[:40],
        "settled_at": now,
        "delivered_at": now if status == "delivered" else None,
    }
