"""How well are messages understood whose meaning is known? Reads a file of messages with their meaning and counts, for
each kind of noise in them, how they were taken.

A line is JSON: `text`, `as`, and where they matter `chw`, `age_months`, `noise` (a kind or a list); what it means:
`flow`, `subject`, `answers` (those named must agree), `danger`, `outcome`. The numbers that must be zero come with the
messages that made them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from smsgateway.reading.answer import Register, read_line
from smsgateway.reading.programme import Programme


class Taken(StrEnum):
    """How a message was taken. The first three are safe, the others are not."""

    EXACTLY = "understood exactly"
    ASKED = "asked back"
    UNCLEAR = "alerted as unclear"  # somebody is told, though not of all or not of just that sign
    MISSED = "danger missed"
    WRONG_SIGN = "wrong sign"
    WRONG_PATIENT = "wrong patient"
    FALSE_ALARM = "false alarm"
    DIFFERENT = "understood differently"


NEVER = (Taken.MISSED, Taken.WRONG_SIGN, Taken.WRONG_PATIENT)


class BadLine(ValueError):
    """A line of the file that says no message or no meaning; the message says which line and what to write."""


@dataclass(slots=True)
class Row:
    """One kind of noise: how many messages, and how they were taken."""

    noise: str
    messages: int = 0
    taken: dict[Taken, int] = field(default_factory=lambda: dict.fromkeys(Taken, 0))

    def share(self, how: Taken) -> float:
        return self.taken[how] / self.messages if self.messages else 0.0


@dataclass(slots=True)
class Evaluation:
    """A row a kind of noise, and the messages that were taken in a way that must not happen."""

    rows: dict[str, Row] = field(default_factory=dict)
    failures: list[tuple[Taken, str]] = field(default_factory=list)

    def count(self, noise: str, how: Taken, text: str) -> None:
        row = self.rows.setdefault(noise, Row(noise))
        row.messages += 1
        row.taken[how] += 1
        if how in NEVER:
            self.failures.append((how, text))

    @property
    def total(self) -> Row:
        whole = Row("all")
        for row in self.rows.values():
            whole.messages += row.messages
            for how, count in row.taken.items():
                whole.taken[how] += count
        return whole


def evaluate(lines: Iterable[str], programme: Programme, register: Register | None = None) -> Evaluation:
    """Read every line and count; raises BadLine."""
    result = Evaluation()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        meant = _meant(line, number)
        answer = read_line(meant, programme, register)
        noise = meant.get("noise") or "none"
        result.count(" + ".join(noise) if isinstance(noise, list) else str(noise), judged(meant, answer), meant["text"])
    return result


def _meant(line: str, number: int) -> dict[str, Any]:
    try:
        meant = json.loads(line)
    except ValueError as error:
        raise BadLine(f"line {number}: not JSON ({error})") from error
    if not isinstance(meant, dict) or not isinstance(meant.get("text"), str) or "outcome" not in meant:
        raise BadLine(f'line {number}: write at least {{"text": …, "as": …, "flow": …, "outcome": …}}')
    return meant


def judged(meant: Mapping[str, Any], answer: Mapping[str, Any]) -> Taken:
    """How one message was taken, worst first."""
    danger, alerted = set(meant.get("danger", ())), answer["outcome"] == "alert"
    if answer["subject"] is not None and "subject" in meant and answer["subject"] != meant["subject"]:
        return Taken.WRONG_PATIENT
    if danger and not alerted and not answer["unclear"]:
        return Taken.MISSED
    if danger and alerted and set(answer["danger"]) - danger - {"other_serious"} and not answer["corrected"]:
        return Taken.WRONG_SIGN
    if alerted and meant["outcome"] != "alert":
        return Taken.FALSE_ALARM
    if _agrees(meant, answer):
        return Taken.EXACTLY
    if alerted:
        return Taken.UNCLEAR
    return Taken.ASKED if answer["outcome"] == "ask" else Taken.DIFFERENT


def _agrees(meant: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    named = ("flow", "subject", "outcome")
    if any(name in meant and meant[name] != answer[name] for name in named):
        return False
    if "danger" in meant and set(meant["danger"]) != set(answer["danger"]):
        return False
    said = answer["answers"]
    return all(name in said and _same(said[name], value) for name, value in meant.get("answers", {}).items())


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, list) and isinstance(wanted, list):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    return bool(found == wanted)


def table(result: Evaluation, *, markdown: bool = False) -> Iterator[str]:
    """The table, a line a kind of noise, and the whole at the end."""
    heads = ["noise", "messages", *(str(how) for how in Taken)]
    rows = [*result.rows.values(), result.total]
    if markdown:
        yield "| " + " | ".join(heads) + " |"
        yield "|---|" + "---:|" * (len(heads) - 1)
        for row in rows:
            yield "| " + " | ".join(_cells(row)) + " |"
        return
    widths = [max(len(heads[0]), *(len(row.noise) for row in rows)), *(len(head) for head in heads[1:])]
    for cells in (heads, *(_cells(row) for row in rows)):
        first, *others = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        yield "  ".join([first.strip().ljust(widths[0]), *others])


def _cells(row: Row) -> list[str]:
    shares = [str(row.taken[how]) if how in NEVER else f"{row.share(how):.1%}" for how in Taken]
    return [row.noise, str(row.messages), *shares]
