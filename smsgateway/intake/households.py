"""What follows from a report about a household? A visit is counted, a household or a person gets a code."""

from __future__ import annotations

from smsgateway.care import changes, followups, moves, wording
from smsgateway.care.beginnings import registered
from smsgateway.care.families import family_of
from smsgateway.care.people import Located
from smsgateway.care.register import register_household, register_patient
from smsgateway.care.reminders import End
from smsgateway.care.schedules import schedules_of
from smsgateway.intake.care_reports import alert, report_care
from smsgateway.intake.filing import Filed, answer_back, asking, file_or_correct, file_part
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Code, CodeFacts, CodeState, Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import households, patients
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown


def visit(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """One report a household; a code that failed is asked back and costs the others nothing."""
    found = [place for place in judged.places if place.household_id is not None]
    filed: Filed | None = None
    for item, place in enumerate(found):
        filed = file_or_correct(tx, message, judged, programme, place, item)
        if judged.verdict.answers.get("moved") and place.household_id is not None:
            for person in moves.members_of(tx, place.household_id):
                followups.person_gone(tx, person, message.now, End.MOVED, report_id=filed.report_id)
                moves.left(tx, person, message.today, filed.report_id, message.now)
    if judged.verdict.outcome is Outcome.ALERT:
        if filed is None:
            return report_care(tx, message, judged, programme)
        return alert(tx, message, judged, filed.report_id, programme)
    return answer_back(tx, message, judged, programme)


def family(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Codes, sex and age of those who live in a household, without a name; only in the sender's own catchments."""
    place, language = judged.place, message.language
    if judged.verdict.outcome is not Outcome.ACCEPT or place is None or place.household_id is None:
        return answer_back(tx, message, judged, programme)
    code = say.shown_code(judged.verdict.subject)
    own = {catchment.id for catchment in message.member.catchments}
    if place.catchment is None or place.catchment.id not in own:
        return say.text(programme, "family_elsewhere", language, code=code)
    members = [
        f"{shown(each.code)} {say.sex_and_age(programme, each.person, language)}"
        for each in family_of(tx, place.household_id, message.today)
    ]
    return say.text(programme, "family_members" if members else "family_empty", language, code=code, members=members)


def new_household(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Give a household its code, in the catchment that was named: of several none is guessed."""
    answers, own = judged.verdict.answers, message.member.catchments
    if judged.verdict.outcome is not Outcome.ACCEPT or not own:
        return answer_back(tx, message, judged, programme)
    named = answers.get("catchment")
    catchment = message.own_numbered(str(named)) if named else own[0] if len(own) == 1 else None
    if catchment is None:
        which = " / ".join(each.number for each in own)
        return answer_back(tx, message, asking(judged, "which_area", which, filed=False), programme)
    household_id, code = register_household(
        tx, catchment, answers.get("people"), None, bool(answers.get("consent")), message.now
    )
    place = Located(CodeFacts(Code(code), CodeState.FOUND), catchment, household_id=household_id)
    report_id = file_part(tx, message, judged, programme, place)
    changes.added(tx, households, household_id, catchment.site_id, report_id, message.now)
    return wording.registered(programme, message.language, judged.verdict, message.new_code(catchment, code))


def new_patient(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Give a person of a household a code."""
    household = judged.place
    if (
        judged.verdict.outcome is not Outcome.ACCEPT
        or household is None
        or household.household_id is None
        or household.catchment is None
    ):
        return answer_back(tx, message, judged, programme)
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
    report_id = file_part(tx, message, judged, programme, place)
    changes.added(tx, patients, patient_id, household.catchment.site_id, report_id, message.now)
    registered(tx, patient_id, schedules_of(programme), message.now)
    return wording.registered(programme, message.language, judged.verdict, message.new_code(household.catchment, code))
