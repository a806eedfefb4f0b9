"""What follows from how a message ended? The outbox asks this object within the transaction that records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from smsgateway.care import deliveries
from smsgateway.care.schedules import schedules_of
from smsgateway.care.team import mates
from smsgateway.outbox.aftercare import SentMessage
from smsgateway.outbox.claim import Claimed
from smsgateway.outbox.queue import Rank
from smsgateway.reading.programme import Programme
from smsgateway.store.faults import raise_fault
from smsgateway.store.tables import referrals
from smsgateway.store.write import Tx


class Care:
    """The service's `AfterCare`: rungs count from a hand-over, and an alert that reached nobody goes to the next
    person."""

    def __init__(self, programme: Programme) -> None:
        self._programme = programme

    def not_now(self, tx: Tx, messages: Sequence[Claimed], now: datetime) -> Mapping[UUID, datetime]:
        """An open referral knows no day of rest."""
        whose = {message.id: message.staff_id for message in messages if message.staff_id is not None}
        people = {mate.id: mate for mate in mates(tx, set(whose.values()), schedules_of(self._programme).day)}
        later: dict[UUID, datetime] = {}
        for message in messages:
            mate = people.get(whose[message.id]) if message.id in whose else None
            if mate is not None:
                hours = mate.hours if message.referral_id is None else mate.hours.every_day()
                later[message.id] = hours.next_open(now)
        return {message: opening for message, opening in later.items() if opening > now}

    def handed_over(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        if message.referral_id is not None:
            deliveries.handed_over(tx, message, self._programme, now)

    def delivered(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        """The first message about a referral is on a handset."""
        if message.referral_id is not None:
            tx.execute(
                update(referrals)
                .where(referrals.c.id == message.referral_id, referrals.c.delivered_at.is_(None))
                .values(delivered_at=now)
            )

    def undelivered(self, tx: Tx, message: SentMessage, reason: str, now: datetime) -> None:
        if message.referral_id is not None:
            deliveries.undelivered(tx, message, reason, self._programme, now)
        elif message.rank is Rank.URGENT:
            raise_fault(tx, "urgent_message_undelivered", str(message.id), message.site_id, now)
