"""What became of each message of a batch, given the provider's answer? One fate each, from tables, never a guess that a
message was sent or was not.

A rule for all of it: *not taken* only on evidence, since a message sent again costs money and attention; *unknown*
otherwise, and the outbox decides who gets it once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from smsgateway.channels.africastalking.connection import HttpAnswer
from smsgateway.channels.africastalking.listing import (
    CODE_FATES,
    WORD_CODES,
    Listing,
    Recipient,
    bare_word,
    field_of,
    json_of,
    match,
    read_listing,
    text_of,
)
from smsgateway.channels.messages import Fate, Handover, Outgoing

LONGEST_PAUSE = 3600.0  # seconds; a Retry-After beyond an hour would be a provider's mistake

# HTTP statuses. 500, 502 and 503 come from a service that is down or restarting far more often than from one that died
# after queueing: were they "unknown", an outage of minutes would lose every reply for good; a rare duplicate is the
# lesser harm. 504, 520 and 524 mean that someone behind the gateway got the request and may be working on it: unknown.
HTTP_FATES: Mapping[int, Fate] = {
    400: Fate.REFUSED,  # the request as such is wrong: this text or number will never pass
    401: Fate.CHANNEL_DOWN,  # text/plain 'The supplied authentication is invalid'
    402: Fate.CHANNEL_DOWN,
    403: Fate.RETRY,  # a firewall in between that dislikes one text: it must not stop all the others
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

_PROBE_FATES = frozenset({Fate.CHANNEL_DOWN, Fate.RETRY, Fate.UNKNOWN})
_AMOUNT = re.compile(r"-?[0-9][0-9,]*(?:\.[0-9]+)?")
_LONG_NUMBER = re.compile(r"[0-9]{6,}")  # may be a phone: reasons are logged


def read_answer(messages: Sequence[Outgoing], answer: HttpAnswer, now: datetime) -> list[Handover]:
    """The fate of every message of one request, in order. `now` turns a dated Retry-After into seconds."""
    if not 200 <= answer.status < 300:
        return _all(messages, _of_status(answer, now))
    listing = read_listing(answer.body)
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
    content = json_of(answer.body)
    user = field_of(content, "userData") or field_of(content, "UserData")
    if not isinstance(user, Mapping):
        return _handover(nobody, _Verdict(Fate.UNKNOWN, f"HTTP {answer.status} without a readable answer"))
    amount = _amount(user.get("balance"))
    if amount is not None and amount <= 0:
        return _handover(nobody, _Verdict(Fate.CHANNEL_DOWN, "InsufficientBalance"))
    return None


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
    code = WORD_CODES.get(bare_word(listing.message))
    fate = CODE_FATES[code] if code else None
    if fate is Fate.CHANNEL_DOWN or (alone and fate is Fate.REFUSED):
        return Handover(message.id, fate, reason=listing.message, code=code)
    taken_count = listing.sent
    taken = taken_count is None or taken_count > accepted
    reason = "number missing in the answer" if listing.recipients else listing.message or "no recipients"
    return Handover(message.id, Fate.UNKNOWN if taken else Fate.RETRY, reason=_short(reason))


def _amount(value: Any) -> Decimal | None:
    """The number in an amount of money: "KES 1785.50" gives 1785.50."""
    found = _AMOUNT.search(text_of(value))
    try:
        return Decimal(found[0].replace(",", "")) if found else None
    except InvalidOperation:
        return None


def _plain(body: bytes) -> str:
    """The provider's own words on an error, where it is a line and not a page."""
    text = text_of(body[:200].decode("utf-8", "replace"))
    return "" if not text or text.startswith(("<", "{")) else f": {_short(text.splitlines()[0])}"


def _short(reason: str) -> str:
    return _LONG_NUMBER.sub("…", reason)[:80]


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
