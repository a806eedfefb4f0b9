"""When is which rung reached? A referral's timetable, worked out from the ladder and how it stands; pure.

A referral waits for one thing at a time: an answer, an arrival, an outcome, news from a hospital. While it waits, the
rungs of that wait are due one after the other, counted from the moment the network took the alert. There is always a
next rung until the referral is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from smsgateway.care.hours import Window, next_opening, within
from smsgateway.care.rungs import FIRST, LAPSED, LAST, TRANSFER_OVER, Ladder, Ladders, Post, Rung, Rungs, Tier
from smsgateway.care.states import OPEN, State


class Wait(StrEnum):
    """What a referral waits for."""

    ANSWER = "no_answer"
    ARRIVAL = "no_arrival"
    OUTCOME = "no_outcome"
    NEWS = "transferred"
    END = "lapses"


WAITS: dict[Wait, frozenset[State]] = {
    Wait.ANSWER: frozenset({State.OPENED}),
    Wait.ARRIVAL: frozenset({State.OPENED, State.RECEIVED}),
    Wait.OUTCOME: OPEN - {State.TRANSFERRED},
    Wait.NEWS: frozenset({State.TRANSFERRED}),
    Wait.END: OPEN - {State.TRANSFERRED},
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A referral as its ladder sees it. `since`: the network took the alert; `settled`: the present state began;
    `climbed`: the rungs that were reached."""

    state: State
    urgency: str
    tier: int
    since: datetime
    settled: datetime
    climbed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """A rung with what it is for and when it is due."""

    wait: Wait
    rung: Rung
    at: datetime


def next_step(ladders: Ladders, ladder: Ladder, standing: Standing, zone: tzinfo) -> Step | None:
    """The rung that comes next; None when the referral is closed."""
    return next(steps_ahead(ladders, ladder, standing, zone), None)


def steps_ahead(ladders: Ladders, ladder: Ladder, standing: Standing, zone: tzinfo) -> Iterator[Step]:
    """What lies ahead if nobody says anything, in order of time."""
    everything = timetable(ladders, ladder, standing, zone)
    for step in sorted(everything, key=lambda step: step.at):
        if standing.state in WAITS[step.wait] and step.rung.rung not in standing.climbed:
            yield step


def timetable(ladders: Ladders, ladder: Ladder, standing: Standing, zone: tzinfo) -> list[Step]:
    """Every rung of this referral, lower ones first within each wait."""
    tier = ladder.tier(standing.urgency, standing.tier)
    night = not within(standing.since, ladders.day, zone)
    clock = _Clock(tier, ladders.day, zone)
    return [
        *clock.steps(Wait.ANSWER, tier.climb(night).no_answer, standing),
        *clock.steps(Wait.ARRIVAL, tier.no_arrival, standing),
        *clock.steps(Wait.OUTCOME, tier.no_outcome, standing),
        Step(Wait.NEWS, _closing(TRANSFER_OVER, ladders.transferred_for), standing.settled + ladders.transferred_for),
        Step(Wait.END, _closing(LAPSED, ladders.lapses_after), standing.since + ladders.lapses_after),
    ]


def _closing(name: str, after: timedelta) -> Rung:
    return Rung.model_construct(
        rung=name, after=after, tell=(Post.SUPERVISOR,), rest=timedelta(0), urgent=False, dont_wait=False
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """Turns lengths of time into moments; where nights have no rungs, what falls into one waits for the morning, and
    the rungs above keep their distance from it."""

    tier: Tier
    day: Window
    zone: tzinfo

    def steps(self, wait: Wait, rungs: Rungs, standing: Standing) -> Iterable[Step]:
        slept = timedelta(0)
        for rung in rungs:
            at = max(standing.since + rung.after + slept, standing.settled + rung.rest)
            if not self.tier.rungs_at_night:
                morning = next_opening(at, self.day, self.zone)
                slept += morning - at
                at = morning
            yield Step(wait, rung, at)


def rungs_above(table: Iterable[Step], failed: str) -> list[Rung]:
    """The rungs that serve the same wait as this one and lie above it, lowest first; none for a message that is no
    rung."""
    steps = list(table)
    wait = Wait.ANSWER if failed == FIRST else next((step.wait for step in steps if step.rung.rung == failed), None)
    same = [step.rung for step in steps if step.wait is wait]
    at = next((i for i, rung in enumerate(same) if rung.rung == failed), -1)
    return same[at + 1 :]


def wait_of(table: Iterable[Step], name: str) -> Wait | None:
    """What a rung is for; None for a message that is no rung."""
    if name in (FIRST, LAST):
        return Wait.ANSWER
    if name.startswith(f"{LAST}_"):
        return Wait(name.removeprefix(f"{LAST}_"))
    return next((step.wait for step in table if step.rung.rung == name), None)
