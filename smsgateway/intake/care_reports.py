"""What follows from a report about somebody's health? It is filed, and then a human is told, or the sender is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from smsgateway.care import corrections, moves, referrals, unclear, unfinished, wording
from smsgateway.care.glance import ANYTHING, Glance, glance
from smsgateway.care.people import Located
from smsgateway.care.referrals import Case, Opened
from smsgateway.care.schedules import schedules_of
from smsgateway.care.telling import has_the_alert
from smsgateway.care.unfinished import MARK
from smsgateway.intake.filing import Filed, file_or_correct, keep_questions, plain_answer
from smsgateway.intake.message import Judged, Message
from smsgateway.reading.models import Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx

Effects = Callable[[Filed], Judged | None]


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of a report: how it was filed, the referral it opened or joined, and the answer to its sender."""

    filed: Filed
    opened: Opened | None
    answer: str


def report_care(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """File it; alert, refer, or wait for the answer to a question."""
    return handle(tx, message, judged, programme).answer


def alert(tx: Tx, message: Message, judged: Judged, report_id: UUID, programme: Programme) -> str:
    """Tell a human of the danger in a report that is filed already; gives the answer to its sender."""
    opened = refer(tx, message, judged, report_id, programme)
    return _answer(tx, message, judged, Filed(report_id), opened, programme)


def handle(tx: Tx, message: Message, judged: Judged, programme: Programme, effects: Effects | None = None) -> Handled:
    """File it; alert, refer, or wait for the answer to a question. `effects`: what else follows, once it is filed; they
    may give whom an alert is about, if that is not who was named."""
    judged = _as_said_since(tx, message, judged)
    verdict, place = judged.verdict, judged.place
    seen = _glance(tx, message, judged, programme)
    filed = file_or_correct(tx, message, judged, programme, place, seen=seen)
    if place is not None and place.patient_id and place.facts.person and place.facts.person.left:
        moves.came_back(tx, place.patient_id, filed.report_id, message.now)
    concerned = (effects(filed) if effects is not None else None) or judged
    opened: Opened | None = None
    if message.goes_on is not None:
        opened = go_on(tx, message, concerned, filed.report_id, programme)
    elif verdict.outcome is Outcome.ALERT or judged.part.flow == "refer":
        opened = refer(tx, message, concerned, filed.report_id, programme)
    if verdict.unclear_danger:
        _await_correction(tx, message, judged, filed.report_id, programme)
    elif seen.waiting:
        unclear.corrected(tx, message.member.id, verdict.subject, message.happened_at)
    keep_questions(tx, message, judged, filed.report_id)
    return Handled(filed, opened, _answer(tx, message, judged, filed, opened, programme))


def _glance(tx: Tx, message: Message, judged: Judged, programme: Programme) -> Glance:
    """What a report may touch; one that goes on with another touches that one."""
    place = judged.place
    if place is None or place.patient_id is None or message.continues is not None or message.goes_on is not None:
        return ANYTHING
    flow = judged.part.flow or ""
    return glance(tx, message.member.id, place.patient_id, flow, schedules_of(programme), message.now)


def _as_said_since(tx: Tx, message: Message, judged: Judged) -> Judged:
    """A report that may hide danger and was overtaken by a clear one about the same person asks nothing any more."""
    verdict, place = judged.verdict, judged.place
    if not verdict.unclear_danger or place is None or place.patient_id is None or message.continues is not None:
        return judged
    if not corrections.said_clearly_since(tx, message.member.id, place.patient_id, message.happened_at):
        return judged
    settled = replace(verdict, outcome=Outcome.ACCEPT, unclear=(), questions=(), unclear_danger=False)
    return replace(judged, verdict=settled)


def refer(tx: Tx, message: Message, judged: Judged, report_id: UUID, programme: Programme) -> Opened:
    """Open a referral for what a report says, or join the one that is open."""
    return referrals.open_or_join(tx, case_of(message, judged, report_id, programme), programme, message.now)


def go_on(tx: Tx, message: Message, judged: Judged, report_id: UUID, programme: Programme) -> Opened | None:
    """What a session says more is told by the alert that it has queued already."""
    case, finished = case_of(message, judged, report_id, programme), message.hold_until is None
    referral = unfinished.complete(tx, report_id, case, programme, message.now, finished=finished)
    if referral is None:
        return None
    return Opened(referral, True, has_the_alert(tx, referral, message.member.id))


def case_of(message: Message, judged: Judged, report_id: UUID, programme: Programme) -> Case:
    """What a judged report asks to be told about."""
    verdict, place = judged.verdict, judged.place
    catchment = place.catchment if place else None
    brief = wording.brief(programme, verdict, place, message.phone)
    return Case(
        site_id=catchment.site_id if catchment else message.member.site_id,
        facility_id=_clinic(message, place),
        patient_id=place.patient_id if place else None,
        report_id=report_id,
        reporter_id=message.member.id,
        reporter_phone=message.phone,
        urgent=verdict.outcome is Outcome.ALERT,
        tier=verdict.tier or 2,
        certain=True,
        danger=verdict.danger,
        brief=brief if message.hold_until is None else {**brief, MARK: True},
        reported_at=message.happened_at,
        hold_until=message.hold_until,
    )


def _await_correction(tx: Tx, message: Message, judged: Judged, report_id: UUID, programme: Programme) -> None:
    verdict, place = judged.verdict, judged.place
    unclear.await_correction(
        tx,
        message.member,
        message.phone,
        message.inbound_id,
        message.now,
        happened_at=message.happened_at,
        facility_id=_clinic(message, place),
        patient_id=place.patient_id if place else None,
        report_id=report_id,
        subject=verdict.subject,
        brief=wording.brief(programme, verdict, place, message.phone),
    )


def _clinic(message: Message, place: Located | None) -> UUID:
    """The clinic a case goes to: the person's, else the sender's; a site stands in where no clinic is known."""
    if place is not None and place.catchment is not None:
        return place.catchment.facility_id
    if message.own_catchment is not None:
        return message.own_catchment.facility_id
    return message.member.facility_id or message.member.site_id


def _answer(tx: Tx, message: Message, judged: Judged, filed: Filed, opened: Opened | None, programme: Programme) -> str:
    if opened is not None:
        return wording.alert_answer(
            programme,
            judged.verdict,
            message.language,
            message.member.role,
            opened.referral.code,
            wording.who_was_told(programme, message.language, opened.told),
            judged.places,
        )
    if filed.amends and filed.merged is not None and judged.verdict.outcome is Outcome.ACCEPT:
        open_code = corrections.open_referral(tx, filed.report_id)
        return wording.corrected(programme, message.language, judged.verdict, filed.merged, open_code)
    return plain_answer(message, judged, programme)
