"""Who is to be reminded of what, and until when? What `flows/schedules.yaml` says, checked when it is loaded.

A reminder that nothing could fulfil, that is late before it is due, or that is told in a language nobody wrote stops
the service at its start with file and line, and not a child's third day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from smsgateway.care.customs import customs_in
from smsgateway.care.hours import Window, windows
from smsgateway.reading.conditions import Condition, ConditionError, Name, Type, compile_condition
from smsgateway.reading.programme import Programme, declared_names
from smsgateway.reading.schema import FlowError, Languages, SignRow, Strict, WordsFile, line_of, load_yaml
from smsgateway.text.gsm7 import Encoding, encoding_of

FILE: Final = "schedules.yaml"
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


def _window(value: Any) -> Any:
    try:
        (window,) = windows(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{value!r} is no time of day: write 06:30-20:00") from error
    return window


def _weekday(value: Any) -> Any:
    if value not in _DAYS:
        raise ValueError(f"{value!r} is no day: write one of {', '.join(_DAYS)}")
    return _DAYS.index(value)


Lasting = Annotated[Length, BeforeValidator(_length)]
DayWindow = Annotated[Window, BeforeValidator(_window)]
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


# ---------------------------------------------------------------- as it is used


@dataclass(frozen=True, slots=True)
class Step:
    """One reminder: from when on it is due, late, pointless, counted from its schedule's beginning."""

    id: str
    due: Length
    late: Length
    pointless: Length
    vaccines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A series of reminders."""

    name: str
    kind: str
    tell: str
    urgency: int
    again: timedelta
    counted_from: str
    where: frozenset[str] | None
    steps: tuple[Step, ...]
    say: Mapping[str, str]

    def applies_in(self, places: frozenset[str]) -> bool:
        """Whether it holds at a site that lies in these facilities."""
        return self.where is None or not self.where.isdisjoint(places)

    def label(self, language: str) -> str:
        return self.say.get(language) or self.say["fr"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a report does to a schedule when its condition holds."""

    schedule: Schedule
    when: Condition | None
    early: timedelta = timedelta()

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Unknown is not enough."""
        return self.when is None or self.when(values) is True


@dataclass(frozen=True, slots=True)
class Leaving:
    """A report after which nobody is to be reminded of a person."""

    reason: str
    when: Condition | None

    def holds(self, values: Mapping[str, Any]) -> bool:
        return self.when is None or self.when(values) is True


@dataclass(frozen=True, slots=True)
class Effects:
    """All that reports of one flow do."""

    starts: tuple[Effect, ...] = ()
    fulfils: tuple[Effect, ...] = ()
    ends: tuple[Effect, ...] = ()
    gone: tuple[Leaving, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedules:
    """The whole file. `effects` has the flows that do anything at all; periods begin on this day of a month."""

    day: DayRow
    period_starts_on: int
    named: Mapping[str, Schedule]
    effects: Mapping[str, Effects]

    def from_birth(self, places: frozenset[str]) -> list[Schedule]:
        """What begins with a registration, no report needed."""
        started = {effect.schedule.name for some in self.effects.values() for effect in some.starts}
        return [
            each
            for each in self.named.values()
            if each.counted_from == "birth" and each.name not in started and each.applies_in(places)
        ]

    def from_last_period(self, places: frozenset[str]) -> list[Schedule]:
        """What a pregnancy begins."""
        return [e for e in self.named.values() if e.counted_from == "last_period" and e.applies_in(places)]

    def by_calendar(self) -> list[Schedule]:
        """What comes round each week or period."""
        return [each for each in self.named.values() if each.counted_from in ("week", "period")]

    def rounds(self) -> Schedule | None:
        """The visits from door to door."""
        return next((each for each in self.named.values() if each.counted_from == "last_visit"), None)


def schedules_of(programme: Programme) -> Schedules:
    """The schedules of a loaded programme; FlowError with file and line when its file does not fit."""
    return schedules_in(programme.folder)


@lru_cache(maxsize=8)
def schedules_in(folder: Path) -> Schedules:
    """The schedules of a folder of flow files."""
    path = folder / FILE
    file = load_yaml(path, SchedulesFile)
    words = load_yaml(folder / "words.yaml", WordsFile)
    signs = frozenset(row.id for row in load_yaml(folder / "signs.yaml", list[SignRow]))
    check = _Check(path, frozenset(each.stem for each in folder.glob("*.yaml")), words, _names(words, signs))
    check.everything(file)
    named = {row.name: _schedule(row) for row in file.schedules}
    effects = MappingProxyType(_effects(file, named, check.names))
    return Schedules(file.day, customs_in(folder).period_starts_on, MappingProxyType(named), effects)


def _names(words: WordsFile, signs: frozenset[str]) -> dict[str, Name]:
    return {**declared_names(words), "signs": Name(Type.LIST, signs)}


def _schedule(row: ScheduleRow) -> Schedule:
    return Schedule(
        name=row.name,
        kind=row.kind,
        tell=row.tell,
        urgency=row.urgency,
        again=row.again.roughly(),
        counted_from=row.counted_from,
        where=None if row.where is None else frozenset(row.where),
        steps=tuple(Step(s.id, s.due, s.late, s.pointless, s.vaccines) for s in row.steps),
        say=MappingProxyType({str(language): said for language, said in row.say.items()}),
    )


def _effects(file: SchedulesFile, named: Mapping[str, Schedule], names: Mapping[str, Name]) -> dict[str, Effects]:
    def effects(rows: Iterator[tuple[Schedule, CauseRow]], flow: str) -> tuple[Effect, ...]:
        return tuple(
            Effect(schedule, _compiled(cause.when, names), cause.early.roughly())
            for schedule, cause in rows
            if cause.flow == flow
        )

    def every(group: str) -> Iterator[tuple[Schedule, CauseRow]]:
        return ((named[row.name], cause) for row in file.schedules for cause in getattr(row, group))

    flows = {cause.flow for group in ("starts", "fulfilled", "ends") for _, cause in every(group)}
    return {
        flow: Effects(
            starts=effects(every("starts"), flow),
            fulfils=effects(every("fulfilled"), flow),
            ends=effects(every("ends"), flow),
            gone=tuple(Leaving(row.reason, _compiled(row.when, names)) for row in file.gone if row.flow == flow),
        )
        for flow in flows | {row.flow for row in file.gone}
    }


def _compiled(source: str | None, names: Mapping[str, Name]) -> Condition | None:
    return None if source is None else compile_condition(source, names)


# ---------------------------------------------------------------- what is checked


@dataclass(frozen=True, slots=True)
class _Check:
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
            _compiled(when, self.names)
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
