"""Somebody died: what follows? Every reminder ends, their open referral ends, and of a child under five or a woman
whose pregnancy or its end may be why, the supervisor learns at once: somebody must ask the family how it came.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from smsgateway.care import answers, followups
from smsgateway.care.changes import change
from smsgateway.care.people import Member, leads_of, supervisor_of
from smsgateway.care.reminders import End
from smsgateway.care.word import send_word
from smsgateway.reading import say
from smsgateway.reading.models import Person
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import patients
from smsgateway.store.write import Tx
from smsgateway.text.phones import national

UNDER_FIVE: Final = 5 * 365 + 1  # days
NEWS_LASTS: Final = timedelta(days=7)


def asks_for_autopsy(person: Person | None) -> str | None:
    """Why the family must be asked: `child` (or nobody knows the age), `maternal`, or not at all."""
    if person is None or person.age is None or person.age.youngest < UNDER_FIVE:
        return "maternal" if person is not None and (person.pregnant or person.postpartum) else "child"
    return "maternal" if person.pregnant or person.postpartum else None


def died(
    tx: Tx,
    patient_id: UUID,
    on: date,
    report_id: UUID,
    member: Member,
    inbound_id: UUID,
    programme: Programme,
    now: datetime,
    *,
    referral: str | None = None,
) -> None:
    """Write the death into the register; nobody is reminded of, or waits for, this person any more. `referral`: the
    code by which it was told."""
    change(tx, patients, patient_id, report_id, now, died_on=on, lmp=None, lmp_to=None)
    followups.person_gone(tx, patient_id, now, End.DEATH, report_id=report_id)
    answers.person_died(tx, patient_id, member, inbound_id, programme, now, named=referral)


def tell_supervisor(
    tx: Tx, person: Person | None, code: str, on: date, member: Member, phone: str, programme: Programme, now: datetime
) -> None:
    """Have somebody ask the family, where that is called for. Once, within the supervisor's hours."""
    why = asks_for_autopsy(person)
    supervisor = supervisor_of(tx, member.id) or next(iter(leads_of(tx, member.site_id)), None)
    if why is None or supervisor is None:
        return
    text = say.text(
        programme,
        f"death_{why}_told",
        supervisor.language,
        who=say.who(programme, person, supervisor.language),
        code=code,
        day=say.shown_day(on.isoformat()),
        chw=member.code,
        phone=national(phone),
    )
    send_word(tx, supervisor, text, programme, now, once=f"death:{code}:{on}", lasts=NEWS_LASTS)
