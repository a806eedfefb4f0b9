"""How does a list of things to do fit into one SMS? The most urgent first, one segment when it all fits, never more
than two; what does not fit is counted, never dropped in silence. Pure.

A list teaches the report that is wanted: each group begins with its keyword, `SUIVI 417-7! 20-4`, `!` means late.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

ONE, TWO = 160, 306  # characters of GSM-7 in one segment and in two
LATE: Final = "!"
ENOUGH: Final = 60  # things to do that a day's list looks at: more than anybody does in a day


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do: under which word, about whom (empty: the word says it all), and whether it is late."""

    label: str
    about: str
    late: bool = False

    @property
    def shown(self) -> str:
        return self.about + LATE if self.late else self.about


@dataclass(frozen=True, slots=True)
class Rounds:
    """Households to visit, the longest unvisited first: they fill what room is left."""

    label: str
    codes: tuple[str, ...]


def fitted(
    head: str, entries: Sequence[Entry], rounds: Rounds | None = None, *, legend: str = "", more: int = 0
) -> str:
    """The text: `head`, the entries, the rounds, and a `legend` when anything is late and there is room. `more`: so
    many entries were not even looked at. Everything given is of GSM-7's basic alphabet."""
    room = ONE if not more and len(head) + len(_joined(entries)) + 2 <= ONE else TWO
    kept = list(entries[:ENOUGH])
    more += len(entries) - len(kept)
    body = _with_count(kept, more)
    while len(head) + len(body) + 2 > room and kept:
        kept.pop()
        more += 1
        body = _with_count(kept, more)
    text = f"{head} {body}".rstrip() + ("." if body else "")
    if rounds is not None and rounds.codes:
        text = _with_rounds(text, rounds, room)
    if legend and any(entry.late for entry in kept) and len(text) + len(legend) + 1 <= room:
        text = f"{text} {legend}"
    return text


def _joined(entries: Iterable[Entry]) -> str:
    groups = ((label, list(some)) for label, some in groupby(entries, key=lambda entry: entry.label))
    return ". ".join(_group(label, some) for label, some in groups)


def _group(label: str, entries: Sequence[Entry]) -> str:
    """`SUIVI 417-7! 20-4`; of what needs no code `STOCK!`."""
    about = [entry.shown for entry in entries if entry.about]
    late = LATE if any(entry.late and not entry.about for entry in entries) else ""
    return " ".join([label + late, *about])


def _with_count(entries: Sequence[Entry], more: int) -> str:
    body = _joined(entries)
    return f"{body} +{more}".strip() if more else body


def _with_rounds(text: str, rounds: Rounds, room: int) -> str:
    """As many households as there is room for, and how many there are."""
    shown = list(rounds.codes[:20])
    while True:
        left = len(rounds.codes) - len(shown)
        more = [f"+{left}"] if left and shown else [str(left)] if left else []
        longer = f"{text} {' '.join([rounds.label, *shown, *more])}."
        if len(longer) <= room:
            return longer
        if not shown:
            return text
        shown.pop()
