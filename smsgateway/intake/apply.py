"""What is done about what was read? Each report of a message is filed, each danger sign becomes a referral, each answer
moves one, and the sender is answered once, in one transaction.

A table says which flow is handled how. A flow the programme has and this table has not (yet) is answered so, while any
danger in it is told to a human like every other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from smsgateway.care import asked, corrections, referrals, wording
from smsgateway.care.cancelling import answer_was_handed_over
from smsgateway.care.reports import fingerprint, of_message, still_stands
from smsgateway.intake.answers import ANSWERS
from smsgateway.intake.births import birth
from smsgateway.intake.care_reports import go_on, report_care
from smsgateway.intake.deaths import death, follow_up
from smsgateway.intake.exercise import practised
from smsgateway.intake.filing import only_answer
from smsgateway.intake.households import family, new_household, new_patient, visit
from smsgateway.intake.judging import judged_parts, places_of
from smsgateway.intake.message import Applier, Judged, Message
from smsgateway.intake.moving import moved
from smsgateway.intake.pregnancies import antenatal, pregnancy
from smsgateway.intake.questions import QUESTIONS, answer_question
from smsgateway.intake.referred import with_the_dead_named
from smsgateway.intake.replies import as_answer
from smsgateway.intake.service import away, exercise, help_me, language, supervision
from smsgateway.intake.stock import count_stock
from smsgateway.intake.taking_back import take_back
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading.models import Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.once import belongs_to, earlier_within
from smsgateway.store.tables import inbound
from smsgateway.store.write import Tx

SAME_REPORT_WITHIN = timedelta(hours=12)
# Of several answers in one SMS danger comes first, then what is asked; what was understood may be left out.
FIRST = {Outcome.ALERT: 0, Outcome.ASK: 1}
UNLIKELY = frozenset({"unlikely", "unlikely_weight"})  # questions about values that are possible all the same


def file_message(tx: Tx, message: Message, programme: Programme) -> str | None:
    """File all that a message says and queue its answer; gives the answer's words."""
    continued = as_answer(tx, message, programme)
    if isinstance(continued, str):
        _reply(tx, message, continued)
        return continued
    message = with_the_dead_named(tx, continued or message, programme)
    places = places_of(tx, message, programme)
    practice = practised(tx, message, places, programme)
    if practice is not None:
        _reply(tx, message, practice)
        return practice
    earlier = _earlier(tx, message)
    judged = judged_parts(message, places, programme)
    if earlier is not None:
        if not _insists(tx, message, judged, earlier):
            return _again(tx, message, judged, earlier, programme)
        judged = judged_parts(message, places, programme, insisted=True)
        belongs_to(
            tx, "content", fingerprint(message.member.id, message.reading.parts), message.inbound_id, message.now
        )
    if len(judged) > 1:
        referrals.lock_clinics(tx, _clinics(message, judged))
    answers = [(FIRST.get(each.verdict.outcome, len(FIRST)), _apply(tx, message, each, programme)) for each in judged]
    answer = wording.joined([words for _, words in sorted(answers, key=lambda each: each[0])])
    _reply(tx, message, answer)
    return answer


def _clinics(message: Message, judged: Sequence[Judged]) -> set[UUID]:
    """The clinics at which a message may open a referral."""
    places = [each.place.catchment for each in judged if each.place is not None]
    return {catchment.facility_id for catchment in (*places, message.own_catchment) if catchment is not None}


def _reply(tx: Tx, message: Message, answer: str | None) -> None:
    if answer and message.answered_by_sms:
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
    verdict, flow = judged.verdict, judged.part.flow or ""
    applier = APPLIERS.get(flow)
    if applier is None or verdict.outcome is Outcome.REJECT:
        applier = report_care if verdict.danger or verdict.unclear_danger else only_answer
    elif verdict.outcome is Outcome.ALERT and flow not in ALERTING:
        applier = report_care  # a danger word in whatever else was sent
    return applier(tx, message, judged, programme)


# ---------------------------------------------------------------- the same again


def _earlier(tx: Tx, message: Message) -> UUID | None:
    """The message in which this sender reported the very same within 12 h, if any. Questions are not reports."""
    if not any(part.flow in COUNTED for part in message.reading.parts):
        return None
    key = fingerprint(message.member.id, message.reading.parts)
    earlier = earlier_within(tx, "content", key, message.inbound_id, message.now, SAME_REPORT_WITHIN)
    if message.continues is not None:
        return None  # the same words again, with what was missing
    if earlier is not None and (not still_stands(tx, earlier) or referrals.is_over(tx, of_message(tx, earlier))):
        belongs_to(tx, "content", key, message.inbound_id, message.now)
        return None
    return earlier


def _insists(tx: Tx, message: Message, judged: Sequence[Judged], earlier: UUID) -> bool:
    """Whether this repeats a value that was refused once as unlikely, after that refusal was handed over."""
    doubted = {question.key for each in judged for question in each.verdict.questions} & UNLIKELY
    if not doubted or not asked.is_waiting(tx, earlier):
        return False
    return answer_was_handed_over(tx, earlier, message.phone, message.now - SAME_REPORT_WITHIN)


def _again(tx: Tx, message: Message, judged: Sequence[Judged], earlier: UUID, programme: Programme) -> str | None:
    """One report, however often it is sent: the stored answer again, and its danger again as a second message, which a
    session has queued already."""
    reported = of_message(tx, earlier)
    if message.goes_on is not None:
        go_on(tx, message, judged[0], message.goes_on, programme)
        corrections.repeated(tx, message.goes_on, reported[0])
    else:
        for report_id in reported:
            referrals.tell_again(tx, report_id, message.inbound_id, programme, message.now)
    answer: str | None = tx.execute(select(inbound.c.answer).where(inbound.c.id == earlier)).scalar()
    _reply(tx, message, answer)
    return answer


# ---------------------------------------------------------------- who handles what

# What comes twice is meant twice.
SERVICE = frozenset({"cancel", "language", "away", "help", "training", "family"})
APPLIERS: Mapping[str, Applier] = {
    "sick_child": report_care,
    "urgent": report_care,
    "refer": report_care,
    "visit": visit,
    "register_household": new_household,
    "register_patient": new_patient,
    "follow_up": follow_up,
    "pregnancy": pregnancy,
    "antenatal": antenatal,
    "birth": birth,
    "postnatal": report_care,
    "death": death,
    "moved": moved,
    "family": family,
    "cancel": take_back,
    "vaccination": report_care,
    "stock": count_stock,
    "supervision": supervision,
    "language": language,
    "away": away,
    "help": help_me,
    "training": exercise,
    **ANSWERS,
    **dict.fromkeys(QUESTIONS, answer_question),
}
# Those that tell a human of danger themselves; whatever else holds a danger word is handled as a report about health.
ALERTING = frozenset(
    {
        "sick_child",
        "urgent",
        "refer",
        "follow_up",
        "pregnancy",
        "antenatal",
        "birth",
        "postnatal",
        "vaccination",
        "visit",
    }
)
# Flows whose content is one report when it comes twice.
COUNTED = frozenset(APPLIERS) - frozenset(ANSWERS) - QUESTIONS - SERVICE
