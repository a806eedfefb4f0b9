"""What is to be sent? The queue is a table: a message is queued in the transaction of what caused it, so that neither
exists without the other.

A message with a `key` is told once, ever: the second is not queued. Whatever leaves the queue is written to the log in
the same transaction, with how it ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, literal, select, update

from smsgateway.clock import Clock, SystemClock
from smsgateway.outbox.bell import ring_after_commit
from smsgateway.store.database import database_time
from smsgateway.store.once import first_time
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import message_log, outbox
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
    if draft.key is not None and not first_time(tx, TOLD, draft.key, message_id, now):
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


def moment(tx: Tx, clock: Clock) -> datetime:
    """Now, by the clock all processes share."""
    if tx.dialect != "postgresql" or not isinstance(clock, SystemClock):
        return clock.now()
    now: datetime = tx.run(select(database_time(tx, clock))).scalar_one()
    return now


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


def reword(tx: Tx, message_id: UUID, body: str, *, not_before: datetime | None = None) -> None:
    """Say something else in a message that nobody is handing over; with `not_before`, also when it may go."""
    folded = fold(body)
    values: dict[str, Any] = {"body": folded, "segments": segments(folded)}
    if not_before is not None:
        values["not_before"] = not_before
    changed = update(outbox).where(outbox.c.id == message_id, outbox.c.lease.is_(None)).values(values)
    rank = tx.execute(changed.returning(outbox.c.rank)).scalar_one_or_none()
    if rank is not None and not_before is not None:
        ring_after_commit(tx, rank == Rank.URGENT)


def expire(tx: Tx, now: datetime) -> int:
    """Settle what came too late to be useful; how many there were. Never an urgent message."""
    gone = tx.ask(_TOO_LATE, now=now)
    for row in gone:
        tx.insert(message_log, log_row(row._asdict(), now, status="expired", reason="too_late"))
    return len(gone)


_TOO_LATE: Final = Prepared(
    delete(outbox)
    .where(
        outbox.c.expires_at <= bindparam("now"), outbox.c.lease.is_(None), outbox.c.rank != literal(int(Rank.URGENT))
    )
    .returning(*LOGGED)
)


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
