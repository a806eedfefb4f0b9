"""How does a judged report become a row, and what is its sender answered when nothing special follows from it?

A report that corrects an earlier one replaces it. What is asked back is kept, so that a bare answer finds its question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from smsgateway.care import asked, corrections, unclear, wording
from smsgateway.care.corrections import Merged, Standing
from smsgateway.care.filed import filed_report
from smsgateway.care.followups import reported
from smsgateway.care.glance import ANYTHING, Glance
from smsgateway.care.people import Located
from smsgateway.care.reports import file_report
from smsgateway.care.schedules import schedules_of
from smsgateway.intake.message import Judged, Message
from smsgateway.reading.models import Outcome, Question
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class Filed:
    """A report that was filed, and what it corrected, if anything."""

    report_id: UUID
    corrected: Standing | None = None
    merged: Merged | None = None

    @property
    def amends(self) -> bool:
        """Whether it changes a report that had been understood, rather than answering what was asked."""
        return self.corrected is not None and not self.corrected.asked


def file_or_correct(
    tx: Tx,
    message: Message,
    judged: Judged,
    programme: Programme,
    place: Located | None,
    item: int = 0,
    seen: Glance = ANYTHING,
) -> Filed:
    """Keep a report, or let it replace the one it corrects with all that stands now. `seen`: what a glance found."""
    before = _corrected_before(tx, message)
    old = before or (_corrected_by(tx, message, judged, place) if seen.reported else None)
    if old is None:
        return Filed(file_part(tx, message, judged, programme, place, item, reminded=seen.reminded))
    verdict = judged.verdict
    if _is_overtaken(message, old):
        merged = corrections.merged_under(old, verdict.answers, verdict.danger, programme)
        message = replace(message, happened_at=old.happened_at)
    else:
        merged = corrections.merged(old, verdict.answers, verdict.danger, programme)
    report_id = file_part(
        tx,
        message,
        judged,
        programme,
        place,
        item,
        answers=merged.answers,
        danger=merged.danger,
        corrects=None if before else old,
    )
    return Filed(report_id, old, merged)


def _corrected_before(tx: Tx, message: Message) -> Standing | None:
    """What the report that this message goes on with had corrected."""
    if message.goes_on is None:
        return None
    return corrections.replaced_by(tx, message.goes_on, message.member.id, message.now)


def _corrected_by(tx: Tx, message: Message, judged: Judged, place: Located | None) -> Standing | None:
    """The report that this one corrects. New danger about somebody who was reported on is news and no correction."""
    if message.continues is not None and message.continues.report_id is not None:
        return corrections.report(tx, message.continues.report_id)
    if place is None or not judged.verdict.filed:
        return None
    old = corrections.standing(
        tx,
        message.member.id,
        judged.part.flow or "",
        place.patient_id,
        place.household_id,
        message.now,
        itself=message.goes_on,
    )
    if old is None or (judged.verdict.danger and not old.asked):
        return None
    return old if old.is_clear or not _is_overtaken(message, old) else None  # what is unclear now stays asked


def _is_overtaken(message: Message, standing: Standing) -> bool:
    """Whether this was texted before the report that stands: messages may overtake each other on their way here."""
    return message.continues is None and message.happened_at < standing.happened_at


def file_part(
    tx: Tx,
    message: Message,
    judged: Judged,
    programme: Programme,
    place: Located | None,
    item: int = 0,
    *,
    answers: Mapping[str, Any] | None = None,
    danger: Sequence[str] | None = None,
    corrects: Standing | None = None,
    reminded: bool = True,
) -> UUID:
    """Keep one report under `place`, unfiled when that is not certain; gives its id. `answers` and `danger`: those that
    stand when they are more than was written in this message. `reminded`: whether a reminder about them may stand."""
    flow = judged.part.flow or "unknown"
    known = programme.flows.get(flow)
    stands = judged.verdict.answers if answers is None else answers
    signs = judged.verdict.danger if danger is None else danger
    filed = judged.verdict.filed and (place is not None or not judged.part.codes)
    report_id = file_report(
        tx,
        message.origin(judged.number),
        flow=flow,
        flow_version=known.version if known else 0,
        answers=stands,
        danger=signs,
        unclear=judged.verdict.unclear,
        place=place,
        filed=filed,
        item=item,
        again=message.goes_on,
    )
    if corrects is not None:
        _replace(tx, message, judged, corrects, place, report_id)
    if filed and message.hold_until is None:  # reminders follow from what is said in the end
        report = filed_report(report_id, message.origin(judged.number), flow, stands, signs, place)
        reported(tx, report, schedules_of(programme), message.now, reminded=reminded)
    return report_id


def _replace(tx: Tx, message: Message, judged: Judged, old: Standing, place: Located | None, report_id: UUID) -> None:
    asked.answered(tx, old.inbound_id, old.part)
    if not judged.verdict.unclear_danger:
        unclear.forget(tx, message.member.id, old.inbound_id)
    if place is not None and place.patient_id is not None and old.patient_id is None:
        corrections.adopt(tx, old, place.patient_id)
    corrections.replace_by(tx, old, report_id, message.now)


# ---------------------------------------------------------------- answering


def answer_back(tx: Tx, message: Message, judged: Judged, programme: Programme, report_id: UUID | None = None) -> str:
    """What was understood, or what must be asked; what is asked is kept."""
    keep_questions(tx, message, judged, report_id)
    return plain_answer(message, judged, programme)


def keep_questions(tx: Tx, message: Message, judged: Judged, report_id: UUID | None) -> None:
    """Keep what the answer to this report asks, until it is answered."""
    verdict, part = judged.verdict, judged.part
    if message.continues is not None:
        asked.answered(tx, message.continues.inbound_id, message.continues.part)
    if message.goes_on is not None:
        asked.answered(tx, message.inbound_id, judged.number)
    if not verdict.questions or verdict.outcome is Outcome.REJECT:
        return
    near = {str(place.facts.code): place.facts.near for place in judged.places}
    questions = tuple(asked.Asking(each.key, each.about, near.get(each.about, ())) for each in verdict.questions)
    asked.ask(
        tx,
        asked.Open(
            message.inbound_id,
            judged.number,
            report_id,
            part.flow,
            verdict.subject,
            part.text,
            questions,
            message.now,
        ),
        message.member.id,
        message.member.site_id,
    )


def asking(judged: Judged, key: str, about: str = "", *, filed: bool = True) -> Judged:
    """The same report with a question that only the register could raise: it is asked instead of accepted. `filed`:
    whether it is about the person named all the same."""
    verdict = judged.verdict
    outcome = Outcome.ASK if verdict.outcome is Outcome.ACCEPT else verdict.outcome
    questions = (Question(key, about), *verdict.questions)
    return replace(
        judged, verdict=replace(verdict, outcome=outcome, questions=questions, filed=verdict.filed and filed)
    )


def plain_answer(message: Message, judged: Judged, programme: Programme) -> str:
    """What was understood, or what must be asked."""
    return wording.report_answer(programme, judged.verdict, message.language, message.member.role, judged.places)


def only_answer(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Help, questions and what is no report: answered, nothing filed."""
    flow = programme.flows.get(judged.part.flow or "")
    if flow is not None and not flow.ready:
        return wording.not_ready(programme, message.language, flow.taught(message.language))
    return answer_back(tx, message, judged, programme)
