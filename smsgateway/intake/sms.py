"""What happens to an SMS that reached us? It is stored, understood, filed and answered in one transaction, or it is
stored as failed, tried again, and taken for danger.

All of it happens in the transaction, once the sender's earlier messages are done, and on its one connection: one that
waited there for a second might wait for those that wait for the sender's lock. Nothing here is answered 200 before the
raw message is on disk; a callback repeated any number of times, at the same moment or days later, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from smsgateway.care import unclear, wording
from smsgateway.care.people import Directory, Early, Member
from smsgateway.channels.messages import Incoming
from smsgateway.clock import Clock
from smsgateway.intake.apply import file_message
from smsgateway.intake.message import Message
from smsgateway.intake.strangers import take_stranger
from smsgateway.logs import whereabouts
from smsgateway.reading.models import Reading, Role
from smsgateway.reading.programme import Programme
from smsgateway.reading.sms import read
from smsgateway.store.database import Store, lock_sender
from smsgateway.store.faults import raise_fault
from smsgateway.store.once import first_time_of
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import FAILED, inbound
from smsgateway.store.types import new_id
from smsgateway.store.write import StoreUnavailable, Task, Tx, Work
from smsgateway.text.phones import masked, national

log = structlog.get_logger(__name__)

# The provider's date is believed when it is not absurd: phones out of coverage send hours late, clocks may be wrong.
BELIEVABLE_LATE = timedelta(days=7)
BELIEVABLE_EARLY = timedelta(minutes=10)
TRIES_AT_MOST = 4
AWAY = (OperationalError, InterfaceError, PoolTimeout)  # the database, not the message
FIRST_RETRY_AFTER = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Heard:
    """An SMS with what can be said of it before judging."""

    incoming: Incoming
    arrived_at: datetime
    member: Member | None
    reading: Reading

    @property
    def happened_at(self) -> datetime:
        sent = self.incoming.sent_at
        believable = sent is not None and (
            self.arrived_at - BELIEVABLE_LATE <= sent <= self.arrived_at + BELIEVABLE_EARLY
        )
        return sent if believable and sent is not None else self.arrived_at


class SmsIntake:
    """Takes every SMS the channels decode."""

    def __init__(
        self, store: Store, programme: Programme, directory: Directory, clock: Clock, language: str = "fr"
    ) -> None:
        self._store = store
        self._programme = programme
        self._directory = directory
        self._clock = clock
        self._language = language  # for those who have none of their own

    def take(self, incoming: Incoming) -> None:
        """Store and handle one SMS; returns once it is on disk. Raises StoreUnavailable when it cannot be."""
        self._store.do(self.task(incoming))

    def task(self, incoming: Incoming) -> Task[None]:
        """What is written of one SMS: all that follows from it, or the SMS alone if it could not be handled."""
        now = self._clock.now()

        def instead(error: Exception) -> Work[None]:
            kind = type(error).__name__
            log.error("message not handled, kept", sender=masked(incoming.sender), error=kind)
            log.debug("why", error=kind, where=whereabouts(error))
            return lambda tx: self._keep_failed(tx, incoming, now, kind)

        return Task(lambda tx: self._handle_new(tx, incoming, now), instead)

    def retry_failed(self) -> int:
        """Try again what failed before, later each time; returns how many were handled. A human is told of what will
        not be: the alert has been waiting in `due` since the first failure."""
        now = self._clock.now()
        with self._store.read() as connection:
            rows = _FAILED(connection, before=now - FIRST_RETRY_AFTER)
        return sum(self._retry(row.id, now) for row in rows if now >= row.arrived_at + _backoff(row.attempts))

    def _retry(self, inbound_id: UUID, now: datetime) -> bool:
        try:
            with self._store.read() as connection:
                row = connection.execute(select(inbound).where(inbound.c.id == inbound_id)).one()
            stored = Incoming(row.channel, row.provider_id, row.sender, row.recipient, row.text, row.sent_at, row.raw)
            return self._store.write(lambda tx: self._handle_again(tx, stored, row.arrived_at, inbound_id, now))
        except StoreUnavailable:
            raise
        except AWAY as error:
            raise StoreUnavailable(type(error).__name__) from error
        except Exception as error:  # noqa: BLE001
            kind = type(error).__name__
            log.error("message failed again", inbound=str(inbound_id), error=kind)
            self._store.write(lambda tx: self._count_failure(tx, inbound_id, now, kind))
            return False

    # ------------------------------------------------------------ inside the transaction

    def _hear(
        self,
        tx: Tx,
        incoming: Incoming,
        arrived_at: datetime,
        early: Early | None = None,
        answers: Sequence[list[Any]] = (),
    ) -> Heard:
        phone = incoming.phone
        member = self._directory.who(tx, phone, arrived_at, early, answers) if phone else None
        role = member.role if member else Role.UNKNOWN
        own = member.catchments if member else ()
        only = own[0].number if len(own) == 1 else None
        return Heard(incoming, arrived_at, member, read(incoming.text, role, self._programme, only))

    def _handle_new(self, tx: Tx, incoming: Incoming, now: datetime) -> None:
        inbound_id = new_id()
        early = self._directory.asks(incoming.phone)
        answers = first_time_of(
            tx, incoming.sender, incoming.channel, incoming.provider_id, inbound_id, now, early.questions
        )
        if answers is None:
            return
        heard = self._hear(tx, incoming, now, early, answers)
        answer = self._file(tx, heard, inbound_id, now)
        tx.insert(inbound, _inbound_row(incoming, inbound_id, now, heard.member, "handled", answer=answer))

    def _file(self, tx: Tx, heard: Heard, inbound_id: UUID, now: datetime) -> str | None:
        phone = heard.incoming.phone
        if phone is None:
            return None  # an answer to a name or a short code would start a loop of answers
        if heard.member is None:
            return take_stranger(tx, heard.reading, phone, inbound_id, self._programme, self._language, now)
        message = Message(
            inbound_id,
            phone,
            heard.member,
            heard.reading,
            heard.happened_at,
            now,
            channel="sms",
            staff_changed=self._directory.forget,
        )
        return file_message(tx, message, self._programme)

    def _keep_failed(self, tx: Tx, incoming: Incoming, now: datetime, error: str) -> None:
        """Keep what could not be handled. From a CHW it may be danger: unless a retry succeeds within 5 minutes, a
        human is told."""
        inbound_id = new_id()
        if first_time_of(tx, incoming.sender, incoming.channel, incoming.provider_id, inbound_id, now) is None:
            return
        phone = incoming.phone
        member = self._directory.who(tx, phone, now) if phone else None
        tx.insert(inbound, _inbound_row(incoming, inbound_id, now, member, "failed", error=error))
        if phone and member and member.role is Role.CHW:
            unclear.await_correction(tx, member, phone, inbound_id, now, brief=self._brief(phone, incoming.text))

    def _brief(self, phone: str, text: str) -> dict[str, object]:
        """What little a human can be told of a message that could not be handled; reading it may be what failed."""
        try:
            quote = wording.quotable(self._programme, text)
        except Exception:  # noqa: BLE001
            quote = ""
        return {"phone": national(phone), "quote": quote}

    def _handle_again(self, tx: Tx, incoming: Incoming, arrived_at: datetime, inbound_id: UUID, now: datetime) -> bool:
        lock_sender(tx, incoming.sender)
        still = select(inbound.c.attempts).where(inbound.c.id == inbound_id, inbound.c.state == "failed")
        attempts = tx.execute(still).scalar()
        if attempts is None:  # another process was first
            return False
        heard = self._hear(tx, incoming, arrived_at)
        if heard.member is not None:
            unclear.forget(tx, heard.member.id, inbound_id)
        answer = self._file(tx, heard, inbound_id, now)
        tx.execute(
            update(inbound)
            .where(inbound.c.id == inbound_id)
            .values(state="handled", attempts=attempts + 1, error=None, answer=answer)
        )
        return True

    def _count_failure(self, tx: Tx, inbound_id: UUID, now: datetime, error: str) -> None:
        attempts = tx.execute(select(inbound.c.attempts).where(inbound.c.id == inbound_id)).scalar_one() + 1
        given_up = attempts >= TRIES_AT_MOST
        tx.execute(
            update(inbound)
            .where(inbound.c.id == inbound_id)
            .values(attempts=attempts, error=error, state="given_up" if given_up else "failed")
        )
        if given_up:
            raise_fault(tx, "message_not_handled", str(inbound_id), None, now)


def _backoff(attempts: int) -> timedelta:
    """20 s, 80 s, 180 s after arrival: the first two before a human is told, the last for what was mended since."""
    return FIRST_RETRY_AFTER * attempts * attempts


_FAILED = Prepared(
    select(inbound.c.id, inbound.c.arrived_at, inbound.c.attempts)
    .where(FAILED, inbound.c.arrived_at <= bindparam("before"))
    .order_by(inbound.c.arrived_at)
    .limit(50)
)


def _inbound_row(
    incoming: Incoming,
    inbound_id: UUID,
    now: datetime,
    member: Member | None,
    state: str,
    *,
    answer: str | None = None,
    error: str | None = None,
) -> dict[str, object]:
    return {
        "id": inbound_id,
        "site_id": member.site_id if member else None,
        "channel": incoming.channel,
        "provider_id": incoming.provider_id,
        "sender": incoming.sender,
        "recipient": incoming.recipient,
        "text": incoming.text,
        "raw": incoming.raw,
        "sent_at": incoming.sent_at,
        "arrived_at": now,
        "staff_id": member.id if member else None,
        "state": state,
        "attempts": 1,
        "error": error,
        "answer": answer,
    }
