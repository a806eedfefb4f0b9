"""How do the lists of `words.yaml` become the lexicon that messages are read with?

In the order in which a word is looked up, so that the first list with a spelling decides what it means: what carries
an answer, then words that are asked about, then those that mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smsgateway.reading.lexicon import (
    LONGEST_EXACT_KEYWORD,
    VOCABULARY,
    Compound,
    Kind,
    Lexicon,
    Word,
    compile_lexicon,
)
from smsgateway.reading.schema import WordsFile
from smsgateway.text.spelling import normalise

_ALONE_A_UNIT = 1  # letters: a single one is a unit, a sex or nothing, depending on what stands before it

Entry = tuple[str, Kind, str, str | None]  # as written, what kind, of which meaning, in which language


@dataclass(frozen=True, slots=True)
class Use:
    """One keyword of one flow. Without a language it belongs to both."""

    text: str
    flow: str
    language: str | None
    exact: bool


@dataclass(frozen=True, slots=True)
class WordLists:
    """What a lexicon is compiled from; kept to compile it again when names of staff and villages come to it."""

    file: WordsFile
    keywords: tuple[Use, ...]
    names: frozenset[str] = frozenset()

    def compile(self) -> Lexicon:
        """The lexicon of these lists."""
        written = list(self.written())
        words = [word for word, _ in written if not word.compound]
        compounds = [Compound(parts, word) for word, parts in written if word.compound]
        return compile_lexicon(words, compounds, self._keywords(), self.file.connectors)

    def written(self) -> Iterator[tuple[Word, tuple[str, ...]]]:
        """Each word as the file lists it, with its parts; a spelling listed twice comes twice."""
        counted = {*self.file.ordinary, *self.file.ask}
        for text, kind, id, language in self._entries():
            silent = kind not in VOCABULARY and text not in counted
            parts = tuple(plain(text).split())
            compound = len(parts) > 1
            yield Word("".join(parts), kind, id, text[:1] == "!", language, compound=compound, silent=silent), parts

    def _entries(self) -> Iterator[Entry]:
        yield from self._answers()
        yield from self._numbers()
        yield from self._words_of_a_sentence()

    def _answers(self) -> Iterator[Entry]:
        for kind in Kind:
            group: Any = getattr(self.file, kind.value, None)
            if kind in VOCABULARY and isinstance(group, Mapping):
                for id, forms in group.items():
                    yield from ((form, kind, id, "fr") for form in forms.fr)
                    yield from ((form, kind, id, "en") for form in forms.en)
                    yield from ((form, kind, id, None) for form in forms.also)

    def _numbers(self) -> Iterator[Entry]:
        file = self.file
        yield from ((form, Kind.DAY, str(day), None) for day, forms in file.days.items() for form in forms)
        tables: Iterable[tuple[Mapping[Any, list[str]], Kind]] = (
            (file.time_units, Kind.UNIT),
            (file.numbers, Kind.NUMBER),
            (file.sex, Kind.SEX),
        )
        for table, kind in tables:
            for key, forms in table.items():
                yield from ((form, kind, str(key), None) for form in forms if len(form) > _ALONE_A_UNIT)

    def _words_of_a_sentence(self) -> Iterator[Entry]:
        file = self.file
        lists = (
            (file.harmless_phrases, Kind.HARMLESS),
            (file.ask_phrases, Kind.ASK),
            (file.ask, Kind.ASK),
            (file.negations, Kind.NEGATION),
            (file.signatures, Kind.SIGNATURE),
            (file.people, Kind.PERSON),
            (file.connectors, Kind.CONNECTOR),
            (file.greetings, Kind.GREETING),
            (file.ordinary, Kind.ORDINARY),
            (file.value_connectors, Kind.CONNECTOR),
            (file.small_words, Kind.SMALL),
            ([*file.names, *sorted(self.names)], Kind.NAME),
        )
        for words, kind in lists:
            yield from ((word, kind, word, None) for word in words)

    def _keywords(self) -> list[Word]:
        """Each keyword once; its language when it has one only, and all that it can mean as its id."""
        uses: dict[str, list[Use]] = {}
        for use in self.keywords:
            uses.setdefault(use.text, []).append(use)
        words = []
        for text, some in uses.items():
            languages = {use.language for use in some}
            exact = len(text) <= LONGEST_EXACT_KEYWORD or any(use.exact for use in some)
            flows = ",".join(sorted({use.flow for use in some}))
            language = languages.pop() if len(languages) == 1 else None
            words.append(Word(text, Kind.KEYWORD, flows, exact, language))
        return words


def plain(form: str) -> str:
    """A word of the files as it is compared, without its mark."""
    return normalise(form.lstrip("!"))


def parts_of(names: Iterable[str]) -> frozenset[str]:
    """The single words of names; parts of one letter mean nothing."""
    return frozenset(
        part for name in names for part in normalise(name).replace("-", " ").replace("'", " ").split() if len(part) > 1
    )
