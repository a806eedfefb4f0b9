"""How is a report taken back? With its reminders, what it changed in the register, and its referral: whoever was
alerted is told. Only within a day, only by who sent it, and never somebody who is at the clinic already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update

from smsgateway.care import answers, changes, followups, unclear
from smsgateway.care.history import COLUMNS, Referral, referral_from
from smsgateway.care.people import Member
from smsgateway.care.referrals import Case, open_or_join
from smsgateway.care.reminders import End, reopen
from smsgateway.care.states import UNSEEN, Answer, Event, State
from smsgateway.outbox.queue import Rank
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import asked, inbound, message_log, referrals, reports
from smsgateway.store.write import Tx

WITHIN: Final = timedelta(hours=24)
FLOW: Final = "cancel"
_LOOKED_AT: Final = 20  # reports of a day among which the last answered one is looked for


@dataclass(frozen=True, slots=True)
class Sent:
    """A report that may be taken back."""

    id: UUID
    inbound_id: UUID
    part: int
    flow: str
    patient_id: UUID | None
    household_id: UUID | None
    answers: dict[str, Any]
    danger: Sequence[str]
    state: str
    arrived_at: datetime
    channel: str

    @property
    def stands(self) -> bool:
        return self.state in ("filed", "unfiled")


_COLUMNS = tuple(reports.c[name] for name in Sent.__dataclass_fields__)


def _newest(tx: Tx, *which: ColumnElement[bool], limit: int = 1) -> list[Sent]:
    query = select(*_COLUMNS).where(*which, reports.c.flow != FLOW, reports.c.state != "replaced")
    rows = tx.execute(query.order_by(reports.c.arrived_at.desc(), reports.c.id.desc()).limit(limit))
    return [Sent(**dict(row._mapping)) for row in rows]


def last_about(tx: Tx, member: Member, patient_id: UUID | None, household_id: UUID | None) -> Sent | None:
    """The last standing report of this sender about a person, or about a household as a whole."""
    if patient_id is not None:
        about: tuple[ColumnElement[bool], ...] = (reports.c.patient_id == patient_id,)
    else:
        about = (reports.c.household_id == household_id, reports.c.patient_id.is_(None))
    found = _newest(tx, *about, reports.c.staff_id == member.id, reports.c.state.in_(("filed", "unfiled")))
    return found[0] if found else None


def last_answered(tx: Tx, member: Member, phone: str, now: datetime) -> list[Sent]:
    """The reports of the last message whose answer was handed over: what the sender has before their eyes."""
    recent = _newest(tx, reports.c.staff_id == member.id, reports.c.arrived_at > now - WITHIN, limit=_LOOKED_AT)
    for inbound_id in dict.fromkeys(each.inbound_id for each in recent):
        if answer_was_handed_over(tx, inbound_id, phone, now - WITHIN):
            return [each for each in recent if each.inbound_id == inbound_id]
    return []


def answer_was_handed_over(tx: Tx, inbound_id: UUID, phone: str, since: datetime) -> bool:
    """Whether the answer to a message was taken by the network, or was a screen."""
    logged = select(message_log.c.id).where(
        message_log.c.phone == phone,
        message_log.c.created_at >= since,
        message_log.c.inbound_id == inbound_id,
        message_log.c.rank == int(Rank.REPLY),
        message_log.c.provider_id.is_not(None),
    )
    if tx.execute(logged.limit(1)).first() is not None:
        return True
    screen = select(inbound.c.id).where(inbound.c.id == inbound_id, inbound.c.channel == "ussd")
    return tx.execute(screen).first() is not None


def report_of(tx: Tx, member: Member, referral: Referral) -> Sent | None:
    """The report of this sender that opened a referral."""
    opened_by = select(referrals.c.report_id).where(referrals.c.id == referral.id).scalar_subquery()
    found = _newest(tx, reports.c.id == opened_by, reports.c.staff_id == member.id)
    return found[0] if found else None


def death_told_by(tx: Tx, member: Member, referral: Referral) -> Sent | None:
    """The report by which this sender ended a referral with a death."""
    if referral.patient_id is None or referral.state is not State.DIED:
        return None
    told = changes.said_by(tx, referral.patient_id, "died_on")
    found = _newest(tx, reports.c.id == told, reports.c.staff_id == member.id) if told else []
    return found[0] if found else None


def open_referral_of(tx: Tx, sent: Sent) -> Referral | None:
    """The open referral that a report opened or joined."""
    query = select(*COLUMNS).where(referrals.c.open)
    row = tx.execute(query.where(referrals.c.report_id == sent.id)).first()
    if row is None and sent.patient_id is not None and sent.danger:
        row = tx.execute(query.where(referrals.c.patient_id == sent.patient_id)).first()
    return None if row is None else referral_from(row)


def is_seen(referral: Referral) -> bool:
    """Whether the person is at the clinic, or was: then there is nothing to take back."""
    return referral.state not in UNSEEN


def stands_without(tx: Tx, referral: Referral, sent: Sequence[Sent]) -> bool:
    """Whether another danger report about the same person keeps a referral open."""
    if referral.patient_id is None:
        return False
    query = select(reports.c.id, reports.c.danger).where(
        reports.c.patient_id == referral.patient_id,
        reports.c.arrived_at >= referral.opened_at,
        reports.c.state == "filed",
    )
    cancelled = {each.id for each in sent}
    return any(row.danger and row.id not in cancelled for row in tx.execute(query))


def is_relied_on(tx: Tx, sent: Sent) -> bool:
    """Whether others have reported about whom this report brought into the register."""
    brought = changes.brought(tx, sent.id)
    query = select(reports.c.id).where(
        reports.c.patient_id.in_(brought) | reports.c.household_id.in_(brought),
        reports.c.id != sent.id,
        reports.c.state == "filed",
    )
    return bool(brought) and tx.execute(query.limit(1)).first() is not None


def cancel(
    tx: Tx,
    sent: Sequence[Sent],
    referral: Referral | None,
    member: Member,
    inbound_id: UUID,
    programme: Programme,
    now: datetime,
) -> None:
    """Take reports back, and the referral that stood on them alone."""
    for each in sent:
        death = each.patient_id is not None and changes.said_by(tx, each.patient_id, "died_on") == each.id
        tx.execute(update(reports).where(reports.c.id == each.id).values(state="cancelled"))
        followups.cancelled(tx, each.id, now)
        for nobody in changes.brought(tx, each.id):
            followups.person_gone(tx, nobody, now, End.CORRECTION, report_id=each.id)
        reopen(tx, changes.put_back(tx, each.id), each.id, now)
        if each.patient_id is not None:
            followups.gone_before(tx, each.patient_id, now)
        unclear.forget(tx, member.id, each.inbound_id)
        tx.execute(delete(asked).where(asked.c.inbound_id == each.inbound_id, asked.c.part == each.part))
        if death:
            _alert_again(tx, each, programme, now)
    if referral is not None:
        said = Answer(Event.CANCELLED)
        answers.answer(tx, referral.id, said, member, inbound_id, programme, now)


def _alert_again(tx: Tx, sent: Sent, programme: Programme, now: datetime) -> None:
    """Somebody who was reported dead by mistake may still be in danger: what the report ended begins anew."""
    ended = select(*COLUMNS).where(
        referrals.c.patient_id == sent.patient_id,
        referrals.c.state == State.DIED.value,
        referrals.c.closed_at >= sent.arrived_at,
    )
    for row in tx.execute(ended).all():
        before = referral_from(row)
        case = Case(
            site_id=before.site_id,
            facility_id=before.facility_id,
            patient_id=before.patient_id,
            report_id=None,
            reporter_id=before.reporter_id,
            reporter_phone=before.reporter_phone,
            urgent=before.urgent,
            tier=before.tier,
            certain=before.certain,
            danger=before.danger,
            brief=before.brief,
        )
        open_or_join(tx, case, programme, now)
