"""A provider to talk to when there is none: Africa's Talking's API on a socket of this machine, with a record of all it
was asked, and a programme of how to answer.

Good answers are the default. `answer_next` programs the next requests in order, `answer_number` one number for good,
`answer_when` and `delay_when` whatever a predicate picks out, for example everything but urgent messages. It handles
several thousand requests a second over kept-alive connections, so that a benchmark measures the service, not its peer.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from smsgateway.channels.standin import callbacks, traps
from smsgateway.channels.standin.callbacks import Callback, CallbackAgenda, Delivery, ReceiptStep
from smsgateway.channels.standin.http import ApiServer
from smsgateway.channels.standin.traps import Sending, Trap
from smsgateway.clock import Clock, SystemClock
from smsgateway.text.gsm7 import segments

NETWORK = "99999"  # the sandbox's own operator: no real one is meant


class StandIn:
    """Africa's Talking for tests, demo and benchmarks. A context manager; `url` is the service's AT_BASE_URL.

    `webhook` (settable later) is the service's address up to the secret: callbacks go to `{webhook}/sms`, `/delivery`,
    `/ussd`, `/opt-out`. With `deliver=True` they are posted as they become due; else `deliver_due` posts them."""

    def __init__(
        self,
        *,
        username: str = "sandbox",
        api_key: str = "atsk_stand_in",
        webhook: str | None = None,
        port: int = 0,
        clock: Clock | None = None,
        deliver: bool = False,
        receipts: tuple[ReceiptStep, ...] = callbacks.DELIVERED,
        retry_every: timedelta = callbacks.RETRY_EVERY,
        listener: Callable[[Sending], None] | None = None,
    ) -> None:
        self.username = username
        self.api_key = api_key
        self.balance = "XOF 12000.0000"
        self.balance_field = "UserData"
        self.cost = "XOF 12.0000"
        self.latency = 0.0  # seconds before every answer
        self._clock = clock or SystemClock()
        self._listener = listener
        self._deliver = deliver
        self._plan = receipts
        self._plans: dict[str, tuple[ReceiptStep, ...]] = {}
        self._next: deque[Trap] = deque()
        self._rules: list[tuple[Callable[[Sending], bool], Trap]] = []
        self._codes: dict[str, int] = {}
        self._received: list[Sending] = []
        self._taken: list[tuple[str, str, str]] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._agenda = CallbackAgenda(self._clock, retry_every)
        self._agenda.webhook = webhook
        self._server = ApiServer(self, port)

    def __enter__(self) -> Self:
        self._server.start()
        if self._deliver:
            self._agenda.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._agenda.stop()
        self._server.stop()

    @property
    def url(self) -> str:
        """What AT_BASE_URL must be to reach this server."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def webhook(self) -> str | None:
        return self._agenda.webhook

    @webhook.setter
    def webhook(self, address: str) -> None:
        self._agenda.webhook = address

    # What was asked.

    @property
    def received(self) -> tuple[Sending, ...]:
        """Every request to send, in order of arrival, the refused ones too."""
        with self._lock:
            return tuple(self._received)

    @property
    def sms(self) -> tuple[tuple[str, str, str], ...]:
        """What phones got: (phone, body, message id), in order, whatever the service was told about it."""
        with self._lock:
            return tuple(self._taken)

    def sms_to(self, phone: str) -> list[str]:
        """The bodies on one phone, oldest first."""
        return [body for number, body, _ in self.sms if number == phone]

    @property
    def connections(self) -> int:
        """How many connections were ever made: few, when the service keeps its own."""
        return self._server.connections

    def wait_until_all_closed(self, seconds: float = 5.0) -> bool:
        """Whether every connection is closed, by either side, within so many seconds."""
        return self._server.wait_until_all_closed(seconds)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Every callback posted, with the service's answer."""
        return self._agenda.deliveries

    @property
    def callbacks_waiting(self) -> int:
        return self._agenda.waiting

    # How to answer.

    def answer_next(self, *how: Trap) -> None:
        """The next requests to send are answered so, one each, in this order."""
        with self._lock:
            self._next.extend(how)

    def answer_when(self, holds: Callable[[Sending], bool], how: Trap) -> None:
        """Every request for which `holds` is answered so; the first rule that holds counts, `answer_next` before it."""
        with self._lock:
            self._rules.append((holds, how))

    def delay_when(self, holds: Callable[[Sending], bool], seconds: float) -> None:
        """Good answers, but late: `delay_when(lambda sending: not sending.message.startswith("URGENT"), 150)`."""
        self.answer_when(holds, traps.slow(seconds))

    def answer_number(self, phone: str, code: int) -> None:
        """From now on this number's entry in any good answer has this statusCode."""
        with self._lock:
            self._codes[phone] = code

    def plan_receipts(self, phone: str, *steps: ReceiptStep) -> None:
        """The delivery reports that follow each SMS to this number, in this order; none for no receipts at all."""
        with self._lock:
            self._plans[phone] = steps

    def behave(self) -> None:
        """Forget every trap, rule, number and plan."""
        with self._lock:
            self._next.clear()
            self._rules.clear()
            self._codes.clear()
            self._plans.clear()

    # What subscribers do.

    def text(
        self,
        sender: str,
        text: str,
        *,
        to: str = "21512",
        identity: str | None = None,
        lost_plus: bool = False,
        **changes: str,
    ) -> str:
        """A subscriber texts the service: posted when due, again every minute until HTTP 200. Returns the provider's
        id. `changes` replace or add form fields, `lost_plus` leaves every "+" unencoded."""
        identity = identity or self._new_id()
        now = self._clock.now()
        form = callbacks.sms_form(identity, sender, text, to, now, NETWORK) | changes
        self._agenda.add(Callback("sms", form, now, repeats=True, lost_plus=lost_plus))
        return identity

    def opt_out(self, phone: str, sender_id: str = "COMPANY") -> None:
        """A subscriber stops our messages."""
        form = {"senderId": sender_id, "phoneNumber": phone}
        self._agenda.add(Callback("opt-out", form, self._clock.now(), repeats=False))

    def receipt(self, identity: str, phone: str, step: ReceiptStep) -> None:
        """A delivery report out of any plan, also for an id that never was."""
        due = self._clock.now() + step.after
        callback = Callback("delivery", callbacks.receipt_form(identity, phone, step, NETWORK), due, repeats=False)
        for _ in range(step.times):
            self._agenda.add(callback)

    def dial(self, session: str, phone: str, transcript: str, service_code: str = "*384*1234#") -> str:
        """One USSD turn, posted at once; returns the screen ("CON …" or "END …"), or why there is none."""
        form = {
            "sessionId": session,
            "phoneNumber": phone,
            "networkCode": NETWORK,
            "serviceCode": service_code,
            "text": transcript,
        }
        return self._agenda.post_now(Callback("ussd", form, self._clock.now(), repeats=False))[1]

    def deliver_due(self) -> int:
        """Post every callback that is due by the clock; returns how many."""
        return self._agenda.deliver_due()

    # What the HTTP side calls.

    def take(self, form: Mapping[str, str], key: str | None) -> tuple[Trap, bytes]:
        """Decide on one request to send: how to answer, and the body to answer with."""
        sending = self._sending(form, key)
        parts = segments(sending.message)
        with self._lock:
            self._received.append(sending)
            trap = self._trap(sending)
            entries = tuple(self._entry(number, parts) for number in sending.to)
        if self._listener:
            self._listener(sending)
        if trap.is_taken:
            self._put_on_phones(sending, entries)
        return trap, _body(trap, entries)

    def account(self, username: str | None, key: str | None) -> tuple[Trap, bytes]:
        """Decide on one request for the balance."""
        if key != self.api_key or username != self.username:
            return traps.WRONG_KEY, _body(traps.WRONG_KEY, ())
        return Trap(200), json.dumps({self.balance_field: {"balance": self.balance}}).encode()

    def _sending(self, form: Mapping[str, str], key: str | None) -> Sending:
        return Sending(
            at=self._clock.now(),
            monotonic=time.monotonic(),
            username=form.get("username", ""),
            authorised=key == self.api_key and form.get("username") == self.username,
            to=tuple(number for number in form.get("to", "").split(",") if number),
            message=form.get("message", ""),
            sender=form.get("from"),
            form=dict(form),
        )

    def _trap(self, sending: Sending) -> Trap:
        if not sending.authorised:
            return traps.WRONG_KEY
        if not sending.to or not sending.message:
            return Trap(400, "Request is missing required form field", traps.TEXT)
        if self._next:
            return self._next.popleft()
        return next((how for holds, how in self._rules if holds(sending)), traps.GOOD)

    def _entry(self, number: str, parts: int) -> dict[str, Any]:
        """A recipient's entry: on a failure the real one has cost "0" and the string "None" for an id."""
        code = self._codes.get(number, 101)
        good = code < 300
        entry: dict[str, Any] = {
            "statusCode": code,
            "number": number,
            "status": traps.CODE_WORDS.get(code, "Unknown"),
            "cost": self.cost if good else "0",
            "messageId": self._new_id() if good else "None",
        }
        return entry | ({"messageParts": parts} if good else {})

    def _put_on_phones(self, sending: Sending, entries: tuple[Mapping[str, Any], ...]) -> None:
        for entry in entries:
            if entry["statusCode"] < 300:
                with self._lock:
                    self._taken.append((entry["number"], sending.message, entry["messageId"]))
                    plan = self._plans.get(entry["number"], self._plan)
                for step in plan if self.webhook else ():
                    self.receipt(entry["messageId"], entry["number"], step)

    def _new_id(self) -> str:
        return f"ATXid_{next(self._ids):032x}"


def _body(trap: Trap, entries: tuple[Mapping[str, Any], ...]) -> bytes:
    if trap.body is not None:
        return trap.body if isinstance(trap.body, bytes) else trap.body.encode()
    if trap.recipients is not None:
        entries = trap.recipients
    sent = sum(entry.get("statusCode", 0) < 300 for entry in entries)
    return traps.listing(f"Sent to {sent}/{len(entries)} Total Cost: XOF {12 * sent}.0000", entries).encode()
