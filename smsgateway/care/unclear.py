"""What if a message may hide danger and its sender does not say more? Five minutes later a human is told.

The wait is a row of `due`, one a message, that the sender's correction takes away. `read` asked the sender already.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select

from smsgateway.care.people import Member
from smsgateway.care.referrals import Case, open_or_join
from smsgateway.due import DueItem, cancel, schedule
from smsgateway.reading.programme import Programme
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due
from smsgateway.store.write import Tx

KIND = "unclear"
PATIENCE = timedelta(minutes=5)


def await_correction(
    tx: Tx,
    member: Member,
    phone: str,
    inbound_id: UUID,
    now: datetime,
    *,
    happened_at: datetime | None = None,
    facility_id: UUID | None = None,
    patient_id: UUID | None = None,
    report_id: UUID | None = None,
    subject: str | None = None,
    brief: Mapping[str, Any] | None = None,
) -> None:
    """Give the sender five minutes to say more about what could not be read (`brief` is what could)."""
    clinic = facility_id or (member.catchments[0].facility_id if member.catchments else member.facility_id)
    detail = {
        "phone": phone,
        "facility": str(clinic or member.site_id),
        "patient": str(patient_id) if patient_id else None,
        "report": str(report_id) if report_id else None,
        "subject": subject,
        "happened_at": (happened_at or now).isoformat(),
        "brief": dict(brief or {}),
    }
    schedule(tx, KIND, member.id, str(inbound_id), now + PATIENCE, member.site_id, detail)


def forget(tx: Tx, staff_id: UUID, inbound_id: UUID) -> None:
    """The message was understood after all."""
    cancel(tx, KIND, staff_id, str(inbound_id))


def corrected(tx: Tx, staff_id: UUID, subject: str | None, happened_at: datetime) -> int:
    """A clear report about `subject` came from this sender: what they were asked before about the same person, or about
    nobody in particular, is answered. Returns how many waits ended."""
    ended = 0
    for step, waiting in pending(tx, staff_id):
        if waiting["subject"] in (None, subject) and datetime.fromisoformat(waiting["happened_at"]) <= happened_at:
            cancel(tx, KIND, staff_id, step)
            ended += 1
    return ended


def pending(tx: Tx, staff_id: UUID) -> list[tuple[str, dict[str, Any]]]:
    """What this sender was asked and has not answered: step and detail, the newest first."""
    return [(row.step, row.detail) for row in tx.ask(_PENDING, staff=staff_id)]


PENDING: Final = (due.c.kind == KIND, due.c.subject_id == bindparam("staff"))
_PENDING = Prepared(select(due.c.step, due.c.detail).where(*PENDING).order_by(due.c.at.desc()))


def tell_a_human(tx: Tx, item: DueItem, programme: Programme, now: datetime) -> None:
    """No correction came: open an uncertain referral, which asks somebody to call the sender."""
    detail = item.detail
    case = Case(
        site_id=item.site_id,
        facility_id=UUID(detail["facility"]),
        patient_id=UUID(detail["patient"]) if detail["patient"] else None,
        report_id=UUID(detail["report"]) if detail["report"] else None,
        reporter_id=item.subject_id,
        reporter_phone=detail["phone"],
        urgent=True,
        tier=1,
        certain=False,
        danger=(),
        brief=detail["brief"] or {"phone": detail["phone"]},
    )
    open_or_join(tx, case, programme, now)
