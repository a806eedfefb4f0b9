"""What do people read as a referral climbs? Each rung's words for whoever it tells, and how long it has waited.

Worded from what was kept of the report, in the language of each: no names, and nothing that could not be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from smsgateway.care.history import Referral
from smsgateway.care.people import Recipient
from smsgateway.care.timetable import Wait
from smsgateway.care.wording import verdict_of
from smsgateway.reading import say
from smsgateway.reading.lexicon import VOCABULARY, Kind
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme
from smsgateway.text.codes import parse_referral
from smsgateway.text.phones import national
from smsgateway.text.spelling import normalise

LONGEST_NUMBER = 4  # digits of a number that may be passed on: a dose, not a phone
MOST_WORDS = 20
_PASSED_ON = VOCABULARY | {Kind.DAY, Kind.UNIT, Kind.NUMBER, Kind.SEX, Kind.NEGATION, Kind.CONNECTOR}
_UNSAID = frozenset({Kind.NAME, Kind.ORDINARY})
_KEYS = {
    Wait.ARRIVAL: "ladder_no_arrival",
    Wait.OUTCOME: "ladder_no_outcome",
    Wait.NEWS: "ladder_transferred",
    Wait.END: "ladder_no_outcome",
}
_ASKED = {Role.CHW: "ladder_ask_arrival_reporter", Role.NURSE: "ladder_ask_arrival_nurse"}


def alert(
    programme: Programme,
    language: str,
    referral: Referral,
    *,
    waited: timedelta | None = None,
    again: bool = False,
    new: Sequence[str] = (),
    quote: str | None = None,
) -> str:
    """The alert to whoever must act. `waited`: nobody has answered for so long; `again`: another report came, with
    these `new` signs, or with words that were not clear (`quote`)."""
    verdict = verdict_of(referral.brief)
    answers = referral.brief.get("answers", {})
    unsure = not referral.certain or quote is not None
    heading = "word_urgent" if referral.urgent else "word_referral"
    return say.text(
        programme,
        "ladder_alert",
        language,
        again=say.text(programme, "again", language) if again else None,
        heading=say.text(programme, heading, language) + ("?" if unsure else ""),
        referral=referral.code,
        waited=length(programme, language, waited) if waited and waited >= timedelta(minutes=1) else None,
        who=_who(programme, language, referral) or say.text(programme, "word_child", language),
        code=referral.brief.get("code") or say.text(programme, "word_no_code", language),
        village=None if answers.get("miscarriage") else referral.brief.get("village"),
        new=say.signs(programme, new, language),
        signs=[sign for sign in say.shown_signs(programme, verdict, language) if sign not in
               say.signs(programme, new, language)],
        said=say.understood(programme, answers, language) if not referral.danger and not unsure else None,
        rdt=next((word for word in say.understood(programme, _only(answers, "rdt"), language)), None),
        given=say.understood(programme, _only(answers, "treatments"), language),
        quote=(quote or referral.brief.get("quote")) if unsure else None,
        phone=None if unsure else referral.brief.get("phone"),
        call=referral.brief.get("phone") if unsure else None,
    )  # fmt: skip


def rung_text(programme: Programme, person: Recipient, referral: Referral, wait: Wait, waited: timedelta) -> str:
    """What a rung says to one person: the alert again, or what is missing."""
    if wait is Wait.ANSWER:
        return alert(programme, person.language, referral, waited=waited)
    key = _ASKED.get(person.role, _KEYS[wait]) if wait is Wait.ARRIVAL else _KEYS[wait]
    return say.text(programme, key, person.language, **_about(programme, person.language, referral, waited))


def dont_wait(
    programme: Programme, language: str, referral: Referral, waited: timedelta, supervisor: str | None
) -> str:
    """To the CHW when the clinic is silent; `supervisor` is the phone of whoever is told now."""
    values = _about(programme, language, referral, waited) | {"phone": national(supervisor) if supervisor else None}
    return say.text(programme, "ladder_dont_wait", language, **values)


def news(
    programme: Programme,
    language: str,
    referral: Referral,
    key: str,
    *,
    outcome: str | None = None,
    words: str | None = None,
    phone: str | None = None,
) -> str:
    """What became of the person. `key` names the text, `outcome` is an outcome id, `words` are the nurse's, `phone`
    that of whom it is about, if not the CHW's."""
    values = _about(programme, language, referral, timedelta(0)) | {
        "outcome": outcome_word(programme, outcome, language) if outcome else None,
        "words": words,
    }
    if phone:
        values["phone"] = national(phone)
    return say.text(programme, f"news_{key}", language, **values)


def outcome_word(programme: Programme, outcome: str, language: str) -> str:
    """An outcome as it is texted."""
    words = programme.taught.get(outcome, {})
    return words.get(language) or words.get("fr") or outcome.upper()


def length(programme: Programme, language: str, waited: timedelta) -> str:
    """10 min, 4 h, 3 j: rounded down, from 90 minutes on in hours, from two days on in days."""
    minutes = int(waited.total_seconds() // 60)
    if minutes < 90:
        return say.text(programme, "ladder_minutes", language, n=minutes)
    if minutes < 48 * 60:
        return say.text(programme, "ladder_hours", language, n=minutes // 60)
    return say.text(programme, "ladder_days", language, n=minutes // (24 * 60))


def passed_on(programme: Programme, listed: frozenset[str], text: str, outcome: str | None) -> str | None:
    """What the CHW gets of a nurse's words: those of the programme's lists, as they were written. The answer word and
    the referral's code are left out, and whatever may be a name stays with the nurse."""
    tokens = normalise(text).replace(",", " ").replace(";", " ").replace(".", " ").split()
    kept: list[str] = []
    for i, token in enumerate(tokens):
        glued = parse_referral(token) or (i + 1 < len(tokens) and parse_referral(token + tokens[i + 1]))
        if glued or (i and parse_referral(tokens[i - 1] + token)):
            continue
        if not kept and outcome in {word.id for word in programme.lexicon.meanings(token)}:
            continue
        if _may_travel(programme, listed, token):
            kept.append(token)
    return " ".join(kept[:MOST_WORDS]) or None


def _may_travel(programme: Programme, listed: frozenset[str], token: str) -> bool:
    if token.strip("/X-").isdigit() or token.isdigit():
        return len(token) <= LONGEST_NUMBER
    kinds = {word.kind for word in programme.lexicon.meanings(token)}
    return token in listed or (bool(kinds & _PASSED_ON) and not kinds & _UNSAID)


def _about(programme: Programme, language: str, referral: Referral, waited: timedelta) -> dict[str, Any]:
    verdict = verdict_of(referral.brief)
    return {
        "referral": referral.code,
        "who": _who(programme, language, referral) or None,
        "code": referral.brief.get("code") or None,
        "village": None if referral.brief.get("answers", {}).get("miscarriage") else referral.brief.get("village"),
        "signs": say.shown_signs(programme, verdict, language),
        "phone": referral.brief.get("phone"),
        "waited": length(programme, language, waited) if waited >= timedelta(minutes=1) else None,
    }


def _who(programme: Programme, language: str, referral: Referral) -> str:
    visitor = bool(referral.brief.get("answers", {}).get("visitor"))
    return say.who(programme, verdict_of(referral.brief).person, language, visitor=visitor)


def _only(answers: Any, name: str) -> dict[str, Any]:
    return {name: answers[name]} if name in answers else {}
