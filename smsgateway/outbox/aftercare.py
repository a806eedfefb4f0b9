"""Who must know what became of a message? Care, which queued it: an alert that was not delivered is somebody's business
again, in the same transaction that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from smsgateway.outbox.claim import Claimed
from smsgateway.outbox.queue import Rank
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that has left the queue, without its words. `channel` is None when it was never handed over."""

    id: UUID
    created_at: datetime
    site_id: UUID | None
    rank: Rank
    phone: str
    staff_id: UUID | None
    channel: str | None
    attempts: int
    referral_id: UUID | None
    rung: str | None
    inbound_id: UUID | None
    key: str | None


_FIELDS = tuple(each.name for each in fields(SentMessage))


def sent_message(row: Mapping[str, Any]) -> SentMessage:
    """From a row of the queue or of the log."""
    return SentMessage(**{name: row[name] for name in _FIELDS} | {"rank": Rank(row["rank"])})


class AfterCare(Protocol):
    """What care does about messages of every rank; most of them are none of its business. Each is called within the
    transaction that records the event, which may be replayed."""

    def not_now(self, tx: Tx, messages: Sequence[Claimed], now: datetime) -> Mapping[UUID, datetime]:
        """Of messages that wait for nobody and are about to go later than they were meant to: when those may go that
        would reach their readers outside their hours."""
        ...

    def handed_over(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        """The provider has it. At most once a message."""
        ...

    def delivered(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        """It is on the handset, perhaps after a failure was reported. At most once a message."""
        ...

    def undelivered(self, tx: Tx, message: SentMessage, reason: str, now: datetime) -> None:
        """It has finally failed (refused, given up, opted out, of unknown end though urgent, or a receipt says so): if
        it matters, somebody else must be told. At most once a message."""
        ...


class NoCare:
    """Nobody to tell: for parts of the service, and tests, that only send."""

    def not_now(self, tx: Tx, messages: Sequence[Claimed], now: datetime) -> Mapping[UUID, datetime]:
        return {}

    def handed_over(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        return None

    def delivered(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        return None

    def undelivered(self, tx: Tx, message: SentMessage, reason: str, now: datetime) -> None:
        return None
