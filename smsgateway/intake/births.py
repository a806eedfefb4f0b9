"""What follows from a birth? The newborn enter the register with the report, and their mother has given birth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from smsgateway.care import births, pregnancies, wording
from smsgateway.care.births import Baby, Birth, Newborn
from smsgateway.care.people import Located
from smsgateway.care.schedules import schedules_of
from smsgateway.intake.care_reports import handle, report_care
from smsgateway.intake.dates import day_said
from smsgateway.intake.filing import Filed, asking
from smsgateway.intake.message import Judged, Message
from smsgateway.intake.pregnancies import is_woman, not_a_woman
from smsgateway.reading import say
from smsgateway.reading.models import Age, Code, CodeFacts, CodeState, Outcome, Person
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown

NEWBORN_ALONE = "newborn"
AFTER_BIRTH = "postpartum"


def birth(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """The newborn enter the register with their mother's report, and she is a woman after birth from now on."""
    place, verdict = judged.place, judged.verdict
    if place is None or place.patient_id is None or place.household_id is None or place.catchment is None:
        return report_care(tx, message, judged, programme)
    if not is_woman(judged):
        return report_care(tx, message, not_a_woman(judged), programme)
    on = day_said(judged, message.today)
    if on is None:
        return report_care(tx, message, asking(judged, "date", say.shown_day(verdict.answers["date"])), programme)
    babies = births.babies_of(verdict.answers)
    known = births.newborns_of(tx, place.patient_id, on - births.SAME_BIRTH_WITHIN)
    question = _question_about(judged, babies, known)
    if question is not None:
        judged = asking(judged, question)
    if judged.verdict.outcome is Outcome.ASK or not babies:
        return report_care(tx, message, judged, programme)
    return _born(tx, message, judged, programme, place, on, babies, known)


def _question_about(judged: Judged, babies: Sequence[Baby], known: Sequence[Newborn]) -> str | None:
    """What must be asked of twins, or of a birth that was reported before."""
    alive = [baby for baby in babies if not baby.stillborn]
    if judged.verdict.answers.get("twins"):
        return "twins" if len(babies) < 2 and not known else None
    if len(alive) == len(known) == 1 and alive[0].sex not in (None, known[0].sex):
        return "second_baby"
    return "second_baby" if known and len(alive) < len(known) else None


def _born(
    tx: Tx,
    message: Message,
    judged: Judged,
    programme: Programme,
    place: Located,
    on: date,
    babies: Sequence[Baby],
    known: Sequence[Newborn],
) -> str | None:
    assert place.patient_id
    assert place.household_id
    assert place.catchment
    mother_id, household_id, catchment = place.patient_id, place.household_id, place.catchment
    is_second_twin = bool(judged.verdict.answers.get("twins")) and len(babies) == 1
    registered: list[Newborn] = []

    def effects(filed: Filed) -> Judged | None:
        pregnancies.delivered(tx, mother_id, on, filed.report_id, message.now)
        born = Birth(mother_id, household_id, catchment, on, filed.report_id)
        standing = () if is_second_twin else known
        registered.extend(births.register(tx, born, babies, standing, schedules_of(programme), message.now))
        return _about_newborn(judged, registered, place, on, message.today, programme)

    handled = handle(tx, message, judged, programme, effects)
    alive = [baby for baby in babies if not baby.stillborn]
    words = [
        _baby_words(programme, message.language, each, baby, message.new_code(catchment, each.code))
        for each, baby in zip(registered, alive, strict=True)
    ]
    told = {name: value for name, value in judged.verdict.answers.items() if name not in births.OF_A_BABY}
    noted = say.text(
        programme,
        "birth_done" if registered else "stillbirth_done",
        message.language,
        babies=words,
        mother=say.shown_code(judged.verdict.subject),
        said=say.understood(programme, told, message.language),
    )
    if judged.verdict.outcome is Outcome.ALERT:
        return wording.joined([handled.answer, noted])
    return noted


def _about_newborn(
    judged: Judged, born: Sequence[Newborn], place: Located, on: date, today: date, programme: Programme
) -> Judged | None:
    """The alert of a newborn's danger is about the newborn: of signs that no mother has, where one child was born."""
    signs = [programme.signs[sign].urgency for sign in judged.verdict.danger]
    if len(born) != 1 or place.catchment is None or not signs:
        return None
    if any(AFTER_BIRTH in groups or NEWBORN_ALONE not in groups for groups in signs):
        return None
    days, mother = (today - on).days, place.facts.person
    person = Person(
        code=shown(born[0].code),
        catchment=place.catchment.number,
        sex=born[0].sex,
        age=Age(days, days),
        village=mother.village if mother else None,
    )
    newborn = Located(
        CodeFacts(Code(born[0].code), CodeState.FOUND, person), place.catchment, born[0].id, place.household_id
    )
    return Judged(judged.number, replace(judged.verdict, subject=born[0].code, person=person), (newborn,))


def _baby_words(programme: Programme, language: str, newborn: Newborn, baby: Baby, code: str) -> str:
    word = {"F": "word_girl", "M": "word_boy"}.get(newborn.sex or "", "word_newborn")
    weight = f" {baby.weight_kg:g} kg" if baby.weight_kg else ""
    return f"{say.text(programme, word, language)} {code}{weight}"
