"""What hangs on the wall? One printable page for each role and language, made from the flow files, so that a card can
never teach a word the service does not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, select_autoescape

from smsgateway.reading.menus import Menus, load_menus
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.say import text
from smsgateway.reading.schema import Forms, Group, WordsFile, load_yaml
from smsgateway.settings import shipped

ROLES = (Role.CHW, Role.NURSE, Role.SUPERVISOR)
LANGUAGES = ("fr", "en")
GROUPS: tuple[Group, ...] = ("newborn", "child", "pregnancy", "postpartum")


@dataclass(frozen=True, slots=True)
class Line:
    """A keyword, what it is for, and how it is written."""

    keyword: str
    label: str
    example: str


@dataclass(frozen=True, slots=True)
class WordList:
    """A heading and the words below it."""

    title: str
    words: tuple[str, ...]


def write_cards(flows: Path, folder: Path) -> list[Path]:
    """Write every card as an HTML page of one A4 sheet; gives the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, page in cards(flows):
        path = folder / name
        path.write_text(page, encoding="utf-8")
        written.append(path)
    return written


def cards(flows: Path) -> Iterator[tuple[str, str]]:
    """File names and pages."""
    from smsgateway.reading.programme import load_programme

    programme = load_programme(flows)
    menus = load_menus(programme)
    words = load_yaml(flows / "words.yaml", WordsFile)
    template = _environment().from_string((shipped("flows") / "card.html").read_text(encoding="utf-8"))
    for role in ROLES:
        for language in LANGUAGES:
            page = template.render(
                language=language,
                title=text(programme, f"card_title_{role}", language),
                rules=[text(programme, f"card_rule_{role}_{n}", language) for n in (1, 2, 3)],
                lines=_lines(programme, menus, role, language),
                lists=_lists(programme, words, role, language),
                foot=text(programme, "card_foot", language),
            )
            yield f"{role}_{language}.html", page.strip() + "\n"


def _environment() -> Environment:
    return Environment(autoescape=select_autoescape(default=True, default_for_string=True), trim_blocks=True)


def _lines(programme: Programme, menus: Menus, role: Role, language: str) -> Sequence[Line]:
    flows = [programme.flows[name] for name in menus.flows(role)]
    return [_line(flow, language) for flow in flows if flow.help]


def _line(flow: Flow, language: str) -> Line:
    label = flow.menu.get(language) or flow.menu.get("fr", flow.name)
    return Line(flow.taught(language), label, flow.help.get(language) or flow.help["fr"])


def _lists(programme: Programme, words: WordsFile, role: Role, language: str) -> Sequence[WordList]:
    if role is Role.NURSE:
        return [WordList(text(programme, "card_outcomes", language), _words(words.outcomes, language))]
    if role is not Role.CHW:
        return []
    by_group = [
        WordList(text(programme, f"card_signs_{group}", language), tuple(_signs(programme, words, group, language)))
        for group in GROUPS
    ]
    return [
        *by_group,
        WordList(text(programme, "card_symptoms", language), _words(words.symptoms, language)),
        WordList(text(programme, "card_measures", language), _words(words.measures, language)),
        WordList(text(programme, "card_treatments", language), _words(words.treatments, language)),
    ]


def _signs(programme: Programme, words: WordsFile, group: Group, language: str) -> Iterator[str]:
    for id, sign in programme.signs.items():
        forms = words.signs.get(id)
        if forms is not None and sign.urgency.get(group) == "urgent":
            yield _taught(forms, language)


def _words(table: Mapping[str, Forms], language: str) -> tuple[str, ...]:
    return tuple(_taught(forms, language) for forms in table.values())


def _taught(forms: Forms, language: str) -> str:
    chosen = (forms.en if language == "en" else forms.fr) or forms.fr
    return chosen[0].lstrip("!")
