"""What do people ask of the service itself? Their language, days off, help, an exercise; and a supervisor tells which
CHW was supervised. Nothing here is about a patient.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update

from smsgateway.care import covering, training
from smsgateway.care.leaves import colleague
from smsgateway.care.people import Recipient, leads_of, member_as_recipient, supervisor_of
from smsgateway.care.word import send_word
from smsgateway.intake.filing import answer_back, asking, file_part, plain_answer
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Outcome, Role
from smsgateway.reading.programme import Programme
from smsgateway.store.once import earlier_within
from smsgateway.store.revisions import register_changed
from smsgateway.store.tables import staff
from smsgateway.store.write import Tx
from smsgateway.text.phones import national

HELP_AGAIN_WITHIN: Final = timedelta(hours=1)
NEWS_LASTS: Final = timedelta(days=2)


# ---------------------------------------------------------------- LNG EN


def language(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """From now on everything is said in this language, this answer first."""
    if judged.verdict.outcome is not Outcome.ACCEPT:
        return answer_back(tx, message, judged, programme)
    wanted = judged.verdict.answers["language"]
    tx.execute(update(staff).where(staff.c.id == message.member.id).values(language=wanted))
    register_changed(tx)
    tx.after_commit(message.staff_changed)
    return say.text(programme, "language_set", wanted, name=say.text(programme, f"word_{wanted}", wanted))


# ---------------------------------------------------------------- CONGE 3 ASC05


def away(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Days off, and who takes over; `CONGE 0` is back."""
    answers, member = judged.verdict.answers, message.member
    if judged.verdict.outcome is not Outcome.ACCEPT:
        return answer_back(tx, message, judged, programme)
    cover_id = colleague(tx, member.site_id, str(answers.get("chw", "")), besides=member.id)
    if "chw" in answers and cover_id is None:
        return answer_back(tx, message, asking(judged, "chw_unknown", str(answers["chw"])), programme)
    covering.back(tx, member, message.today)
    tx.after_commit(message.staff_changed)
    report_id = file_part(tx, message, judged, programme, None)
    days = int(answers["days"])
    if days == 0:
        return say.text(programme, "away_back", message.language)
    last = message.today + timedelta(days=days - 1)
    own = covering.own_catchments(tx, member, message.today)
    dates = {"first": say.shown_day(message.today.isoformat()), "last": say.shown_day(last.isoformat())}
    cover = member_as_recipient(tx, cover_id) if cover_id else None
    about: dict[str, say.Value] = {"chw": member.code, "catchments": [each.number for each in own], **dates}
    if cover_id is not None:
        covering.cover(tx, own, cover_id, message.today, last, report_id, message.now)
    told = cover or supervisor_of(tx, member.id)
    if told is not None:
        key = "away_cover_told" if cover else "away_nobody_covers"
        text = say.text(programme, key, told.language, **about)
        send_word(tx, told, text, programme, message.now, once=f"away:{report_id}", lasts=NEWS_LASTS)
    code = _code_of(tx, cover_id) if cover_id else None
    return say.text(programme, "away_done", message.language, cover=code, **dates)


# ---------------------------------------------------------------- AIDE


def help_me(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """How to write a report; a second bare AIDE within the hour asks the supervisor to call."""
    member = message.member
    if judged.verdict.answers.get("about") or len(judged.part.text.split()) > 1:
        return plain_answer(message, judged, programme)
    asked = earlier_within(tx, "help", member.id.hex, message.inbound_id, message.now, HELP_AGAIN_WITHIN)
    helper = _who_helps(tx, message) if asked is not None else None
    if helper is None:
        return plain_answer(message, judged, programme)
    text = say.text(programme, "help_call", helper.language, chw=member.code, phone=national(message.phone))
    send_word(tx, helper, text, programme, message.now, once=f"help:{member.id.hex}:{asked}", lasts=NEWS_LASTS)
    return say.text(programme, "help_coming", message.language, phone=national(helper.phone))


def _who_helps(tx: Tx, message: Message) -> Recipient | None:
    supervisor = supervisor_of(tx, message.member.id)
    if supervisor is not None:
        return supervisor
    return next((lead for lead in leads_of(tx, message.member.site_id) if lead.staff_id != message.member.id), None)


# ---------------------------------------------------------------- ECOLE, FIN


def exercise(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Begin or end an exercise."""
    if judged.part.answers.get("end"):
        ended = training.end(tx, message.member, message.now)
        return say.text(programme, "training_ended" if ended else "training_off", message.language)
    training.begin(tx, message.member, message.inbound_id, message.now)
    return say.text(
        programme,
        "training_begun",
        message.language,
        child=training.GIRL.code,
        woman=training.WOMAN.code,
        household=training.HOUSEHOLD.code,
    )


# ---------------------------------------------------------------- SUP ASC07 TERRAIN


def supervision(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Which of the four steps of supervision was done with which CHW."""
    answers, member = judged.verdict.answers, message.member
    if judged.verdict.outcome is not Outcome.ACCEPT:
        return answer_back(tx, message, judged, programme)
    chw_id = colleague(tx, member.site_id, str(answers["chw"]))
    if chw_id is None or not _is_of_team(tx, message, chw_id):
        return answer_back(tx, message, asking(judged, "chw_unknown", str(answers["chw"])), programme)
    file_part(tx, message, judged, programme, None)
    return say.text(
        programme,
        "supervision_done",
        message.language,
        chw=_code_of(tx, chw_id),
        steps=say.understood(programme, {"steps": answers["steps"]}, message.language),
        day=say.shown_day(str(answers.get("date") or message.today.isoformat())),
    )


def _is_of_team(tx: Tx, message: Message, chw_id: UUID) -> bool:
    """A supervisor's own CHWs; those of the site for a lead or an administrator."""
    if message.member.role is not Role.SUPERVISOR:
        return True
    own = select(staff.c.id).where(staff.c.id == chw_id, staff.c.supervisor_id == message.member.id)
    return tx.run(own).first() is not None


def _code_of(tx: Tx, staff_id: UUID) -> Any:
    return tx.run(select(staff.c.code).where(staff.c.id == staff_id)).scalar_one()
