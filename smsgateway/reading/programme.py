"""What does this programme say? The flow files, read, checked and compiled once.

A `Programme` never changes afterwards, and is shared by all threads. Whatever is wrong in a file stops the service at
start with its place, not a report at night.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from smsgateway.reading.conditions import Condition, ConditionError, Name, Type, compile_condition
from smsgateway.reading.lexicon import Accepts, Kind, Lexicon, Word
from smsgateway.reading.models import Role
from smsgateway.reading.schema import (
    GROUPS,
    FlowError,
    FlowFile,
    Group,
    Need,
    NumberField,
    Piece,
    Quantity,
    RuleRow,
    SignRow,
    TextsFile,
    WordsFile,
    line_of,
    load_yaml,
)
from smsgateway.reading.wordlists import Use, WordLists, parts_of, plain

NOT_FLOWS = frozenset(
    {"words", "signs", "rules", "texts", "schedules", "ladders", "ladder", "calendars", "programme", "menus"}
)

_VALUE = re.compile(r"\{(\w+)\}")
_LISTS = {Kind.TREATMENT: "treatments", Kind.PREVENTION: "prevention", Kind.VACCINE: "vaccines", Kind.STEP: "steps"}
FACTS: Mapping[str, Name] = MappingProxyType(
    {
        "months": Name(Type.NUMBER, is_fact=True),
        "days": Name(Type.NUMBER, is_fact=True),
        "group": Name(Type.WORD, frozenset(GROUPS), is_fact=True),
        "sick": Name(Type.FLAG, is_fact=True),
        "urgent": Name(Type.FLAG, is_fact=True),
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule: see `RuleRow`."""

    when: Condition
    sign: str | None
    question: str | None
    urgent: bool
    alone: bool
    unknown_asks: bool
    ask: str
    may_hide_danger: bool
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """A danger sign: for whom it exists, how grave it is, and how messages call it."""

    id: str
    rank: int
    tier: int | None
    urgency: Mapping[Group, str]
    instead: Mapping[Group, str]
    otherwise: str | None
    needs_age: bool
    label: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Flow:
    """One report, answer or question. `accepts` tells whether a word belongs in it."""

    name: str
    version: int
    ready: bool
    roles: frozenset[Role]
    keywords: Mapping[str, tuple[str, ...]]
    only: Mapping[Role, tuple[str, ...]]
    exact: frozenset[str]  # keywords that nothing is corrected to
    digit: int | None
    menu: Mapping[str, str]
    subject: str
    subject_optional: bool
    visitor: bool
    danger: bool
    sick: bool
    group: Group
    also_group: Group | None
    negated: str | None
    takes: tuple[str, ...]
    signs: str
    sets: Mapping[str, Mapping[str, bool]]
    number: NumberField | None
    words: frozenset[str]
    needs: tuple[Need, ...]
    rules: tuple[Rule, ...]
    help: Mapping[str, str]
    accepts: Accepts = field(compare=False, repr=False)

    def taught(self, language: str) -> str:
        """The keyword taught in a language."""
        return (self.keywords.get(language) or self.keywords.get("fr") or ("",))[0]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a text, the values it needs, and how early it is left out of a text too long."""

    template: str
    names: frozenset[str]
    drop: int


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the service in each of its languages."""

    phrases: Mapping[str, tuple[Phrase, ...]]
    segments: int
    apart: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Programme:
    """Everything the flow files say, compiled."""

    folder: Path
    flows: Mapping[str, Flow]
    keywords: Mapping[Role, Mapping[str, str]]
    report_words: Mapping[Role, Mapping[str, str]]  # the keywords of reports and questions
    answer_words: Mapping[Role, Mapping[str, str]]  # those of answers to a referral
    lexicon: Lexicon
    quantities: Mapping[str, Quantity]
    units: Mapping[str, str]
    numbers: Mapping[str, int]
    languages: Mapping[str, str]
    value_connectors: frozenset[str]
    answer_fillers: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]
    signs: Mapping[str, Sign]
    rules: tuple[Rule, ...]
    texts: Mapping[str, Text]
    taught: Mapping[str, Mapping[str, str]]  # answer id -> language -> word
    _lists: WordLists = field(repr=False)

    def with_ordinary(self, words: Iterable[str]) -> Programme:
        """The same programme knowing further names and places: words that mean nothing and are never asked about."""
        lists = replace(self._lists, names=self._lists.names | parts_of(words))
        return replace(self, lexicon=lists.compile(), _lists=lists)

    def written(self) -> Iterable[Word]:
        """Every word as listed, also those listed twice: for the lint."""
        return (word for word, _ in self._lists.written())

    def label(self, sign: str, language: str) -> str:
        """A sign as messages call it."""
        labels = self.signs[sign].label
        return labels.get(language) or labels["fr"]


def load_programme(folder: Path | str, names: Iterable[str] = (), villages: Iterable[str] = ()) -> Programme:
    """Read `flows/`; FlowError says file, line and problem. Names of staff and villages become ordinary words."""
    folder = Path(folder)
    words = load_yaml(folder / "words.yaml", WordsFile)
    signs = _signs(load_yaml(folder / "signs.yaml", list[SignRow]))
    texts = load_yaml(folder / "texts.yaml", TextsFile)
    declared = declared_names(words)
    rules = _rules(folder / "rules.yaml", (), load_yaml(folder / "rules.yaml", list[RuleRow]), declared, signs)
    flows = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in NOT_FLOWS:
            flow = _flow(path, load_yaml(path, FlowFile), declared, signs, words)
            flows[flow.name] = flow
    keywords = _keywords_by_role(folder, flows)
    lists = WordLists(words, tuple(_uses(flows.values())), parts_of([*names, *villages]))
    return Programme(
        folder=folder,
        flows=MappingProxyType(flows),
        keywords=keywords,
        report_words=_words_of(keywords, lambda name: flows[name].subject != "referral"),
        answer_words=_words_of(keywords, lambda name: flows[name].subject == "referral"),
        lexicon=lists.compile(),
        quantities=MappingProxyType({**words.symptoms, **words.measures}),
        units=MappingProxyType({form: unit for unit, forms in words.time_units.items() for form in forms}),
        numbers=MappingProxyType({form: number for number, forms in words.numbers.items() for form in forms}),
        languages=MappingProxyType(
            {form.lstrip("!"): id for id, forms in words.languages.items() for form in (*forms.fr, *forms.en)}
        ),
        value_connectors=frozenset({*words.connectors, *words.value_connectors} - {"UN", "UNE"}),
        answer_fillers=frozenset({*words.answer_fillers, *words.greetings, *words.connectors}),
        yes=frozenset(words.yes),
        no=frozenset(words.no),
        signs=MappingProxyType(signs),
        rules=rules,
        texts=_texts(folder / "texts.yaml", texts),
        taught=_taught(words),
        _lists=lists,
    )


def declared_names(words: WordsFile) -> dict[str, Name]:
    """Every name a condition may use: the facts, and each answer with the values it can take."""
    names = dict(FACTS)
    names |= dict.fromkeys([*words.symptoms, *words.measures, "people", "age_months"], Name(Type.NUMBER))
    names["muac_colour"] = Name(Type.WORD, frozenset(words.muac_colour))
    names["rdt"] = Name(Type.WORD, frozenset(words.test_results))
    names["outcome"] = Name(Type.WORD, frozenset(words.outcomes))
    names["sex"] = Name(Type.WORD, frozenset({"F", "M"}))
    names |= dict.fromkeys(words.circumstances, Name(Type.FLAG))
    for kind, answer in _LISTS.items():
        names[answer] = Name(Type.LIST, frozenset(getattr(words, kind.value)))
    return names


def _signs(rows: list[SignRow]) -> dict[str, Sign]:
    return {
        row.id: Sign(
            row.id,
            rank,
            row.tier,
            row.urgency,
            row.instead,
            row.otherwise,
            row.needs_age,
            {str(k): v for k, v in row.label.items()},
        )
        for rank, row in enumerate(rows)
    }


def _rules(
    path: Path, at: tuple[str, ...], rows: list[RuleRow], declared: Mapping[str, Name], signs: Mapping[str, Sign]
) -> tuple[Rule, ...]:
    rules = []
    for i, row in enumerate(rows):
        if (row.sign is None) == (row.question is None):
            raise FlowError(path, line_of(path, (*at, i)), "a rule leads to a sign or to a question: write one of them")
        if row.sign is not None and row.sign not in signs:
            raise FlowError(path, line_of(path, (*at, i, "sign")), f"`{row.sign}` is not in signs.yaml")
        try:
            when = compile_condition(row.when, declared)
        except ConditionError as error:
            raise FlowError(path, line_of(path, (*at, i, "when")), str(error)) from None
        asks = row.unknown == "ask"
        rules.append(
            Rule(when, row.sign, row.question, row.urgent, row.alone, asks, row.ask, row.may_hide_danger, row.doubt)
        )
    return tuple(rules)


def _flow(path: Path, row: FlowFile, declared: Mapping[str, Name], signs: Mapping[str, Sign], words: WordsFile) -> Flow:
    if row.name != path.stem:
        raise FlowError(path, line_of(path, ("name",)), f"the file is called {path.stem}: name it the same")
    for i, group in enumerate(row.words):
        kind, _, id = group.partition(".")
        if kind not in (*WordsFile.model_fields, "age") or (id and id not in getattr(words, kind)):
            raise FlowError(path, line_of(path, ("words", i)), f"`{group}` is no group of words.yaml")
    data = row.model_dump(exclude={"rules", "roles", "keywords", "words", "needs", "number", "takes", "only"})
    return Flow(
        **data,
        roles=frozenset(row.roles),
        keywords={language: tuple(map(plain, forms)) for language, forms in row.keywords.items()},
        exact=frozenset(plain(form) for forms in row.keywords.values() for form in forms if form[:1] == "!"),
        only={role: tuple(map(plain, forms)) for role, forms in row.only.items()},
        takes=tuple(row.takes),
        words=frozenset(row.words),
        needs=tuple(row.needs),
        number=row.number,
        rules=_rules(path, ("rules",), row.rules, declared, signs),
        accepts=_accepts(frozenset(row.words)),
    )


def _accepts(groups: frozenset[str]) -> Accepts:
    """A sign is accepted everywhere: a flow that has no place for it must still not lose it."""

    def accepts(word: Word) -> bool:
        kind = word.kind
        if kind is Kind.SIGN:
            return word.id != "none" or kind in groups
        if kind is Kind.RESULT:
            return Kind.TEST in groups
        return kind in groups or f"{kind}.{word.id}" in groups

    return accepts


def _uses(flows: Iterable[Flow]) -> Iterator[Use]:
    for flow in flows:
        for language, forms in flow.keywords.items():
            yield from (Use(form, flow.name, language, form in flow.exact) for form in forms)
        yield from (Use(form, flow.name, None, False) for forms in flow.only.values() for form in forms)


def _keywords_by_role(folder: Path, flows: Mapping[str, Flow]) -> Mapping[Role, Mapping[str, str]]:
    by_role: dict[Role, dict[str, str]] = {role: {} for role in Role}
    for flow in flows.values():
        for role in flow.roles:
            for text in {*(form for forms in flow.keywords.values() for form in forms), *flow.only.get(role, ())}:
                other = by_role[role].setdefault(text, flow.name)
                if other != flow.name:
                    path = folder / f"{flow.name}.yaml"
                    raise FlowError(path, line_of(path, ("keywords",)), f"{text} already means {other} to a {role}")
    return MappingProxyType({role: MappingProxyType(some) for role, some in by_role.items()})


def _texts(path: Path, rows: TextsFile) -> Mapping[str, Text]:
    texts = {}
    for key, row in rows.items():
        phrases = {}
        for language, pieces in (("fr", row.fr), ("en", row.en), ("bm", row.bm)):
            if pieces:
                phrases[language] = tuple(_phrase(path, key, language, piece) for piece in pieces)
        texts[key] = Text(MappingProxyType(phrases), row.segments, tuple(map(frozenset, row.apart)))
    return MappingProxyType(texts)


def _phrase(path: Path, key: str, language: str, piece: Piece) -> Phrase:
    """A brace is a value of the service, written {like_this}; nothing else may stand in one."""
    names = frozenset(_VALUE.findall(piece.say))
    if "{" in _VALUE.sub("", piece.say) or "}" in _VALUE.sub("", piece.say):
        raise FlowError(path, line_of(path, (key, language)), f"`{piece.say}`: write values as {{name}}")
    return Phrase(piece.say, names, piece.drop)


def _words_of(
    keywords: Mapping[Role, Mapping[str, str]], wanted: Callable[[str], bool]
) -> Mapping[Role, Mapping[str, str]]:
    return MappingProxyType(
        {
            role: MappingProxyType({text: flow for text, flow in some.items() if wanted(flow)})
            for role, some in keywords.items()
        }
    )


_ECHOED = (
    *(Kind.SYMPTOM, Kind.MEASURE, Kind.TREATMENT, Kind.PREVENTION, Kind.OUTCOME, Kind.CIRCUMSTANCE),
    *(Kind.COLOUR, Kind.TEST, Kind.VACCINE, Kind.STEP, Kind.DATE),
)


def _taught(words: WordsFile) -> Mapping[str, Mapping[str, str]]:
    """The taught word of each answer, by language: what messages echo."""
    taught: dict[str, Mapping[str, str]] = {}
    for kind in _ECHOED:
        for id, forms in getattr(words, kind.value).items():
            french = forms.fr[0].lstrip("!")
            taught[id] = {"fr": french, "en": forms.en[0].lstrip("!") if forms.en else french}
    return MappingProxyType(taught)
