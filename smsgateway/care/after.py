"""What follows from how a message ended? The outbox asks this object within the transaction that records it."""

from __future__ import annotations

from datetime import datetime

from smsgateway.care import referrals
from smsgateway.outbox.aftercare import SentMessage
from smsgateway.outbox.queue import Rank
from smsgateway.reading.programme import Programme
from smsgateway.store.faults import raise_fault
from smsgateway.store.write import Tx


class Care:
    """The service's `AfterCare`: an alert that reached nobody goes to the next person."""

    def __init__(self, programme: Programme) -> None:
        self._programme = programme

    def handed_over(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        if message.referral_id is not None:
            referrals.handed_over(tx, message.referral_id, now)

    def delivered(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        if message.referral_id is not None:
            referrals.delivered(tx, message.referral_id, now)

    def undelivered(self, tx: Tx, message: SentMessage, reason: str, now: datetime) -> None:
        if message.referral_id is not None:
            referrals.undelivered(tx, message.referral_id, message.staff_id, reason, self._programme, now)
        elif message.rank is Rank.URGENT:
            raise_fault(tx, "urgent_message_undelivered", str(message.id), message.site_id, now)
