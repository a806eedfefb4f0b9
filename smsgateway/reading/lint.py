"""Is what the flow files say safe to send and safe to read? What `smsgateway flows check` prints and fails on.

The loader refuses a file that cannot be used; the lint looks for what would work and do harm: a text that costs two
segments, a letter that makes it cost more, two words that a thumb takes for each other, a danger sign that reaches
nobody. Every finding names file, line, and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Literal

from rapidfuzz.distance import DamerauLevenshtein

from smsgateway.reading.judge import judge
from smsgateway.reading.lexicon import SHORT_WORD, VOCABULARY, Kind, Word, skeleton
from smsgateway.reading.models import Age, Facts, Part, Person, Reading, Role
from smsgateway.reading.programme import Phrase, Programme, Text, load_programme
from smsgateway.reading.schema import GROUPS, FlowError, Group, line_of
from smsgateway.text.gsm7 import Encoding, encoding_of, fits, fold, segments, septets, unfolded

DISTANCE = 3
_DANGER = frozenset({Kind.SIGN, Kind.ASKED_BACK, Kind.SYMPTOM})
_SILENT_LISTS = frozenset({Kind.SMALL, Kind.NAME, Kind.PERSON, Kind.GREETING, Kind.SIGNATURE, Kind.CONNECTOR})
LANGUAGES = ("fr", "en", "bm")
_REQUIRED = ("fr", "en")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_AGE_OF = {"newborn": 20, "child": 500, "pregnancy": 9000, "postpartum": 9000}  # days
_SHOWN = re.compile(r"\{(\w+)\}")
_KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")

# Values about as long as they get; those the table does not know count as a word of a dozen letters. Lists of signs and
# answers are not here at their longest: the service shortens them by whole items, and counts what it left out.
LONGEST = {
    "referral": "W999",
    "who": "nouveau-ne 27 jours",
    "code": "107-12345",
    "village": "Sogola Coura",
    "signs": "CONVULSION",
    "rdt": "TDR non fait",
    "given": "ARTESUNATE",
    "transport": "SANS TRANSPORT",
    "chw_phone": "0712345678",
    "told": "PERSONNE n'a pu etre prevenu, appelez",
    "phone": "+2250712345678",
    "quote": "MAL 4177 fievr 2 conv",
    "said": "FIEVRE 2j",
    "ask": "Quel code patient?",
    "near": "417-7 / 471-7",
    "keyword": "SUIVI",
    "keywords": "MAL",
    "advice": "",
    "n": "120",
    "days": "120",
    "minutes": "120",
    "hours": "72",
    "dates": "26/10-25/11",
    "again": "2e message:",
    "heading": "URGENT?",
    "waited": "40 min",
    "new": "CONVULSION",
    "child": "99997",
    "woman": "99997",
    "household": "99997",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend. An `error` fails the check, a `warning` is only shown."""

    file: str
    line: int
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class TextLength:
    """One line of the table: how long a text is in a language, and the language it really comes in."""

    key: str
    language: str
    written_in: str
    septets: int
    segments: int
    budget: int


def check(folder: Path | str) -> list[Finding]:
    """Everything wrong with the flow files, in the order of files and lines; what cannot be loaded comes alone."""
    try:
        programme = load_programme(folder)
    except FlowError as error:
        return [Finding(str(error.file), error.line, error.problem)]
    found: list[Finding] = []
    for look in _LOOKS:
        found.extend(look(programme))
    return sorted(found, key=lambda finding: (finding.file, finding.line))


def lengths(programme: Programme) -> list[TextLength]:
    """Segments of every text in every language, filled with long values and without what may be left out."""
    table = []
    for key, text in programme.texts.items():
        for language in LANGUAGES:
            written_in = language if language in text.phrases else "fr"
            body = _filled(text, written_in)
            count = septets(body) if encoding_of(body) is Encoding.GSM7 else len(body)
            table.append(TextLength(key, language, written_in, count, segments(body), text.segments))
    return table


def _filled(text: Text, language: str) -> str:
    """The text with long values, without what may be left out, and of what never comes together the longest."""
    kept = [phrase for phrase in text.phrases[language] if not phrase.drop]
    for apart in text.apart:
        rivals = [[phrase for phrase in kept if phrase.names & apart == {name}] for name in apart]
        longest = max(rivals, key=lambda phrases: len(_with_values(phrases)))
        kept = [phrase for phrase in kept if not phrase.names & apart or phrase in longest]
    return _with_values(kept).strip()


def _with_values(phrases: Sequence[Phrase]) -> str:
    template = "".join(phrase.template for phrase in phrases)
    return _SHOWN.sub(lambda name: LONGEST.get(name[1], "X" * 12), template)


def _finding(programme: Programme, file: str, keys: Sequence[int | str], message: str) -> Finding:
    path = programme.folder / f"{file}.yaml"
    return Finding(str(path), line_of(path, keys), message)


# ---------------------------------------------------------------- texts


def _texts(programme: Programme) -> Iterator[Finding]:
    for key, text in programme.texts.items():
        for language, phrases in text.phrases.items():
            at, name = (key, language), f"{key} ({language})"
            yield from _letters(programme, "texts", at, name, "".join(phrase.template for phrase in phrases))
            body = fold(_filled(text, language))
            if not fits(body, text.segments):
                advice = "shorten it, or give a phrase a `drop`, so that it may be left out"
                yield _finding(
                    programme,
                    "texts",
                    at,
                    f"{name} takes {segments(body)} segments, its budget is {text.segments}: {advice}",
                )


def _letters(programme: Programme, file: str, at: Sequence[int | str], name: str, body: str) -> Iterator[Finding]:
    """A letter that GSM-7 lacks is written out in the files, so that they show what will be sent."""
    strange = unfolded(body)
    if strange:
        instead = ", ".join(f"{fold(char)} for {char}" if fold(char) != char else f"no {char}" for char in strange)
        yield _finding(programme, file, at, f"{name} has letters outside GSM-7, which double its cost: write {instead}")


def _helps(programme: Programme) -> Iterator[Finding]:
    for flow in programme.flows.values():
        for language in _REQUIRED:
            body = flow.help.get(language)
            if body is None:
                yield _finding(programme, flow.name, ("help",), f"help has no text in {language}")
                continue
            at = ("help", language)
            yield from _letters(programme, flow.name, at, f"help ({language})", body)
            if not fits(fold(body)):
                count = segments(fold(body))
                yield _finding(programme, flow.name, at, f"help ({language}) takes {count} segments, its budget is 1")


def _labels(programme: Programme) -> Iterator[Finding]:
    for i, sign in enumerate(programme.signs.values()):
        for language in _REQUIRED:
            label = sign.label.get(language)
            if not label:
                yield _finding(programme, "signs", (i,), f"{sign.id} has no label in {language}")
            else:
                yield from _letters(programme, "signs", (i,), f"the label of {sign.id} ({language})", label)


# ---------------------------------------------------------------- words


def _twice(programme: Programme) -> Iterator[Finding]:
    """One spelling has one meaning; which of two would be read is nothing to leave to the order of a file."""
    first: dict[str, Word] = {}
    for word in programme.written():
        other = first.setdefault(word.text, word)
        if word.kind in VOCABULARY and other.kind in VOCABULARY and other.meaning != word.meaning:
            message = f"{word.text} means {other.id} and {word.id}: it can have one meaning only"
            yield _finding(programme, "words", (word.kind.value, word.id), message)


def _words(programme: Programme) -> Iterator[Finding]:
    """Two words of different meaning, accepted in one flow, must differ in three letters; exact ones are exempt."""
    words = [word for word in programme.lexicon.words.values() if word.kind in VOCABULARY and not _is_exact(word)]
    flows = list(programme.flows.values())
    for one, other in combinations(words, 2):
        if one.meaning == other.meaning or not _too_near(one.text, other.text):
            continue
        shared = next((flow.name for flow in flows if flow.accepts(one) and flow.accepts(other)), None)
        if shared:
            yield _finding(
                programme,
                "words",
                (other.kind.value, other.id),
                f"{one.text} ({one.id}) and {other.text} ({other.id}) differ in fewer than {DISTANCE} letters and both "
                f"stand in {shared}: choose another word, or mark one with ! to be read only when typed exactly",
            )


def _swallowed(programme: Programme) -> Iterator[Finding]:
    """A word that means nothing must not be one slip from a danger word: the slip would pass in silence."""
    words = programme.lexicon.words.values()
    danger = [word for word in words if word.kind in _DANGER and not _is_exact(word) and word.id != "none"]
    for word in words:
        if word.kind not in _SILENT_LISTS:
            continue
        for grave in danger:
            if abs(len(word.text) - len(grave.text)) <= 1 and DamerauLevenshtein.distance(word.text, grave.text) <= 1:
                message = f"{word.text} is one letter from {grave.text} ({grave.id}): leave it out, or put it under ask"
                yield _finding(programme, "words", (word.kind.value,), message)


def _look_alikes(programme: Programme) -> Iterator[Finding]:
    by_shape: dict[str, Word] = {}
    for word in programme.lexicon.words.values():
        if word.kind in VOCABULARY and len(word.text) > 2:
            other = by_shape.setdefault(skeleton(word.text), word)
            if other.meaning != word.meaning:
                yield _finding(
                    programme,
                    "words",
                    (word.kind.value, word.id),
                    f"{word.text} and {other.text} look the same when O and 0, I, L and 1, S and 5 are exchanged",
                )


def _is_exact(word: Word) -> bool:
    return word.exact or len(word.text) <= SHORT_WORD


def _too_near(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) >= DISTANCE:
        return False
    return DamerauLevenshtein.distance(one, other, score_cutoff=DISTANCE - 1) < DISTANCE


def _keywords(programme: Programme) -> Iterator[Finding]:
    """Keywords of one role: three letters apart unless one is exact, and never on the same keys of a phone."""
    written = programme.lexicon.keywords
    for role, keywords in programme.keywords.items():
        for one, other in combinations(keywords, 2):
            if keywords[one] == keywords[other]:
                continue
            pair = f"{other} and {one} ({keywords[one]})"
            exact = _is_exact(written[one]) or _is_exact(written[other])
            if not exact and _too_near(one, other):
                message = f"{pair} differ in fewer than {DISTANCE} letters, and a {role} has both: choose another"
                yield _finding(programme, keywords[other], ("keywords",), message)
            if one.translate(_KEYPAD) == other.translate(_KEYPAD):
                message = f"{pair} are typed with the same keys, and a {role} has both: choose another"
                yield _finding(programme, keywords[other], ("keywords",), message)


# ---------------------------------------------------------------- rules, screens


def _questions(programme: Programme) -> Iterator[Finding]:
    """Every question that a flow or a rule asks has its text."""
    asked: list[tuple[str, Sequence[int | str], str]] = [
        ("rules", (i,), rule.question or rule.ask) for i, rule in enumerate(programme.rules)
    ]
    for flow in programme.flows.values():
        asked += [(flow.name, ("rules", i), rule.question or rule.ask) for i, rule in enumerate(flow.rules)]
        asked += [(flow.name, ("needs", i), need.ask) for i, need in enumerate(flow.needs)]
    for file, at, key in asked:
        if f"ask_{key}" not in programme.texts:
            yield _finding(programme, file, at, f"the question {key} has no text: write ask_{key} in texts.yaml")


def _danger(programme: Programme) -> Iterator[Finding]:
    """Every sign that is urgent for somebody has a word or a rule, and texting it leads to a referral."""
    texted = {word.id for word in programme.lexicon.words.values() if word.kind is Kind.SIGN} - {"none"}
    reached = texted | {rule.sign for rule in programme.rules}
    for flow in programme.flows.values():
        reached |= {rule.sign for rule in flow.rules}
    for sign in programme.signs.values():
        reached |= {*sign.instead.values()}
    for i, sign in enumerate(programme.signs.values()):
        urgent = "urgent" in sign.urgency.values()
        if urgent and sign.id not in reached:
            yield _finding(programme, "signs", (i,), f"no word and no rule leads to {sign.id}: it opens no referral")
        if urgent and sign.tier is None:
            yield _finding(programme, "signs", (i,), f"{sign.id} is urgent and has no tier: write 1 or 2")
        if sign.id in texted:
            for group in _unheard(programme, sign.id):
                yield _finding(programme, "signs", (i,), f"{sign.id} texted of a {group} opens no referral")
    for id in sorted(texted - programme.signs.keys()):
        yield _finding(programme, "words", ("signs", id), f"{id} has words and is no sign of signs.yaml")


def _unheard(programme: Programme, id: str) -> Iterator[Group]:
    """The groups of people of whom this sign, texted in a report of illness, alerts nobody though it should."""
    sign = programme.signs[id]
    reports = [flow.name for flow in programme.flows.values() if flow.sick]
    for group in GROUPS:
        foreign = group not in sign.urgency
        if sign.urgency.get(group) != "urgent" and not (foreign and sign.otherwise):
            continue
        age = Age(_AGE_OF[group], _AGE_OF[group])
        person = Person(age=age, pregnant=group == "pregnancy", postpartum=group == "postpartum")
        facts = [Facts(Role.CHW, person=person)]
        readings = [Reading((Part(name, signs=(id,)),)) for name in reports]
        if not readings or not all(judge(each, facts, _ANY_TIME, programme).leading.danger for each in readings):
            yield group


def _screens(programme: Programme) -> Iterator[Finding]:
    """A flow has its place in the menu of a role; without a role or a label its screens cannot be reached."""
    for flow in programme.flows.values():
        if flow.name == "unknown":
            continue
        if not flow.roles:
            yield _finding(programme, flow.name, ("roles",), "no role has this flow: its screens are unreachable")
        for language in _REQUIRED:
            if not flow.menu.get(language):
                message = f"no menu label in {language}: its screens are unreachable"
                yield _finding(programme, flow.name, ("menu",), message)
            if not flow.keywords.get(language):
                yield _finding(programme, flow.name, ("keywords",), f"no keyword in {language}")


_LOOKS: tuple[Callable[[Programme], Iterator[Finding]], ...] = (
    *(_texts, _helps, _labels),
    *(_twice, _words, _swallowed, _look_alikes, _keywords),
    *(_questions, _danger, _screens),
)
