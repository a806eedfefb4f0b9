"""What has Africa's Talking been seen to answer to a request to send? Each such answer as a value, with its quirks, so
that a test or a demo can ask for it by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

# statusCode of a recipient and the word that goes with it.
CODE_WORDS: Mapping[int, str] = {
    100: "Success",
    101: "Success",
    102: "Success",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    409: "DoNotDisturbRejection",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}

JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sending:
    """One request to send as it arrived: the stand-in's clock, and the machine's monotonic seconds for rates."""

    at: datetime
    monotonic: float
    username: str
    authorised: bool
    to: tuple[str, ...]
    message: str
    sender: str | None
    form: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trap:
    """How one request is answered. Everything left alone is as it should be.

    `status` and `body` replace the answer; `recipients` replaces only the entries of a good one. `taken` says whether
    the phones get the SMS all the same: by default they do unless the status or body was replaced. `delay` is in
    seconds before the first byte, `drip` between single bytes; `reset` breaks the connection instead of answering, and
    `hang_up` closes it after the answer without having said so.
    """

    status: int | None = None
    body: str | bytes | None = None
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    recipients: tuple[Mapping[str, Any], ...] | None = None
    delay: float = 0.0
    drip: float = 0.0
    reset: bool = False
    hang_up: bool = False
    taken: bool | None = None

    @property
    def is_taken(self) -> bool:
        if self.taken is not None:
            return self.taken
        return self.status is None and self.body is None and not self.reset

    def but(self, **changes: Any) -> Trap:
        """The same trap with some quirks changed: `RESET.but(taken=True)`."""
        return replace(self, **changes)


def listing(message: str, recipients: tuple[Mapping[str, Any], ...] = ()) -> str:
    """The body of an answer to a request to send."""
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": list(recipients)}})


def throttled(retry_after: str | None = None) -> Trap:
    """HTTP 429; `retry_after` in seconds or as an HTTP date."""
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    return Trap(429, "Too many requests", TEXT, headers)


def http_error(status: int) -> Trap:
    """The HTML page of a gateway that stands before the API."""
    return Trap(status, f"<html><head><title>{status}</title></head><body>nginx</body></html>", HTML)


def slow(seconds: float) -> Trap:
    """A good answer, late."""
    return Trap(delay=seconds)


GOOD = Trap()
WRONG_KEY = Trap(401, "The supplied authentication is invalid", TEXT)
INVALID_SENDER = Trap(201, listing("InvalidSenderId"))
NOBODY_SENT = Trap(201, listing("Sent to 0/1 Total Cost: 0"))
NO_MONEY = Trap(201, listing("InsufficientBalance"))
SERVER_ERROR = http_error(500)
GARBAGE = Trap(201, '{"SMSMessageData": {"Mess', JSON)
LOGIN_PAGE = Trap(200, "<html><body>Please sign in to the hotel network</body></html>", HTML)
OTHER_JSON = Trap(200, '["ok"]')
DEEP_JSON = Trap(201, "[" * 100_000)
RESET = Trap(reset=True)
HANG_UP = Trap(hang_up=True)
