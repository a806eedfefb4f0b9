"""What if a danger sign was given in a session that is still going on? Its alert is queued at once and held back for
two minutes. What is said later completes it; finishing lets it go; dropping changes nothing: it goes out, marked
unfinished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select

from smsgateway.care import calls, wording
from smsgateway.care.history import Referral, change, hold, record
from smsgateway.care.people import member_as_recipient
from smsgateway.care.referrals import Case, open_from_report, open_of_patient, open_or_join, together
from smsgateway.care.states import State
from smsgateway.outbox.queue import reword, withdraw
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import outbox, referral_events, reports
from smsgateway.store.write import Tx

HELD_BACK = timedelta(minutes=2)
MARK = "unfinished"  # the mark in a referral's brief


def complete(
    tx: Tx, report_id: UUID, case: Case, programme: Programme, now: datetime, *, finished: bool
) -> Referral | None:
    """The session went on: what is known now replaces what was. While the alert is held back its words are replaced
    too, and `finished` lets it go; once it has gone, signs that are new go out as a second message. None: there is
    nothing left to be told of."""
    mine = open_from_report(tx, report_id)
    referral = mine or open_of_patient(tx, case.patient_id)
    if referral is None:  # answered and closed while the session went on: this is the next one
        if not case.danger:
            return None
        return open_or_join(tx, replace(case, hold_until=None), programme, now).referral
    standing = open_of_patient(tx, case.patient_id)
    referral, alone = hold(tx, referral.id, messages=True), mine is not None and not _was_joined(tx, mine)
    if referral.patient_id is None and standing is not None and standing.id != referral.id:
        _give_up(tx, referral, now)  # it was about somebody who has an open referral already
        return open_or_join(tx, replace(case, hold_until=None), programme, now).referral
    new = [sign for sign in case.danger if sign not in referral.danger]
    if not _still_held(tx, referral, now):
        if new:
            said_more = replace(case, hold_until=None, cause=uuid5(report_id, " ".join(new)))
            return open_or_join(tx, said_more, programme, now).referral
        return change(tx, referral, brief=_brief(case, referral, finished, alone=alone))
    referral = change(
        tx,
        referral,
        danger=tuple(case.danger) if alone else (*referral.danger, *new),
        patient_id=(case.patient_id if alone else None) or referral.patient_id or case.patient_id,
        tier=case.tier if alone else min(referral.tier, case.tier),
        brief=_brief(case, referral, finished, alone=alone),
    )
    record(tx, referral, "completed" if finished else "went_on", now, new=new)
    _reword(tx, referral, programme, now if finished else None, new=None if alone else case.danger)
    return referral


def _was_joined(tx: Tx, referral: Referral) -> bool:
    """Whether other reports have been about the same since it was opened."""
    query = select(referral_events.c.id).where(
        referral_events.c.referral_id == referral.id, referral_events.c.kind == "joined"
    )
    return tx.execute(query.limit(1)).first() is not None


def _give_up(tx: Tx, referral: Referral, now: datetime) -> None:
    withdraw(tx, now, referral_id=referral.id, reason="joined")
    change(tx, referral, state=State.CANCELLED, state_at=now, open=False, closed_at=now)
    record(tx, referral, "cancelled", now, reason="joined")


def _brief(case: Case, referral: Referral, finished: bool, *, alone: bool) -> dict[str, Any]:
    """What messages say from now on; where others reported too nothing known is lost."""
    brief = {**referral.brief, **case.brief} if alone else together(referral.brief, case.brief)
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


def _reword(
    tx: Tx, referral: Referral, programme: Programme, release_at: datetime | None, *, new: Sequence[str] | None
) -> None:
    """Replace the words of the alerts that are held back, each in its recipient's language. `new`: what a second report
    adds to one that was alerted before."""
    query = select(outbox.c.id, outbox.c.staff_id).where(
        outbox.c.referral_id == referral.id, outbox.c.attempts == 0, outbox.c.lease.is_(None)
    )
    for message in tx.execute(query).all():
        person = member_as_recipient(tx, message.staff_id) if message.staff_id else None
        language = person.language if person else "fr"
        if new is None:
            text = wording.referral_alert(programme, language, referral.code, referral.brief, referral.certain)
        else:
            text = calls.alert(programme, language, referral, again=True, new=new)
        reword(tx, message.id, text, not_before=release_at)


def report_of(tx: Tx, inbound_id: UUID) -> UUID:
    """The report a session filed."""
    found: UUID = tx.execute(select(reports.c.id).where(reports.c.inbound_id == inbound_id)).scalar_one()
    return found
