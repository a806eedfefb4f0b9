"""What if a message only makes sense as the answer to what we asked? OUI, NON, `cm`, `14M`, a code or a word alone.

It is read in its place: the words of the asked report with the answer in them go the same way as any report, and
correct it. Only what settles a question without raising another is taken so; anything else is read as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from smsgateway.care import corrections
from smsgateway.care.asked import Asking, Open, answered, waiting
from smsgateway.intake.judging import judged_message
from smsgateway.intake.message import Message
from smsgateway.reading import say
from smsgateway.reading.models import Outcome, Part, Reading, Verdict
from smsgateway.reading.programme import Programme
from smsgateway.reading.sms import read
from smsgateway.store.write import Tx
from smsgateway.text.spelling import normalise

BY_A_WORD_WITHIN: Final = timedelta(hours=2)
ASKED_TOGETHER: Final = timedelta(minutes=15)  # two questions so close may both be meant by one YES
_LOOKED_BACK: Final = 3  # asked reports that a word may be about
_WORDS = re.compile(r"[A-Z0-9+?-]+")
# What YES or NO to a question says, written in the place of what it was about. None: it says nothing more.
_YES: Final[Mapping[str, str | None]] = {"vomits_everything": "VOMIT TOUT", "negated": None, "contradiction": None}
_NO: Final[Mapping[str, str | None]] = {"vomits_everything": "VOMIT PAS", "which_woman": ""}
_ONE_SUGGESTION: Final = frozenset({"code_unknown", "which_woman"})
_ASKING: Final = frozenset({"OUI", "YES"})
# What these are about was not taken, and is said anew; other questions want more behind a word that was understood.
_NOT_TAKEN: Final = frozenset(
    {
        *("what_is", "code_unknown", "code_wrong_kind", "which_code", "which_catchment", "which_woman", "died"),
        *("implausible", "unlikely", "value", "degrees_or_days", "age_unit", "date", "chw_unknown"),
    }
)
# What only the register could ask, and what must be said anew to answer it: another code, or this answer.
_ASKED_OF_REGISTER: Final[Mapping[str, str]] = {
    **dict.fromkeys(("which_woman", "not_a_woman", "died"), "codes"),
    "second_baby": "twins",
    "twins": "babies",
    "date": "date",
    "chw_unknown": "chw",
    "destination_unknown": "to",
    "which_area": "catchment",
}
# A danger word alone answers only what may have asked for one; else it is about somebody, and urgent.
_MAY_BE_DANGER: Final = frozenset({"what_is", "what_is_wrong", "how_is", "which_report"})
_AREA: Final = "ZONE"  # before the bare number of an area
_NEEDS_CODE: Final = frozenset({"code_missing", "household_missing"})


def as_answer(tx: Tx, message: Message, programme: Programme) -> Message | str | None:
    """The message as the continuation of the report it answers a question about; the words to answer with where
    nothing more follows from it; None when it stands for itself."""
    if len(message.reading.parts) != 1 or message.channel != "sms":
        return None
    (part,) = message.reading.parts
    if part.keyword and not _is_bare_keyword(part):
        return None
    words = _WORDS.findall(normalise(part.text))
    said_yes, said_no = words[:1] and words[0] in programme.yes, words[:1] and words[0] in programme.no
    bare = len(words) == 1 or bool(part.codes)
    opened = waiting(tx, message.member.id, message.now)
    if said_yes and bare and words[0] in _ASKING:
        return _yes(tx, message, part, opened, programme)
    if said_yes and bare and not part.codes:
        return ""  # OK: to a question it says neither yes nor no, to anything else it needs no answer
    if said_no and bare:
        return _no(tx, message, part, opened, programme)
    return _by_words(tx, message, part, opened, programme)


def _is_bare_keyword(part: Part) -> bool:
    return not (part.codes or part.answers or part.signs or part.unclear or part.referral or part.negated)


# ---------------------------------------------------------------- OUI, NON


def _about(opened: Sequence[Open], part: Part) -> Sequence[Open]:
    """Those about the code that was written with the answer; all of them when none was."""
    if not part.codes:
        return opened
    return [each for each in opened if str(part.codes[0]) in _names_of(each)]


def _names_of(question: Open) -> tuple[str, ...]:
    """The codes a question goes by: the person's, or the one that was asked about."""
    return (question.subject,) if question.subject else tuple(asking.about for asking in question.questions)


def _yes(tx: Tx, message: Message, part: Part, opened: Sequence[Open], programme: Programme) -> Message | str | None:
    able = [
        (each, asking)
        for each in _about(opened, part)
        if (asking := next((asking for asking in each.questions if _takes_yes(asking)), None)) is not None
    ]
    if not able:
        return say.text(programme, "nothing_asked", message.language)
    question, asking = able[0]
    rivals = [each for each, _ in able if question.at - each.at <= ASKED_TOGETHER and _names_of(each)]
    if len({_names_of(each)[0] for each in rivals}) > 1:
        codes = [say.shown_code(_names_of(each)[0]) for each in rivals]
        return say.text(programme, "answer_for_which", message.language, codes=list(dict.fromkeys(codes)))
    if asking.key in _ONE_SUGGESTION:
        return _continued(message, question, _placed(question.text, asking.about, asking.near[0]), programme)
    words = _YES[asking.key]
    if words is None:
        return _confirmed(tx, message, question, asking, programme)
    return _continued(message, question, _placed(question.text, asking.about, words), programme)


def _takes_yes(asking: Asking) -> bool:
    return asking.key in _YES or (asking.key in _ONE_SUGGESTION and len(asking.near) == 1)


def _confirmed(tx: Tx, message: Message, question: Open, asking: Asking, programme: Programme) -> str:
    """A sign that was denied, or said beside RAS, was alerted at once; now it is sure."""
    answered(tx, question.inbound_id, question.part)
    referral = corrections.open_referral(tx, question.report_id) if question.report_id else None
    return say.text(
        programme,
        "sign_confirmed",
        message.language,
        referral=referral,
        code=say.shown_code(question.subject),
        about=asking.about,
    )


def _no(tx: Tx, message: Message, part: Part, opened: Sequence[Open], programme: Programme) -> Message | None:
    """NON answers the question of the last answer; else it takes back the last report, as every NON does."""
    for each in _about(opened, part)[:1]:
        if corrections.reported_since(tx, message.member.id, each.inbound_id, each.at):
            return None
        asking = next((asking for asking in each.questions if asking.key in _NO), None)
        if asking is None:
            answered(tx, each.inbound_id, each.part)  # it was no danger after all: that needs the referral's code
            return None
        words = _NO[asking.key] or asking.about
        text = _placed(each.text, asking.about, words)
        if asking.key == "vomits_everything" and not _says_more(text, message, programme):
            text = _placed(each.text, asking.about, "RAS")
        return _continued(message, each, text, programme, said_no=True)
    return None


def _says_more(text: str, message: Message, programme: Programme) -> bool:
    part = _read(text, message, programme).parts[0]
    return bool(part.answers or part.signs or part.negated)


# ---------------------------------------------------------------- anything else


def _by_words(tx: Tx, message: Message, part: Part, opened: Sequence[Open], programme: Programme) -> Message | None:
    recent = [each for each in opened if message.now - each.at <= BY_A_WORD_WITHIN]
    for each in recent[:_LOOKED_BACK]:
        if (part.signs or part.negated) and not _MAY_BE_DANGER & {asking.key for asking in each.questions}:
            continue
        for text in _readings(each, part):
            continued = _continued(message, each, text, programme)
            if len(continued.reading.parts) == 1 and _settles(tx, continued, each, programme):
                return continued
    return None


def _readings(question: Open, part: Part) -> Iterator[str]:
    """The asked report with the answer in the place of what was asked about, behind it, or at its end."""
    reply = part.text
    if part.keyword:
        if any(asking.key == "which_report" for asking in question.questions):
            yield f"{reply} {question.text}"
        return
    for asking in question.questions:
        if asking.key == "which_area":
            yield f"{question.text} {_AREA} {reply}"
        if asking.key in _NEEDS_CODE:
            keyword, _, rest = question.text.partition(" ")
            yield f"{keyword} {reply} {rest}"
        if asking.about and asking.about in question.text:
            if asking.key in _NOT_TAKEN or asking.key.startswith("unit_of"):
                yield _placed(question.text, asking.about, reply)
            yield _placed(question.text, asking.about, f"{asking.about} {reply}")
    yield f"{question.text} {reply}"


def _settles(tx: Tx, continued: Message, question: Open, programme: Programme) -> bool:
    """Whether a question is answered and none is new, in the report that was asked about."""
    (judged,) = judged_message(tx, continued, programme)
    verdict = judged.verdict
    if verdict.outcome is Outcome.REJECT or (question.flow and verdict.part.flow != question.flow):
        return False
    before = {(asking.key, asking.about) for asking in question.questions}
    open_still = {
        (key, about) for key, about in before if not _is_met(key, verdict.part, continued, question, programme)
    }
    after = _asked(verdict) | open_still
    return len(after) < len(before) and after <= before


def _is_met(key: str, part: Part, continued: Message, question: Open, programme: Programme) -> bool:
    """Whether the words now say what a question wanted that only the register could raise; of the others, whoever
    judges the report knows."""
    wanted = _ASKED_OF_REGISTER.get(key)
    if wanted is None:
        return True
    old = _read(question.text, continued, programme).parts[0]
    if wanted == "codes":
        return part.codes != old.codes and bool(part.codes)
    return part.answers.get(wanted) != old.answers.get(wanted)


def _asked(verdict: Verdict) -> set[tuple[str, str]]:
    return {(each.key, each.about) for each in verdict.questions}


# ---------------------------------------------------------------- the report with the answer in it


def _placed(text: str, about: str, words: str) -> str:
    """The text with `words` for what was asked about, or behind it when that does not stand there."""
    return text.replace(about, words, 1) if about and about in text else f"{text} {words}"


def _continued(message: Message, question: Open, text: str, programme: Programme, *, said_no: bool = False) -> Message:
    reading = _read(text, message, programme)
    return replace(message, reading=reading, continues=question, said_no=said_no)


def _read(text: str, message: Message, programme: Programme) -> Reading:
    own = message.member.catchments
    return read(text, message.member.role, programme, own[0].number if len(own) == 1 else None)
