"""What may stand in `flows/schedules.yaml`? Models that refuse everything else, and what must hold between their parts.

A reminder that nothing could fulfil, that is late before it is due, or that is told in a language nobody wrote is said
with file and line when the service starts, and not on a child's third day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from smsgateway.care.hours import Window, window_written
from smsgateway.reading.conditions import Condition, ConditionError, Name, Type, compile_condition
from smsgateway.reading.programme import declared_names
from smsgateway.reading.schema import FlowError, Languages, Strict, WordsFile, line_of
from smsgateway.text.gsm7 import Encoding, encoding_of

_LENGTH = re.compile(r"(?:\d+(?:mo|w|d|h))+$")
_PARTS = re.compile(r"(\d+)(mo|w|d|h)")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Kind = Literal["follow_up", "postnatal", "antenatal", "vaccine", "household", "stock_count", "supervision"]
From = Literal["report", "birth", "last_period", "week", "period", "last_visit"]
# The reminders that are about a patient; the others are about a member of staff.
ABOUT_PATIENTS: Final = ("follow_up", "postnatal", "antenatal", "vaccine")
ABOUT_STAFF: Final = ("stock_count", "supervision")


class Length(NamedTuple):
    """So many months and so much more."""

    months: int
    rest: timedelta

    def roughly(self) -> timedelta:
        """For comparing lengths with each other."""
        return timedelta(days=30.4375 * self.months) + self.rest


def _length(value: Any) -> Any:
    if not isinstance(value, str) or not _LENGTH.match(value):
        raise ValueError(f"{value!r} is no length of time: write 24h, 3d, 6w, 9mo or 40w3d")
    months, rest = 0, timedelta()
    for number, unit in _PARTS.findall(value):
        if unit == "mo":
            months += int(number)
        else:
            rest += timedelta(**{{"w": "weeks", "d": "days", "h": "hours"}[unit]: int(number)})
    return Length(months, rest)


def _weekday(value: Any) -> Any:
    if value not in _DAYS:
        raise ValueError(f"{value!r} is no day: write one of {', '.join(_DAYS)}")
    return _DAYS.index(value)


Lasting = Annotated[Length, BeforeValidator(_length)]
DayWindow = Annotated[Window, BeforeValidator(window_written)]
Weekday = Annotated[int, BeforeValidator(_weekday)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,23}$")]


# ---------------------------------------------------------------- the file


class DayRow(Strict):
    """When people may be reminded."""

    hours: DayWindow
    evening: time
    nudge: Annotated[int, Field(ge=0, le=9)] = 2
    rest: frozenset[Weekday] = frozenset()
    holidays: frozenset[date] = frozenset()
    week: Weekday = 0


class CauseRow(Strict):
    """A report of a flow, when a condition holds."""

    flow: str
    when: str | None = None
    early: Lasting = Length(0, timedelta())


class GoneRow(Strict):
    flow: str
    when: str | None = None
    reason: Literal["death", "moved"]


class StepRow(Strict):
    id: Id
    due: Lasting
    late: Lasting
    pointless: Lasting
    vaccines: tuple[str, ...] = ()


class ScheduleRow(Strict):
    name: Id
    kind: Kind
    tell: Literal["chw", "supervisor"]
    urgency: Annotated[int, Field(ge=1, le=9)]
    again: Lasting = Length(0, timedelta(days=1))
    counted_from: From
    where: tuple[str, ...] | None = None
    starts: tuple[CauseRow, ...] = ()
    fulfilled: tuple[CauseRow, ...] = ()
    ends: tuple[CauseRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    say: dict[Languages, str]


class SchedulesFile(Strict):
    day: DayRow
    gone: tuple[GoneRow, ...] = ()
    schedules: tuple[ScheduleRow, ...]


def names_in_conditions(words: WordsFile, signs: frozenset[str]) -> dict[str, Name]:
    """Every name that `when` may use: those of rules.yaml, and the signs of a report."""
    return {**declared_names(words), "signs": Name(Type.LIST, signs)}


def compiled(source: str | None, names: Mapping[str, Name]) -> Condition | None:
    """The condition, None where none is written; raises ConditionError."""
    return None if source is None else compile_condition(source, names)


# ---------------------------------------------------------------- what is checked


@dataclass(frozen=True, slots=True)
class Check:
    """Raises FlowError at the first thing that cannot be meant."""

    path: Path
    files: frozenset[str]
    words: WordsFile
    names: Mapping[str, Name]

    def everything(self, file: SchedulesFile) -> None:
        for i, gone in enumerate(file.gone):
            self.cause(("gone", i), gone.flow, gone.when)
        seen: set[str] = set()
        for i, row in enumerate(file.schedules):
            at = ("schedules", i)
            if row.name in seen:
                self.wrong((*at, "name"), f"`{row.name}` is the name of an earlier schedule: choose another")
            seen.add(row.name)
            self.shape(at, row)
            for group in ("starts", "fulfilled", "ends"):
                for j, cause in enumerate(getattr(row, group)):
                    self.cause((*at, group, j), cause.flow, cause.when)
            self.steps(at, row)
            self.texts(at, row)

    def shape(self, at: tuple[str | int, ...], row: ScheduleRow) -> None:
        if row.counted_from == "last_visit":
            if row.steps or row.starts or row.fulfilled:
                self.wrong(
                    at, "what follows from the last visit has no steps and no reports of its own: leave them out"
                )
            return
        if not row.steps:
            self.wrong(at, "a schedule needs `steps`: when is it due, late, pointless?")
        if not row.fulfilled:
            self.wrong(at, "nothing fulfils this: name at least one flow under `fulfilled`")
        if (row.kind in ABOUT_STAFF) != (row.counted_from in ("week", "period")):
            self.wrong((*at, "kind"), f"`{row.kind}` cannot be counted from {row.counted_from}")
        if row.counted_from in ("week", "period") and (row.starts or len(row.steps) != 1):
            self.wrong(at, "what comes round by the calendar has one step and nothing that starts it")
        if row.counted_from == "last_period" and not row.starts:
            self.wrong(at, "name the flow that says the last period under `starts`")

    def cause(self, at: tuple[str | int, ...], flow: str, when: str | None) -> None:
        if flow not in self.files:
            self.wrong((*at, "flow"), f"there is no flow `{flow}`: no file {flow}.yaml stands beside this one")
        try:
            compiled(when, self.names)
        except ConditionError as error:
            self.wrong((*at, "when"), str(error))

    def steps(self, at: tuple[str | int, ...], row: ScheduleRow) -> None:
        seen: set[str] = set()
        for j, step in enumerate(row.steps):
            here = (*at, "steps", j)
            if step.id in seen:
                self.wrong(here, f"`{step.id}` is an earlier step: choose another id")
            seen.add(step.id)
            if not step.due.roughly() < step.late.roughly() <= step.pointless.roughly():
                self.wrong(here, f"`{step.id}` must first be due, then late, then pointless")
            if row.counted_from == "report" and any(each.months for each in (step.due, step.late, step.pointless)):
                self.wrong(here, "from a report one counts hours, days or weeks")
            for vaccine in step.vaccines:
                if vaccine not in self.words.vaccines:
                    self.wrong((*here, "vaccines"), f"`{vaccine}` is no vaccine of words.yaml")
            if (row.kind == "vaccine") != bool(step.vaccines):
                self.wrong(here, "a vaccine visit says which `vaccines`, and only a vaccine visit does")

    def texts(self, at: tuple[str | int, ...], row: ScheduleRow) -> None:
        for language in ("fr", "en"):
            if language not in row.say:
                self.wrong((*at, "say"), f"the text in `{language}` is missing")
        for language, said in row.say.items():
            if not said or len(said) > 30 or encoding_of(said) is not Encoding.GSM7:
                self.wrong((*at, "say", str(language)), f"{said!r}: at most 30 characters, each one of GSM-7")

    def wrong(self, keys: tuple[str | int, ...], problem: str) -> None:
        raise FlowError(self.path, line_of(self.path, keys), problem)
