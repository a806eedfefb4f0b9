"""What was found in one report so far: its answers, its signs, and what must be asked. Filled in from left to right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from smsgateway.reading.models import Code, Correction, Part, Question
from smsgateway.reading.numerals import Line
from smsgateway.reading.programme import Flow, Programme

MOST_UNCLEAR = 12
_LONGEST_QUOTE = 40


@dataclass(slots=True)
class Findings:
    """The reading of one part under way. `typed` is the text as it was written, for quoting."""

    flow: Flow
    programme: Programme
    line: Line
    typed: str
    corrected: list[Correction]
    answers: dict[str, Any] = field(default_factory=dict)
    signs: dict[str, None] = field(default_factory=dict)
    negated: dict[str, None] = field(default_factory=dict)
    codes: list[Code] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    doubtful: dict[str, Any] = field(default_factory=dict)
    nothing_to_report: bool = False
    referral: str | None = None

    def has_content(self) -> bool:
        """Whether anything was said yet, so that what follows MERCI is a signature."""
        return bool(self.answers or self.signs or self.codes or self.nothing_to_report or self.unclear or self.negated)

    def keep(self, name: str, value: float | int | None) -> None:
        """Of two values of one thing the more worrying one is kept, and the other asked about."""
        before = self.answers.get(name)
        if before is None or value is None:
            self.answers[name] = value if before is None else before
        elif value != before:
            worst = min if self.programme.quantities[name].worst == "low" else max
            self.answers[name] = worst(before, value)
            self.ask("two_values", self.word_of(name), danger=True)

    def ask(self, key: str, about: str = "", *, danger: bool = False) -> None:
        """Put a question back; `danger`: the answer may hide a danger sign, where this report can carry one."""
        question = Question(key, about, danger and self.flow.danger)
        if question not in self.questions and len(self.questions) < MOST_UNCLEAR:
            self.questions.append(question)

    def not_read(self, i: int, until: int | None = None) -> None:
        """The tokens from i up to `until` could not be read."""
        self.refuse(i, until or i + 1, "what_is")

    def refuse(self, i: int, until: int, key: str) -> None:
        """The tokens from i up to `until` were understood but not taken; the question says why."""
        text = self.quote(i, until)
        if text and text not in self.unclear and len(self.unclear) < MOST_UNCLEAR:
            self.unclear.append(text)
        self.ask(key, text, danger=True)

    def doubt(self, i: int, until: int, name: str, value: Any) -> None:
        """A value that is possible but unlikely is refused once; sent again, it is taken."""
        self.refuse(i, until, "unlikely")
        self.doubtful[name] = value

    def quote(self, i: int, until: int) -> str:
        """The tokens from i up to `until` as they were typed."""
        tokens = self.line.tokens
        return self.typed[tokens[i].start : tokens[until - 1].end][:_LONGEST_QUOTE].strip()

    def word_of(self, name: str) -> str:
        """The taught word of an answer."""
        return self.programme.taught.get(name, {}).get("fr", name)

    def part(self) -> Part:
        """What was found, as a value."""
        return Part(
            flow=self.flow.name,
            codes=tuple(self.codes),
            referral=self.referral,
            answers=self.answers,
            signs=tuple(self.signs),
            negated=tuple(self.negated),
            nothing_to_report=self.nothing_to_report,
            corrected=tuple(self.corrected),
            unclear=tuple(self.unclear),
            questions=tuple(self.questions),
            doubtful=self.doubtful,
        )
