"""Who goes to see the person again? A family that refused is visited the next morning, and a nurse may ask the CHW for
a visit some days after she sent the person home.

Each is an item of `due` of the kind `follow_up`: its subject is the patient, or the referral of somebody without code.
Until its morning it stands on nobody's list (`owner_id` is empty); told, it is a reminder like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select

from smsgateway.care.history import Referral
from smsgateway.care.hours import DAY
from smsgateway.care.people import member_as_recipient
from smsgateway.care.recall import VISIT
from smsgateway.care.reminders import End
from smsgateway.due import DueItem, Handler, cancel, schedule
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading import say
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import due, due_log, patients
from smsgateway.store.write import Tx

FOLLOW_UP: Final = "follow_up"
REFUSED: Final = "refused"
COUNTER_REFERRAL: Final = "counter_referral"
USEFUL_FOR: Final = timedelta(days=1)


def ask_for_visit(
    tx: Tx, referral: Referral, why: str, days: int, now: datetime, zone: tzinfo, words: str | None = None
) -> None:
    """Have the CHW reminded in the morning, `days` days from now; 0: the next morning there is. Not of somebody who is
    noted as dead, whatever was answered since."""
    if referral.patient_id is not None and _has_died(tx, referral.patient_id):
        return
    local = now.astimezone(zone)
    morning = local.replace(hour=DAY[0].hour, minute=DAY[0].minute, second=0, microsecond=0) + timedelta(days=days)
    if morning <= local:
        morning += timedelta(days=1)
    detail = {
        "why": why,
        "referral_id": str(referral.id),
        "referral": referral.code,
        "patient_id": str(referral.patient_id) if referral.patient_id else None,
        "code": referral.brief.get("code"),
        "staff_id": str(referral.reporter_id) if referral.reporter_id else None,
        "on": morning.date().isoformat(),
        "words": words,
    }
    subject = referral.patient_id or referral.id
    step = f"{why[:20]}:{referral.code}"
    cancel(tx, FOLLOW_UP, subject, step)
    schedule(tx, FOLLOW_UP, subject, step, morning.astimezone(now.tzinfo), referral.site_id, detail)


def _has_died(tx: Tx, patient_id: UUID) -> bool:
    return tx.execute(select(patients.c.died_on).where(patients.c.id == patient_id)).scalar() is not None


def visits(programme: Programme) -> Mapping[str, Handler]:
    """What is done on the morning of a visit."""

    def remind(tx: Tx, item: DueItem, now: datetime) -> None:
        _remind(tx, item, programme, now)

    return {FOLLOW_UP: remind}


def _remind(tx: Tx, item: DueItem, programme: Programme, now: datetime) -> None:
    """The CHW reads whom to visit, and why."""
    detail = item.detail
    person = member_as_recipient(tx, UUID(detail["staff_id"])) if detail["staff_id"] else None
    if person is None:
        return
    text = say.text(
        programme,
        f"visit_{detail['why']}",
        person.language,
        referral=detail["referral"],
        code=detail["code"],
        words=detail["words"],
    )
    enqueue(
        tx,
        Draft(
            phone=person.phone,
            body=text,
            rank=Rank.REMINDER,
            site_id=item.site_id,
            staff_id=person.staff_id,
            rung=VISIT,
            key=f"visit:{detail['referral_id']}:{detail['on']}",
            expires_at=now + USEFUL_FOR,
        ),
        now,
    )


def no_more_visits(tx: Tx, subject_id: UUID, reason: End, now: datetime, *, report_id: UUID | None = None) -> None:
    """Nobody is sent to the patient (or the referral of somebody without code) on a coming morning, and why is written
    down: nobody is to be sent to a family in mourning. What was told already is a reminder like any other."""
    asked_for = (due.c.kind == FOLLOW_UP, due.c.subject_id == subject_id, due.c.owner_id.is_(None))
    for row in tx.execute(delete(due).where(*asked_for).returning(*due.c)).all():
        tx.insert(
            due_log,
            {
                **{name: row._mapping[name] for name in ("id", "site_id", "kind", "subject_id", "step", "detail")},
                "owner_id": None,
                "starts_at": row.at,
                "late_at": row.at + USEFUL_FOR,
                "pointless_at": row.at + USEFUL_FOR,
                "told_at": None,
                "ended_at": now,
                "reason": reason.value,
                "report_id": report_id,
                "staff_id": None,
            },
        )
