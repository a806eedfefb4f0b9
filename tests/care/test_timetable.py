"""When is which rung reached? The ladder of the design as a table of moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.care.rungs import ladders_in
from smsgateway.care.states import OPEN, State
from smsgateway.care.timetable import Standing, next_step, rungs_above, steps_ahead, timetable
from smsgateway.settings import Settings

LADDERS = ladders_in(Settings().flows)
LADDER = LADDERS.of_site("SOGO")
BAMAKO = ZoneInfo("Africa/Bamako")
PARIS = ZoneInfo("Europe/Paris")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}:00+00:00")


def standing(
    since: datetime,
    state: State = State.OPENED,
    *,
    tier: int = 1,
    urgency: str = "urgent",
    settled: datetime | None = None,
    climbed: frozenset[str] = frozenset(),
) -> Standing:
    return Standing(state, urgency, tier, since, settled or since, climbed)


def ahead(this: Standing, zone: ZoneInfo = BAMAKO) -> list[tuple[str, datetime]]:
    return [(step.rung.rung, step.at) for step in steps_ahead(LADDERS, LADDER, this, zone)]


@pytest.mark.parametrize(
    ("this", "expected"),
    [
        (  # a life threat by day
            standing(at("23T08:00")),
            [
                *(("repeat", at("23T08:10")), ("supervisor", at("23T08:20")), ("lead", at("23T08:40"))),
                *(("ask_arrival", at("23T10:00")), ("no_arrival", at("23T12:00"))),
                *(("no_outcome", at("24T08:00")), ("review", at("26T08:00"))),
            ],
        ),
        (  # by night
            standing(at("23T23:00")),
            [
                *(("supervisor", at("23T23:05")), ("lead", at("23T23:10"))),
                *(("ask_arrival", at("24T01:00")), ("no_arrival", at("24T03:00"))),
                *(("no_outcome", at("24T23:00")), ("review", at("26T23:00"))),
            ],
        ),
        (  # the same day, in the evening: what falls into the night waits, and the rungs keep their distance
            standing(at("23T18:00"), tier=2),
            [
                *(("repeat", at("23T19:00")), ("supervisor", at("24T06:30")), ("lead", at("24T10:30"))),
                *(("ask_arrival", at("24T18:00")), ("no_outcome", at("24T18:00")), ("review", at("26T18:00"))),
            ],
        ),
        (  # received: only the arrival and the outcome are asked about
            standing(at("23T08:00"), State.RECEIVED, settled=at("23T08:05")),
            [
                *(("ask_arrival", at("23T10:00")), ("no_arrival", at("23T12:00"))),
                *(("no_outcome", at("24T08:00")), ("review", at("26T08:00"))),
            ],
        ),
        (  # arrived late: the clinic has six hours for an outcome
            standing(at("23T08:00"), State.ARRIVED, settled=at("24T05:00")),
            [("no_outcome", at("24T11:00")), ("review", at("26T08:00"))],
        ),
        (  # sent on: three days from then
            standing(at("23T08:00"), State.TRANSFERRED, settled=at("23T15:00")),
            [("transfer_over", at("26T15:00"))],
        ),
        (standing(at("23T08:00"), State.REFUSED), [("no_outcome", at("24T08:00")), ("review", at("26T08:00"))]),
    ],
)
def test_what_lies_ahead(this: Standing, expected: list[tuple[str, datetime]]) -> None:
    lapse = [("lapsed", this.since + timedelta(days=30))] if this.state is not State.TRANSFERRED else []
    assert ahead(this) == expected + lapse


def test_night_is_judged_by_the_clock_of_the_clinic() -> None:
    assert ahead(standing(at("23T19:30")), BAMAKO)[0][0] == "repeat"  # half past seven in the evening
    assert ahead(standing(at("23T19:30")), PARIS)[0][0] == "supervisor"  # half past eight


def test_a_rung_that_was_reached_is_behind() -> None:
    this = standing(at("23T08:00"), climbed=frozenset({"repeat", "supervisor"}))
    step = next_step(LADDERS, LADDER, this, BAMAKO)
    assert step is not None
    assert step.rung.rung == "lead"


@given(
    state=st.sampled_from(sorted(State)),
    urgency=st.sampled_from(["urgent", "routine"]),
    tier=st.sampled_from([1, 2]),
    hours=st.integers(0, 24 * 700),
    rests=st.timedeltas(timedelta(0), timedelta(days=20)),
    zone=st.sampled_from([BAMAKO, PARIS, ZoneInfo("America/New_York")]),
)
def test_there_is_always_a_next_rung_until_it_is_closed(
    state: State, urgency: str, tier: int, hours: int, rests: timedelta, zone: ZoneInfo
) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    climbed: set[str] = set()
    last = since
    for _ in range(20):
        this = standing(since, state, tier=tier, urgency=urgency, settled=since + rests, climbed=frozenset(climbed))
        step = next_step(LADDERS, LADDER, this, zone)
        if state not in OPEN:
            assert step is None
            return
        assert step is not None
        assert step.at >= last
        if step.rung.rung in ("lapsed", "transfer_over"):
            return
        climbed.add(step.rung.rung)
        last = step.at
    raise AssertionError("the ladder has no end")


def test_above_the_alert_are_all_rungs_of_the_wait_for_an_answer() -> None:
    table = timetable(LADDERS, LADDER, standing(at("23T08:00")), BAMAKO)
    assert [rung.rung for rung in rungs_above(table, "first")] == ["repeat", "supervisor", "lead"]
    assert [rung.rung for rung in rungs_above(table, "supervisor")] == ["lead"]
    assert [rung.rung for rung in rungs_above(table, "ask_arrival")] == ["no_arrival"]
