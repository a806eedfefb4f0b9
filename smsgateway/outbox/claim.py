"""Which message goes next, and who has it? Urgent before reply before reminder before notice, then whatever waits
longest; what a lane claims is its own until the lease ends, and only the holder of the lease can settle it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Boolean, ColumnElement, Select, bindparam, delete, func, literal_column, or_, select, update

from smsgateway.clock import Clock, SystemClock
from smsgateway.outbox.queue import LOGGED, Rank
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import opt_outs, outbox
from smsgateway.store.types import UTCDateTime
from smsgateway.store.write import Tx

ALERT_FIRST: Final = timedelta(seconds=2)


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
    not_before: datetime
    staff_id: UUID | None = None
    referral_id: UUID | None = None
    unwanted: bool = False  # its phone has opted out of our messages


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
    rows = tx.ask(statement, now=now, long_ago=now - ALERT_FIRST, token=token, until=now + lease, **values)
    return [claimed_from(row, token) for row in sorted(rows, key=lambda row: (row.not_before, row.id))]


def claimed_from(row: Any, lease: UUID) -> Claimed:
    """From a row of the queue."""
    unwanted = getattr(row, "unwanted", False)
    return Claimed(
        *(row.id, row.created_at, Rank(row.rank), row.phone, row.body, row.attempts, row.doubtful, lease),
        *(row.not_before, row.staff_id, row.referral_id, bool(unwanted)),
    )


def _waiting() -> list[ColumnElement[bool]]:
    return [
        outbox.c.rank == bindparam("rank"),
        outbox.c.lease.is_(None),
        or_(outbox.c.expires_at.is_(None), outbox.c.expires_at > bindparam("now")),
    ]


def _ready() -> list[ColumnElement[bool]]:
    return [*_waiting(), outbox.c.not_before <= bindparam("now"), _behind_its_alert()]


def _behind_its_alert() -> ColumnElement[bool]:
    """A reply lets the alert that was queued with it, at the same moment, leave first: at most `ALERT_FIRST`, and not
    when that alert was tried and did not pass."""
    alert = outbox.alias("alert")
    on_its_way = select(alert.c.id).where(
        alert.c.rank == int(Rank.URGENT), alert.c.not_before == outbox.c.not_before, alert.c.attempts == 0
    )
    return or_(outbox.c.rank != int(Rank.REPLY), outbox.c.not_before <= bindparam("long_ago"), ~on_its_way.exists())


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


def put_off(tx: Tx, message: Claimed, until: datetime) -> None:
    """Give back what was claimed, to go no sooner than then."""
    tx.execute(
        update(outbox)
        .where(outbox.c.id == message.id, outbox.c.lease == message.lease)
        .values(lease=None, lease_until=None, not_before=until)
    )


_SETTLE: Final = Prepared(
    delete(outbox).where(outbox.c.id == bindparam("message"), outbox.c.lease == bindparam("token")).returning(*LOGGED)
)


def take_out_held(tx: Tx, message: Claimed) -> dict[str, Any] | None:
    """Remove a claimed message from the queue; None when somebody else holds it now, or it is gone."""
    for row in tx.ask(_SETTLE, message=message.id, token=message.lease):
        return dict(row._asdict())
    return None
