"""When does Africa's Talking post what to the service? An agenda of callbacks on a clock: SMS of subscribers again
every minute until HTTP 200 or twelve hours, as its help pages say; receipts once, since no repetition is documented.

On a virtual clock nothing happens until `deliver_due` is called, so a test walks through twelve hours without waiting.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import requests

from smsgateway.clock import Clock

RETRY_EVERY = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(hours=12)
DEADLINE = 10.0  # seconds the provider waits for the service


@dataclass(frozen=True, slots=True)
class ReceiptStep:
    """One delivery report of a plan: its word, how long after the hand-over, and how often it is posted."""

    status: str
    after: timedelta = timedelta(0)
    reason: str | None = None
    times: int = 1


DELIVERED = (ReceiptStep("Success"),)


@dataclass(frozen=True, slots=True)
class Callback:
    """A form to be posted to `{webhook}/{path}`. `repeats` says whether anything but HTTP 200 is tried again."""

    path: str
    form: Mapping[str, str]
    first_due: datetime
    repeats: bool
    lost_plus: bool = False
    tries: int = 0

    @property
    def body(self) -> str:
        encoded = urlencode(self.form)
        return encoded.replace("%2B", "+") if self.lost_plus else encoded


@dataclass(frozen=True, slots=True)
class Delivery:
    """One posted callback and what the service answered: an HTTP status, or None when it could not be reached."""

    callback: Callback
    at: datetime
    status: int | None
    answer: str


class CallbackAgenda:
    """What is still to be posted, and what was. Thread-safe; posts with no lock held."""

    def __init__(self, clock: Clock, retry_every: timedelta = RETRY_EVERY, give_up_after: timedelta = GIVE_UP_AFTER):
        self.webhook: str | None = None
        self._clock = clock
        self._retry_every = retry_every
        self._give_up_after = give_up_after
        self._order = itertools.count()
        self._due: list[tuple[datetime, int, Callback]] = []
        self._done: list[Delivery] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Every post made so far, in order."""
        with self._changed:
            return tuple(self._done)

    @property
    def waiting(self) -> int:
        """How many callbacks are still to be posted, now or later."""
        with self._changed:
            return len(self._due)

    def add(self, callback: Callback, due: datetime | None = None) -> None:
        with self._changed:
            heapq.heappush(self._due, (due or callback.first_due, next(self._order), callback))
            self._changed.notify()

    def deliver_due(self) -> int:
        """Post everything that is due by the clock, in order of time; returns how many posts were made. What failed
        is due again one interval later, so one call never repeats anything."""
        now = self._clock.now()
        posts = 0
        while (callback := self._take(now)) is not None:
            self._post(callback, now)
            posts += 1
        return posts

    def start(self) -> None:
        """Post whatever becomes due from a thread of its own, on the machine's time, until `stop`."""
        self._thread = threading.Thread(target=self._keep_delivering, name="stand-in callbacks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread:
            self._thread.join()
        self._session.close()

    def _keep_delivering(self) -> None:
        while not self._stopping:
            self.deliver_due()
            with self._changed:
                wait = (self._due[0][0] - self._clock.now()).total_seconds() if self._due else None
                if not self._stopping and (wait is None or wait > 0):
                    self._changed.wait(wait)

    def _take(self, now: datetime) -> Callback | None:
        with self._changed:
            if self._stopping or not self._due or self._due[0][0] > now:
                return None
            return heapq.heappop(self._due)[2]

    def _post(self, callback: Callback, now: datetime) -> None:
        status, answer = self.post_now(callback)
        tried = replace(callback, tries=callback.tries + 1)
        with self._changed:
            self._done.append(Delivery(tried, now, status, answer))
        again = now + self._retry_every
        if callback.repeats and status != 200 and again <= callback.first_due + self._give_up_after:
            self.add(tried, again)

    def post_now(self, callback: Callback) -> tuple[int | None, str]:
        """One post, without agenda or repetition: how USSD turns are sent."""
        if self.webhook is None:
            return None, "no webhook is set"
        try:
            response = self._session.post(
                f"{self.webhook.rstrip('/')}/{callback.path}",
                data=callback.body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                timeout=DEADLINE,
            )
        except requests.RequestException as error:
            return None, type(error).__name__
        return response.status_code, response.text


def sms_form(identity: str, sender: str, text: str, to: str, at: datetime, network: str) -> dict[str, str]:
    """The fields of a subscriber's SMS."""
    return {
        "date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "from": sender,
        "id": identity,
        "linkId": "",
        "text": text,
        "to": to,
        "cost": "0",
        "networkCode": network,
    }


def receipt_form(identity: str, phone: str, step: ReceiptStep, network: str) -> dict[str, str]:
    """The fields of a delivery report; a reason is there only when there is one."""
    form = {"id": identity, "status": step.status, "phoneNumber": phone, "networkCode": network, "retryCount": "0"}
    return form | ({"failureReason": step.reason} if step.reason else {})
