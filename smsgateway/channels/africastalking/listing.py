"""What does the body of an answer say, and which of its entries speaks of which message?

The body that says all is well has one entry a number:
`{"SMSMessageData": {"Message": "Sent to 1/1 Total Cost: KES 0.8000 Message parts: 1", "Recipients":
[{"statusCode": 101, "number": "+22376000101", "status": "Success", "cost": "KES 0.8000", "messageId": "ATXid_…",
"messageParts": 1}]}}`. Any field may be missing or of another type; none of that raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smsgateway.channels.messages import Fate, Outgoing

LONGEST_TEXT = 200  # characters of any one field; messageId has 38

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
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_NO_ID = frozenset({"", "none", "null"})  # messageId is the string 'None' on a failure


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
        code = self.code if self.code in CODE_FATES else WORD_CODES.get(bare_word(self.word), self.code)
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


def read_listing(body: bytes) -> Listing | None:
    """The body of a 2xx answer; None when it is not what the API says (an HTML page, cut JSON, another structure)."""
    data = field_of(json_of(body), "SMSMessageData")
    if not isinstance(data, Mapping):
        return None
    entries = data.get("Recipients")
    return Listing(
        message=text_of(data.get("Message")),
        recipients=tuple(_recipient(each) for each in entries or () if isinstance(each, Mapping))
        if isinstance(entries, list | None)
        else (),
    )


def match(messages: Sequence[Outgoing], recipients: Sequence[Recipient]) -> list[Recipient | None]:
    """Which entry speaks of which message? Entries come in any order, and numbers come back with or without `+`, with
    `00`, or in national form. First the same digits, then digits that only one message's number ends with, then the
    last one left for the last one left. No number may occur twice among `messages`; an entry that repeats a number
    speaks of no other."""
    places = {_digits(message.phone): place for place, message in enumerate(messages)}
    found: dict[int, Recipient] = {}
    strange: list[Recipient] = []
    for entry in recipients:
        place = places.get(_digits(entry.number))
        if place is None:
            strange.append(entry)
        else:
            found.setdefault(place, entry)
    for entry in list(strange):
        endings = [place for phone, place in places.items() if _ends_with(phone, entry.number)]
        if len(endings) == 1:
            found.setdefault(endings[0], entry)
            strange.remove(entry)
    waiting = [place for place in places.values() if place not in found]
    if len(waiting) == len(strange) == 1:
        found[waiting[0]] = strange[0]
    return [found.get(place) for place in range(len(messages))]


def _ends_with(phone_digits: str, number: str) -> bool:
    national = _digits(number).lstrip("0")
    return len(national) >= 7 and phone_digits.endswith(national)


def _digits(number: str) -> str:
    return re.sub(r"[^0-9]", "", number)


def _recipient(entry: Mapping[str, Any]) -> Recipient:
    identity = text_of(entry.get("messageId"))
    return Recipient(
        number=text_of(entry.get("number")),
        code=_int(entry.get("statusCode")),
        word=text_of(entry.get("status")),
        message_id=None if identity.lower() in _NO_ID else identity,
        cost=text_of(entry.get("cost")) or None,
        parts=_int(entry.get("messageParts")) or None,
    )


def json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: a megabyte of "["
        return None


def field_of(content: Any, name: str) -> Any:
    return content.get(name) if isinstance(content, Mapping) else None


def text_of(value: Any) -> str:
    """A short text that any database takes; empty for a list or an object."""
    text = str(value)[:LONGEST_TEXT] if isinstance(value, str | int | float) else ""
    return _UNSTORABLE.sub("\ufffd", text).strip()


def _int(value: Any) -> int | None:
    """A small whole number, written as number or as text."""
    text = text_of(value) if not isinstance(value, bool) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def bare_word(word: str) -> str:
    return re.sub(r"[^a-z]", "", word.lower())
