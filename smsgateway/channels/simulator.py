"""What would the phones show? A network inside the process, for the demo, for scenarios and for tests: every SMS handed
over lies on its phone at once, in order, and phones can be off, refuse, or be out of the network's reach on demand.

It keeps the promises a real channel makes: one fate a message, an id that no other message has, and receipts, which
come when asked for. Nothing leaves the process.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from smsgateway.channels.messages import DeliveryStatus, Fate, Handover, Incoming, Outgoing, Receipt, Turn
from smsgateway.clock import Clock, SystemClock

CHANNEL = "simulator"
BATCH_LIMIT = 100

# The words of receipts are those of Africa's Talking, so that scenarios read like the real network's reports.
STATUSES: Mapping[str, DeliveryStatus] = {
    "Sent": DeliveryStatus.HANDED_OVER,
    "Submitted": DeliveryStatus.SUBMITTED,
    "Buffered": DeliveryStatus.SUBMITTED,
    "Success": DeliveryStatus.DELIVERED,
    "Rejected": DeliveryStatus.FAILED,
    "Failed": DeliveryStatus.FAILED,
    "AbsentSubscriber": DeliveryStatus.FAILED,
    "Expired": DeliveryStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class PhoneText:
    """One SMS as it lies on a phone."""

    phone: str
    body: str
    at: datetime
    provider_id: str
    message_id: UUID
    urgent: bool = False


class SimulatedNetwork:
    """Phones and what they received. Safe to use from many threads; `listener` is called, outside the lock, for every
    SMS as it arrives."""

    def __init__(self, clock: Clock | None = None, listener: Callable[[PhoneText], None] | None = None) -> None:
        self._clock = clock or SystemClock()
        self._listener = listener
        self._lock = threading.Lock()
        self._texts: list[PhoneText] = []
        self._tries: dict[UUID, int] = defaultdict(int)
        self._answers: dict[str, deque[Handover]] = defaultdict(deque)
        self._always: dict[str, Handover] = {}
        self._outage: Handover | None = None
        self._inbound = 0

    @property
    def texts(self) -> tuple[PhoneText, ...]:
        """Every SMS on any phone, in the order of arrival."""
        with self._lock:
            return tuple(self._texts)

    def texts_to(self, phone: str) -> tuple[PhoneText, ...]:
        """The SMS on one phone, oldest first."""
        return tuple(text for text in self.texts if text.phone == phone)

    def refuse(self, phone: str, reason: str = "UserInBlacklist") -> None:
        """From now on the provider refuses this number for good."""
        with self._lock:
            self._always[phone] = Handover(UUID(int=0), Fate.REFUSED, reason=reason)

    def accept(self, phone: str) -> None:
        """Forget every failure programmed for this number."""
        with self._lock:
            self._always.pop(phone, None)
            self._answers.pop(phone, None)

    def answer_next(self, phone: str, fate: Fate, reason: str | None = None) -> None:
        """The next hand-over to this number ends so; may be called several times for several hand-overs. A message of
        UNKNOWN fate is on the phone all the same: only its answer was lost."""
        with self._lock:
            self._answers[phone].append(Handover(UUID(int=0), fate, reason=reason))

    def break_down(self, fate: Fate = Fate.CHANNEL_DOWN, reason: str = "simulated outage") -> None:
        """Nothing passes until `repair`."""
        with self._lock:
            self._outage = Handover(UUID(int=0), fate, reason=reason)

    def repair(self) -> None:
        with self._lock:
            self._outage = None

    def receipt(self, phone: str, status: str, reason: str | None = None, text: PhoneText | None = None) -> Receipt:
        """A delivery report with the network's word `status`, about `text` or else the last SMS to `phone`; raises
        LookupError when there is none."""
        about = text or next(reversed(self.texts_to(phone)), None)
        if about is None:
            raise LookupError("no SMS was handed over to this phone yet: there is nothing to report on")
        return Receipt(
            channel=CHANNEL,
            provider_id=about.provider_id,
            phone=phone,
            status=STATUSES.get(status, DeliveryStatus.UNKNOWN),
            provider_status=status,
            reason=reason,
        )

    def text_in(self, sender: str, body: str, recipient: str = "") -> Incoming:
        """An SMS from a phone to the service. Its id is made of the clock and a count: the same in every run of a
        scenario, another one after a restart."""
        now = self._clock.now()
        with self._lock:
            self._inbound += 1
            identity = f"sim-in-{now:%Y%m%dT%H%M%S%f}-{self._inbound}"
        return Incoming(CHANNEL, identity, sender, recipient, body.replace("\0", " "), now)

    def turn(self, session: str, phone: str, transcript: str, service_code: str = "*384#") -> Turn:
        """A USSD request: `transcript` is cumulative."""
        return Turn(CHANNEL, session, phone, service_code, transcript)

    def hand_over(self, message: Outgoing) -> Handover:
        """What the channel calls for each message."""
        with self._lock:
            verdict = self._outage or self._next_answer(message.phone)
            if verdict and verdict.fate not in (Fate.ACCEPTED, Fate.UNKNOWN):
                return replace(verdict, message_id=message.id)
            text = self._put_on_phone(message)
        if self._listener:
            self._listener(text)
        if verdict and verdict.fate is Fate.UNKNOWN:
            return replace(verdict, message_id=message.id)
        return Handover(message.id, Fate.ACCEPTED, provider_id=text.provider_id, cost="0")

    def probe(self) -> Handover | None:
        with self._lock:
            return self._outage

    def _put_on_phone(self, message: Outgoing) -> PhoneText:
        """Ids follow from the message: the same in every run of a scenario, and after a restart nobody else's. A
        message handed over twice is two SMS with two ids."""
        self._tries[message.id] += 1
        tries = self._tries[message.id]
        identity = f"sim-{message.id}" + (f"-{tries}" if tries > 1 else "")
        text = PhoneText(message.phone, message.body, self._clock.now(), identity, message.id, message.urgent)
        self._texts.append(text)
        return text

    def _next_answer(self, phone: str) -> Handover | None:
        programmed = self._answers.get(phone)
        return programmed.popleft() if programmed else self._always.get(phone)


class SimulatedChannel:
    """The `simulator` channel: hands messages over to a `SimulatedNetwork`, which all lanes share."""

    name = CHANNEL
    batch_limit = BATCH_LIMIT
    deadline = 1.0

    def __init__(self, network: SimulatedNetwork) -> None:
        self.network = network

    def open(self) -> SimulatedChannel:
        return SimulatedChannel(self.network)

    def send(self, messages: list[Outgoing]) -> list[Handover]:
        return [self.network.hand_over(message) for message in messages]

    def probe(self) -> Handover | None:
        return self.network.probe()

    def close(self) -> None:
        return None
