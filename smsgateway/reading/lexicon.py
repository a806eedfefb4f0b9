"""What does one typed word mean? The compiled word lists of a programme.

A word is read as it stands, or as the beginning of exactly one word, or as a slip of exactly one; nothing is guessed
between two meanings. The lists never change after they were compiled, so that threads share them; only a bounded memory
of slips already looked at is kept.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from rapidfuzz import process
from rapidfuzz.distance import OSA, DamerauLevenshtein

LONG_WORD = 8  # letters from which two slips are corrected
MARGIN = 2  # every other meaning must be so much further away
PREFIX_LETTERS = 4
SHORT_WORD = 3  # letters up to which words are read exactly
LONGEST_EXACT_KEYWORD = 4
LONGEST_WORD = 30  # no word of any list is longer: what is, is not worth comparing


class Kind(StrEnum):
    """What sort of thing a word says. The first ones are the groups that flow files accept by name."""

    SIGN = "signs"
    ASKED_BACK = "asked_back"
    SYMPTOM = "symptoms"
    MEASURE = "measures"
    COLOUR = "muac_colour"
    TEST = "test"
    RESULT = "test_results"
    TREATMENT = "treatments"
    PREVENTION = "prevention"
    VACCINE = "vaccines"
    OUTCOME = "outcomes"
    CIRCUMSTANCE = "circumstances"
    STEP = "supervision_steps"
    DATE = "dates"
    KEYWORD = "keywords"
    DAY = "days"
    UNIT = "units"
    NUMBER = "numbers"
    SEX = "sex"
    NEGATION = "negations"
    CONNECTOR = "connectors"
    PERSON = "people"
    GREETING = "greetings"
    SIGNATURE = "signatures"
    ORDINARY = "ordinary"
    SMALL = "small_words"
    NAME = "names"
    ASK = "ask"
    HARMLESS = "harmless"


VOCABULARY = frozenset(list(Kind)[: list(Kind).index(Kind.DAY)])
"""Kinds that carry an answer: only these are targets of prefixes and corrections, and parts of glued words."""


@dataclass(frozen=True, slots=True)
class Word:
    """One way of writing a meaning. `exact` words are no target of corrections and prefixes."""

    text: str
    kind: Kind
    id: str
    exact: bool = False
    language: str | None = None
    compound: bool = False
    silent: bool = False  # means nothing: a correction need not keep its distance from it

    @property
    def meaning(self) -> tuple[Kind, str]:
        return self.kind, self.id


@dataclass(frozen=True, slots=True)
class Compound:
    """Several words with one meaning together. `parts` after the first may have small words before them."""

    parts: tuple[str, ...]
    word: Word


Accepts = Callable[[Word], bool]
Scored = tuple[tuple[int, Word], ...]


@dataclass(frozen=True)
class Lexicon:
    """All words of a programme. `words` holds single words and compounds written together; `compounds` those by their
    first part. Keywords are apart, since their meaning depends on who writes."""

    words: Mapping[str, Word]
    compounds: Mapping[str, tuple[Compound, ...]]
    keywords: Mapping[str, Word]
    connectors: frozenset[str]
    parts: frozenset[str] = field(repr=False)
    first_parts: frozenset[str] = field(repr=False)  # as typed: with and without a plural
    sorted_words: tuple[str, ...] = field(repr=False)
    restored: Callable[[str], str | None] = field(repr=False, compare=False)
    nearest: Callable[[str], Scored] = field(repr=False, compare=False)

    def begins(self, text: str, accepts: Accepts) -> Word | None:
        """The one accepted meaning that a word of four letters or more begins; None when it is none or several, one
        that must be exact among them."""
        if len(text) < PREFIX_LETTERS:
            return None
        found: dict[tuple[Kind, str], Word] = {}
        i = bisect_left(self.sorted_words, text)
        while i < len(self.sorted_words) and self.sorted_words[i].startswith(text):
            for word in self.meanings(self.sorted_words[i]):
                known = found.get(word.meaning)
                if word.kind in VOCABULARY and accepts(word) and (known is None or known.exact):
                    found[word.meaning] = word
            i += 1
        if len(found) != 1:
            return None
        (only,) = found.values()
        return None if only.exact else only

    def may_be_danger(self, text: str) -> bool:
        """Whether a word one slip away is a sign, or half of one."""
        return any(distance <= 1 and word.kind in (Kind.SIGN, Kind.ASK) for distance, word in self.nearest(text))

    def slip_of(self, text: str, accepts: Accepts) -> Word | None:
        """The one accepted word this is a slip of: one slip away (two for long words), and every other meaning, of
        whatever kind, at least two further. Words that mean nothing must only be further."""
        scored = self.nearest(text)
        for distance, word in scored:
            if distance and not word.exact and _is_target(word, distance) and accepts(word):
                for far, other in scored:
                    if far < distance + (1 if other.silent else MARGIN) and other.meaning != word.meaning:
                        return None
                return word
        return None

    def knows(self, text: str) -> bool:
        """Whether this is a word, a keyword, or part of a compound, exactly."""
        return text in self.words or text in self.keywords or text in self.parts

    def is_beginning(self, text: str) -> bool:
        """Whether some known word begins like this."""
        i = bisect_left(self.sorted_words, text)
        return i < len(self.sorted_words) and self.sorted_words[i].startswith(text)

    def carries_meaning(self, text: str) -> bool:
        """Whether this exact word is vocabulary or a keyword."""
        word = self.words.get(text)
        return text in self.keywords or (word is not None and word.kind in VOCABULARY)

    def meanings(self, text: str) -> Iterable[Word]:
        """Every meaning of an exact word: as vocabulary, and as a keyword."""
        if text in self.words:
            yield self.words[text]
        if text in self.keywords:
            yield self.keywords[text]


def _is_target(word: Word, distance: int) -> bool:
    """Words of two or three letters are read exactly, and so are keywords of four."""
    shortest = LONGEST_EXACT_KEYWORD if word.kind is Kind.KEYWORD else SHORT_WORD
    if word.kind not in VOCABULARY or len(word.text) <= shortest:
        return False
    return distance <= (2 if len(word.text) >= LONG_WORD else 1)


_LOOK_ALIKE = str.maketrans("01L5", "OIIS")


def skeleton(text: str) -> str:
    """A word with look-alike letters and digits brought to one."""
    return text.translate(_LOOK_ALIKE)


def compile_lexicon(
    words: Iterable[Word],
    compounds: Iterable[Compound],
    keywords: Iterable[Word],
    connectors: Collection[str],
    remembered: int = 16_384,
) -> Lexicon:
    """Compile the lists. The first word of the same spelling wins, so vocabulary comes before ordinary words."""
    by_text: dict[str, Word] = {}
    by_first: dict[str, list[Compound]] = {}
    for compound in compounds:
        by_first.setdefault(compound.parts[0], []).append(compound)
        by_text.setdefault("".join(compound.parts), compound.word)
    for word in words:
        by_text.setdefault(word.text, word)
    by_keyword = {word.text: word for word in keywords}
    spelt = tuple(sorted({*by_text, *by_keyword}))
    parts = frozenset(part for some in by_first.values() for compound in some for part in compound.parts)
    return Lexicon(
        words=MappingProxyType(by_text),
        compounds=MappingProxyType(
            {first: tuple(sorted(some, key=lambda c: -len(c.parts))) for first, some in by_first.items()}
        ),
        keywords=MappingProxyType(by_keyword),
        connectors=frozenset(connectors),
        parts=parts,
        first_parts=frozenset([*by_first, *(f"{first}S" for first in by_first)]),
        sorted_words=spelt,
        restored=lru_cache(remembered)(_Restored(by_text, by_keyword, parts)),
        nearest=lru_cache(remembered)(_Nearest(by_text, by_keyword)),
    )


class _Restored:
    """Finds the one spelling of a word in which letters were lost (`?`) or stand for others that look like them."""

    def __init__(self, words: Mapping[str, Word], keywords: Mapping[str, Word], parts: Collection[str]) -> None:
        self.spelt = sorted({*words, *keywords, *parts})
        self.meaning = {text: (words.get(text) or keywords.get(text)) for text in self.spelt}
        self.by_skeleton: dict[str, list[str]] = {}
        for text in self.spelt:
            if len(text) > 2:
                self.by_skeleton.setdefault(skeleton(text), []).append(text)

    def __call__(self, text: str) -> str | None:
        if not 2 < len(text) <= LONGEST_WORD:
            return None
        if "?" not in text:
            return self._one(self.by_skeleton.get(skeleton(text), ()))
        if len(text) - text.count("?") < 2:
            return None
        # Each one a letter that carries accents in French, or the two of OE, or half of one, where each byte was lost.
        pattern = re.compile(re.sub(r"\?+", lambda marks: f"(?:[AEIOUC]|OE){{1,{len(marks[0])}}}", text))
        return self._one([each for each in self.spelt if pattern.fullmatch(each)])

    def _one(self, found: Sequence[str]) -> str | None:
        if not found:
            return None
        meanings = {word.meaning if (word := self.meaning[text]) else (Kind.NAME, text) for text in found}
        return found[0] if len(meanings) == 1 else None


class _Nearest:
    """Finds the words near a typed one. Thousands of names and villages are looked at only if some meaning is near."""

    def __init__(self, words: Mapping[str, Word], keywords: Mapping[str, Word]) -> None:
        self.of: dict[str, tuple[Word, ...]] = {}
        for text in {*words, *keywords}:
            word, keyword = words.get(text), keywords.get(text)
            # GUERI is a keyword because of what it means: that is one meaning, not two.
            if word and keyword and word.kind in VOCABULARY:
                keyword = None
            self.of[text] = tuple(each for each in (word, keyword) if each)
        silent = {text for text, some in self.of.items() if all(word.silent for word in some)}
        self.meaningful = sorted(set(self.of) - silent)
        self.silent = sorted(silent)

    def __call__(self, text: str) -> Scored:
        if not 3 <= len(text) <= LONGEST_WORD:
            return ()
        near = self._within(text, self.meaningful)
        if not near or near[0][0] > 2:
            return ()
        return tuple(sorted(near + self._within(text, self.silent), key=lambda scored: scored[0]))

    def _within(self, text: str, choices: list[str]) -> list[tuple[int, Word]]:
        # The restricted distance is many times faster and never less than the true one, at most one more this near.
        rough = process.extract(text, choices, scorer=OSA.distance, score_cutoff=4, limit=None)
        exact = [(DamerauLevenshtein.distance(text, spelt, score_cutoff=3), spelt) for spelt, _, _ in rough]
        return sorted(
            ((distance, word) for distance, spelt in exact if distance <= 3 for word in self.of[spelt]),
            key=lambda scored: scored[0],
        )
