"""Whose death is reported when only the referral's code is written? `DECEDE K7` and `DEC K7` from the CHW who sent the
person are the report of that person's death, so that it is filed, answered and taken back like every other.

Of somebody without a code of their own the referral ends, and there is nothing to file.
"""

from __future__ import annotations

from dataclasses import replace

from smsgateway.care.answers import meant_by
from smsgateway.care.families import Relative, relative
from smsgateway.care.people import Member
from smsgateway.intake.message import Message
from smsgateway.reading.models import Code, Part, Role
from smsgateway.reading.programme import Programme
from smsgateway.reading.sms import read
from smsgateway.store.write import Tx

DEATH, OUTCOME = "death", "outcome"


def with_the_dead_named(tx: Tx, message: Message, programme: Programme) -> Message:
    """The message with the person's own code wherever a death was told by a referral's."""
    parts = message.reading.parts
    if message.member.role is not Role.CHW or not any(map(_tells_by_referral, parts)):
        return message
    named = tuple(_named(tx, message, part, programme) if _tells_by_referral(part) else part for part in parts)
    return replace(message, reading=replace(message.reading, parts=named))


def _tells_by_referral(part: Part) -> bool:
    if part.referral is None or part.codes:
        return False
    return part.flow == DEATH or (part.flow == OUTCOME and part.answers.get("outcome") == "died")


def _named(tx: Tx, message: Message, part: Part, programme: Programme) -> Part:
    referral = meant_by(tx, message.member, part.referral or "")
    person = relative(tx, referral.patient_id, message.today) if referral and referral.patient_id else None
    if person is None:
        return replace(part, flow=OUTCOME, answers={"outcome": "died"}, unclear=(), questions=())
    told = part if part.flow == DEATH else _reported(part, programme)
    # What else was written and could not be read takes nothing from what could: who died is certain.
    return replace(
        told,
        flow=DEATH,
        codes=(_code_of(person, message.member),),
        referral=part.referral,
        answers={name: value for name, value in told.answers.items() if name != OUTCOME},
        text=part.text,
        unclear=(),
        questions=(),
    )


def _reported(part: Part, programme: Programme) -> Part:
    """When and where, if it was said: the words of the answer as those of a report."""
    keyword = programme.flows[DEATH].taught("fr")
    (first, *_) = read(f"{keyword} {part.text}", Role.CHW, programme).parts
    return first if first.flow == DEATH else Part(DEATH)


def _code_of(person: Relative, member: Member) -> Code:
    """The person's code as this CHW writes it."""
    own = [catchment.number for catchment in member.catchments]
    return Code(person.code, None if own == [person.person.catchment] else person.person.catchment)
