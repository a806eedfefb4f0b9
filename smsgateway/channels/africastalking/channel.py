"""How does one SMS, or the same SMS to many phones, reach Africa's Talking? Through the official SDK's SMS class, over
our own connections, and with an answer for every message whatever happens.

As shipped the SDK opens a connection a message, raises errors without their status, returns JSON as text when the
content type carries a charset, and in callback mode loses failures in a thread: so `_make_request` is ours, and
callbacks are refused. It also rejects a whole batch for one odd number; such numbers are taken out before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from africastalking.SMS import SMSService

from smsgateway.channels.africastalking.answers import read_answer, read_balance
from smsgateway.channels.africastalking.callbacks import CHANNEL
from smsgateway.channels.africastalking.connection import (
    HttpAnswer,
    NotSentError,
    PooledSession,
    Timeouts,
    UnknownFateError,
)
from smsgateway.channels.messages import Fate, Handover, Outgoing
from smsgateway.clock import Clock, SystemClock

BATCH_LIMIT = 100  # no published maximum; 50 and 100 are used in the wild

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PRINTABLE = re.compile(r"[!-~]+")


class AfricasTalkingChannel:
    """The `africastalking` channel. `base_url` has no `/version1`; without it the SDK's own hosts are used, the
    sandbox's for the username "sandbox". Raises ValueError for settings that can never work."""

    name = CHANNEL
    batch_limit = BATCH_LIMIT

    def __init__(
        self,
        *,
        username: str,
        api_key: str,
        sender_id: str | None = None,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        pool_size: int = 2,
        clock: Clock | None = None,
    ) -> None:
        self._username = _credential("AT_USERNAME", username)
        self._api_key = _credential("AT_API_KEY", api_key)
        self._sender_id = sender_id or None
        self._base_url = _host(base_url) if base_url else None
        self._timeouts = timeouts or Timeouts()
        self._pool_size = pool_size
        self._clock = clock or SystemClock()
        self._session = PooledSession(self._timeouts, pool_size)
        self._service = _PooledSMS(self._username, self._api_key, self._base_url, self._session)

    @property
    def deadline(self) -> float:
        """Seconds one `send` or `probe` may take, name resolution apart: a lease must be longer."""
        return self._timeouts.call

    def open(self) -> AfricasTalkingChannel:
        """The same account over connections of its own."""
        return AfricasTalkingChannel(
            username=self._username,
            api_key=self._api_key,
            sender_id=self._sender_id,
            base_url=self._base_url,
            timeouts=self._timeouts,
            pool_size=self._pool_size,
            clock=self._clock,
        )

    def send(self, messages: list[Outgoing]) -> list[Handover]:
        """Hand over one body to one or many phones, in one request. See `Channel.send`."""
        if len({message.body for message in messages}) > 1:
            raise ValueError("one request carries one body: these messages differ")
        settled = _not_to_be_sent(messages)
        sending = [message for message in messages if message.id not in settled]
        if sending:
            settled |= {handover.message_id: handover for handover in self._hand_over(sending)}
        return [settled[message.id] for message in messages]

    def probe(self) -> Handover | None:
        """Ask for the balance. See `Channel.probe`."""
        try:
            return read_balance(self._service.fetch_application_data(), self._clock.now())
        except NotSentError as error:
            return Handover(UUID(int=0), Fate.NOT_SENT, reason=str(error))
        except UnknownFateError as error:
            return Handover(UUID(int=0), Fate.UNKNOWN, reason=str(error))

    def close(self) -> None:
        self._session.close()

    def _hand_over(self, messages: list[Outgoing]) -> list[Handover]:
        phones = [message.phone for message in messages]
        try:
            answer = self._service.send(messages[0].body, phones, self._sender_id)
        except NotSentError as error:
            return [Handover(message.id, Fate.NOT_SENT, reason=str(error)) for message in messages]
        except UnknownFateError as error:
            return [Handover(message.id, Fate.UNKNOWN, reason=str(error)) for message in messages]
        return read_answer(messages, answer, self._clock.now())


class _PooledSMS(SMSService):  # type: ignore[misc]  # the SDK has no types
    """The SDK's SMS service: its addresses, fields and headers; our connections and our errors."""

    def __init__(self, username: str, api_key: str, base_url: str | None, session: PooledSession) -> None:
        self._host = base_url
        self._session = session
        super().__init__(username, api_key)

    def _init_service(self) -> None:
        super()._init_service()
        if self._host:
            self._baseUrl = self._contentUrl = f"{self._host}/version1"
        self._session.use_environment(self._baseUrl)

    def fetch_application_data(self) -> HttpAnswer:
        """What the SDK's ApplicationService asks, over this service's connections."""
        url = self._make_url("/user")
        return self._make_request(url, "GET", self._headers, None, {"username": self._username})

    def _make_request(
        self,
        url: str,
        method: str,
        headers: Mapping[str, str],
        data: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        callback: object = None,
        timeout: object = None,  # the SDK's, for each read: our session has a deadline instead
    ) -> HttpAnswer:
        if callback is not None:
            raise ValueError("callback mode loses failures in a thread: read the answer instead")
        return self._session.exchange(method, url, headers, data, params)


def _not_to_be_sent(messages: list[Outgoing]) -> dict[UUID, Handover]:
    """Messages that must not be in this request: a number that is none, and a number's second message, because the
    answer names numbers only and could not say which of the two it means. That one waits for another request."""
    settled: dict[UUID, Handover] = {}
    numbers: set[str] = set()
    for message in messages:
        if not _E164.fullmatch(message.phone):
            settled[message.id] = Handover(message.id, Fate.REFUSED, reason="InvalidPhoneNumber", code=403)
        elif message.phone in numbers:
            settled[message.id] = Handover(
                message.id, Fate.RETRY, reason="same number twice in one request", retry_after=0.0
            )
        numbers.add(message.phone)
    return settled


def _credential(setting: str, value: str) -> str:
    """Without the newline that secret files end with; a header cannot carry anything but printable ASCII."""
    stripped = value.strip()
    if not _PRINTABLE.fullmatch(stripped):
        raise ValueError(f"{setting} is empty or has characters no key has: copy it again from the dashboard")
    return stripped


def _host(base_url: str) -> str:
    parts = urlsplit(base_url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or "version1" in parts.path:
        raise ValueError(f"AT_BASE_URL must look like https://api.africastalking.com, not {base_url!r}")
    return base_url.strip().rstrip("/")
