"""What is done about an answer? RECU, ARRIVE, ABSENT, an outcome, PARTI, REFUS, TRANSPORT move the referral they are
about; GARDE and RELEVE say who is on duty.

The code says which referral. Without one there must be only one it can be: a guess would silence another's ladder.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smsgateway.care import calls, wording
from smsgateway.care.answers import Answered, answer, meant_by, open_for
from smsgateway.care.duty import on_duty_now, take_or_leave
from smsgateway.care.history import Referral
from smsgateway.care.rungs import ladders_of
from smsgateway.care.states import OPEN, Answer, Event, State, of_outcome
from smsgateway.intake.filing import plain_answer
from smsgateway.intake.message import Applier, Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Outcome, Role
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx
from smsgateway.text.phones import national

_EVENTS: Mapping[str, Event] = MappingProxyType(
    {
        "received": Event.RECEIVED,
        "arrived": Event.ARRIVED,
        "absent": Event.ABSENT,
        "left": Event.LEFT,
        "refused": Event.REFUSED,
        "no_transport": Event.NO_TRANSPORT,
        "outcome": Event.OUTCOME,
    }
)


def answer_referral(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Find the referral that is meant, apply the answer, say what was noted."""
    if judged.verdict.outcome is not Outcome.ACCEPT:
        return plain_answer(message, judged, programme)
    code, said = judged.part.referral, _said(message, judged, programme)
    if code is not None:
        meant = meant_by(tx, message.member, code)
        if meant is None:
            return wording.no_such_referral(programme, message.language, code)
    else:
        candidates = open_for(tx, message.member, said.event)
        if len(candidates) != 1:
            return wording.which_referral(programme, message.language, [_shown(each) for each in candidates])
        meant = candidates[0]
    answered = answer(tx, meant.id, said, message.member, message.inbound_id, programme, message.now)
    return _noted(programme, message, judged, said, answered)


def _said(message: Message, judged: Judged, programme: Programme) -> Answer:
    flow, answers = judged.part.flow or "", judged.verdict.answers
    if flow != "outcome":
        return Answer(_EVENTS[flow])
    outcome = str(answers.get("outcome") or "recovered")
    words = calls.passed_on(programme, ladders_of(programme).counter_referral, judged.part.text, outcome)
    days = answers.get("follow_up_days")
    return of_outcome(outcome, words, days if isinstance(days, int) else None)


def _shown(referral: Referral) -> str:
    code = referral.brief.get("code")
    return f"{referral.code} ({code})" if code else referral.code


def _noted(programme: Programme, message: Message, judged: Judged, said: Answer, answered: Answered) -> str:
    """What the sender reads: what was noted of which referral, that it was known, or that it came too late."""
    code, language = answered.referral.code, message.language
    if not answered.noted:
        over = answered.referral.state not in OPEN and said.outcome is None
        return say.text(programme, "noted_too_late" if over else "noted_before", language, referral=code)
    if said.event in (Event.OUTCOME, Event.TRANSFERRED, Event.DIED) or (
        said.event is Event.REFUSED and message.member.role is Role.NURSE
    ):
        return say.text(
            programme,
            "noted_outcome",
            language,
            referral=code,
            outcome=calls.outcome_word(programme, said.outcome or "", language),
            words=said.words,
            days=said.follow_up_days,
        )
    if said.event in (Event.LEFT, Event.REFUSED, Event.NO_TRANSPORT):
        return say.text(programme, f"noted_{said.event.value}", language, referral=code)
    return wording.answer_noted(programme, language, judged.verdict, code, moved=True)


def change_duty(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """GARDE: from now on alerts come to her first. RELEVE: they go to whoever is on duty besides her."""
    member = message.member
    on = judged.verdict.answers.get("on_duty")
    if judged.verdict.outcome is not Outcome.ACCEPT or not isinstance(on, bool) or member.facility_id is None:
        return plain_answer(message, judged, programme)
    take_or_leave(tx, member, on, message.now)
    if on:
        waiting = [each for each in open_for(tx, member, Event.RECEIVED) if each.state is State.OPENED]
        return say.text(programme, "duty_taken", message.language, codes=[_shown(each) for each in waiting])
    others = on_duty_now(tx, member.facility_id, ladders_of(programme).duty_lasts, message.now)
    if not others:
        return say.text(programme, "duty_left_to_nobody", message.language)
    return say.text(programme, "duty_left", message.language, phone=national(others[0].phone))


ANSWERS: Mapping[str, Applier] = MappingProxyType({**dict.fromkeys(_EVENTS, answer_referral), "duty": change_duty})
