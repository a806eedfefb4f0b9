"""What follows from a death, whichever report tells it (DEC, SUIVI 4177 DCD)? The register says so, and nobody is
reminded of the person any more.
"""

from __future__ import annotations

from datetime import date

from smsgateway.care import deaths, moves
from smsgateway.intake.care_reports import handle, report_care
from smsgateway.intake.dates import day_said
from smsgateway.intake.filing import Filed, asking
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown_full


def death(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Nobody is reminded of the person any more; who must ask the family how it came is told."""
    place, verdict = judged.place, judged.verdict
    person = place.facts.person if place else None
    if place is None or place.patient_id is None or person is None or verdict.outcome is not Outcome.ACCEPT:
        return report_care(tx, message, judged, programme)
    on = day_said(judged, message.today)
    if on is None:
        return report_care(tx, message, asking(judged, "date", say.shown_day(verdict.answers["date"])), programme)
    code = say.shown_code(verdict.subject)
    if person.died and "date" not in verdict.answers:
        return say.text(programme, "death_before", message.language, code=code)
    handle(tx, message, judged, programme, lambda filed: note_death(tx, message, judged, filed, on, programme))
    return _death_noted(message, judged, programme, on)


def note_death(tx: Tx, message: Message, judged: Judged, filed: Filed, on: date, programme: Programme) -> None:
    """What a reported death changes, whichever report says it."""
    place = judged.place
    if place is None or place.patient_id is None:
        return
    person, member, now = place.facts.person, message.member, message.now
    named = judged.part.referral
    deaths.died(tx, place.patient_id, on, filed.report_id, member, message.inbound_id, programme, now, referral=named)
    if person is None or not person.died:
        code = shown_full(place.catchment.number, place.facts.code.digits) if place.catchment else ""
        deaths.tell_supervisor(tx, person, code, on, member, message.phone, programme, now)


def follow_up(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """How the person is; also that they died, or live elsewhere now."""

    def effects(filed: Filed) -> None:
        place, answers = judged.place, judged.verdict.answers
        if place is None or place.patient_id is None or not judged.verdict.filed:
            return
        if answers.get("outcome") == "died":
            note_death(tx, message, judged, filed, message.today, programme)
        elif answers.get("moved"):
            moves.left(tx, place.patient_id, message.today, filed.report_id, message.now)

    handled = handle(tx, message, judged, programme, effects)
    is_death = judged.verdict.outcome is Outcome.ACCEPT and judged.verdict.answers.get("outcome") == "died"
    return _death_noted(message, judged, programme, message.today) if is_death else handled.answer


def _death_noted(message: Message, judged: Judged, programme: Programme, on: date) -> str:
    return say.text(
        programme,
        "death_done",
        message.language,
        who=say.who(programme, judged.verdict.person, message.language),
        code=say.shown_code(judged.verdict.subject),
        day=say.shown_day(on.isoformat()),
    )
