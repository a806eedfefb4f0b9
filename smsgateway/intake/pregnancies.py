"""What follows from a pregnancy? The register knows who is pregnant, since when and when it ended, with the report that
says so, in its transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from smsgateway.care import changes, pregnancies, wording
from smsgateway.care.families import Relative, family_of, may_bear_children
from smsgateway.care.people import Located
from smsgateway.care.register import register_patient
from smsgateway.intake.care_reports import Handled, handle, report_care
from smsgateway.intake.filing import asking
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Age, Code, CodeFacts, CodeState, Outcome, Person
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import patients
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown

TERM = timedelta(days=280)  # from the last period


def pregnancy(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """A pregnancy begins, is dated anew, or ended too early. With a household's code: of which woman?"""
    place = judged.place
    if place is None:
        return report_care(tx, message, judged, programme)
    if place.patient_id is None:
        return _pregnancy_in(tx, message, judged, programme, place)
    if not is_woman(judged):
        return report_care(tx, message, not_a_woman(judged), programme)
    return _pregnancy_of(tx, message, judged, programme, place).answer


def _pregnancy_of(tx: Tx, message: Message, judged: Judged, programme: Programme, place: Located) -> Handled:
    answers, woman_id = judged.verdict.answers, place.patient_id
    assert woman_id is not None
    if answers.get("miscarriage"):
        return handle(
            tx,
            message,
            judged,
            programme,
            lambda filed: pregnancies.lost(tx, woman_id, message.today, filed.report_id, message.now),
        )
    began = pregnancies.last_period(answers, message.today)
    if began is None:
        is_dated = any(name in answers for name in ("lmp", "gestation_weeks", "gestation_months"))
        about = say.shown_day(str(answers["lmp"])) if "lmp" in answers else ""
        return handle(tx, message, asking(judged, "date", about) if is_dated else judged, programme)
    dated: pregnancies.Interval = began
    handled = handle(
        tx,
        message,
        judged,
        programme,
        lambda filed: pregnancies.begun(tx, woman_id, dated, filed.report_id, message.now),
    )
    if judged.verdict.outcome is Outcome.ACCEPT and not handled.filed.amends:
        term = say.shown_day((began.first + TERM).isoformat())
        advice = say.text(programme, "term_expected", message.language, day=term)
        return replace(handled, answer=_with_advice(message, judged, programme, advice))
    return handled


def _pregnancy_in(tx: Tx, message: Message, judged: Judged, programme: Programme, home: Located) -> str | None:
    """`GRO 123 DDR 15/08`: a woman of this household. One who is not registered is registered with it."""
    verdict = judged.verdict
    assert home.household_id is not None
    women = [each for each in family_of(tx, home.household_id, message.today) if _may_be_meant(each, judged)]
    is_new = not women or message.said_no or "age_days" in verdict.answers
    if not is_new or home.catchment is None:
        return report_care(tx, message, _which_woman(judged, women), programme)
    if verdict.outcome is Outcome.ASK or verdict.answers.get("miscarriage"):
        return report_care(tx, message, judged, programme)
    age = Age(*verdict.answers["age_days"]) if "age_days" in verdict.answers else None
    woman_id, code = register_patient(tx, home.catchment, home.household_id, "F", age, message.today, message.now)
    person = Person(
        code=shown(code), catchment=home.catchment.number, sex="F", age=age, pregnant=True, village=_village(home)
    )
    place = Located(CodeFacts(Code(code), CodeState.FOUND, person), home.catchment, woman_id, home.household_id)
    hers = Judged(judged.number, replace(verdict, subject=code, person=person), (place,))
    handled = _pregnancy_of(tx, message, hers, programme, place)
    changes.added(tx, patients, woman_id, home.catchment.site_id, handled.filed.report_id, message.now)
    if hers.verdict.outcome is Outcome.ALERT:
        return handled.answer
    return say.text(
        programme,
        "pregnancy_registered",
        message.language,
        who=say.who(programme, person, message.language),
        code=message.new_code(home.catchment, code),
        said=say.understood(programme, verdict.answers, message.language),
    )


def _may_be_meant(relative: Relative, judged: Judged) -> bool:
    if relative.person.sex != "F" or not relative.may_bear_children:
        return False
    return relative.person.pregnant or not judged.verdict.answers.get("miscarriage")


def _which_woman(judged: Judged, women: Sequence[Relative]) -> Judged:
    """Ask, with the codes of those it can be."""
    codes = tuple(shown(each.code) for each in women)
    places = tuple(replace(place, facts=replace(place.facts, near=codes)) for place in judged.places)
    about = str(judged.places[0].facts.code)
    return replace(asking(judged, "which_woman", about, filed=False), places=places)


def _village(home: Located) -> str | None:
    return home.facts.person.village if home.facts.person else None


def antenatal(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """A contact during pregnancy; of somebody who is not known to be pregnant we say so."""
    if judged.place is not None and not is_woman(judged):
        return report_care(tx, message, not_a_woman(judged), programme)
    handled = handle(tx, message, judged, programme)
    person = judged.verdict.person
    if judged.verdict.outcome is Outcome.ACCEPT and person and not person.pregnant and not handled.filed.amends:
        code = say.shown_code(judged.verdict.subject)
        advice = say.text(programme, "pregnancy_unknown", message.language, code=code)
        return _with_advice(message, judged, programme, advice)
    return handled.answer


def is_woman(judged: Judged) -> bool:
    place = judged.place
    return place is None or place.facts.person is None or may_bear_children(place.facts.person)


def not_a_woman(judged: Judged) -> Judged:
    return asking(judged, "not_a_woman", say.shown_code(judged.verdict.subject), filed=False)


def _with_advice(message: Message, judged: Judged, programme: Programme, advice: str) -> str:
    return wording.report_answer(
        programme, judged.verdict, message.language, message.member.role, judged.places, advice=advice
    )
