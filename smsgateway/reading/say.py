"""How is it said in one SMS? The texts of `flows/texts.yaml`, filled in and kept within their segments.

A text too long for its budget loses whole phrases, the least important first, and then the ends of lists: never half a
word. Everything comes out in GSM-7. Patients have no names here, and words that could not be read go back to their
sender only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from smsgateway.reading.models import Outcome, Person, Question, Role, Verdict
from smsgateway.reading.programme import Flow, Phrase, Programme
from smsgateway.text.codes import shown
from smsgateway.text.gsm7 import echoed, fits, fold, shorten

_MOST_QUESTIONS = 2
_MOST_CORRECTIONS = 2
_LONGEST_QUOTE = 20
_DAYS_PER_MONTH = 30.4375

Value = str | int | float | Sequence[str] | None


def text(programme: Programme, key: str, language: str, **values: Value) -> str:
    """The text of this key in a language (French where it has none), its phrases without a value left out."""
    entry = programme.texts[key]
    phrases = entry.phrases.get(language) or entry.phrases["fr"]
    if not values and len(phrases) == 1:
        return phrases[0].template.strip()
    return compose(phrases, values, entry.segments)


def compose(phrases: Sequence[Phrase], values: Mapping[str, Value], segments: int = 1) -> str:
    """Phrases filled in, within so many GSM-7 segments."""
    known: dict[str, Value] = {name: value for name, value in values.items() if value or value == 0}
    kept = [phrase for phrase in phrases if known.keys() >= phrase.names]
    body = _joined(kept, known)
    while not fits(body, segments):
        worst = max((phrase.drop for phrase in kept), default=0)
        if worst:
            kept = [phrase for phrase in kept if phrase.drop != worst]
        elif not _shortened(known):
            return shorten(body, segments)
        body = _joined(kept, known)
    return body


def _joined(phrases: Sequence[Phrase], values: Mapping[str, Value]) -> str:
    filled = {name: ", ".join(value) if isinstance(value, list | tuple) else value for name, value in values.items()}
    body = "".join([phrase.template.format_map(filled) for phrase in phrases]).strip()
    return body if body.isascii() else fold(body)


def _shortened(values: dict[str, Value]) -> bool:
    """Take the last item off the longest list, and count it; False when there is nothing to take."""
    lists = {name: value for name, value in values.items() if isinstance(value, list | tuple) and len(value) > 1}
    if not lists:
        return False
    name = max(lists, key=lambda each: sum(map(len, lists[each])))
    items = list(lists[name])
    last = items.pop()
    left_out = 1
    if last.startswith("+") and last[1:].isdigit():
        if len(items) < 2:
            return False
        items.pop()
        left_out = int(last[1:]) + 1
    values[name] = [*items, f"+{left_out}"]
    return True


# ---------------------------------------------------------------- who, and what was understood


def who(programme: Programme, person: Person | None, language: str, *, visitor: bool = False) -> str:
    """ "fille 14 mois": sex and age as far as they are known, never a name. Empty when nothing is known."""
    if person is None or (person.age is None and person.sex is None):
        return text(programme, "word_visitor", language) if visitor else ""
    if person.age is None:
        adult = person.pregnant or person.postpartum
        unknown = {"F": "word_woman" if adult else "word_girl", "M": "word_boy"}.get(person.sex or "", "word_child")
        return text(programme, unknown, language)
    days = person.age.youngest
    adult = days >= 15 * 365
    key = {"F": "word_woman" if adult else "word_girl", "M": "word_man" if adult else "word_boy"}.get(
        person.sex or "", "word_newborn" if days < 28 else "word_child"
    )
    return f"{text(programme, key, language)} {_age(programme, days, language)}"


def sex_and_age(programme: Programme, person: Person, language: str) -> str:
    """ "F 14M": as short as it is typed; a question mark for what nobody knows."""
    if person.age is None:
        return f"{person.sex or '?'} ?"
    days = person.age.youngest
    months = int(days / _DAYS_PER_MONTH + 0.02)
    key, n = ("years", months // 12) if months >= 60 else ("months", months) if months else ("days", days)
    return f"{person.sex or '?'} {text(programme, f'word_short_{key}', language, n=n)}"


def _age(programme: Programme, days: int, language: str) -> str:
    months = int(days / _DAYS_PER_MONTH + 0.02)
    if days < 2:
        return text(programme, "word_one_day" if days else "word_born_today", language, n=days)
    if days < 28:
        return text(programme, "word_days", language, n=days)
    if months < 2:
        return text(programme, "word_weeks", language, n=days // 7)
    if months < 60:
        return text(programme, "word_months", language, n=months)
    return text(programme, "word_years", language, n=months // 12)


def shown_code(code: str | None) -> str:
    """A subject as the CHW sees it: "417-7"; one written with its catchment stays "07-4177"."""
    if not code:
        return ""
    return shown(code) if code.isdigit() else code


def understood(programme: Programme, answers: Mapping[str, Any], language: str) -> list[str]:
    """The answers in words of the language, in the order in which they are stored: FIEVRE 2j, TDR+, CTA, PB 120."""
    return [word for name, value in answers.items() for word in _said(programme, name, value, language)]


def _said(programme: Programme, name: str, value: Any, language: str) -> list[str]:
    if name in programme.quantities:
        return [_measured(programme, name, value, language)]
    if name in _SAID:
        return _SAID[name](programme, value, language)
    return [taught_word(programme, name, language)] if value is True and name in programme.taught else []


def taught_word(programme: Programme, id: str, language: str) -> str:
    """The word of a language that is taught for an answer or a value; the id of what has none."""
    words = programme.taught.get(id, {})
    return words.get(language) or words.get("fr") or id


def _measured(programme: Programme, name: str, value: Any, language: str) -> str:
    label = taught_word(programme, name, language)
    if value is None:
        return label
    if name.endswith("_days"):
        return f"{label} {value}{text(programme, 'word_day_letter', language)}"
    return f"{label} {value:g}" if isinstance(value, float) else f"{label} {value}"


def _each(programme: Programme, value: Any, language: str) -> list[str]:
    return [taught_word(programme, item, language) for item in value]


def _one(programme: Programme, value: Any, language: str) -> list[str]:
    return [taught_word(programme, value, language)]


def _counted(key: str) -> Callable[[Programme, Any, str], list[str]]:
    return lambda programme, value, language: [text(programme, key, language, n=value)]


def shown_day(day: str) -> str:
    """ "2026-11-22" or "11-22" as it is written: 22/11."""
    return f"{day[-2:]}/{day[-5:-3]}"


_SAID: Mapping[str, Callable[[Programme, Any, str], list[str]]] = {
    "rdt": lambda _programme, value, language: [_rdt(str(value), language)],
    **dict.fromkeys(("treatments", "prevention", "vaccines", "steps"), _each),
    **dict.fromkeys(("muac_colour", "outcome"), _one),
    "people": _counted("word_people"),
    "contact": _counted("word_contact"),
    "gestation_weeks": _counted("word_weeks"),
    "gestation_months": _counted("word_months"),
    "days": _counted("word_days"),
    "households": lambda _programme, value, _language: [shown_code(str(code)) for code in value if len(value) > 1],
    "lmp": lambda programme, value, language: [f"{taught_word(programme, 'lmp', language)} {shown_day(value)}"],
    "date": lambda _programme, value, _language: [shown_day(value)],
    "stock": lambda programme, value, language: [
        f"{taught_word(programme, item, language)} {left}" for item, left in value.items()
    ],
}


def _rdt(result: str, language: str) -> str:
    test = "RDT" if language == "en" else "TDR"
    return test + {"positive": "+", "negative": "-", "invalid": "?"}.get(
        result, " non fait" if language != "en" else " not done"
    )


def signs(programme: Programme, ids: Sequence[str], language: str) -> list[str]:
    """Signs as messages call them."""
    return [programme.label(sign, language) for sign in ids]


def shown_signs(programme: Programme, verdict: Verdict, language: str) -> list[str]:
    """The danger signs as messages call them. One that is not of this person's list counts as "other serious", and
    still says what was seen."""
    texted = (*verdict.part.signs, *verdict.part.negated)
    ids: Sequence[str] = verdict.danger
    if ids == ("other_serious",) and texted:
        ids = [sign for sign in texted if sign in programme.signs] or ids
    return signs(programme, ids, language)


# ---------------------------------------------------------------- whole messages


def referral_text(
    programme: Programme,
    verdict: Verdict,
    language: str,
    *,
    referral: str,
    code: str,
    chw_phone: str,
    village: str | None = None,
    unsure: bool = False,
    again: bool = False,
) -> str:
    """The nurse's message. `code` is shown with its catchment ("07-4177"), `chw_phone` as dialled there. `unsure`: the
    report was unclear, and the CHW's words are quoted. `again`: a second report on an open referral."""
    answers = verdict.answers
    routine = not verdict.danger and not unsure
    key = "referral_unclear" if unsure else "referral_routine" if routine else "referral_urgent"
    body = text(
        programme,
        key,
        language,
        referral=referral,
        who=who(programme, verdict.person, language, visitor=bool(answers.get("visitor")))
        or text(programme, "word_child", language),
        code=code or text(programme, "word_no_code", language),
        village=None if answers.get("miscarriage") else village,
        signs=shown_signs(programme, verdict, language),
        said=understood(programme, _without(answers, "treatments", "rdt"), language) if routine else None,
        rdt=_rdt(str(answers["rdt"]), language) if "rdt" in answers else None,
        given=[programme.taught[item][_fr_or(language)] for item in answers.get("treatments", ())],
        transport=text(programme, "word_no_transport", language) if answers.get("no_transport") else None,
        chw_phone=chw_phone,
        quote=shorten(fold(verdict.part.text.replace('"', "'")), 1)
        if len(verdict.part.text) < 60
        else _cut(verdict.part.text),
    )
    return _fit_again(programme, body, language) if again else body


def _fit_again(programme: Programme, body: str, language: str) -> str:
    longer = text(programme, "again", language) + " " + body
    return longer if fits(longer) else body


def _cut(words: str) -> str:
    kept = fold(words.replace('"', "'"))[:60]
    return kept.rsplit(" ", 1)[0] + "..."


def reply_text(
    programme: Programme,
    verdict: Verdict,
    language: str,
    *,
    role: Role = Role.CHW,
    referral: str | None = None,
    told: str | None = None,
    near: Mapping[str, Sequence[str]] | None = None,
    advice: str | None = None,
) -> str:
    """The answer to the sender. `near` gives existing codes near a failing one, shown form; `referral` and
    `told` are the code of the referral that was opened and who was told (see `who_was_told`)."""
    if verdict.outcome is Outcome.REJECT:
        return _rejection(programme, role, language)
    if role is Role.UNKNOWN:
        return text(programme, "alerted_unknown", language)
    flow = programme.flows.get(verdict.part.flow or "")
    answers = verdict.answers
    visitor = bool(answers.get("visitor"))
    values: dict[str, Value] = {
        "referral": referral or verdict.part.referral,
        "who": who(programme, verdict.person, language, visitor=visitor),
        "code": shown_code(verdict.subject),
        "signs": shown_signs(programme, verdict, language),
        "said": understood(programme, answers, language) or _said_nothing(programme, verdict, language),
        "ask": " ".join(questions(programme, verdict, language, near or {})),
        "corrected": [correction.read for correction in verdict.part.corrected[:_MOST_CORRECTIONS]],
        "told": told,
        "advice": advice,
    }
    if flow and flow.subject == "referral" and verdict.outcome is Outcome.ACCEPT and flow.name in programme.texts:
        return text(programme, flow.name, language, **values)
    if flow and flow.name == "help" and verdict.outcome is Outcome.ACCEPT:
        return help_text(programme, answers.get("about"), role, language)
    key = {Outcome.ALERT: "alerted", Outcome.ASK: "asked"}.get(verdict.outcome, "accepted")
    if key == "alerted" and verdict.tier == 2:
        key = "alerted_same_day"
    return text(programme, key, language, **values)


def who_was_told(programme: Programme, language: str, role: Role | None, phone: str | None) -> str:
    """Who has the alert, with the phone to call; no role: nobody could be told."""
    keys = {None: "told_nobody", Role.NURSE: "told_nurse", Role.SUPERVISOR: "told_supervisor"}
    return text(programme, keys.get(role, "told_lead"), language, phone=phone)


def _rejection(programme: Programme, role: Role, language: str) -> str:
    key = {Role.CHW: "rejected", Role.NURSE: "rejected_answer", Role.UNKNOWN: "rejected_unknown"}.get(
        role, "rejected_question"
    )
    return text(programme, key, language)


def questions(programme: Programme, verdict: Verdict, language: str, near: Mapping[str, Sequence[str]]) -> list[str]:
    """The questions that go back, those that may hide danger first, two at most in one answer."""
    asked: dict[str, None] = {}
    for question in sorted(verdict.questions, key=lambda each: not each.may_hide_danger):
        asked.setdefault(_question(programme, question, language, near))
    return list(asked)[:_MOST_QUESTIONS]


def _question(programme: Programme, question: Question, language: str, near: Mapping[str, Sequence[str]]) -> str:
    about = echoed(question.about)[:_LONGEST_QUOTE].strip()
    suggestions = " / ".join(near.get(question.about, ())[:2])
    return text(programme, f"ask_{question.key}", language, about=about, near=suggestions)


def help_text(programme: Programme, about: str | None, role: Role, language: str) -> str:
    """How to write one report, or which words there are."""
    flow = programme.flows.get(about or "")
    if flow:
        return fold(flow.help.get(language) or flow.help["fr"])
    mine = [flow for flow in programme.flows.values() if role in flow.roles and flow.taught(language)]
    words = dict.fromkeys(flow.taught(language) for flow in sorted(mine, key=_rank_in_help))
    return text(programme, "help_menu", language, keywords=[word for word in words if word not in ("AIDE", "HELP")])


def _rank_in_help(flow: Flow) -> tuple[bool, bool, bool]:
    """Reports of the sick first, then of others whose danger may be told, answers to a referral last."""
    return not flow.sick, not flow.danger, flow.subject == "referral"


def _said_nothing(programme: Programme, verdict: Verdict, language: str) -> list[str]:
    return [text(programme, "word_nothing", language)] if verdict.part.nothing_to_report else []


def _without(answers: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in answers.items() if name not in names}


def _fr_or(language: str) -> str:
    return "en" if language == "en" else "fr"
