"""What does the next USSD screen show? A session fills in a flow, screen by screen, and what it fills in is the text of
an SMS: pure, from the state before and what was entered to the state after and its screen.

A state is JSON. It holds what every number on its screen stood for, so that "2" can never come to mean somebody else.
Screens fit 150 characters of GSM-7; longer lists page. On lists `0` goes back, `00` shows more, `99` goes to the start;
questions for a number take them as the numbers they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from smsgateway.reading import say
from smsgateway.reading.menus import Menus, Option, Screen
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Flow
from smsgateway.text.codes import parse_code
from smsgateway.text.gsm7 import fits, fold, septets, shorten
from smsgateway.text.spelling import normalise

ROOM = 150  # characters of a screen, without its CON or END
State = dict[str, Any]

_NUMBER = re.compile(r"\d{1,5}(?:[.,]\d{1,2})?$")
_DATE = re.compile(r"(\d{1,2})[/.\- ]?(\d{2})$")
_UNSHOWN = re.compile(r"[^0-9A-Z/.,-]")
_SEPARATORS = re.compile(r"[\s,;.*+]+")


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person, household or referral that can be chosen: its code as texted, and its line on the screen."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the register offers this turn: whom to choose from, most due first, for a kind of subject ("patient",
    "household", "referral", and "area" for the sender's catchments); whether a typed code is known, with the person's
    group if so, else None; and whether there is an unfinished session to resume."""

    choices: Callable[[str], Sequence[Somebody]]
    known: Callable[[str], str | None]
    unfinished: State | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """One turn's outcome. `text` is what the session has said so far, as an SMS would; `finished` when it is whole and
    to be filed: the caller then shows the answer with `ended`."""

    state: State
    screen: str
    text: str = ""
    finished: bool = False


@dataclass(slots=True)
class _Session:
    """One turn being worked out."""

    menus: Menus
    role: Role
    language: str
    context: Context
    state: State = field(default_factory=dict)

    # ------------------------------------------------------------ beginning

    def open(self) -> Turned:
        """The first screen: resume what was left, or the menu of the role."""
        left = self.context.unfinished
        if left is not None:
            self.state = {"at": "resume", "left": left}
            title = self.menus.programme.flows[left["flow"]].menu
            return self.show(self.words("ussd_resume", flow=title.get(self.language, left["flow"])))
        return self.menu()

    def menu(self, error: str = "") -> Turned:
        flows = self.menus.flows(self.role)
        if not flows:
            return Turned({"at": "end"}, "END " + self.words("ussd_unknown"), finished=False)
        self.state = {"at": "menu", "page": self.state.get("page", 0) if self.state.get("at") == "menu" else 0}
        labels = [self.label_of(name) for name in flows]
        return self.listed(self.words("ussd_menu"), list(flows), labels, error)

    def label_of(self, flow: str) -> str:
        menu = self.menus.programme.flows[flow].menu
        return fold(menu.get(self.language) or menu.get("fr") or flow)

    # ------------------------------------------------------------ one entry

    def enter(self, entry: str) -> Turned:
        entry = normalise(entry).strip()
        at = self.state.get("at")
        if at == "resume":
            return self.resumed(entry)
        if at == "menu":
            return self.chosen_flow(entry)
        if at == "answer":
            return self.next_page(entry)
        if at == "flow":
            return self.answered(entry)
        return self.open()

    def resumed(self, entry: str) -> Turned:
        if entry == "1":
            self.state = dict(self.state["left"])
            return self.ask()
        return self.menu("" if entry == "2" else self.words("ussd_choose"))

    def chosen_flow(self, entry: str) -> Turned:
        if entry in ("0", "99"):
            self.state["page"] = 0
            return self.menu()
        if entry == "00":
            self.state["page"] += 1
            return self.menu()
        picked = self.picked(entry)
        if len(picked) != 1:
            return self.menu(self.words("ussd_choose"))
        self.state = {"at": "flow", "flow": picked[0], "slot": -1, "said": [], "queue": [], "page": 0, "trail": []}
        return self.advance()

    def answered(self, entry: str) -> Turned:
        screen = self.screen()
        if self.state["queue"]:
            return self.number_for_word(entry)
        if screen.kind in ("list", "area") or (screen.kind == "code" and self.state.get("shown")):
            turned = self.moved_about(entry)
            if turned is not None:
                return turned
        return getattr(self, f"took_{screen.kind}")(screen, entry)  # type: ignore[no-any-return]

    def moved_about(self, entry: str) -> Turned | None:
        """`0` back, `00` more, `99` home, on lists only."""
        if entry == "99":
            self.state = {}
            return self.menu()
        if entry == "00":
            self.state["page"] += 1
            return self.ask()
        if entry == "0":
            if not self.state["trail"]:
                self.state = {}
                return self.menu()
            slot, count, visitor, group = self.state["trail"].pop()
            self.state.update(
                slot=slot, said=self.state["said"][:count], queue=[], page=0, visitor=visitor, group=group
            )
            return self.ask()
        return None

    # ------------------------------------------------------------ answers to each kind of screen

    def took_list(self, screen: Screen, entry: str) -> Turned:
        picked = self.picked(entry)
        if not picked or (screen.one and len(picked) > 1):
            return self.ask(self.words("ussd_choose" if screen.one else "ussd_choose_several"))
        picked = [says for says in picked if says] or [""]  # "none" beside a sign: the sign wins
        if picked == [""]:
            return self.went_on([])
        if screen.name == "keyword":
            self.state["keyword"] = picked[0]
            return self.went_on([])
        options = {option.says: option for option in screen.options}
        plain = [says for says in picked if options[says].needs is None]
        queue = [says for says in picked if options[says].needs is not None]
        return self.went_on(plain, queue)

    def took_code(self, screen: Screen, entry: str) -> Turned:
        shown: list[str] = self.state.get("shown", [])
        if _counts(entry, shown) and len(entry) < 3:
            code = shown[int(entry) - 1]
            if not code:
                return self.without_code()
        elif self.subject() == "referral":
            code = entry
        else:
            parsed = parse_code(entry)
            if parsed is None:
                return self.ask(self.words("ussd_code_wrong", about=_echo(entry)))
            code = f"{parsed[0]}-{parsed[1]}" if parsed[0] else parsed[1]
        group = self.context.known(code)
        if group is None:
            return self.ask(self.words("ussd_code_unknown", about=_echo(code)))
        self.mark()
        self.state["group"] = group or None
        return self.went_on([code], marked=True)

    def without_code(self) -> Turned:
        """A visitor is described instead; an emergency goes on without."""
        flow = self.flow()
        self.mark()
        self.state["visitor"] = flow.visitor and not flow.subject_optional
        return self.went_on(["0"] if self.state["visitor"] else [], marked=True)

    def took_area(self, screen: Screen, entry: str) -> Turned:
        picked = self.picked(entry)
        return self.went_on(picked) if len(picked) == 1 else self.ask(self.words("ussd_choose"))

    def took_number(self, screen: Screen, entry: str) -> Turned:
        if screen.optional and entry == "0" and not (screen.plausible and screen.plausible[0] == 0):
            return self.went_on([])
        problem = self.out_of_range(entry, screen.plausible, True)
        if problem:
            return self.ask(problem)
        prefix = "ASC" if screen.name == "subject" else ""
        return self.went_on([f"{prefix}{entry}"])

    def took_date(self, screen: Screen, entry: str) -> Turned:
        if entry == "0":
            return self.went_on([])
        match = _DATE.match(entry)
        if match is None or not (1 <= int(match[1]) <= 31 and 1 <= int(match[2]) <= 12):
            return self.ask(self.words("ussd_date_wrong"))
        return self.went_on([f"{match[1]}/{match[2]}"])

    def number_for_word(self, entry: str) -> Turned:
        """The number that a chosen word needs: FIEVRE 2, PB 120, 5 MOIS."""
        word = self.state["queue"][0]
        needs = self.needed(word)
        problem = self.out_of_range(entry, needs.plausible, needs.whole) if needs else None
        if needs and not problem and needs.mistaken_for and _within(entry, needs.mistaken_for.range):
            problem = self.words("ussd_sure_days", about=_echo(entry))
        if problem:
            return self.ask(problem)
        self.state["queue"] = self.state["queue"][1:]
        name = self.screen().name
        said = f"{entry}{word}" if name == "age" else f"{entry} {word}" if name == "gestation" else f"{word} {entry}"
        self.state["said"] = [*self.state["said"], said]
        return self.ask() if self.state["queue"] else self.advance()

    def out_of_range(self, entry: str, plausible: tuple[float, float] | None, whole: bool) -> str | None:
        if not _NUMBER.match(entry) or (whole and not entry.isdigit()):
            return self.words("ussd_number_wrong")
        if plausible and not _within(entry, plausible):
            return self.words("ussd_range", low=f"{plausible[0]:g}", high=f"{plausible[1]:g}")
        return None

    def needed(self, word: str) -> Any:
        return next((option.needs for option in self.screen().options if option.says == word), None)

    # ------------------------------------------------------------ going on

    def mark(self) -> None:
        """Remember this screen for `0`."""
        state = self.state
        trail = [*state["trail"], [state["slot"], len(state["said"]), state.get("visitor"), state.get("group")]]
        state["trail"] = trail[-20:]

    def went_on(self, said: list[str], queue: Sequence[str] = (), *, marked: bool = False) -> Turned:
        if not marked:
            self.mark()
        self.state["said"] = [*self.state["said"], *said]
        self.state["queue"] = list(queue)
        return self.ask() if queue else self.advance()

    def advance(self) -> Turned:
        self.state.update(slot=self.state["slot"] + 1, page=0, queue=[])
        if self.state["slot"] < len(self.screens()):
            return self.advance() if self.is_needless() else self.ask()
        return Turned({**self.state, "at": "filed"}, "", self.text(), finished=True)

    def is_needless(self) -> bool:
        """Whether nobody needs to be asked: who has one area alone works nowhere else."""
        return self.screen().kind == "area" and len(self.context.choices("area")) < 2

    def ask(self, error: str = "") -> Turned:
        """The screen of the present question, with the reason when it is asked again."""
        screen = self.screen()
        if self.state["queue"]:
            word = self.state["queue"][0]
            return self.show(self.prompt_for_word(screen, word), error)
        if screen.kind == "list":
            return self.ask_list(screen, error)
        if screen.kind == "code":
            return self.ask_code(screen, error)
        if screen.kind == "area":
            areas = self.context.choices("area")
            return self.listed(
                self.words("ussd_area"), [one.code for one in areas], [one.label for one in areas], error
            )
        self.state["shown"] = []
        return self.show(self.words(f"ussd_{self.prompt_name(screen)}"), error)

    def ask_list(self, screen: Screen, error: str) -> Turned:
        says = [option.says for option in screen.options]
        labels = [self.option_label(option) for option in screen.options]
        if screen.optional:
            says, labels = ["", *says], [self.words("ussd_none"), *labels]
        return self.listed(self.words(f"ussd_{screen.name}"), says, labels, error)

    def option_label(self, option: Option) -> str:
        key = f"ussd_{option.label}"
        return self.words(key) if key in self.menus.programme.texts else fold(option.label)

    def ask_code(self, screen: Screen, error: str) -> Turned:
        subject = self.subject()
        choices = self.context.choices(subject)
        says, labels = [one.code for one in choices], [fold(one.label) for one in choices]
        if screen.optional:
            says, labels = [*says, ""], [*labels, self.words("ussd_no_code")]
        return self.listed(self.words(f"ussd_subject_{subject}"), says, labels, error)

    # ------------------------------------------------------------ lists and pages

    def listed(self, title: str, says: list[str], labels: list[str], error: str = "") -> Turned:
        """A numbered list, paged; the numbers go on over the pages and stand in the state."""
        self.state["shown"] = says
        head = f"{error}\n{title}" if error else title
        lines = [f"{number} {label}" for number, label in enumerate(labels, 1)]
        pages = _pages(head, lines, self.words("ussd_more"))
        page = self.state.get("page", 0) % max(1, len(pages))
        self.state["page"] = page
        return self.con("\n".join([head, *pages[page]] if pages else [head]))

    def picked(self, entry: str) -> list[str]:
        """What the numbers entered stand for; empty when one of them stands for nothing."""
        shown: list[str] = self.state.get("shown", [])
        numbers = [part for part in _SEPARATORS.split(entry) if part]
        if not all(_counts(number, shown) for number in numbers):
            return []
        return list(dict.fromkeys(shown[int(number) - 1] for number in numbers))

    # ------------------------------------------------------------ an answer longer than a screen

    def next_page(self, entry: str) -> Turned:
        pages: list[str] = self.state["pages"]
        if entry == "99":
            self.state = {}
            return self.menu()
        step = {"0": -1, "00": 1}.get(entry, 1)
        self.state["page"] = min(max(0, self.state["page"] + step), len(pages) - 1)
        return self.page()

    def page(self) -> Turned:
        pages, page = self.state["pages"], self.state["page"]
        if page == len(pages) - 1:
            return Turned({**self.state, "at": "answer"}, "END " + pages[page])
        return Turned(self.state, f"CON {pages[page]}\n{self.words('ussd_more')}")

    # ------------------------------------------------------------ small things

    def flow(self) -> Flow:
        return self.menus.programme.flows[self.state["flow"]]

    def subject(self) -> str:
        subject = self.flow().subject
        return {"households": "household", "person": "patient"}.get(subject, subject)

    def screens(self) -> tuple[Screen, ...]:
        return self.menus.screens(
            self.flow(), self.language, visitor=bool(self.state.get("visitor")), group=self.state.get("group")
        )

    def screen(self) -> Screen:
        return self.screens()[self.state["slot"]]

    def prompt_name(self, screen: Screen) -> str:
        if screen.name == "subject":
            return "subject_chw"
        number = self.flow().number
        return f"number_{number.field}" if screen.name == "number" and number else screen.name

    def prompt_for_word(self, screen: Screen, word: str) -> str:
        named = {"symptoms": "ussd_days_of", "stock": "ussd_count_of"}.get(screen.name)
        if named is None and screen.name in ("age", "gestation"):
            return self.words("ussd_how_many")
        return self.words(named or "ussd_value_of", word=word)

    def text(self) -> str:
        """The SMS this session has written so far."""
        keyword = self.state.get("keyword") or self.flow().taught(self.language)
        return " ".join([keyword, *self.state["said"]])

    def words(self, key: str, **values: str) -> str:
        return say.text(self.menus.programme, key, self.language, **values)

    def show(self, body: str, error: str = "") -> Turned:
        return self.con(f"{error}\n{body}" if error else body)

    def con(self, body: str) -> Turned:
        text = self.text() if self.state.get("at") == "flow" else ""
        return Turned(self.state, "CON " + shorten(body, 1) if septets(body) > ROOM else "CON " + body, text)


def start(menus: Menus, role: Role, language: str, context: Context) -> Turned:
    """The first screen of a session."""
    return _Session(menus, role, language, context).open()


def advance(menus: Menus, role: Role, language: str, context: Context, state: State, entry: str) -> Turned:
    """The screen after `entry` on the screen of `state`."""
    session = _Session(menus, role, language, context, {**state})
    return session.enter(entry)


def ended(menus: Menus, language: str, state: State, answer: str) -> Turned:
    """The end of a session: the answer, over several screens when it is long."""
    pages = _split(answer)
    session = _Session(menus, Role.UNKNOWN, language, _NOBODY, {**state, "at": "answer", "pages": pages, "page": 0})
    return session.page()


_NOBODY = Context(choices=lambda _kind: (), known=lambda _code: None)


def _echo(entry: str) -> str:
    """What was typed, as far as a screen can show it."""
    return _UNSHOWN.sub("", entry)[:10] or "?"


def _counts(entry: str, shown: Sequence[str]) -> bool:
    """Whether it is the number of a line on the screen; `²` is a digit to Python, and no number."""
    return len(entry) <= 4 and entry.isdecimal() and 1 <= int(entry) <= len(shown)


def _within(entry: str, limits: tuple[float, float]) -> bool:
    return limits[0] <= float(entry.replace(",", ".")) <= limits[1]


def _pages(head: str, lines: Sequence[str], more: str) -> list[list[str]]:
    """Lines in pages that each fit a screen below the head, with the line that says there is more."""
    pages: list[list[str]] = []
    page: list[str] = []
    for line in lines:
        trial = "\n".join([head, *page, line])
        if page and septets(trial) + septets(more) + 1 > ROOM:
            pages.append([*page, more])
            page = []
        page.append(line)
    if page:
        pages.append(page if not pages else [*page, more])
    return pages


def _split(answer: str) -> list[str]:
    """An answer as screens, at word borders, room left for the line that says there is more."""
    pages, page = [], ""
    for word in fold(answer).split(" "):
        longer = f"{page} {word}" if page else word
        if fits(longer) and septets(longer) <= ROOM - 20:
            page = longer
        else:
            pages.append(page)
            page = word
    return [*pages, page] if len(pages) or septets(page) <= ROOM else [page]
