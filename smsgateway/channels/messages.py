"""What is the same about every provider's messages? These values: the rest of the service knows no provider.

A channel module turns a provider's form fields into `Incoming`, `Receipt` or `Turn`, and an `Outgoing` into the
provider's request; what became of that request comes back as one of a closed set of outcomes (`Handover`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from smsgateway.text.phones import phone_of_sender


@dataclass(frozen=True, slots=True)
class Incoming:
    """One SMS as it reached us. `text` is NUL-free; `raw` is the exact request body. `sent_at` is the provider's
    date in UTC, None when absent or unreadable. `provider_id` is never empty: channels make one up
    deterministically from the content when the provider gave none. `phone` is the sender in E.164, None for one that
    is never answered (a name, a short code)."""

    channel: str
    provider_id: str
    sender: str
    recipient: str
    text: str
    sent_at: datetime | None
    raw: bytes = b""
    phone: str | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "phone", phone_of_sender(self.sender))


class DeliveryStatus(StrEnum):
    """What a receipt says, in our words; receipts only ever move a message forward in this order."""

    HANDED_OVER = "handed_over"  # accepted by the provider
    SUBMITTED = "submitted"  # passed on to, or queued by, the operator
    FAILED = "failed"
    DELIVERED = "delivered"  # on the handset: even after a failure, this is the last word
    UNKNOWN = "unknown"  # a word we do not know: stored, changes nothing


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery report. `provider_status` is the provider's own word; `reason` its failure reason, if any."""

    channel: str
    provider_id: str
    phone: str
    status: DeliveryStatus
    provider_status: str
    reason: str | None = None
    permanent: bool = False  # the number can never be reached: trying again is pointless
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Turn:
    """One USSD request: the cumulative transcript `text` of `session`."""

    channel: str
    session: str
    phone: str
    service_code: str
    text: str
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class OptOut:
    """A subscriber who told the operator to stop our messages."""

    channel: str
    phone: str
    raw: bytes = b""


Said = Incoming | Receipt | Turn | OptOut  # whatever a provider tells us


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One SMS to hand over: `phone` in E.164, `body` already folded to what will be sent."""

    id: UUID
    phone: str
    body: str
    urgent: bool = False


class Fate(StrEnum):
    """What became of one hand-over. Only the outbox decides what follows from it."""

    ACCEPTED = "accepted"  # the provider has it and gave an id
    REFUSED = "refused"  # permanent for this number or text: never try again
    RETRY = "retry"  # not taken, a later try may succeed
    NOT_SENT = "not_sent"  # the request never left (connection refused): safe to send again
    UNKNOWN = "unknown"  # it may or may not have been taken (read timeout, reset after sending)
    THROTTLED = "throttled"  # too fast: slow the channel down, the message was not taken
    CHANNEL_DOWN = "channel_down"  # wrong key, wrong sender, no money: no message of any kind will pass


@dataclass(frozen=True, slots=True)
class Handover:
    """The fate of one `Outgoing`. `reason` is the provider's word or our short cause, `cost` as the provider wrote it
    (such as "XOF 12.0000"), `retry_after` in seconds where the provider asked for a pause."""

    message_id: UUID
    fate: Fate
    provider_id: str | None = None
    reason: str | None = None
    code: int | None = None
    cost: str | None = None
    segments: int | None = None
    retry_after: float | None = None


class Channel(Protocol):
    """One way of handing messages over. A channel object is used by one thread at a time; `open` gives each lane its
    own, so that a slow lane never holds a connection an urgent message needs."""

    name: str
    batch_limit: int

    @property
    def deadline(self) -> float:
        """Seconds that one `send` may last at the very most."""
        ...

    def open(self) -> Channel:
        """A channel with connections of its own."""
        ...

    def send(self, messages: list[Outgoing]) -> list[Handover]:
        """Hand over messages that all have the same body (one request); one `Handover` for each, in order. Never
        raises for anything the network or the provider does."""
        ...

    def probe(self) -> Handover | None:
        """Ask the provider whether the account works (balance), without sending anything. None means it does;
        otherwise a CHANNEL_DOWN, RETRY, NOT_SENT or UNKNOWN `Handover` saying why not (its message_id is nil)."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


class Unreadable(Exception):
    """A callback in which no id and no sender can be read at all: the only case answered 400."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__("missing: " + ", ".join(missing))
        self.missing = missing
