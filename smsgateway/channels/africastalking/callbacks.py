"""What did Africa's Talking just tell us? A form posted to a webhook becomes an `Incoming`, `Receipt`, `Turn` or
`OptOut`.

Nothing is lost in reading: every function is total except for `Unreadable`, raised only when neither an id nor a sender
can be read at all, and `raw` keeps the bytes as they came. Fields we do not know are ignored, words we do not know are
kept: the provider changes both without notice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from smsgateway.channels.messages import DeliveryStatus, Incoming, OptOut, Receipt, Turn, Unreadable
from smsgateway.text.phones import phone_of_sender

CHANNEL = "africastalking"
LONGEST_ID = 128  # characters; PostgreSQL cannot index a value of some kilobytes, and the provider's have 38
LONGEST_WORD = 64

# "Rejected" is a failure like any other. "Delivered" is documented nowhere, other programmes accept it. The docs do not
# say whether AbsentSubscriber and Expired are final; should a Success follow, it has the last word anyway.
STATUSES: Mapping[str, DeliveryStatus] = {
    "sent": DeliveryStatus.HANDED_OVER,
    "submitted": DeliveryStatus.SUBMITTED,
    "buffered": DeliveryStatus.SUBMITTED,
    "success": DeliveryStatus.DELIVERED,
    "delivered": DeliveryStatus.DELIVERED,
    "rejected": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "absentsubscriber": DeliveryStatus.FAILED,
    "expired": DeliveryStatus.FAILED,
}

# Failure reasons after which the number can never be reached. The docs print NotNetworkSubcriber, libraries use
# NotNetworkSubscriber; UserInBlackList is written UserInBlacklist in answers to a send.
PERMANENT_REASONS = frozenset(
    {"userdoesnotexist", "userinblacklist", "notnetworksubscriber", "notnetworksubcriber", "useraccountsuspended"}
)

_SURROGATES = re.compile("[\ud800-\udfff]")
_PLUS_LOST_IN_ZONE = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$")


def read_sms(form: Mapping[str, str], raw: bytes) -> Incoming:
    """A subscriber's SMS: fields date, from, id, linkId, text, to, cost, networkCode, of which only `from` or `id` must
    be there. The sender is E.164 when it is a phone, else as typed: a name ("MTN") or a short code."""
    given, sender = _id(form, "id"), _phone(form, "from")
    if not given and not sender:
        raise Unreadable(("id", "from"))
    return Incoming(
        channel=CHANNEL,
        provider_id=given or _made_up_id(form, "from", "to", "date", "text", "linkId"),
        sender=sender,
        recipient=_word(form, "to"),
        text=_message_text(form),
        sent_at=_date(form),
        raw=raw,
    )


def read_receipt(form: Mapping[str, str], raw: bytes) -> Receipt:
    """A delivery report: fields id, status, phoneNumber, networkCode, failureReason, retryCount. `provider_id` is empty
    when it has none: only the phone says then which message it is about."""
    given, phone = _id(form, "id"), _phone(form, "phoneNumber")
    if not given and not phone:
        raise Unreadable(("id", "phoneNumber"))
    status, reason = _word(form, "status"), _word(form, "failureReason")
    meaning = STATUSES.get(status.lower(), DeliveryStatus.UNKNOWN)
    return Receipt(
        channel=CHANNEL,
        provider_id=given,
        phone=phone,
        status=meaning,
        provider_status=status,
        reason=reason or None,
        permanent=meaning is DeliveryStatus.FAILED and reason.lower() in PERMANENT_REASONS,
        raw=raw,
    )


def read_turn(form: Mapping[str, str], raw: bytes) -> Turn:
    """A USSD request: fields sessionId, phoneNumber, networkCode, serviceCode, text (cumulative, `1*4177*2`)."""
    session, phone = _id(form, "sessionId"), _phone(form, "phoneNumber")
    if not session and not phone:
        raise Unreadable(("sessionId", "phoneNumber"))
    return Turn(
        channel=CHANNEL,
        session=session or _made_up_id(form, "phoneNumber", "serviceCode"),
        phone=phone,
        service_code=_word(form, "serviceCode"),
        text=_message_text(form),
        raw=raw,
    )


def read_opt_out(form: Mapping[str, str], raw: bytes) -> OptOut:
    """A subscriber who stopped our messages: fields senderId, phoneNumber."""
    phone = _phone(form, "phoneNumber")
    if not phone:
        raise Unreadable(("phoneNumber",))
    return OptOut(channel=CHANNEL, phone=phone, raw=raw)


def _field(form: Mapping[str, str], name: str) -> str:
    """What no database and no JSON takes (half a surrogate pair) is replaced, as undecodable bytes were before."""
    return _SURROGATES.sub("\ufffd", form.get(name) or "")


def _word(form: Mapping[str, str], name: str) -> str:
    return _field(form, name).replace("\0", "\ufffd").strip()[:LONGEST_WORD]


def _message_text(form: Mapping[str, str]) -> str:
    """NUL becomes a space: it is what some operators make of the GSM-7 "@" (code 0) or of padding, and between two
    words it must not join them."""
    return _field(form, "text").replace("\0", " ")


def _id(form: Mapping[str, str], name: str) -> str:
    """The provider's id, or a hash of one too long to be an index key; empty when there is none."""
    given = _field(form, name).replace("\0", "\ufffd").strip()
    return given if len(given) <= LONGEST_ID else "long-" + _digest([given])


def _made_up_id(form: Mapping[str, str], *names: str) -> str:
    """The same content gives the same id, so that the provider's repetition is still a duplicate."""
    return "made-" + _digest([_field(form, name) for name in names])


def _digest(values: list[str]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:40]


def _phone(form: Mapping[str, str], name: str) -> str:
    """E.164, also of a number whose unencoded "+" arrived as a space; what is no phone stays as typed."""
    given = _field(form, name).replace("\0", "\ufffd")
    return phone_of_sender(given[:LONGEST_WORD]) or given.strip()[:LONGEST_WORD]


def _date(form: Mapping[str, str]) -> datetime | None:
    """`2026-11-23T08:00:00Z`, `2026-11-23 08:00:00` and `2026-11-23T08:00:00.123456Z` are all in use; without a zone
    it is UTC. A `+00:00` whose plus was lost on the way is put right."""
    given = _PLUS_LOST_IN_ZONE.sub(r"\1+\2", _word(form, "date"))
    try:
        date = datetime.fromisoformat(given)
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
