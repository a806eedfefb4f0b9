"""How does a person hear of a referral? One message a rung and person, however often the rung is reached.

Urgent words go at any hour; others wait for the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy import select

from smsgateway.care.history import Referral, record
from smsgateway.care.hours import DAY, next_opening
from smsgateway.care.people import Recipient, member_as_recipient
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.store.tables import message_log, outbox
from smsgateway.store.write import Tx

# A message that ended so may still be read, or was.
_MAY_BE_READ: Final = frozenset({"handed_over", "submitted", "delivered", "unknown"})


def tell(
    tx: Tx,
    referral: Referral,
    person: Recipient,
    text: str,
    now: datetime,
    zone: tzinfo,
    *,
    rung: str,
    urgent: bool = True,
    hold_until: datetime | None = None,
) -> bool:
    """Queue a message under a rung (as it is written down, with its round); False when it was told before."""
    at_once = referral.urgent and urgent
    message_id = enqueue(
        tx,
        Draft(
            phone=person.phone,
            body=text,
            rank=Rank.URGENT if at_once else Rank.REMINDER,
            site_id=referral.site_id,
            staff_id=person.staff_id,
            referral_id=referral.id,
            rung=rung,
            key=f"referral:{referral.id.hex}:{rung}:{person.staff_id.hex}",
            not_before=hold_until if at_once else next_opening(hold_until or now, DAY, zone),
        ),
        now,
    )
    if message_id is None:
        return False
    record(tx, referral, "told", now, staff_id=person.staff_id, message_id=message_id, rung=rung)
    return True


def inform(
    tx: Tx,
    referral: Referral,
    person: Recipient,
    text: str,
    now: datetime,
    *,
    about: str,
    urgent: bool = False,
) -> None:
    """Send news that needs no answer; once for what it is `about`."""
    enqueue(
        tx,
        Draft(
            phone=person.phone,
            body=text,
            rank=Rank.URGENT if urgent and referral.urgent else Rank.REPLY,
            site_id=referral.site_id,
            staff_id=person.staff_id,
            key=f"referral:{referral.id.hex}:{about}:{person.staff_id.hex}",
        ),
        now,
    )


def may_have_heard(tx: Tx, referral: Referral, rungs: frozenset[str]) -> bool:
    """Whether any message under these rungs is on its way, on a handset, or may be."""
    waiting = select(outbox.c.id).where(
        outbox.c.referral_id == referral.id, outbox.c.rung.in_(rungs), outbox.c.withdrawn.is_(None)
    )
    if tx.execute(waiting.limit(1)).first() is not None:
        return True
    gone = select(message_log.c.id).where(
        message_log.c.referral_id == referral.id,
        message_log.c.rung.in_(rungs),
        message_log.c.status.in_(_MAY_BE_READ),
        message_log.c.returned.is_(False),
    )
    return tx.execute(gone.limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in the queue: when it may go, and whether the network refused to take it before."""

    not_before: datetime
    tried: bool


def queued_about(tx: Tx, referral: Referral) -> list[Queued]:
    """What waits to be sent about it."""
    query = select(outbox.c.not_before, outbox.c.attempts).where(
        outbox.c.referral_id == referral.id, outbox.c.withdrawn.is_(None)
    )
    return [Queued(row.not_before, row.attempts > 0) for row in tx.execute(query)]


def was_lost(tx: Tx, referral: Referral, staff_id: UUID, rung: str) -> bool:
    """Whether this person was told under this rung, and the message did not arrive."""
    query = select(message_log.c.returned).where(
        message_log.c.referral_id == referral.id, message_log.c.rung == rung, message_log.c.staff_id == staff_id
    )
    return any(tx.execute(query).scalars())


def heard_by(tx: Tx, referral: Referral) -> list[UUID]:
    """Who has, or may have, a message about it on their phone."""
    gone = select(message_log.c.staff_id).where(
        message_log.c.referral_id == referral.id, message_log.c.status.in_(_MAY_BE_READ)
    )
    gone = gone.order_by(message_log.c.created_at, message_log.c.id)
    going = select(outbox.c.staff_id).where(outbox.c.referral_id == referral.id, outbox.c.lease.is_not(None))
    found = [*tx.execute(gone).scalars(), *tx.execute(going).scalars()]
    return list(dict.fromkeys(staff_id for staff_id in found if staff_id is not None))


def has_the_alert(tx: Tx, referral: Referral, reporter_id: UUID | None) -> Recipient | None:
    """The first who will have the alert, or may have it already; not who sent the report."""
    tx.flush()
    going = select(outbox.c.staff_id).where(outbox.c.referral_id == referral.id, outbox.c.withdrawn.is_(None))
    waiting = tx.execute(going.order_by(outbox.c.created_at, outbox.c.id)).scalars().all()
    for staff_id in (*waiting, *heard_by(tx, referral)):
        if staff_id is not None and staff_id != reporter_id:
            return member_as_recipient(tx, staff_id)
    return None
