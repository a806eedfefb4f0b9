"""Who is told of a referral, and when, until a human answers? What `flows/ladder.yaml` says, checked when it is loaded.

A ladder that leads nowhere, stands still or names nobody stops the service at its start with file and line, and not
the night a nurse's phone is off.
"""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from smsgateway.care.hours import Window, window_written
from smsgateway.reading.programme import Programme
from smsgateway.reading.schema import Strict, load_yaml

FILE = "ladder.yaml"
STANDARD = "standard"
FIRST = "first"  # the alert itself: what the rungs count from
LAST = "last"  # whoever is left when a ladder is at its end
HAND_OVER = "hand_over"  # the wait for the network to take the alert
TRANSFER_OVER = "transfer_over"
LAPSED = "lapsed"
_RESERVED = frozenset({FIRST, LAST, HAND_OVER, TRANSFER_OVER, LAPSED})
_LENGTH = re.compile(r"(\d+)([smhd])$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _length(value: Any) -> Any:
    found = _LENGTH.match(value) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError(f"{value!r} is no length of time: write 90s, 10m, 4h or 3d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Length = Annotated[timedelta, BeforeValidator(_length)]
DayWindow = Annotated[Window, BeforeValidator(window_written)]
RungName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,19}$")]


class Post(StrEnum):
    """Whom a rung tells; who that is, is found when the rung is reached."""

    NURSE = "nurse"
    SECOND_NURSE = "second_nurse"
    SUPERVISOR = "supervisor"
    LEAD = "lead"
    REPORTER = "reporter"
    ANY_NURSE = "any_nurse"
    ANY_LEAD = "any_lead"


_BEYOND_THE_CLINIC = frozenset({Post.SUPERVISOR, Post.LEAD, Post.ANY_LEAD})


class Rung(Strict):
    """One step of a ladder: so long `after` the network took the alert, tell these. `rest`: and so long at least since
    the last answer. `urgent`: at any hour; else inside the person's. `dont_wait`: the CHW hears that nobody answers."""

    rung: RungName
    after: Length
    tell: Annotated[tuple[Post, ...], Field(min_length=1)]
    rest: Length = timedelta(0)
    urgent: bool = True
    dont_wait: bool = False


Rungs = tuple[Rung, ...]


class Climb(Strict):
    """From the alert to an answer: who is told at once, and who next while nobody answers."""

    first: Annotated[tuple[Post, ...], Field(min_length=1)]
    no_answer: Annotated[Rungs, Field(min_length=1)]

    @model_validator(mode="after")
    def _leads_to_somebody(self) -> Climb:
        if Post.REPORTER in self.first:
            raise ValueError("first: the person who sent the report is never alerted to it")
        posts = {post for rung in self.no_answer for post in rung.tell}
        if Post.REPORTER in posts:
            raise ValueError("no_answer: the person who sent the report is never told of it; use dont_wait")
        if not posts & _BEYOND_THE_CLINIC:
            raise ValueError("no_answer: no rung leaves the clinic: add one for the supervisor or the lead")
        return self


class Tier(Strict):
    """The whole care of one kind of referral. Without `night` the rungs of the day hold at night too;
    `rungs_at_night: no` has them wait for the morning."""

    day: Climb
    night: Climb | None = None
    rungs_at_night: bool = True
    no_arrival: Annotated[Rungs, Field(min_length=1)]
    no_outcome: Annotated[Rungs, Field(min_length=1)]

    @model_validator(mode="after")
    def _climbs(self) -> Tier:
        for climb in filter(None, (self.day, self.night)):
            tracks = {"no_answer": climb.no_answer, "no_arrival": self.no_arrival, "no_outcome": self.no_outcome}
            _names_differ([rung.rung for rungs in tracks.values() for rung in rungs])
            for track, rungs in tracks.items():
                _time_grows(track, rungs)
        return self

    def climb(self, night: bool) -> Climb:
        """The rungs that hold by day or by night."""
        return self.night if night and self.night is not None else self.day


def _names_differ(names: list[str]) -> None:
    for name in names:
        if name in _RESERVED:
            raise ValueError(f"a rung cannot be called {name}: the service uses that name itself")
        if names.count(name) > 1:
            raise ValueError(f"two rungs are called {name}: each is told once, so each needs a name of its own")


def _time_grows(track: str, rungs: Rungs) -> None:
    for lower, upper in itertools.pairwise(rungs):
        if upper.after <= lower.after:
            raise ValueError(f"{track}: {upper.rung} does not come after {lower.rung}")


class Ladder(Strict):
    """What holds at a site."""

    tier_1: Tier
    tier_2: Tier
    routine: Tier
    last_resort: Annotated[tuple[Post, ...], Field(min_length=1)]

    def tier(self, urgency: str, tier: int) -> Tier:
        """The rungs for a referral of this urgency (urgent, routine) and tier."""
        if urgency != "urgent":
            return self.routine
        return self.tier_1 if tier == 1 else self.tier_2


class Ladders(Strict):
    """The whole file."""

    day: DayWindow
    wait_for_answers: Length
    hand_over_within: Length
    transferred_for: Length
    lapses_after: Length
    codes_rest: Length
    duty_lasts: Length
    counter_referral: frozenset[str] = frozenset()
    ladders: dict[str, Ladder]
    sites: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_its_ladders(self) -> Ladders:
        if STANDARD not in self.ladders:
            raise ValueError(f"ladders: one must be called {STANDARD}: it holds wherever no other is named")
        for site, name in self.sites.items():
            if name not in self.ladders:
                raise ValueError(f"sites: {site} names the ladder {name}, which does not exist")
        return self

    def of_site(self, site: str) -> Ladder:
        """The ladder of the site with this code."""
        return self.ladders[self.sites.get(site, STANDARD)]


def ladders_of(programme: Programme) -> Ladders:
    """The ladders of a loaded programme; FlowError with file and line when their file does not fit."""
    return ladders_in(programme.folder)


@lru_cache(maxsize=8)
def ladders_in(folder: Path) -> Ladders:
    """The ladders of a folder of flow files."""
    return load_yaml(folder / FILE, Ladders)
