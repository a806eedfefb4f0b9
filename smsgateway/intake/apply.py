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

from smsgateway.care import referrals, wording
from smsgateway.care.reports import fingerprint, of_message
from smsgateway.intake.answers import ANSWERS
from smsgateway.intake.care_reports import report_care
from smsgateway.intake.filing import only_answer
from smsgateway.intake.households import new_household, new_patient, visit
from smsgateway.intake.judging import judged_parts, places_of
from smsgateway.intake.message import Applier, Judged, Message
from smsgateway.intake.questions import QUESTIONS, answer_question
from smsgateway.intake.stock import count_stock
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading.models import Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.once import belongs_to, earlier_within
from smsgateway.store.tables import inbound, message_log
from smsgateway.store.write import Tx

SAME_REPORT_WITHIN = timedelta(hours=12)
IMPLAUSIBLE = "implausible"  # the question about a value that is possible but unlikely


def file_message(tx: Tx, message: Message, programme: Programme) -> str | None:
    """File all that a message says and queue its answer; gives the answer's words."""
    places = places_of(tx, message, programme)
    earlier = _earlier(tx, message)
    judged = judged_parts(message, places, programme)
    if earlier is not None:
        if not _insists(tx, judged, earlier):
            return _again(tx, message, earlier, programme)
        judged = judged_parts(message, places, programme, insisted=True)
        belongs_to(
            tx, "content", fingerprint(message.member.id, message.reading.parts), message.inbound_id, message.now
        )
    answers = [(each.verdict.outcome is not Outcome.ALERT, _apply(tx, message, each, programme)) for each in judged]
    answer = wording.joined([words for _, words in sorted(answers, key=lambda each: each[0])])  # danger comes first
    _reply(tx, message, answer)
    return answer


def apply_part(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Do what one judged report asks for; gives the answer to it, which is not sent."""
    return _apply(tx, message, judged, programme)


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
    applier = APPLIERS.get(judged.part.flow or "")
    if applier is None or judged.verdict.outcome is Outcome.REJECT:
        applier = report_care if judged.verdict.danger or judged.verdict.unclear_danger else only_answer
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


# ---------------------------------------------------------------- who handles what

APPLIERS: Mapping[str, Applier] = {
    "sick_child": report_care,
    "urgent": report_care,
    "refer": report_care,
    "visit": visit,
    "register_household": new_household,
    "register_patient": new_patient,
    "stock": count_stock,
    **ANSWERS,
    **dict.fromkeys(QUESTIONS, answer_question),
}
# Flows whose content is one report when it comes twice.
COUNTED = frozenset(APPLIERS) - frozenset(ANSWERS) - QUESTIONS
