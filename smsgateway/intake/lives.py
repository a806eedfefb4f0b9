"""What follows from a pregnancy, a birth, a death? The register changes with the report, in its transaction: who is
pregnant, who was born to whom, of whom nobody must be reminded any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from smsgateway.care import births, changes, deaths, moves, pregnancies, wording
from smsgateway.care.births import Baby, Birth, Newborn
from smsgateway.care.families import Relative, family_of, may_bear_children
from smsgateway.care.people import Located
from smsgateway.care.register import register_patient
from smsgateway.care.schedules import schedules_of
from smsgateway.intake.care_reports import Handled, handle, report_care
from smsgateway.intake.filing import Filed, asking
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Age, Code, CodeFacts, CodeState, Outcome, Person
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import patients
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown, shown_full

TERM = timedelta(days=280)  # from the last period
LATEST_WITHOUT_YEAR = timedelta(days=180)  # 22/12 said in November is rather a slip than last year's
NEWBORN_ALONE = "newborn"
AFTER_BIRTH = "postpartum"


# ---------------------------------------------------------------- GRO, CPN


def pregnancy(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """A pregnancy begins, is dated anew, or ended too early. With a household's code: of which woman?"""
    place = judged.place
    if place is None:
        return report_care(tx, message, judged, programme)
    if place.patient_id is None:
        return _pregnancy_in(tx, message, judged, programme, place)
    if not _is_woman(judged):
        return report_care(tx, message, _not_a_woman(judged), programme)
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
    if judged.place is not None and not _is_woman(judged):
        return report_care(tx, message, _not_a_woman(judged), programme)
    handled = handle(tx, message, judged, programme)
    person = judged.verdict.person
    if judged.verdict.outcome is Outcome.ACCEPT and person and not person.pregnant and not handled.filed.amends:
        code = say.shown_code(judged.verdict.subject)
        advice = say.text(programme, "pregnancy_unknown", message.language, code=code)
        return _with_advice(message, judged, programme, advice)
    return handled.answer


def _is_woman(judged: Judged) -> bool:
    place = judged.place
    return place is None or place.facts.person is None or may_bear_children(place.facts.person)


def _not_a_woman(judged: Judged) -> Judged:
    return asking(judged, "not_a_woman", say.shown_code(judged.verdict.subject), filed=False)


def _with_advice(message: Message, judged: Judged, programme: Programme, advice: str) -> str:
    return wording.report_answer(
        programme, judged.verdict, message.language, message.member.role, judged.places, advice=advice
    )


# ---------------------------------------------------------------- NAI


def birth(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """The newborn enter the register with their mother's report, and she is a woman after birth from now on."""
    place, verdict = judged.place, judged.verdict
    if place is None or place.patient_id is None or place.household_id is None or place.catchment is None:
        return report_care(tx, message, judged, programme)
    if not _is_woman(judged):
        return report_care(tx, message, _not_a_woman(judged), programme)
    on = _day(judged, message.today)
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


# ---------------------------------------------------------------- DEC, and SUIVI 4177 DCD


def death(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Nobody is reminded of the person any more; who must ask the family how it came is told."""
    place, verdict = judged.place, judged.verdict
    person = place.facts.person if place else None
    if place is None or place.patient_id is None or person is None or verdict.outcome is not Outcome.ACCEPT:
        return report_care(tx, message, judged, programme)
    on = _day(judged, message.today)
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


def _day(judged: Judged, today: date) -> date | None:
    """The day a report says, or the day it was sent; None when the day it says is still to come, or half a year away
    from any that can be meant."""
    said = judged.verdict.answers.get("date")
    if not said:
        return today
    day = pregnancies.past_day(str(said), today)
    is_guess = day is not None and len(str(said)) <= 5 and today - day > LATEST_WITHOUT_YEAR
    return None if is_guess else day
