"""What follows from a report about a household? A visit is counted, a household or a person gets a code."""

from __future__ import annotations

from smsgateway.care import wording
from smsgateway.care.people import Located
from smsgateway.care.register import register_household, register_patient
from smsgateway.intake.filing import file_part, plain_answer
from smsgateway.intake.message import Judged, Message
from smsgateway.reading.models import Code, CodeFacts, CodeState, Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx


def visit(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """One report a household; a code that failed is asked back and costs the others nothing."""
    found = [place for place in judged.places if place.household_id is not None]
    for item, place in enumerate(found):
        file_part(tx, message, judged, programme, place, item)
    return plain_answer(message, judged, programme)


def new_household(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Give a household its code."""
    catchment = message.own_catchment
    if judged.verdict.outcome is not Outcome.ACCEPT or catchment is None:
        return plain_answer(message, judged, programme)
    answers = judged.verdict.answers
    household_id, code = register_household(
        tx, catchment, answers.get("people"), None, bool(answers.get("consent")), message.now
    )
    place = Located(CodeFacts(Code(code), CodeState.FOUND), catchment, household_id=household_id)
    file_part(tx, message, judged, programme, place)
    return wording.registered(programme, message.language, judged.verdict, code)


def new_patient(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Give a person of a household a code."""
    household = judged.place
    if (
        judged.verdict.outcome is not Outcome.ACCEPT
        or household is None
        or household.household_id is None
        or household.catchment is None
    ):
        return plain_answer(message, judged, programme)
    age = judged.verdict.person.age if judged.verdict.person else None
    patient_id, code = register_patient(
        tx,
        household.catchment,
        household.household_id,
        judged.verdict.answers.get("sex"),
        age,
        message.today,
        message.now,
    )
    place = Located(household.facts, household.catchment, patient_id, household.household_id)
    file_part(tx, message, judged, programme, place)
    return wording.registered(programme, message.language, judged.verdict, code)
