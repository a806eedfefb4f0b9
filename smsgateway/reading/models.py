"""What does a message say, and what follows from it? The values that travel between reading, judging and filing.

`read(text, role)` gives a `Reading`, `judge(reading, facts, now)` a `Decision`; both are pure. An SMS may hold several
reports, so a Reading is a tuple of `Part`s, and a Decision judges each of them. USSD yields the same Reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    CHW = "chw"
    NURSE = "nurse"
    SUPERVISOR = "supervisor"
    LEAD = "lead"
    ADMIN = "admin"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """`alert`: a human must be told now; `ask`: a question goes back; `reject`: it is no report. Worst first when
    several reports share one SMS: alert, ask, accept, reject."""

    ACCEPT = "accept"
    ASK = "ask"
    ALERT = "alert"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Correction:
    """A word read as another: `said` is what was typed, `read` the word of the list it was taken for."""

    said: str
    read: str


@dataclass(frozen=True, slots=True)
class Code:
    """A household or patient code as typed. `digits` has no hyphen ("4177"); `catchment` is set when it was written
    with it ("07-4177" gives "07")."""

    digits: str
    catchment: str | None = None

    def __str__(self) -> str:
        return f"{self.catchment}-{self.digits}" if self.catchment else self.digits


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask back. `key` names the text in `flows/texts.yaml` (for example "unit_of_muac"), `about` the
    short token it is about, `may_hide_danger` whether silence must become an unclear alert after 5 minutes."""

    key: str
    about: str = ""
    may_hide_danger: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One report, answer or question within a message.

    `answers` are by the names, units and values of the word lists (`fever_days` in days or None when the duration is
    unknown, `muac_mm`, `temperature_c`, `breaths_per_min`, `weight_kg`, `rdt`, `treatments`, `outcome`, …). `signs` are
    the sign ids that were texted, before anything is known of the person. `codes` are all codes in order: the first is
    the subject, several only in flows that take a list. `referral` is a referral code such as "K7".
    """

    flow: str | None
    codes: tuple[Code, ...] = ()
    referral: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    signs: tuple[str, ...] = ()
    negated: tuple[str, ...] = ()  # sign ids that stood behind a PAS or NO: alerted all the same, and asked
    nothing_to_report: bool = False  # RAS
    corrected: tuple[Correction, ...] = ()
    unclear: tuple[str, ...] = ()  # tokens as typed
    questions: tuple[Question, ...] = ()
    text: str = ""  # the words of this part, for an uncertain alert to quote
    doubtful: Mapping[str, Any] = field(default_factory=dict)  # possible but unlikely: refused once
    keyword: bool = True  # False: no keyword said what this is; it may answer what was asked


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one message says. Never empty: a message that is no report gives one Part with `flow=None`."""

    parts: tuple[Part, ...]
    language: str | None = None  # the language of its keywords, where that is clear


@dataclass(frozen=True, slots=True)
class Age:
    """An age in whole days as an interval: [youngest, oldest] plausible. A known birth date has both equal; "14
    months" spans 14 months to a day short of 15."""

    youngest: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Person:
    """What the register (or the message itself, for a visitor) knows of whom a report is about."""

    code: str | None = None  # shown form, "417-7"
    catchment: str | None = None
    sex: str | None = None  # "F" or "M"
    age: Age | None = None
    pregnant: bool = False
    postpartum: bool = False
    village: str | None = None
    died: bool = False
    left: bool = False


class CodeState(StrEnum):
    """What the register says of a typed code."""

    FOUND = "found"
    UNCHECKED = "unchecked"  # no register at hand: taken as typed, its form is right
    FAILED = "failed"  # check digit or form wrong, or nobody has it
    AMBIGUOUS = "ambiguous"  # valid in several of the sender's catchments
    MOVED = "moved"  # the old code of someone who has a new one (`now`)
    WRONG_KIND = "wrong_kind"  # a household where a patient was needed, or the other way round


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """One typed code looked up. `near` are existing codes one slip away, shown form, for "did you mean …?"."""

    code: Code
    state: CodeState
    person: Person | None = None  # for a patient's code
    near: tuple[str, ...] = ()
    now: str | None = None  # the new code of someone who moved


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known before judging one Part: the looked-up codes (same order as `part.codes`), the language to answer
    in, the sender's role, and whether this repeats a refused value word for word (then it is accepted)."""

    role: Role
    language: str = "fr"
    codes: tuple[CodeFacts, ...] = ()
    person: Person | None = None
    insisted: bool = False
    today: date | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from one Part. `danger` holds urgent sign ids, most serious first; `signs` (also in
    `answers["signs"]`) those treated at home; `tier` is 1 (life threat now) or 2 (same day), None without danger.
    `unclear_danger` means: if no correction comes within 5 minutes a human must be told. `file` is False when nothing
    may be stored under a person (failing code): the report is kept unfiled."""

    part: Part
    outcome: Outcome
    answers: Mapping[str, Any]
    danger: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    tier: int | None = None
    subject: str | None = None
    unclear: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    unclear_danger: bool = False
    filed: bool = True
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The judged message: one Verdict a Part; the most urgent one stands for the message as a whole."""

    verdicts: tuple[Verdict, ...]

    @property
    def leading(self) -> Verdict:
        """The most urgent verdict: alert before ask before accept before reject, tier 1 before tier 2."""
        order = {Outcome.ALERT: 0, Outcome.ASK: 1, Outcome.ACCEPT: 2, Outcome.REJECT: 3}
        return min(self.verdicts, key=lambda v: (order[v.outcome], v.tier or 9))
