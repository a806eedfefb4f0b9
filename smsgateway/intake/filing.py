"""How does a judged report become a row, and what is its sender answered when nothing special follows from it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from smsgateway.care import wording
from smsgateway.care.followups import filed_report, reported
from smsgateway.care.people import Located
from smsgateway.care.reports import file_report
from smsgateway.care.schedules import schedules_of
from smsgateway.intake.message import Judged, Message
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx


def file_part(
    tx: Tx,
    message: Message,
    judged: Judged,
    programme: Programme,
    place: Located | None,
    item: int = 0,
    *,
    answers: Mapping[str, Any] | None = None,
) -> UUID:
    """Keep one report under `place`, unfiled when that is not certain; gives its id. `answers`: those that stand when
    they are more than was written in this message."""
    flow = judged.part.flow or "unknown"
    known = programme.flows.get(flow)
    stands = judged.verdict.answers if answers is None else answers
    filed = judged.verdict.filed and (place is not None or not judged.part.codes)
    report_id = file_report(
        tx,
        message.origin(judged.number),
        flow=flow,
        flow_version=known.version if known else 0,
        answers=stands,
        danger=judged.verdict.danger,
        unclear=judged.verdict.unclear,
        place=place,
        filed=filed,
        item=item,
    )
    if filed:
        report = filed_report(report_id, message.origin(judged.number), flow, stands, judged.verdict.danger, place)
        reported(tx, report, schedules_of(programme), message.now)
    return report_id


def plain_answer(message: Message, judged: Judged, programme: Programme) -> str:
    """What was understood, or what must be asked."""
    return wording.report_answer(programme, judged.verdict, message.language, message.member.role, judged.places)


def only_answer(_tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Help, questions and what is no report: answered, nothing filed."""
    flow = programme.flows.get(judged.part.flow or "")
    if flow is not None and not flow.ready:
        return wording.not_ready(programme, message.language, flow.taught(message.language))
    return plain_answer(message, judged, programme)
