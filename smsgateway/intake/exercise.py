"""What if the sender is practising? Reports on people who do not exist are answered as they would be, each answer
marked; nothing is filed and nobody told. A real code, a danger sign without a code, and URG are always real.
"""

from __future__ import annotations

from typing import Final

from smsgateway.care import corrections, training, wording
from smsgateway.care.people import Located
from smsgateway.intake.filing import plain_answer
from smsgateway.intake.judging import Places, judged_parts
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import CodeState, Outcome, Part, Role
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx
from smsgateway.text.codes import REFERRAL_LETTERS
from smsgateway.text.gsm7 import shorten

REFERRAL: Final = f"{REFERRAL_LETTERS[0]}0"  # no real referral has the number 0
_ALWAYS_REAL: Final = frozenset({"urgent", "help", "training", "language"})
_REGISTERING: Final = frozenset({"register_household", "register_patient"})


def practised(tx: Tx, message: Message, places: list[Places], programme: Programme) -> str | None:
    """The marked answer to a message of an exercise; None for everything that is real."""
    parts = message.reading.parts
    if message.member.role is not Role.CHW or any(_is_real(code) for some in places for code in some):
        return None
    if not all(_may_be_practised(part, programme) for part in parts):
        return None
    last = training.last_exercise(tx, message.member, message.now)
    if last is None:
        return None
    if parts[0].flow == "cancel":
        is_real = corrections.reported_since(tx, message.member.id, last[1], last[0])
        return None if is_real else say.text(programme, "exercise_cancelled", message.language)
    pupils = [tuple(training.pupil(code) or place for code, place in zip(part.codes, some, strict=True))
              for part, some in zip(parts, places, strict=True)]  # fmt: skip
    if any(place.facts.state is not CodeState.FOUND for some in pupils for place in some):
        return None
    training.exercised(tx, message.member, message.inbound_id, message.now)
    answers = [_answer(message, judged, programme) for judged in judged_parts(message, pupils, programme)]
    mark = say.text(programme, "exercise_mark", message.language)
    return shorten(f"{mark} {wording.joined(answers)}", 1 if len(answers) == 1 else 2)


def _is_real(place: Located) -> bool:
    return place.facts.state is not CodeState.FAILED


def _may_be_practised(part: Part, programme: Programme) -> bool:
    """A report that is not always real; without a code it must not be about anybody's health."""
    flow = programme.flows.get(part.flow or "")
    if flow is None or flow.name in _ALWAYS_REAL or flow.subject == "referral" or part.referral is not None:
        return False
    return bool(part.codes) or not (part.signs or part.negated or flow.danger)


def _answer(message: Message, judged: Judged, programme: Programme) -> str:
    """What a real report would be answered."""
    verdict, language = judged.verdict, message.language
    if verdict.outcome is Outcome.ALERT:
        return wording.alert_answer(programme, verdict, language, message.member.role, REFERRAL, None)
    if verdict.outcome is Outcome.ACCEPT and judged.part.flow in _REGISTERING:
        return wording.registered(programme, language, verdict, training.NEXT.code)
    return plain_answer(message, judged, programme)
