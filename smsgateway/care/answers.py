"""What follows when somebody answers? The state moves, the history is kept, what is still queued is taken back, and
whoever must know is told: never the person who said it.

An answer that comes twice, late or from the wrong place changes nothing and is written down all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, false, or_, select

from smsgateway.care import ladder, visits
from smsgateway.care.climbing import ALERTS, settle_faults
from smsgateway.care.followups import person_gone
from smsgateway.care.history import COLUMNS, LOST, Past, Referral, change, hold, named, past_of, record, referral_from
from smsgateway.care.news import AT_THE_CLINIC, spread
from smsgateway.care.people import Member
from smsgateway.care.reminders import End
from smsgateway.care.rungs import LAST
from smsgateway.care.scene import Scene, scene
from smsgateway.care.states import OPEN, UNSEEN, Answer, Event, State, after, applies, of_outcome
from smsgateway.care.timetable import WAITS
from smsgateway.outbox.queue import withdraw
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import referral_events, referrals
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class Answered:
    """The referral as it is now; `noted` is False for an answer that changed nothing."""

    referral: Referral
    noted: bool


# ---------------------------------------------------------------- which referral


def meant_by(tx: Tx, member: Member, code: str) -> Referral | None:
    """The referral a member of staff means by a code: a nurse one of her clinic's, a CHW one she reported on, others
    one they were told of; the newest, and an open one before a closed one."""
    query = _within_reach(member).where(referrals.c.code == code)
    row = tx.execute(query.order_by(referrals.c.open.desc(), referrals.c.opened_at.desc()).limit(1)).first()
    return None if row is None else referral_from(row)


def open_for(tx: Tx, member: Member, event: Event) -> list[Referral]:
    """The referrals that an answer without a code may be about, newest first. With one alone it is clear; somebody
    seen at the clinic is only thought of when nobody is still expected."""
    query = _within_reach(member).where(referrals.c.open)
    found = [referral_from(row) for row in tx.execute(query.order_by(referrals.c.opened_at.desc()).limit(20))]
    expected = [referral for referral in found if referral.state in UNSEEN]
    return expected if expected and event is not Event.OUTCOME else found


def _within_reach(member: Member) -> Select[Any]:
    query = select(*COLUMNS).where(referrals.c.code_live)
    if member.role is Role.NURSE and member.facility_id is not None:
        return query.where(referrals.c.facility_id == member.facility_id)
    concerned = ("opened", "joined") if member.role is Role.CHW else ("told",)
    heard = exists().where(
        referral_events.c.referral_id == referrals.c.id,
        referral_events.c.staff_id == member.id,
        referral_events.c.kind.in_(concerned),
    )
    return query.where(referrals.c.site_id == member.site_id, heard)


# ---------------------------------------------------------------- what follows


def answer(
    tx: Tx, referral_id: UUID, said: Answer, member: Member, inbound_id: UUID, programme: Programme, now: datetime
) -> Answered:
    """Apply an answer to a referral."""
    before = hold(tx, referral_id, messages=True)
    past = past_of(tx, before)
    noted = _says_something(before, past, said, member)
    record(
        tx,
        before,
        said.event.value,
        now,
        staff_id=member.id,
        inbound_id=inbound_id,
        moved=noted,
        role=member.role.value,
        outcome=said.outcome,
    )
    if not noted:
        return Answered(before, False)
    changed = change(tx, before, **_columns(before, said, member, now))
    view = scene(tx, changed, programme, now, past=past)
    if changed.state is not before.state:
        settle_faults(tx, changed, now)
        _take_back(view, said)
        ladder.wake_next(view)
    _send_somebody(view, said)
    spread(view, said, member)
    return Answered(changed, True)


def person_died(
    tx: Tx,
    patient_id: UUID,
    member: Member,
    inbound_id: UUID,
    programme: Programme,
    now: datetime,
    *,
    named: str | None = None,
) -> None:
    """A death was reported (DEC): it is the outcome of the person's open referral, if there is one, and of the one that
    was `named`, which may have had another."""
    meant = and_(referrals.c.code_live, referrals.c.code == named) if named else false()
    query = select(referrals.c.id).where(referrals.c.patient_id == patient_id, or_(referrals.c.open, meant))
    for referral_id in tx.execute(query).scalars().all():
        answer(tx, referral_id, of_outcome("died"), member, inbound_id, programme, now)


def _says_something(referral: Referral, past: Past, said: Answer, member: Member) -> bool:
    """Whether the answer applies, or adds to what was said before: the clinic confirms what a supervisor or the CHW
    said, or what became of the person was not the end."""
    if applies(referral.state, said.event):
        return True
    if member.role not in AT_THE_CLINIC:
        return False
    if said.event is Event.RECEIVED:
        return referral.state is State.RECEIVED and not past.clinic_answered
    if said.event is Event.ARRIVED:
        return referral.open and referral.arrived_at is None
    if said.event is Event.DIED and referral.state is State.DIED:
        return referral.outcome_by not in AT_THE_CLINIC
    amends = referral.state is State.CLOSED and said.outcome is not None
    return amends and said.outcome != referral.outcome


def _columns(referral: Referral, said: Answer, member: Member, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {}
    state = after(referral.state, said.event)
    if state is not referral.state:
        values |= {"state": state, "state_at": now, "open": state in OPEN}
        if state not in OPEN:
            values["closed_at"] = now
    if said.event is Event.RECEIVED and referral.received_at is None:
        values["received_at"] = now
    if said.event is Event.ARRIVED:
        column = "chw_arrived_at" if member.role is Role.CHW else "arrived_at"
        if getattr(referral, column) is None:
            values[column] = now
    if said.event is Event.LEFT:
        values["left_at"] = now
    if said.outcome is not None:
        values |= {"outcome": said.outcome, "outcome_by": member.role, "outcome_at": now}
    return values


def _take_back(view: Scene, said: Answer) -> None:
    """What is queued for what is no longer waited for is not sent. What a second report said that is new still is."""
    referral = view.referral
    if not referral.open:
        withdraw(view.tx, view.now, referral_id=referral.id, reason=said.event.value)
        return
    over = {step.rung.rung for step in view.table() if referral.state not in WAITS[step.wait]}
    over |= {f"{LAST}_{wait.value}" for wait, states in WAITS.items() if referral.state not in states}
    over |= {*ALERTS} if referral.state is not State.OPENED else set()
    rungs = [
        named(each, number) for rung in over for each in (rung, rung + LOST) for number in range(1, referral.round + 1)
    ]
    withdraw(view.tx, view.now, referral_id=referral.id, rungs=rungs, reason=said.event.value)


def _send_somebody(view: Scene, said: Answer) -> None:
    """A visit follows from a refusal, and from a nurse who asks for one; none is made to a family in mourning."""
    if said.event is Event.DIED:
        if view.referral.patient_id:
            person_gone(view.tx, view.referral.patient_id, view.now, End.DEATH)
        else:
            visits.no_more_visits(view.tx, view.referral.id, End.DEATH, view.now)
    elif said.event is Event.REFUSED:
        visits.ask_for_visit(view.tx, view.referral, visits.REFUSED, 0, view.now, view.clinic.zone)
    elif said.follow_up_days:
        visits.ask_for_visit(
            view.tx, view.referral, visits.COUNTER_REFERRAL, said.follow_up_days, view.now, view.clinic.zone, said.words
        )
