"""What is done about what was read? Each report of a message is filed, each danger sign becomes a referral, each answer
moves one, and the sender is answered once, in one transaction.

A table says which flow is handled how. A flow the programme has and this table has not (yet) is answered so, while any
danger in it is told to a human like every other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from smsgateway.care import referrals, unclear, wording
from smsgateway.care.people import Catchment, Located, Member, locate
from smsgateway.care.referrals import Case, Opened, Referral
from smsgateway.care.register import register_household, register_patient
from smsgateway.care.reports import Origin, file_report, fingerprint, of_message
from smsgateway.care.states import UNSEEN, Event, State
from smsgateway.intake.questions import QUESTIONS, answer_question
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading.judge import judge
from smsgateway.reading.models import Code, CodeFacts, CodeState, Facts, Outcome, Part, Reading, Verdict
from smsgateway.reading.programme import Programme
from smsgateway.store.once import belongs_to, earlier_within
from smsgateway.store.tables import inbound, message_log
from smsgateway.store.write import Tx

SAME_REPORT_WITHIN = timedelta(hours=12)
IMPLAUSIBLE = "implausible"  # the question about a value that is possible but unlikely


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a known member of staff, being handled."""

    inbound_id: UUID
    phone: str
    member: Member
    reading: Reading
    happened_at: datetime
    now: datetime
    channel: str

    def origin(self, part: int) -> Origin:
        return Origin(self.inbound_id, part, self.member, self.channel, self.happened_at, self.now)


@dataclass(frozen=True, slots=True)
class Judged:
    """One part of the message, judged, with where its codes were found."""

    number: int
    verdict: Verdict
    places: tuple[Located, ...]

    @property
    def part(self) -> Part:
        return self.verdict.part

    @property
    def place(self) -> Located | None:
        """Whom it is about, once that is certain."""
        certain = (CodeState.FOUND, CodeState.MOVED)
        return next((place for place in self.places if place.facts.state in certain), None)


def file_message(tx: Tx, message: Message, programme: Programme) -> str | None:
    """File all that a message says and queue its answer; gives the answer's words."""
    places = [
        tuple(locate(tx, code, message.member.catchments, message.happened_at.date()) for code in part.codes)
        for part in message.reading.parts
    ]
    earlier = _earlier(tx, message)
    judged = _judge(message, places, programme, insisted=False)
    if earlier is not None:
        if not _insists(tx, judged, earlier):
            return _again(tx, message, earlier, programme)
        judged = _judge(message, places, programme, insisted=True)
        belongs_to(
            tx, "content", fingerprint(message.member.id, message.reading.parts), message.inbound_id, message.now
        )
    answers = [_apply(tx, message, each, programme) for each in judged]
    answer = wording.joined(answers)
    _reply(tx, message, answer)
    return answer


def _judge(
    message: Message, places: Sequence[tuple[Located, ...]], programme: Programme, *, insisted: bool
) -> list[Judged]:
    facts = [
        Facts(
            role=message.member.role,
            language=message.member.language,
            codes=tuple(place.facts for place in some),
            insisted=insisted,
            today=message.happened_at.date(),
        )
        for some in places
    ]
    decision = judge(message.reading, facts, message.happened_at, programme)
    return [Judged(i, verdict, places[i]) for i, verdict in enumerate(decision.verdicts)]


def _reply(tx: Tx, message: Message, answer: str | None) -> None:
    if answer:
        enqueue(
            tx,
            Draft(
                phone=message.phone,
                body=answer,
                rank=Rank.REPLY,
                site_id=message.member.site_id,
                staff_id=message.member.id,
                inbound_id=message.inbound_id,
            ),
            message.now,
        )


def _apply(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    applier = APPLIERS.get(judged.part.flow or "")
    if applier is None or judged.verdict.outcome is Outcome.REJECT:
        applier = _care if judged.verdict.danger or judged.verdict.unclear_danger else _only_answer
    return applier(tx, message, judged, programme)


# ---------------------------------------------------------------- the same again


def _earlier(tx: Tx, message: Message) -> UUID | None:
    """The message in which this sender reported the very same within 12 h, if any. Questions are not reports."""
    if not any(part.flow in COUNTED for part in message.reading.parts):
        return None
    key = fingerprint(message.member.id, message.reading.parts)
    return earlier_within(tx, "content", key, message.inbound_id, message.now, SAME_REPORT_WITHIN)


def _insists(tx: Tx, judged: Sequence[Judged], earlier: UUID) -> bool:
    """Whether this repeats a value that was refused once as unlikely, after that refusal was handed over."""
    if not any(question.key == IMPLAUSIBLE for each in judged for question in each.verdict.questions):
        return False
    query = select(message_log.c.id).where(
        message_log.c.inbound_id == earlier,
        message_log.c.rank == int(Rank.REPLY),
        message_log.c.provider_id.is_not(None),
    )
    return tx.execute(query).first() is not None


def _again(tx: Tx, message: Message, earlier: UUID, programme: Programme) -> str | None:
    """One report, however often it is sent: the stored answer again, and its danger again as a second message."""
    for report_id in of_message(tx, earlier):
        referrals.tell_again(tx, report_id, message.inbound_id, programme, message.now)
    answer: str | None = tx.execute(select(inbound.c.answer).where(inbound.c.id == earlier)).scalar()
    _reply(tx, message, answer)
    return answer


# ---------------------------------------------------------------- reports about a person


def _care(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """A report about somebody's health: file it; alert, refer, or wait for the answer to a question."""
    verdict, place = judged.verdict, judged.place
    report_id = _file(tx, message, judged, programme, place)
    opened: Opened | None = None
    if verdict.outcome is Outcome.ALERT or judged.part.flow == "refer":
        opened = _refer(tx, message, judged, report_id, programme)
    elif verdict.unclear_danger:
        unclear.await_correction(
            tx,
            message.member,
            message.phone,
            message.inbound_id,
            message.now,
            facility_id=_clinic(message, place),
            patient_id=place.patient_id if place else None,
            report_id=report_id,
            subject=verdict.subject,
            brief=wording.brief(programme, verdict, place, message.phone),
        )
    if not verdict.unclear_danger:
        unclear.corrected(tx, message.member.id, verdict.subject)
    return _answer_to_report(tx, message, judged, opened, programme)


def _refer(tx: Tx, message: Message, judged: Judged, report_id: UUID, programme: Programme) -> Opened:
    verdict, place = judged.verdict, judged.place
    catchment = place.catchment if place else None
    case = Case(
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
        brief=wording.brief(programme, verdict, place, message.phone),
    )
    return referrals.open_or_join(tx, case, programme, message.now)


def _clinic(message: Message, place: Located | None) -> UUID:
    """The clinic a case goes to: the person's, else the sender's; a site stands in where no clinic is known."""
    if place is not None and place.catchment is not None:
        return place.catchment.facility_id
    if message.member.catchments:
        return message.member.catchments[0].facility_id
    return message.member.facility_id or message.member.site_id


def _answer_to_report(
    tx: Tx, message: Message, judged: Judged, opened: Opened | None, programme: Programme
) -> str | None:
    if opened is None:
        return _plain_answer(message, judged, programme)
    return wording.alert_answer(
        programme,
        judged.verdict,
        message.member.language,
        message.member.role,
        opened.referral.code,
        opened.told.phone if opened.told else None,
        judged.places,
    )


def _plain_answer(message: Message, judged: Judged, programme: Programme) -> str:
    return wording.report_answer(programme, judged.verdict, message.member.language, message.member.role, judged.places)


def _file(tx: Tx, message: Message, judged: Judged, programme: Programme, place: Located | None, item: int = 0) -> UUID:
    flow = judged.part.flow or "unknown"
    known = programme.flows.get(flow)
    return file_report(
        tx,
        message.origin(judged.number),
        flow=flow,
        flow_version=known.version if known else 0,
        answers=judged.verdict.answers,
        danger=judged.verdict.danger,
        unclear=judged.verdict.unclear,
        place=place,
        filed=judged.verdict.filed and (place is not None or not judged.part.codes),
        item=item,
    )


# ---------------------------------------------------------------- households


def _visit(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """One report a household; a code that failed is asked back and costs the others nothing."""
    found = [place for place in judged.places if place.household_id is not None]
    for item, place in enumerate(found):
        _file(tx, message, judged, programme, place, item)
    return _plain_answer(message, judged, programme)


def _register_household(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    catchment = _own_catchment(message)
    if judged.verdict.outcome is not Outcome.ACCEPT or catchment is None:
        return _plain_answer(message, judged, programme)
    answers = judged.verdict.answers
    household_id, code = register_household(
        tx, catchment, answers.get("people"), None, bool(answers.get("consent")), message.now
    )
    place = Located(CodeFacts(Code(code), CodeState.FOUND), catchment, household_id=household_id)
    _file(tx, message, judged, programme, place)
    return wording.registered(programme, message.member.language, judged.verdict, code)


def _register_patient(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    household = judged.place
    if (
        judged.verdict.outcome is not Outcome.ACCEPT
        or household is None
        or household.household_id is None
        or household.catchment is None
    ):
        return _plain_answer(message, judged, programme)
    age = judged.verdict.person.age if judged.verdict.person else None
    patient_id, code = register_patient(
        tx,
        household.catchment,
        household.household_id,
        judged.verdict.answers.get("sex"),
        age,
        message.happened_at.date(),
        message.now,
    )
    place = Located(household.facts, household.catchment, patient_id, household.household_id)
    _file(tx, message, judged, programme, place)
    return wording.registered(programme, message.member.language, judged.verdict, code)


def _own_catchment(message: Message) -> Catchment | None:
    return message.member.catchments[0] if message.member.catchments else None


# ---------------------------------------------------------------- answers to a referral

ANSWERS: Mapping[str, tuple[Event, frozenset[State]]] = {
    "received": (Event.RECEIVED, frozenset({State.OPENED})),
    "arrived": (Event.ARRIVED, UNSEEN),
    "absent": (Event.ABSENT, frozenset({State.OPENED, State.RECEIVED})),
}


def _answer_referral(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """RECU, ARRIVE, ABSENT: the code says which referral, or there is only one it can be."""
    if judged.verdict.outcome is not Outcome.ACCEPT:
        return _plain_answer(message, judged, programme)
    event, states = ANSWERS[judged.part.flow or ""]
    language, code = message.member.language, judged.part.referral
    meant = referrals.concerning(tx, message.member, code, sorted(states))
    if len(meant) != 1 and code is None:
        return wording.which_referral(programme, language, [referral.code for referral in meant])
    if not meant:
        return wording.no_such_referral(programme, language, code or "")
    chosen: Referral = meant[0]
    answered = referrals.answer(tx, chosen, event, message.member, message.inbound_id, programme, message.now)
    return wording.answer_noted(programme, language, judged.verdict, chosen.code, moved=answered.moved)


# ---------------------------------------------------------------- everything else


def _only_answer(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Help, questions and what is no report: answered, nothing filed."""
    flow = programme.flows.get(judged.part.flow or "")
    if flow is not None and not flow.ready:
        return wording.not_ready(programme, message.member.language, flow.taught(message.member.language))
    return _plain_answer(message, judged, programme)


Applier = Callable[[Tx, Message, Judged, Programme], str | None]

APPLIERS: Mapping[str, Applier] = {
    "sick_child": _care,
    "urgent": _care,
    "refer": _care,
    "visit": _visit,
    "register_household": _register_household,
    "register_patient": _register_patient,
    **dict.fromkeys(ANSWERS, _answer_referral),
    **dict.fromkeys(QUESTIONS, answer_question),
}
# Flows whose content is one report when it comes twice.
COUNTED = frozenset(APPLIERS) - frozenset(ANSWERS) - QUESTIONS
