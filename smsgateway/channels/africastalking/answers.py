"""What became of each message of a batch, given the provider's answer? One fate each, from tables, never a guess that a
message was sent or was not.

The answer that says all is well is HTTP 201 with one recipient entry a number:
`{"SMSMessageData": {"Message": "Sent to 1/1 Total Cost: KES 0.8000 Message parts: 1", "Recipients":
[{"statusCode": 101, "number": "+22376000101", "status": "Success", "cost": "KES 0.8000", "messageId": "ATXid_…",
"messageParts": 1}]}}`. Everything else seen in the field stands below where it bites. A rule for all of it: *not taken*
only on evidence, since a message sent again costs money and attention; *unknown* otherwise, and the outbox decides who
gets it once more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from smsgateway.channels.africastalking.connection import HttpAnswer
from smsgateway.channels.messages import Fate, Handover, Outgoing

LONGEST_PAUSE = 3600.0  # seconds; a Retry-After beyond an hour would be a provider's mistake

# HTTP statuses. 500, 502 and 503 come from a service that is down or restarting far more often than from one that died
# after queueing: were they "unknown", an outage of minutes would lose every reply for good; a rare duplicate is the
# lesser harm. 504, 520 and 524 mean that someone behind the gateway got the request and may be working on it: unknown.
HTTP_FATES: Mapping[int, Fate] = {
    400: Fate.REFUSED,  # the request as such is wrong: this text or number will never pass
    401: Fate.CHANNEL_DOWN,  # text/plain 'The supplied authentication is invalid'
    402: Fate.CHANNEL_DOWN,
    403: Fate.CHANNEL_DOWN,
    404: Fate.CHANNEL_DOWN,  # AT_BASE_URL points at something that is not the API
    405: Fate.CHANNEL_DOWN,
    408: Fate.RETRY,
    413: Fate.REFUSED,
    422: Fate.REFUSED,
    429: Fate.THROTTLED,
    500: Fate.RETRY,
    502: Fate.RETRY,
    503: Fate.RETRY,
    504: Fate.UNKNOWN,
    520: Fate.UNKNOWN,
    524: Fate.UNKNOWN,
}

# statusCode of one recipient. 401 is the provider's risk engine on this number, not a wrong key.
CODE_FATES: Mapping[int, Fate] = {
    100: Fate.ACCEPTED,
    101: Fate.ACCEPTED,
    102: Fate.ACCEPTED,
    401: Fate.REFUSED,
    402: Fate.CHANNEL_DOWN,
    403: Fate.REFUSED,
    404: Fate.REFUSED,
    405: Fate.CHANNEL_DOWN,
    406: Fate.REFUSED,
    407: Fate.REFUSED,
    409: Fate.REFUSED,
    500: Fate.RETRY,
    501: Fate.RETRY,
    502: Fate.RETRY,
}

# The same as words, for an answer without a code, and for "Message" when no recipient is listed at all:
# `{"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}` with HTTP 201 (recorded).
WORD_CODES: Mapping[str, int] = {
    "processed": 100,
    "sent": 101,
    "success": 101,
    "queued": 102,
    "riskhold": 401,
    "invalidsenderid": 402,
    "invalidphonenumber": 403,
    "unsupportednumbertype": 404,
    "insufficientbalance": 405,
    "userinblacklist": 406,
    "couldnotroute": 407,
    "donotdisturbrejection": 409,
    "internalservererror": 500,
    "gatewayerror": 501,
    "rejectedbygateway": 502,
}

_SENT_COUNT = re.compile(r"Sent to (\d{1,6})/\d{1,6}")
_PARTS = re.compile(r"Message parts:\s*(\d{1,3})")
_AMOUNT = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_NO_ID = {"", "none", "null"}  # messageId is the string 'None' on a failure


@dataclass(frozen=True, slots=True)
class Recipient:
    """One entry of the answer's Recipients, every field as far as it could be read."""

    number: str
    code: int | None
    word: str
    message_id: str | None
    cost: str | None
    parts: int | None

    @property
    def fate(self) -> Fate:
        """By code, else by word. What we do not know but is clearly no success was not taken: it may be tried again."""
        code = self.code if self.code in CODE_FATES else WORD_CODES.get(_bare(self.word), self.code)
        if code is not None and code in CODE_FATES:
            return CODE_FATES[code]
        if code is None or code < 300:
            return Fate.ACCEPTED if self.message_id else Fate.UNKNOWN
        return Fate.RETRY


@dataclass(frozen=True, slots=True)
class Listing:
    """The answer's body, understood: its `message` and its recipients."""

    message: str
    recipients: tuple[Recipient, ...]

    @property
    def sent(self) -> int | None:
        """How many messages the provider says it took; None when it does not say. An answer that names an error
        instead of a count, and lists nobody, took none."""
        found = _SENT_COUNT.search(self.message)
        if found:
            return int(found[1])
        return 0 if self.message and not self.recipients else None

    @property
    def parts(self) -> int | None:
        """Segments of the common body, said once for the batch by servers that do not say it a recipient."""
        found = _PARTS.search(self.message)
        return int(found[1]) if found else None


def read_answer(messages: Sequence[Outgoing], answer: HttpAnswer, now: datetime) -> list[Handover]:
    """The fate of every message of one request, in order. `now` turns a dated Retry-After into seconds."""
    if not 200 <= answer.status < 300:
        return _all(messages, _of_status(answer, now))
    listing = read_listing(answer.body) if answer.whole else None
    if listing is None:
        return _all(messages, _Verdict(Fate.UNKNOWN, f"HTTP {answer.status} without a readable answer"))
    matched = match(messages, listing.recipients)
    accepted = sum(each is not None and each.fate is Fate.ACCEPTED for each in matched)
    return [
        _of_recipient(message, recipient, listing.parts)
        if recipient
        else _of_unlisted(message, listing, accepted, alone=len(messages) == 1)
        for message, recipient in zip(messages, matched, strict=True)
    ]


def read_balance(answer: HttpAnswer, now: datetime) -> Handover | None:
    """Whether the account works, from `GET /version1/user`: None if so. The documentation of the SDK prints `UserData`,
    the service answers `userData`; a balance we cannot read says nothing against the account."""
    nobody = Outgoing(UUID(int=0), "", "")
    if not 200 <= answer.status < 300:
        verdict = _of_status(answer, now)
        fate = verdict.fate if verdict.fate in _PROBE_FATES else Fate.RETRY
        return _handover(nobody, _Verdict(fate, verdict.reason, verdict.retry_after))
    content = _json(answer.body) if answer.whole else None
    user = _field(content, "userData") or _field(content, "UserData")
    if not isinstance(user, Mapping):
        return _handover(nobody, _Verdict(Fate.UNKNOWN, f"HTTP {answer.status} without a readable answer"))
    amount = _amount(user.get("balance"))
    if amount is not None and amount <= 0:
        return _handover(nobody, _Verdict(Fate.CHANNEL_DOWN, "InsufficientBalance"))
    return None


_PROBE_FATES = {Fate.CHANNEL_DOWN, Fate.RETRY, Fate.UNKNOWN}


def read_listing(body: bytes) -> Listing | None:
    """The body of a 2xx answer; None when it is not what the API says (an HTML page, cut JSON, another structure)."""
    data = _field(_json(body), "SMSMessageData")
    if not isinstance(data, Mapping):
        return None
    entries = data.get("Recipients")
    return Listing(
        message=_text(data.get("Message")),
        recipients=tuple(_recipient(each) for each in entries or () if isinstance(each, Mapping))
        if isinstance(entries, list | None)
        else (),
    )


def match(messages: Sequence[Outgoing], recipients: Sequence[Recipient]) -> list[Recipient | None]:
    """Which entry speaks of which message? Entries come in any order, and numbers come back with or without `+`, with
    `00`, or in national form. First the same digits, then digits that only one message's number ends with, then the
    last one left for the last one left. No number may occur twice among `messages`."""
    waiting = dict(enumerate(messages))
    spare = list(recipients)
    found: dict[int, Recipient] = {}
    for same in (_same_digits, _ends_with):
        for entry in list(spare):
            candidates = [at for at, message in waiting.items() if same(message.phone, entry.number)]
            if len(candidates) == 1:
                found[candidates[0]] = entry
                del waiting[candidates[0]]
                spare.remove(entry)
    if len(waiting) == len(spare) == 1:
        found[next(iter(waiting))] = spare[0]
    return [found.get(at) for at in range(len(messages))]


def _same_digits(phone: str, number: str) -> bool:
    return _digits(phone) == _digits(number)


def _ends_with(phone: str, number: str) -> bool:
    national = _digits(number).lstrip("0")
    return len(national) >= 7 and _digits(phone).endswith(national)


def _digits(number: str) -> str:
    return re.sub(r"[^0-9]", "", number).removeprefix("00")


@dataclass(frozen=True, slots=True)
class _Verdict:
    fate: Fate
    reason: str
    retry_after: float | None = None


def _all(messages: Sequence[Outgoing], verdict: _Verdict) -> list[Handover]:
    return [_handover(message, verdict) for message in messages]


def _handover(message: Outgoing, verdict: _Verdict) -> Handover:
    return Handover(message.id, verdict.fate, reason=verdict.reason, retry_after=verdict.retry_after)


def _of_status(answer: HttpAnswer, now: datetime) -> _Verdict:
    """Statuses that no table knows are not from the API but from something in between, which took nothing."""
    fate = HTTP_FATES.get(answer.status, Fate.RETRY)
    return _Verdict(fate, f"HTTP {answer.status}{_plain(answer.body)}", _pause(answer.retry_after, now))


def _of_recipient(message: Outgoing, entry: Recipient, parts: int | None) -> Handover:
    accepted = entry.fate is Fate.ACCEPTED
    return Handover(
        message_id=message.id,
        fate=entry.fate,
        provider_id=entry.message_id,
        reason=(None if entry.message_id else "accepted without an id") if accepted else entry.word or None,
        code=entry.code,
        cost=entry.cost,
        segments=entry.parts or parts if accepted else None,
    )


def _of_unlisted(message: Outgoing, listing: Listing, accepted: int, alone: bool) -> Handover:
    """A number the answer does not mention. It was not taken when everything the provider counts as sent is listed
    under other numbers; else it may be one of those it took."""
    code = WORD_CODES.get(_bare(listing.message))
    fate = CODE_FATES[code] if code else None
    if fate is Fate.CHANNEL_DOWN or (alone and fate is Fate.REFUSED):
        return Handover(message.id, fate, reason=listing.message, code=code)
    taken_count = listing.sent
    taken = taken_count is None or taken_count > accepted
    reason = "number missing in the answer" if listing.recipients else listing.message[:80] or "no recipients"
    return Handover(message.id, Fate.UNKNOWN if taken else Fate.RETRY, reason=_mask(reason))


def _recipient(entry: Mapping[str, Any]) -> Recipient:
    identity = _text(entry.get("messageId"))
    return Recipient(
        number=_text(entry.get("number")),
        code=_int(entry.get("statusCode")),
        word=_text(entry.get("status")),
        message_id=None if identity.lower() in _NO_ID else identity,
        cost=_text(entry.get("cost")) or None,
        parts=_int(entry.get("messageParts")) or None,
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: a megabyte of "["
        return None


def _field(content: Any, name: str) -> Any:
    return content.get(name) if isinstance(content, Mapping) else None


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _int(value: Any) -> int | None:
    """A small whole number, written as number or as text."""
    text = _text(value) if not isinstance(value, bool) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _bare(word: str) -> str:
    return re.sub(r"[^a-z]", "", word.lower())


def _amount(value: Any) -> Decimal | None:
    """ "KES 1785.50" gives 1785.50."""
    found = _AMOUNT.search(_text(value))
    try:
        return Decimal(found[0].replace(",", "")) if found else None
    except InvalidOperation:
        return None


def _plain(body: bytes) -> str:
    """The provider's own words on an error, where it is a line and not a page; long digits may be a phone number."""
    text = body[:200].decode("utf-8", "replace").strip()
    return "" if not text or text.startswith(("<", "{")) else f": {_mask(text.splitlines()[0][:80])}"


def _mask(text: str) -> str:
    return re.sub(r"\d{6,}", "…", text)


def _pause(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After in seconds, whether given so or as a date; None when absent or unreadable."""
    if not retry_after:
        return None
    for reading in _PAUSES:
        try:
            return min(max(reading(retry_after.strip(), now), 0.0), LONGEST_PAUSE)
        except (ValueError, OverflowError):
            continue
    return None


def _pause_in_seconds(text: str, now: datetime) -> float:
    return float(int(text))


def _pause_until(text: str, now: datetime) -> float:
    until = parsedate_to_datetime(text)
    return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()


_PAUSES: tuple[Callable[[str, datetime], float], ...] = (_pause_in_seconds, _pause_until)
