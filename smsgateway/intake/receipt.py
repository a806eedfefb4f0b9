"""What do we do with a delivery report? Keep it, once; let it move its message forward; or park it until we know which
message it is about. Every report is answered 200 once it is stored, also one with a word nobody knows.
"""

from __future__ import annotations

import structlog
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.channels.messages import Receipt
from smsgateway.clock import Clock
from smsgateway.outbox.aftercare import AfterCare, NoCare
from smsgateway.outbox.queue import moment
from smsgateway.outbox.receipts import ID_AT_MOST, apply_receipt, guess, lock_id, message_of
from smsgateway.outbox.record import CARE_FAULT
from smsgateway.store.database import Store
from smsgateway.store.faults import raise_fault
from smsgateway.store.tables import receipts
from smsgateway.store.types import new_id
from smsgateway.store.write import Task, Tx, Work

log = structlog.get_logger(__name__)


def take_receipt(store: Store, receipt: Receipt, clock: Clock, care: AfterCare) -> None:
    """Store it and do what follows from it; raises StoreUnavailable when it cannot be stored."""
    store.do(receipt_task(receipt, clock, care))


def receipt_task(receipt: Receipt, clock: Clock, care: AfterCare) -> Task[None]:
    """What is written of a delivery report. A duplicate changes nothing. If care cannot deal with it, it is stored and
    moves its message all the same, and a human sees the fault."""

    def instead(error: Exception) -> Work[None]:
        log.error("aftercare failed", provider_id=receipt.provider_id, error=type(error).__name__)
        return lambda tx: _take_without_care(tx, receipt, clock)

    return Task(lambda tx: _take(tx, receipt, clock, care), instead)


def _take_without_care(tx: Tx, receipt: Receipt, clock: Clock) -> None:
    _take(tx, receipt, clock, NoCare())
    raise_fault(tx, CARE_FAULT, f"receipt {receipt.provider_id}"[:80], None, moment(tx, clock))


def _take(tx: Tx, receipt: Receipt, clock: Clock, care: AfterCare) -> None:
    now = moment(tx, clock)
    provider_id = receipt.provider_id[:ID_AT_MOST]
    lock_id(tx, receipt.channel, provider_id)
    row = {
        "id": new_id(),
        "channel": receipt.channel,
        "provider_id": provider_id,
        "phone": receipt.phone[:64],
        "status": receipt.status.value,
        "provider_status": receipt.provider_status[:64],
        "reason": receipt.reason and receipt.reason[:80],
        "raw": receipt.raw,
        "arrived_at": now,
    }
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(receipts).values(row)
    stored = tx.execute(insert.on_conflict_do_nothing().returning(receipts.c.id)).scalar_one_or_none()
    if stored is None:
        return
    about = message_of(tx, receipt.channel, provider_id, receipt.phone) or guess(
        tx, receipt.channel, provider_id, receipt.phone, now
    )
    if about is not None:
        apply_receipt(tx, tx.execute(select(receipts).where(receipts.c.id == stored)).one(), about, care, now)
