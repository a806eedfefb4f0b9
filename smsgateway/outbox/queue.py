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
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Boolean, ColumnElement, Select, bindparam, delete, func, literal_column, or_, select, update

from smsgateway.clock import Clock, SystemClock
from smsgateway.outbox.bell import ring_after_commit
from smsgateway.store.database import database_time
from smsgateway.store.once import first_time
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import message_log, opt_outs, outbox
from smsgateway.store.types import UTCDateTime, new_id
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
    unwanted: bool = False  # its phone has opted out of our messages


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


def in_order(tx: Tx, clock: Clock) -> datetime:
    """The moment all processes share, and for the rest of the transaction PostgreSQL reads the queue by its index. It
    knows nothing about a table that fills and empties within minutes: left alone it sorts 40,000 rows for each
    message."""
    if tx.dialect != "postgresql":
        return clock.now()
    now: datetime = tx.run(_IN_ORDER).scalar_one()
    return now if isinstance(clock, SystemClock) else clock.now()


_OFF: Final = [func.set_config(name, "off", True) for name in ("enable_sort", "enable_bitmapscan", "enable_seqscan")]
_IN_ORDER: Final = select(func.clock_timestamp(type_=UTCDateTime()), *_OFF)


def claim(tx: Tx, ranks: Collection[Rank], limit: int, now: datetime, lease: timedelta) -> list[Claimed]:
    """Take up to `limit` messages that may go now, the first in order of rank, then of waiting. Nobody else can take or
    settle them until the lease ends; what another process is taking is passed over, not waited for. `now` is
    what `in_order` gave."""
    tx.flush()
    claimed: list[Claimed] = []
    # One rank at a time: an index gives its rows in order, where several ranks at once would all be sorted.
    for rank in sorted(ranks):
        if len(claimed) < limit:
            claimed += _lease(tx, _CLAIM, now, lease, rank=int(rank), limit=limit - len(claimed))
    return claimed


def claim_like(tx: Tx, first: Claimed, limit: int, now: datetime, lease: timedelta) -> list[Claimed]:
    """Take up to `limit` more messages that say the same as `first` and have the same rank: they can share a request.
    Only the next few hundred in order are looked at. A phone appears once: an answer that names phones could not tell
    two messages to one of them apart."""
    same = {"rank": int(first.rank), "body": first.body}
    found = _lease(tx, _CLAIM_LIKE, now, lease, limit=limit, **same)
    kept = {message.phone: message for message in reversed(found) if message.phone != first.phone}
    let_go(tx, [message for message in found if kept.get(message.phone) is not message])
    return [message for message in found if kept.get(message.phone) is message]


def _lease(tx: Tx, statement: Prepared, now: datetime, lease: timedelta, **values: Any) -> list[Claimed]:
    token = uuid4()
    rows = tx.ask(statement, now=now, token=token, until=now + lease, **values)
    return [claimed_from(row, token) for row in sorted(rows, key=lambda row: (row.not_before, row.id))]


def claimed_from(row: Any, lease: UUID) -> Claimed:
    """From a row of the queue."""
    unwanted = getattr(row, "unwanted", False)
    return Claimed(
        row.id, row.created_at, Rank(row.rank), row.phone, row.body, row.attempts, row.doubtful, lease, bool(unwanted)
    )


def _waiting() -> list[ColumnElement[bool]]:
    return [
        outbox.c.rank == bindparam("rank"),
        outbox.c.lease.is_(None),
        or_(outbox.c.expires_at.is_(None), outbox.c.expires_at > bindparam("now")),
    ]


def _ready() -> list[ColumnElement[bool]]:
    return [*_waiting(), outbox.c.not_before <= bindparam("now")]


# Written out, since SQLAlchemy drops the tables' names in what SQLite returns, and `phone = phone` is always true.
_UNWANTED: Final = literal_column(
    f"EXISTS (SELECT 1 FROM {opt_outs.name} o WHERE o.phone = {outbox.name}.phone)", Boolean
).label("unwanted")


def _claiming(which: Select[Any]) -> Prepared:
    picked = (
        which.limit(bindparam("limit"))
        .with_for_update(skip_locked=True, of=outbox)  # left out on SQLite, where there is one writer
        .cte("picked")
        .prefix_with("MATERIALIZED")  # or the planner may run it once a row and lock more than the limit
    )
    return Prepared(
        update(outbox)
        .where(outbox.c.id.in_(select(picked.c.id)))
        .values(lease=bindparam("token"), lease_until=bindparam("until"))
        .returning(*outbox.c, _UNWANTED)
    )


def _first() -> Select[Any]:
    return select(outbox.c.id).where(*_ready()).order_by(outbox.c.not_before, outbox.c.id)


def _alike() -> Select[Any]:
    """By way of a short list: the whole queue would be gone through for a text that nobody else gets."""
    nearest = _first().add_columns(outbox.c.body).limit(500).cte("nearest").prefix_with("MATERIALIZED")
    alike = select(nearest.c.id).where(nearest.c.body == bindparam("body")).cte("alike").prefix_with("MATERIALIZED")
    return select(outbox.c.id).join(alike, alike.c.id == outbox.c.id).where(outbox.c.lease.is_(None))


_CLAIM: Final = _claiming(_first())
_CLAIM_LIKE: Final = _claiming(_alike())
_SOONEST: Final = Prepared(select(outbox.c.not_before).where(*_waiting()).order_by(outbox.c.not_before).limit(1))


def soonest(tx: Tx, rank: Rank, now: datetime) -> datetime | None:
    """When the first message of a rank may go, past or future; None when none waits."""
    for row in tx.ask(_SOONEST, rank=int(rank), now=now):
        when: datetime = row.not_before
        return when
    return None


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


_SETTLE: Final = Prepared(
    delete(outbox).where(outbox.c.id == bindparam("message"), outbox.c.lease == bindparam("token")).returning(*LOGGED)
)


def take_out_held(tx: Tx, message: Claimed) -> dict[str, Any] | None:
    """Remove a claimed message from the queue; None when somebody else holds it now, or it is gone."""
    for row in tx.ask(_SETTLE, message=message.id, token=message.lease):
        return dict(row._asdict())
    return None


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
