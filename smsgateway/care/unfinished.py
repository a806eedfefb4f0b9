"""What if a danger sign was given in a session that is still going on? Its alert is queued at once and held back for
two minutes. What is said later completes it; finishing lets it go; dropping changes nothing: it goes out, marked
unfinished.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select, update

from smsgateway.care import wording
from smsgateway.care.history import COLUMNS, Referral, change, hold, record, referral_from
from smsgateway.care.people import member_as_recipient
from smsgateway.care.referrals import Case, open_or_join
from smsgateway.care.states import State
from smsgateway.care.telling import has_the_alert
from smsgateway.outbox.queue import reword, withdraw
from smsgateway.reading.models import Role, Verdict
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import outbox, referrals, reports
from smsgateway.store.write import Tx

HELD_BACK = timedelta(minutes=2)
MARK = "unfinished"  # the mark in a referral's brief


def complete(tx: Tx, report_id: UUID, case: Case, programme: Programme, now: datetime, *, finished: bool) -> Referral:
    """The session went on: what is known now replaces what was. While the alert is held back its words are replaced
    too, and `finished` lets it go; once it has gone, signs that are new go out as a second message."""
    try:
        referral = _of_report(tx, report_id, case)
    except LookupError:
        return open_or_join(tx, replace(case, hold_until=None), programme, now).referral
    standing = _open_of_patient(tx, case.patient_id)
    if referral.patient_id is None and standing is not None and standing.id != referral.id:
        _give_up(tx, referral, now)  # it was about somebody who has an open referral already
        return open_or_join(tx, replace(case, hold_until=None), programme, now).referral
    new = [sign for sign in case.danger if sign not in referral.danger]
    if not _still_held(tx, referral, now):
        if new:
            said_more = replace(case, hold_until=None, cause=uuid5(report_id, " ".join(new)))
            return open_or_join(tx, said_more, programme, now).referral
        return change(tx, referral, brief=_brief(case, referral, finished))
    referral = change(
        tx,
        referral,
        danger=tuple(case.danger),
        patient_id=referral.patient_id or case.patient_id,
        tier=min(referral.tier, case.tier),
        brief=_brief(case, referral, finished),
    )
    record(tx, referral, "completed" if finished else "went_on", now, new=new)
    _reword(tx, referral, programme, now if finished else None)
    return referral


def _of_report(tx: Tx, report_id: UUID, case: Case) -> Referral:
    """The referral this report opened, or the person's open one that it joined."""
    row = tx.execute(select(*COLUMNS).where(referrals.c.report_id == report_id, referrals.c.open)).first()
    found = referral_from(row) if row is not None else _open_of_patient(tx, case.patient_id)
    if found is None:  # answered and closed while the session went on: this is the next one
        raise LookupError("the referral of this session is closed")
    return hold(tx, found.id, messages=True)


def _open_of_patient(tx: Tx, patient_id: UUID | None) -> Referral | None:
    row = tx.execute(select(*COLUMNS).where(referrals.c.patient_id == patient_id, referrals.c.open)).first()
    return None if patient_id is None or row is None else referral_from(row)


def _give_up(tx: Tx, referral: Referral, now: datetime) -> None:
    withdraw(tx, now, referral_id=referral.id, reason="joined")
    change(tx, referral, state=State.CANCELLED, state_at=now, open=False, closed_at=now)
    record(tx, referral, "cancelled", now, reason="joined")


def _brief(case: Case, referral: Referral, finished: bool) -> dict[str, Any]:
    brief = {**referral.brief, **case.brief}
    brief.pop(MARK, None)
    return brief if finished else {**brief, MARK: True}


def _still_held(tx: Tx, referral: Referral, now: datetime) -> bool:
    query = select(outbox.c.id).where(
        outbox.c.referral_id == referral.id,
        outbox.c.not_before > now,
        outbox.c.attempts == 0,
        outbox.c.lease.is_(None),
    )
    return tx.execute(query).first() is not None


def _reword(tx: Tx, referral: Referral, programme: Programme, release_at: datetime | None) -> None:
    """Replace the words of the alerts that are held back, each in its recipient's language."""
    query = select(outbox.c.id, outbox.c.staff_id).where(
        outbox.c.referral_id == referral.id, outbox.c.attempts == 0, outbox.c.lease.is_(None)
    )
    for message in tx.execute(query).all():
        person = member_as_recipient(tx, message.staff_id) if message.staff_id else None
        text = wording.referral_alert(
            programme, person.language if person else "fr", referral.code, referral.brief, referral.certain
        )
        reword(tx, message.id, text, not_before=release_at)


def update_report(tx: Tx, report_id: UUID, **values: Any) -> None:
    """What the finished session reported."""
    tx.execute(update(reports).where(reports.c.id == report_id).values(**values))


def report_of(tx: Tx, inbound_id: UUID) -> UUID:
    """The report a session filed."""
    found: UUID = tx.execute(select(reports.c.id).where(reports.c.inbound_id == inbound_id)).scalar_one()
    return found


def answer(
    tx: Tx, report_id: UUID, case: Case, verdict: Verdict, role: Role, language: str, programme: Programme
) -> str:
    """What the last screen of such a session says: who is told, and the referral's code."""
    referral = _of_report(tx, report_id, case)
    told = wording.who_was_told(programme, language, has_the_alert(tx, referral, case.reporter_id))
    return wording.alert_answer(programme, verdict, language, role, referral.code, told)
