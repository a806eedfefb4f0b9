"""What does a delivery report change? A message's status in the log moves forward, never back, in whatever order and
however often the reports come; the failure reason is kept.

A report finds its message by the provider's id. After a hand-over of unknown end there is none: then the next report
about that phone, within a quarter of an hour and while nothing else is on its way to it, is taken to be about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.channels.messages import DeliveryStatus
from smsgateway.outbox.aftercare import AfterCare, sent_message
from smsgateway.outbox.queue import LOGGED, log_row, take_out
from smsgateway.store.database import lock_key
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import handovers, message_log, outbox, receipts
from smsgateway.store.write import Tx

GUESS_WITHIN: Final = timedelta(minutes=15)
# A report may come before the read timeout that makes the hand-over "unknown": that long a call and its lease last.
GUESS_BACK: Final = timedelta(minutes=2)
ID_AT_MOST: Final = 200  # characters of a provider's id that are kept and compared
LEVELS: Final = {
    "withdrawn": 0,
    "expired": 0,
    "unknown": 0,
    "handed_over": 1,
    "submitted": 2,
    "gave_up": 3,
    "failed": 3,
    "delivered": 4,
}
_LOG_COLUMNS = tuple(message_log.c[column.name] for column in LOGGED)


@dataclass(frozen=True, slots=True)
class About:
    """Which message: the log is partitioned by month, so its moment belongs to its name."""

    id: UUID
    created_at: datetime


def lock_id(tx: Tx, channel: str, provider_id: str) -> None:
    """Held by whoever records this hand-over or a report about it: neither can miss the other."""
    lock_key(tx, f"receipt:{channel}:{provider_id}")


def lock_phone(tx: Tx, phone: str) -> None:
    """Held, after `lock_id`, by whoever guesses which message a report to this phone is about."""
    lock_key(tx, f"guess:{phone}")


def message_of(tx: Tx, channel: str, provider_id: str, phone: str) -> About | None:
    """The message that was handed over under this id; providers may give several phones of a request the same one."""
    found = tx.ask(_HANDED_OVER, on=channel, named=provider_id)
    for row in found:
        if row.phone == phone or len(found) == 1:
            return About(row.message_id, row.message_created_at)
    return None


_HANDED_OVER: Final = Prepared(
    select(handovers.c.phone, handovers.c.message_id, handovers.c.message_created_at).where(
        handovers.c.channel == bindparam("on"), handovers.c.provider_id == bindparam("named")
    )
)


def remember_handover(tx: Tx, channel: str, provider_id: str, phone: str, about: About, now: datetime) -> None:
    """So that reports find it. An id the provider uses again belongs to the later message."""
    tx.ask(
        _REMEMBER,
        channel=channel,
        provider_id=provider_id,
        phone=phone,
        message_id=about.id,
        message_created_at=about.created_at,
        at=now,
    )


def _remembering(insert: Any) -> Any:
    names = ("message_id", "message_created_at", "at")
    return insert.on_conflict_do_update(
        index_elements=["channel", "provider_id", "phone"], set_={name: insert.excluded[name] for name in names}
    )


_REMEMBER: Final = Prepared(_remembering(sqlite.insert(handovers)), _remembering(postgresql.insert(handovers)))


def apply_parked(tx: Tx, about: About, care: AfterCare, now: datetime) -> None:
    """Apply the reports that came before the hand-over they are about was recorded."""
    parked = tx.ask(_PARKED, about=about.id)
    for receipt in parked:
        if message_of(tx, receipt.channel, receipt.provider_id, receipt.phone) == about:
            apply_receipt(tx, receipt, about, care, now)


_PARKED: Final = Prepared(
    select(receipts)
    .join(
        handovers,
        (handovers.c.channel == receipts.c.channel) & (handovers.c.provider_id == receipts.c.provider_id),
    )
    .where(handovers.c.message_id == bindparam("about"), receipts.c.message_id.is_(None))
    .order_by(receipts.c.arrived_at, receipts.c.id)
)


def adopt_parked(tx: Tx, phone: str, about: About, care: AfterCare, now: datetime) -> None:
    """The hand-over just recorded had an unknown end: is there a report about this phone that nobody claims?"""
    lock_phone(tx, phone)
    if _something_under_way(tx, phone):
        return
    orphan = tx.execute(
        select(receipts.c.channel, receipts.c.provider_id)
        .where(
            receipts.c.phone == phone,
            receipts.c.message_id.is_(None),
            receipts.c.arrived_at >= now - GUESS_BACK,
        )
        .order_by(receipts.c.arrived_at, receipts.c.id)
        .limit(1)
    ).first()
    if orphan is not None:
        remember_handover(tx, orphan.channel, orphan.provider_id, phone, about, now)
        apply_parked(tx, about, care, now)


def guess(tx: Tx, channel: str, provider_id: str, phone: str, now: datetime) -> About | None:
    """The message a report with an id nobody knows is about, if one to this phone had an unknown end not long ago."""
    lock_phone(tx, phone)
    if _something_under_way(tx, phone):
        return None
    found = _of_unknown_end(tx, channel, phone, now)
    if found is not None:
        remember_handover(tx, channel, provider_id, phone, found, now)
    return found


def _something_under_way(tx: Tx, phone: str) -> bool:
    """The report may be about a message whose hand-over is not recorded yet: then nothing is guessed."""
    leased = select(exists().where(outbox.c.phone == phone, outbox.c.lease.is_not(None)))
    return bool(tx.execute(leased).scalar_one())


def _of_unknown_end(tx: Tx, channel: str, phone: str, now: datetime) -> About | None:
    """A message whose lease ended does not know its channel."""
    waiting, log = outbox.c, message_log.c
    queued = select(waiting.id, waiting.created_at).where(
        waiting.phone == phone, waiting.doubtful, or_(waiting.channel == channel, waiting.channel.is_(None))
    )
    settled = (
        select(log.id, log.created_at)
        .where(log.phone == phone, or_(log.channel == channel, log.channel.is_(None)))
        .where(log.provider_id.is_(None), log.status.in_(("unknown", "handed_over")))
        .where(log.settled_at >= now - GUESS_WITHIN)
        .order_by(log.settled_at, log.id)
    )
    for query in (settled, queued):
        found = tx.execute(query.limit(1)).first()
        if found is not None:
            return About(found.id, found.created_at)
    return None


def apply_receipt(tx: Tx, receipt: Any, about: About, care: AfterCare, now: datetime) -> None:
    """Let one stored report (a row of `receipts`) move its message."""
    moved = _move_logged(tx, receipt, about, care, now) or _settle_queued(tx, receipt, about, care, now)
    if moved:
        tx.execute(update(receipts).where(receipts.c.id == receipt.id).values(message_id=about.id))


def _move_logged(tx: Tx, receipt: Any, about: About, care: AfterCare, now: datetime) -> bool:
    """Move it in the log; False when it is not there."""
    log = message_log.c
    this = (log.id == about.id, log.created_at == about.created_at)
    found = tx.execute(select(*_LOG_COLUMNS, log.status, log.returned).where(*this).with_for_update()).first()
    if found is None:
        return False
    row, status = found._asdict(), receipt.status
    if status == DeliveryStatus.UNKNOWN or LEVELS[status] <= LEVELS[row["status"]]:
        return True
    lost = status == "failed" and not row["returned"]
    tx.execute(
        update(message_log)
        .where(*this)
        .values(
            status=status,
            reason=receipt.reason or (receipt.provider_status if status == "failed" else log.reason),
            provider_id=func.coalesce(log.provider_id, receipt.provider_id),
            returned=row["returned"] or lost,
            delivered_at=now if status == "delivered" else log.delivered_at,
        )
    )
    message = sent_message(row)
    if LEVELS[row["status"]] == 0:
        care.handed_over(tx, message, now)
    if status == "delivered":
        care.delivered(tx, message, now)
    if lost:
        care.undelivered(tx, message, receipt.reason or receipt.provider_status, now)
    return True


def _settle_queued(tx: Tx, receipt: Any, about: About, care: AfterCare, now: datetime) -> bool:
    """An urgent message waits to be sent once more, and the report says its first hand-over did pass: it is settled.
    False while it is being sent: whoever records that will find the report. If the first one failed, the second try
    stands."""
    waiting = tx.execute(select(outbox.c.lease).where(outbox.c.id == about.id).with_for_update()).first()
    if waiting is None or waiting.lease is not None:
        return False
    if receipt.status not in ("handed_over", "submitted", "delivered"):
        return True
    for row in take_out(tx, outbox.c.id == about.id, outbox.c.lease.is_(None)):
        tx.insert(message_log, log_row(row, now, status=receipt.status, provider_id=receipt.provider_id))
        message = sent_message(row)
        care.handed_over(tx, message, now)
        if receipt.status == "delivered":
            care.delivered(tx, message, now)
    return True
