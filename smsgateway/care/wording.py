"""What do the people around a referral read? Their messages, worded from what was kept of the report, in the language
of each. Only words of the programme's lists leave here: no name, and nothing that could not be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from smsgateway.care.corrections import Merged
from smsgateway.care.people import Located, Recipient
from smsgateway.reading import say
from smsgateway.reading.lexicon import Kind
from smsgateway.reading.models import Age, CodeState, Outcome, Part, Person, Role, Verdict
from smsgateway.reading.programme import Programme
from smsgateway.text.codes import shown_full
from smsgateway.text.gsm7 import fits
from smsgateway.text.phones import national
from smsgateway.text.spelling import normalise

_QUOTED = frozenset(
    {
        *(Kind.SIGN, Kind.ASKED_BACK, Kind.SYMPTOM, Kind.MEASURE, Kind.COLOUR, Kind.TEST, Kind.RESULT),
        *(Kind.TREATMENT, Kind.OUTCOME, Kind.CIRCUMSTANCE, Kind.NEGATION, Kind.ASK, Kind.KEYWORD),
    }
)
_WORDS_AND_NUMBERS = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)?")
_SMALL_NUMBER = re.compile(r"\d{1,3}(?:[.,]\d)?")


# ---------------------------------------------------------------- what is kept of a report


def brief(programme: Programme, verdict: Verdict, place: Located | None, phone: str) -> dict[str, Any]:
    """What later messages about this report need, ready for JSON."""
    person = verdict.person
    return {
        "code": _full_code(verdict, place),
        "sex": person.sex if person else None,
        "age": [person.age.youngest, person.age.oldest] if person and person.age else None,
        "village": person.village if person else None,
        "danger": list(verdict.danger),
        "signs": list(verdict.part.signs),
        "answers": dict(verdict.answers),
        "quote": quotable(programme, verdict.part.text),
        "phone": national(phone),
    }


def _full_code(verdict: Verdict, place: Located | None) -> str:
    """The code as it is written at the clinic, with its catchment: "07-4177"."""
    if place is None or place.catchment is None or verdict.subject is None:
        return ""
    if place.facts.state is CodeState.MOVED and place.facts.now:
        return place.facts.now
    return shown_full(place.catchment.number, place.facts.code.digits)


def quotable(programme: Programme, text: str) -> str:
    """The words of the lists among what was written, as they were written, with the numbers behind them ("PB 11,2"):
    names, codes, phone numbers and what could not be read stay with the sender."""
    kept: list[str] = []
    measured = False  # whether the word before may have a number: a keyword has a code behind it
    for token in _WORDS_AND_NUMBERS.findall(normalise(text[:400])):
        kinds = {word.kind for word in programme.lexicon.meanings(token)}
        if kinds & _QUOTED or (measured and _SMALL_NUMBER.fullmatch(token)):
            kept.append(token)
        measured = bool(kinds & _QUOTED) and Kind.KEYWORD not in kinds
    return " ".join(kept[:12])


def verdict_of(kept: Mapping[str, Any]) -> Verdict:
    """The judged report, as far as messages need it, from what was kept."""
    age = kept.get("age")
    person = Person(sex=kept.get("sex"), age=Age(*age) if age else None, village=kept.get("village"))
    part = Part(flow=None, signs=tuple(kept.get("signs", ())), text=kept.get("quote", ""))
    return Verdict(part, Outcome.ALERT, kept.get("answers", {}), danger=tuple(kept.get("danger", ())), person=person)


# ---------------------------------------------------------------- about a referral


def referral_alert(
    programme: Programme, language: str, referral: str, kept: Mapping[str, Any], certain: bool, *, again: bool = False
) -> str:
    """The message to whoever must act: `URGENT K7: …`, or `URGENT? …` when the report was not clear."""
    body = say.referral_text(
        programme,
        verdict_of(kept),
        language,
        referral=referral,
        code=kept.get("code", ""),
        chw_phone=kept.get("phone", ""),
        village=kept.get("village"),
        unsure=not certain,
        again=again,
    )
    marked = f"{body}. {say.text(programme, 'unfinished', language)}" if kept.get("unfinished") else body
    return marked if fits(marked) else body


def referral_news(programme: Programme, language: str, event: str, referral: str, kept: Mapping[str, Any]) -> str:
    """What became of the person, for the CHW who sent them or the supervisor."""
    who = say.who(programme, verdict_of(kept).person, language)
    code = kept.get("code") or None
    return say.text(
        programme, f"news_{event}", language, referral=referral, who=who, code=code, phone=kept.get("phone")
    )


def which_referral(programme: Programme, language: str, open_codes: Sequence[str]) -> str:
    """Asked back when an answer named no code and it could be several, or none."""
    if not open_codes:
        return say.text(programme, "no_open_referral", language)
    return say.text(programme, "which_of_open", language, codes=list(open_codes[:6]))


def no_such_referral(programme: Programme, language: str, code: str) -> str:
    return say.text(programme, "referral_unknown", language, referral=code)


def answer_noted(programme: Programme, language: str, verdict: Verdict, referral: str, *, moved: bool) -> str:
    """The confirmation to whoever answered: what was noted, of which referral, or that it was known already."""
    if not moved:
        return say.text(programme, "noted_before", language, referral=referral)
    return say.text(programme, verdict.part.flow or "received", language, referral=referral)


# ---------------------------------------------------------------- answers to reports


def report_answer(
    programme: Programme,
    verdict: Verdict,
    language: str,
    role: Role,
    places: Sequence[Located] = (),
    advice: str | None = None,
) -> str:
    """What the sender of a report gets back when nobody was alerted."""
    answer = say.reply_text(programme, verdict, language, role=role, near=_near(places), advice=advice)
    return _with_new_codes(programme, language, answer, places)


def alert_answer(
    programme: Programme,
    verdict: Verdict,
    language: str,
    role: Role,
    referral: str,
    told: str | None,
    places: Sequence[Located] = (),
) -> str:
    """What the CHW gets back at once when danger was read; `told` says who has the alert (see `who_was_told`)."""
    answer = say.reply_text(programme, verdict, language, role=role, referral=referral, told=told, near=_near(places))
    return _with_new_codes(programme, language, answer, places)


def who_was_told(programme: Programme, language: str, person: Recipient | None) -> str:
    """Whom the sender may call: the clinic, or whoever was told instead."""
    if person is None:
        return say.who_was_told(programme, language, None, None)
    return say.who_was_told(programme, language, person.role, national(person.phone))


def _with_new_codes(programme: Programme, language: str, answer: str, places: Sequence[Located]) -> str:
    """The answer to a report under an old code says the new one, however long that makes it: two segments at most."""
    for place in places:
        if place.facts.state is CodeState.MOVED and place.facts.now:
            old = say.shown_code(str(place.facts.code))
            longer = f"{answer} {say.text(programme, 'code_is_now', language, old=old, now=place.facts.now)}"
            answer = longer if fits(longer, 2) else answer
    return answer


def corrected(programme: Programme, language: str, verdict: Verdict, merged: Merged, referral: str | None) -> str:
    """What a correction changed, and what stood there before; `referral`: one that stays open all the same."""
    key = ("corrected" if merged.before else "completed") if merged.changed else "same_again"
    return say.text(
        programme,
        key,
        language,
        who=say.who(programme, verdict.person, language),
        code=say.shown_code(verdict.subject),
        said=say.understood(programme, merged.changed, language),
        before=say.understood(programme, merged.before, language),
        corrected=[correction.read for correction in verdict.part.corrected[:2]],
        referral=referral,
    )


def _near(places: Sequence[Located]) -> dict[str, Sequence[str]]:
    return {str(place.facts.code): place.facts.near for place in places if place.facts.near}


def registered(programme: Programme, language: str, verdict: Verdict, code: str) -> str:
    """The new code, to be written down."""
    who = say.who(programme, verdict.person, language) or None
    return say.text(
        programme,
        f"{verdict.part.flow}_done",
        language,
        code=say.shown_code(code),
        who=who,
        people=verdict.answers.get("people"),
    )


def not_ready(programme: Programme, language: str, keyword: str) -> str:
    """A flow that the programme describes and the service cannot file yet."""
    return say.text(programme, "not_ready", language, keyword=keyword)


def joined(answers: Sequence[str | None]) -> str | None:
    """The answers to several reports of one message as one SMS, at most two segments; what does not fit is cut by
    whole answers, the first (which the message began with) last."""
    said = [answer for answer in answers if answer]
    if not said:
        return None
    text = said[0]
    for answer in said[1:]:
        longer = f"{text}\n{answer}"
        if fits(longer, 2):
            text = longer
    return text


# ---------------------------------------------------------------- strangers, and what is not there yet


def stranger(programme: Programme, language: str, *, alerted: bool) -> str:
    return say.text(programme, "alerted_unknown" if alerted else "rejected_unknown", language)


def stranger_alert(programme: Programme, language: str, danger: Sequence[str], phone: str) -> str:
    """For the site lead: somebody unknown wrote of danger; the number to call, whole, since nobody else has it."""
    return say.text(programme, "stranger_alert", language, signs=say.signs(programme, danger, language), phone=phone)


def ussd_soon(programme: Programme, language: str) -> str:
    return say.text(programme, "ussd_soon", language)
