"""Who is to be reminded of what, and until when? What `flows/schedules.yaml` says, read once and compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from smsgateway.care.customs import customs_in
from smsgateway.care.schedule_file import (
    CauseRow,
    Check,
    DayRow,
    Length,
    ScheduleRow,
    SchedulesFile,
    compiled,
    names_in_conditions,
)
from smsgateway.reading.conditions import Condition, Name
from smsgateway.reading.programme import Programme
from smsgateway.reading.schema import SignRow, WordsFile, load_yaml

FILE: Final = "schedules.yaml"


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

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of reminders they may touch."""
        return tuple({each.schedule.kind for each in (*self.starts, *self.fulfils, *self.ends)})


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
    names = names_in_conditions(words, signs)
    Check(path, frozenset(each.stem for each in folder.glob("*.yaml")), words, names).everything(file)
    named = {row.name: _schedule(row) for row in file.schedules}
    effects = MappingProxyType(_effects(file, named, names))
    return Schedules(file.day, customs_in(folder).period_starts_on, MappingProxyType(named), effects)


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
            Effect(schedule, compiled(cause.when, names), cause.early.roughly())
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
            gone=tuple(Leaving(row.reason, compiled(row.when, names)) for row in file.gone if row.flow == flow),
        )
        for flow in flows | {row.flow for row in file.gone}
    }
