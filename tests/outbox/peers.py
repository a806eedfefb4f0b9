"""What a lane meets in tests: a provider that ends every hand-over as told, a care that writes down what it hears."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from smsgateway.channels.messages import Channel, DeliveryStatus, Fate, Handover, Outgoing, Receipt
from smsgateway.clock import VirtualClock
from smsgateway.intake.receipt import take_receipt
from smsgateway.outbox.aftercare import SentMessage
from smsgateway.outbox.claim import Claimed
from smsgateway.outbox.deliver import Lane
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.outbox.rates import Pacer
from smsgateway.store.database import Store
from smsgateway.store.tables import message_log, outbox
from smsgateway.store.write import Tx

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NURSE = "+22376000101"
NIL = UUID(int=0)


def ends(fate: Fate, reason: str | None = None, retry_after: float | None = None) -> Handover:
    """An outcome to be given to whatever message is next."""
    return Handover(NIL, fate, reason=reason, retry_after=retry_after)


@dataclass
class Provider:
    """A channel and the provider behind it. Hand-overs end as scripted for their phone, then as `otherwise` says."""

    name: str = "peer"
    batch_limit: int = 1
    deadline: float = 15.0
    otherwise: Handover = field(default_factory=lambda: ends(Fate.ACCEPTED))
    script: dict[str, deque[Handover]] = field(default_factory=lambda: defaultdict(deque))
    requests: list[list[Outgoing]] = field(default_factory=list)
    meanwhile: Callable[[list[Outgoing]], None] = lambda _messages: None
    broken: Handover | None = None
    probed: int = 0
    closed: int = 0

    def open(self) -> Provider:
        return self

    def send(self, messages: list[Outgoing]) -> list[Handover]:
        self.requests.append(messages)
        self.meanwhile(messages)
        return [self._end(message, position) for position, message in enumerate(messages)]

    def _end(self, message: Outgoing, position: int) -> Handover:
        script = self.script[message.phone]
        scripted = script.popleft() if script else self.otherwise
        given = replace(scripted, message_id=message.id)
        if given.fate is Fate.ACCEPTED and given.provider_id is None:
            given = replace(given, provider_id=f"{self.name}-{len(self.requests)}-{position}", cost="XOF 12.0000")
        return given

    def probe(self) -> Handover | None:
        self.probed += 1
        return self.broken

    def close(self) -> None:
        self.closed += 1

    @property
    def bodies(self) -> list[str]:
        """Every text handed over, in order, one a phone."""
        return [message.body for request in self.requests for message in request]


@dataclass
class CareDiary:
    """Care's side of the protocol, as (what, body's phone, reason)."""

    heard: list[tuple[str, UUID, str]] = field(default_factory=list)
    messages: list[SentMessage] = field(default_factory=list)
    asleep_until: datetime | None = None  # nobody reads before what can wait

    def handed_over(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        self._note(tx, "handed_over", message, "")

    def delivered(self, tx: Tx, message: SentMessage, now: datetime) -> None:
        self._note(tx, "delivered", message, "")

    def not_now(self, tx: Tx, messages: Sequence[Claimed], now: datetime) -> Mapping[UUID, datetime]:
        return {message.id: self.asleep_until for message in messages if self.asleep_until}

    def undelivered(self, tx: Tx, message: SentMessage, reason: str, now: datetime) -> None:
        self._note(tx, "undelivered", message, reason)

    def _note(self, tx: Tx, what: str, message: SentMessage, reason: str) -> None:
        tx.after_commit(lambda: self.heard.append((what, message.id, reason)))
        tx.after_commit(lambda: self.messages.append(message))

    @property
    def story(self) -> list[tuple[str, str]]:
        return [(what, reason) for what, _id, reason in self.heard]


@dataclass
class House:
    """A store with one lane for everything, on a virtual clock."""

    store: Store
    provider: Provider = field(default_factory=Provider)
    fallback: Provider | None = None
    care: CareDiary = field(default_factory=CareDiary)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOON))
    pacers: dict[str, Pacer] = field(default_factory=dict)

    def lane(self, *ranks: Rank) -> Lane:
        channels: list[Channel] = [self.provider, *([self.fallback] if self.fallback else [])]
        return Lane(self.store, channels, ranks or tuple(Rank), self.clock, self.care, pacers=self.pacers)

    def queue(self, body: str, rank: Rank = Rank.REMINDER, phone: str = NURSE, **rest: Any) -> UUID:
        queued = self.store.write(lambda tx: enqueue(tx, Draft(phone, body, rank, **rest), self.clock.now()))
        assert queued is not None
        return queued

    def deliver(self) -> int:
        """Send until nothing can go now."""
        lane, dealt = self.lane(), 0
        for _ in range(1_000):
            count = lane.deliver_once()
            if not count:
                return dealt
            dealt += count
        raise AssertionError("a message went round and round")

    def pass_time(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))

    def report(self, provider_id: str, word: str, phone: str = NURSE, reason: str | None = None) -> None:
        take_receipt(self.store, receipt(provider_id, word, phone, reason, self.provider.name), self.clock, self.care)

    def log(self) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return [row._asdict() for row in connection.execute(select(message_log).order_by(message_log.c.id))]

    def statuses(self) -> list[tuple[str, str | None]]:
        return [(row["status"], row["reason"]) for row in self.log()]

    def queued(self) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return [row._asdict() for row in connection.execute(select(outbox).order_by(outbox.c.id))]


WORDS = {
    "Sent": DeliveryStatus.HANDED_OVER,
    "Submitted": DeliveryStatus.SUBMITTED,
    "Buffered": DeliveryStatus.SUBMITTED,
    "Success": DeliveryStatus.DELIVERED,
    "Failed": DeliveryStatus.FAILED,
    "AbsentSubscriber": DeliveryStatus.FAILED,
}


def receipt(provider_id: str, word: str, phone: str, reason: str | None, channel: str) -> Receipt:
    status = WORDS.get(word, DeliveryStatus.UNKNOWN)
    return Receipt(channel, provider_id, phone, status, word, reason, raw=f"status={word}".encode())
