"""Messages and answers that several tests share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from smsgateway.channels.messages import Outgoing

NURSE = "+22376000101"
SECOND_NURSE = "+22376000102"
SUPERVISOR = "+2250712345678"
BODY = "URGENT K7: fille 14 mois, 07-4177. CONVULSION. Repondez RECU K7"


def sms(phone: str = NURSE, number: int = 1, body: str = BODY) -> Outgoing:
    return Outgoing(UUID(int=number), phone, body, urgent=True)


def entry(number: str = NURSE, code: int | None = 101, **changes: Any) -> dict[str, Any]:
    """A recipient's entry as recorded; a change to `...` leaves the field out."""
    full = {
        "statusCode": code,
        "number": number,
        "status": "Success",
        "cost": "XOF 12.0000",
        "messageId": "ATXid_1",
        "messageParts": 1,
    } | changes
    return {name: value for name, value in full.items() if value is not ...}
