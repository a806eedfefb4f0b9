"""What may stand in the files of `flows/`? Models that refuse everything else and say file and line.

A programme edits these files without us: a misspelt key must never be ignored, since what it was meant to say would
silently not happen. YAML 1.2 is read (in YAML 1.1 `NO` is false and `8:30` is 510).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from smsgateway.reading.models import Role

Languages = Literal["fr", "en", "bm"]
Group = Literal["newborn", "child", "pregnancy", "postpartum"]
GROUPS: tuple[Group, ...] = ("newborn", "child", "pregnancy", "postpartum")


class FlowError(ValueError):
    """A file that cannot be used. The message names file, line, and what is wrong."""

    def __init__(self, file: Path, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.file, self.line, self.problem = file, line, problem


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- words.yaml


class Forms(Strict):
    """The ways of writing one meaning: the first of each language is taught, `also` is only read."""

    fr: list[str] = []
    en: list[str] = []
    also: list[str] = []


class Mistaken(Strict):
    """A value in this range was probably meant for another field: asked, never taken."""

    range: tuple[float, float]
    field: str


class Quantity(Forms):
    """A word with a number after it. `units` are factors to the field's own unit; `ask_unit` the bare values whose unit
    must be asked; `small_unit_from`: from this number on a bare value is in the smaller unit of this factor."""

    plausible: tuple[float, float]
    possible: tuple[float, float] | None = None  # beyond `plausible` and within this: refused once, then taken
    whole: bool = False
    units: dict[str, float] = {}
    ask_unit: tuple[float, float] | None = None
    small_unit_from: tuple[float, float] | None = None
    mistaken_for: Mistaken | None = None
    s_is_5: bool = False
    worst: Literal["low", "high"] = "high"


class WordsFile(Strict):
    signs: dict[str, Forms]
    asked_back: dict[str, Forms]
    symptoms: dict[str, Quantity]
    measures: dict[str, Quantity]
    muac_colour: dict[str, Forms]
    test: dict[str, Forms]
    test_results: dict[str, Forms]
    treatments: dict[str, Forms]
    prevention: dict[str, Forms]
    vaccines: dict[str, Forms]
    outcomes: dict[str, Forms]
    circumstances: dict[str, Forms]
    supervision_steps: dict[str, Forms]
    dates: dict[str, Forms]
    languages: dict[str, Forms]
    time_units: dict[Literal["day", "week", "month", "year", "hour"], list[str]]
    days: dict[int, list[str]]
    numbers: dict[int, list[str]]
    sex: dict[Literal["F", "M"], list[str]]
    negations: list[str]
    yes: list[str]
    no: list[str]
    connectors: list[str]
    value_connectors: list[str]
    people: list[str]
    signatures: list[str]
    greetings: list[str]
    answer_fillers: list[str]
    ordinary: list[str]
    small_words: list[str]
    names: list[str]
    ask: list[str]
    ask_phrases: list[str]
    harmless_phrases: list[str]


# ---------------------------------------------------------------- signs.yaml, rules.yaml


class SignRow(Strict):
    id: str
    tier: Literal[1, 2] | None
    urgency: dict[Group, Literal["urgent", "treat"]]
    instead: dict[Group, str] = {}
    otherwise: str | None = "other_serious"
    needs_age: bool = False
    label: dict[Languages, str]


class RuleRow(Strict):
    """Either a sign or a question follows when the condition holds. `urgent` makes the sign urgent whatever its group;
    `alone`: only when nothing urgent was found yet; `unknown: no`: an unknown outcome is no reason to ask; `doubt`: the
    value of this name is refused once, and taken when the same is sent again."""

    sign: str | None = None
    question: str | None = None
    when: str
    urgent: bool = False
    alone: bool = False
    unknown: Literal["ask", "no"] = "ask"
    ask: str = "age"
    may_hide_danger: bool = False
    doubt: str | None = None


# ---------------------------------------------------------------- flow files


class Need(Strict):
    """At least one of these must have been said, else this question goes back."""

    any: list[str]
    """Names of answers; `signs` any danger sign, `none` RAS, `vomiting` a vomiting that was asked about."""
    ask: str
    """The question: its text is ask_<this> in texts.yaml."""
    may_hide_danger: bool = False
    """Unanswered for five minutes, a human is told."""


class NumberField(Strict):
    """The answer that a bare number gives, and its plausible range."""

    field: str
    plausible: tuple[int, int]


class FlowFile(Strict):
    """One report, answer or question, by SMS and by USSD."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str
    """The same as the file's name."""
    version: Annotated[int, Field(ge=1)]
    """Raise it with every change: stored reports keep the version they were read with."""
    ready: bool = True
    """False: read, and danger in it alerted, but not yet filed."""
    roles: list[Role]
    """Who may send it."""
    keywords: dict[Literal["fr", "en"], list[str]]
    """The first of each language is taught. Up to four letters, or with a ! before it: read only when typed exactly."""
    only: dict[Role, list[str]] = {}
    """Further keywords of one role."""
    sets: dict[str, dict[str, bool]] = {}
    """What a keyword itself already answers: {GARDE: {on_duty: true}}."""
    digit: int | None = None
    """The bare number that answers the same, with one open referral."""
    menu: dict[Languages, str] = {}
    """Its name in the menus."""
    subject: Literal["none", "patient", "household", "person", "households", "referral", "chw"] = "none"
    """Whose code stands in it; `person` is a patient or a household, `households` one or several."""
    subject_optional: bool = False
    """It also counts without a code."""
    visitor: bool = False
    """A 0 stands for somebody without a code."""
    danger: bool = False
    """A word that cannot be read may hide a danger sign: unless corrected in five minutes a human is told."""
    sick: bool = False
    """It reports somebody ill: under two months that alone is urgent."""
    group: Group = "child"
    """Whose rules count where nobody knows better."""
    also_group: Group | None = None
    """Whose signs count too where the age is unknown: a postnatal report is about mother or newborn."""
    signs: Literal["danger", "told"] = "danger"
    """told: signs in it are words, and alert nobody (what somebody died of)."""
    negated: str | None = None
    """What the keyword means behind PAS or NON: another flow, or ask."""
    takes: list[
        Literal["date", "gestation", "stock", "language", "keyword", "chw", "birth", "referral", "destination", "area"]
    ] = []
    """Particular things it reads besides words."""
    number: NumberField | None = None
    """The answer that a number without a word gives."""
    words: list[str] = []
    """Groups of words.yaml it has a place for (signs, treatments, age ...), or one word of a group (outcomes.died).
    Danger signs are read in every flow."""
    needs: list[Need] = []
    """What must be said, else a question goes back."""
    rules: list[RuleRow] = []
    """Rules of this flow, beside those of rules.yaml."""
    help: dict[Languages, str]
    """How to write it, in one segment: the answer to AIDE and its keyword."""


def flow_schema() -> str:
    """The JSON Schema of a flow file, for editors (flows/flow.schema.json)."""
    return json.dumps(FlowFile.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------- texts.yaml


class Piece(Strict):
    """A phrase of a text; of a text too long for its budget those with the highest `drop` go first."""

    say: str
    drop: int = 0


def _pieces(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [{"say": item} if isinstance(item, str) else item for item in items]


Pieces = Annotated[list[Piece], BeforeValidator(_pieces)]


class TextRow(Strict):
    """One text in each language; a missing language falls back to French and the lint says so. `segments` is its
    budget; of the values named together in `apart` a message never has more than one."""

    fr: Pieces
    en: Pieces
    bm: Pieces | None = None
    segments: int = 1
    apart: list[list[str]] = []


TextsFile = dict[str, TextRow]

# ---------------------------------------------------------------- reading the files

Shape = TypeVar("Shape")


def load_yaml(path: Path, shape: type[Shape]) -> Shape:
    """One file in its shape; FlowError with file and line when it does not fit."""
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FlowError(path, line, f"not readable as YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError(path, 1, f"cannot be read: {error}") from None
    try:
        return TypeAdapter(shape).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise FlowError(path, line_of(path, first["loc"]), f"{where}: {_advice(first)}") from None


def _advice(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "no such key: it is misspelt or stands in the wrong place"
    if error["type"] == "missing":
        return "this key is missing"
    return str(error["msg"])


def line_of(path: Path, keys: Sequence[int | str]) -> int:
    """The line in which the value at these keys stands, or the nearest one above it. Slow: for messages only."""
    node = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    line = 1
    for at, inner in _descend(node, keys):
        line = at
        node = inner
    return line


def _descend(node: Any, keys: Sequence[int | str]) -> Iterator[tuple[int, Any]]:
    for key in keys:
        try:
            position = node.lc.data[key]
            node = node[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            continue  # a key of the model, not of the file (the alternatives of a union)
        yield position[0] + 1, node
