"""Which screens does a flow have? Derived from its words: the file that says what may be texted says what is asked.

A screen's answer is the words one would have texted. The menu of a CHW thus writes an SMS, word by word, and one
reading understands both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from smsgateway.reading.models import Role
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.schema import FlowError, Forms, Quantity, Strict, WordsFile, line_of, load_yaml

SCREENS = (
    *(
        "keyword",
        "subject",
        "area",
        "babies",
        "sex",
        "age",
        "gestation",
        "number",
        "signs",
        "symptoms",
        "measures",
        "test",
    ),
    *("treatments", "prevention", "vaccines", "outcomes", "supervision_steps", "stock", "language"),
    *("circumstances", "date"),
)
# Groups of which one word is chosen; of the others as many as apply.
_NEEDED = frozenset({"supervision_steps"})  # without it the report says nothing
_ONE = frozenset({"test", "outcomes", "supervision_steps"})
# Flows in which a date is worth a question: for the others it is today.
_DATED = frozenset({"birth", "death"})


class MenusFile(Strict):
    menus: dict[Role, list[str]]
    screens: list[str]
    receipt_by_sms: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a list: what is shown, what it says when chosen, and the number it needs, if any (its unit and range
    are those of the quantity)."""

    says: str
    label: str
    needs: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """One question of a flow. `kind`: list (choose `one` or several), code, number, date, area (which of several)."""

    name: str
    kind: str
    options: tuple[Option, ...] = ()
    one: bool = False
    optional: bool = True
    plausible: tuple[float, float] | None = None
    unit: str = ""  # written behind a number


@dataclass(frozen=True)
class Menus:
    """The menus of a programme, shared by all threads."""

    programme: Programme = field(repr=False)
    by_role: Mapping[Role, tuple[str, ...]]
    order: tuple[str, ...]
    receipt_by_sms: bool
    words: WordsFile = field(repr=False)
    # Screens made once; at most one entry a flow, language and kind of person.
    _made: dict[tuple[str, str, bool, str | None], tuple[Screen, ...]] = field(default_factory=dict, repr=False)

    def flows(self, role: Role) -> tuple[str, ...]:
        """What the first screen offers a role."""
        return tuple(name for name in self.by_role.get(role, ()) if self.programme.flows[name].ready)

    def screens(
        self, flow: Flow, language: str, *, visitor: bool = False, group: str | None = None
    ) -> tuple[Screen, ...]:
        """The questions of a flow, in order. A visitor, whom no code names, is described; `group` (newborn, child,
        pregnancy, postpartum) is the person's, where it is known, and decides which signs are offered."""
        key = (flow.name, language, visitor, group)
        made = self._made.get(key)
        if made is None:
            found = {screen.name: screen for screen in self._screens(flow, language, visitor, group)}
            made = self._made[key] = tuple(found[name] for name in self.order if name in found)
        return made

    def _screens(self, flow: Flow, language: str, visitor: bool, group: str | None) -> Iterator[Screen]:
        meanings = self._meanings(flow, language)
        if len(meanings) > 1:
            yield Screen("keyword", "list", meanings, one=True, optional=False)
        if flow.subject == "chw":
            yield Screen("subject", "number", optional=flow.subject_optional, plausible=(0, 99_999))
        elif flow.subject != "none":
            yield Screen("subject", "code", optional=flow.subject_optional or flow.visitor)
        if flow.number is not None:
            low, high = flow.number.plausible
            required = any(flow.number.field in need.any for need in flow.needs)
            yield Screen("number", "number", optional=not required, plausible=(low, high))
        groups = {word.partition(".")[0] for word in flow.words}
        if not flow.danger and flow.signs != "told":
            groups.discard("signs")  # read wherever they are texted, asked only where somebody may be ill
        if "stock" in flow.takes:
            groups = set()
        if meanings:
            groups.discard("outcomes")
        described = visitor or ("sex" in flow.words and not flow.visitor)
        if described and "sex" in groups:
            yield Screen("sex", "list", (Option("F", "F"), Option("M", "M")), one=True, optional=False)
        if described and "age" in groups:
            yield Screen("age", "list", self._ages(), one=True, optional=False)
        for kind in groups - {"sex", "age", "asked_back", "muac_colour", "dates"}:
            options = tuple(self._options(flow, kind, language, group))
            if options:
                yield Screen(kind, "list", options, one=kind in _ONE, optional=kind not in _NEEDED)
        for takes in flow.takes or ():
            yield from self._taken(takes, flow, language)

    def _meanings(self, flow: Flow, language: str) -> tuple[Option, ...]:
        """The keywords of a flow whose keyword says what happened (GARDE or RELEVE, GUERI or EVACUE): one a meaning."""
        words = flow.keywords.get("en" if language == "en" else "fr", ())
        outcomes = {form: id for id, forms in self.words.outcomes.items() for form in (*forms.fr, *forms.en)}
        if words and all(word in flow.sets for word in words):
            chosen = {tuple(sorted(flow.sets[word].items())): word for word in reversed(words)}
            return tuple(Option(word, word) for word in words if word in chosen.values())
        if flow.subject == "referral" and "outcomes" in flow.words:
            first = {outcomes[word]: word for word in reversed(words) if word in outcomes}
            return tuple(Option(word, word) for word in words if word in first.values())
        return ()

    def _taken(self, takes: str, flow: Flow, language: str) -> Iterator[Screen]:
        if takes == "gestation":
            yield Screen("gestation", "list", self._gestation(), one=True, optional=False)
        elif takes == "stock":
            needs = Quantity(plausible=(0, 9_999), whole=True)
            items = (*self.words.treatments.values(), *self.words.test.values())
            options = tuple(Option(_taught(f, language), _taught(f, language), needs) for f in items)
            yield Screen("stock", "list", options, optional=False)
        elif takes == "area":
            yield Screen("area", "area")
        elif takes == "language":
            options = tuple(Option(_taught(f, "fr"), name) for name, f in self.words.languages.items())
            yield Screen("language", "list", options, one=True, optional=False)
        elif takes == "date" and flow.name in _DATED:
            yield Screen("date", "date")

    def _options(self, flow: Flow, kind: str, language: str, group: str | None) -> Iterator[Option]:
        whole = kind in flow.words
        forms: Mapping[str, Forms] = getattr(self.words, kind)
        for id, form in forms.items():
            if not (form.fr or form.en) or not (whole or f"{kind}.{id}" in flow.words):
                continue
            if kind == "signs":
                if self._sign_exists(flow, id, group):
                    yield Option(_taught(form, language), self.programme.label(id, language))
            elif kind == "test":
                yield from self._results(form, language)
            else:
                word = _taught(form, language)
                yield Option(word, word, form if isinstance(form, Quantity) else None)

    def _sign_exists(self, flow: Flow, sign: str, group: str | None) -> bool:
        """Signs offered: those that exist for the person, or else for whom the flow is about. Others can be texted."""
        if sign == "none" or sign not in self.programme.signs:
            return False
        urgency = self.programme.signs[sign].urgency
        return any(each in urgency for each in ((group,) if group else (flow.group, flow.also_group)))

    def _results(self, test: Forms, language: str) -> Iterator[Option]:
        name = _taught(test, language)
        for id, form in self.words.test_results.items():
            said = {"positive": "+", "negative": "-"}.get(id) or f" {_taught(form, language)}"
            yield Option(f"{name}{said}", f"{name}{said}")

    def _ages(self) -> tuple[Option, ...]:
        return (
            Option("M", "age_in_months", Quantity(plausible=(0, 59), whole=True)),
            Option("J", "age_in_days", Quantity(plausible=(0, 60), whole=True)),
            Option("A", "age_in_years", Quantity(plausible=(0, 110), whole=True)),
        )

    def _gestation(self) -> tuple[Option, ...]:
        return (
            Option("MOIS", "gestation_in_months", Quantity(plausible=(1, 10), whole=True)),
            Option("SEMAINES", "gestation_in_weeks", Quantity(plausible=(1, 44), whole=True)),
        )


def _taught(form: Forms, language: str) -> str:
    """The first word of a language, as one would text it."""
    forms = (form.en if language == "en" else form.fr) or form.fr or form.en
    return forms[0].lstrip("!")


def load_menus(programme: Programme) -> Menus:
    """Read `menus.yaml` of the programme's folder; FlowError says file, line and problem."""
    path: Path = programme.folder / "menus.yaml"
    file = load_yaml(path, MenusFile)
    for role, names in file.menus.items():
        for i, name in enumerate(names):
            flow = programme.flows.get(name)
            if flow is None:
                problem = f"there is no flow `{name}`: write the name of a file of this folder"
            elif role not in flow.roles:
                problem = f"`{name}` is not for a {role}: see `roles` in {name}.yaml"
            else:
                continue
            raise FlowError(path, line_of(path, ("menus", str(role), i)), problem)
    for i, screen in enumerate(file.screens):
        if screen not in SCREENS:
            raise FlowError(path, line_of(path, ("screens", i)), f"no screen is called `{screen}`")
    return Menus(
        programme,
        MappingProxyType({role: tuple(names) for role, names in file.menus.items()}),
        tuple(file.screens),
        file.receipt_by_sms,
        _words_in(programme.folder),
    )


@lru_cache(maxsize=8)
def _words_in(folder: Path) -> WordsFile:
    """The word lists of a folder of flow files; reading them takes a third of a second."""
    return load_yaml(folder / "words.yaml", WordsFile)
