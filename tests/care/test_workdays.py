"""When somebody may be reminded: in their hours, on their days, by the clock on their wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.care.hours import DAY, windows
from smsgateway.care.workdays import Hours

BAMAKO = ZoneInfo("Africa/Bamako")
CASABLANCA = ZoneInfo("Africa/Casablanca")
CAIRO = ZoneInfo("Africa/Cairo")  # its clocks change at midnight
PARIS = ZoneInfo("Europe/Paris")
SUNDAY = frozenset({6})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(written: str = "", zone: ZoneInfo = BAMAKO, rest: frozenset[int] = SUNDAY, *holidays: date) -> Hours:
    return Hours(windows(written) or (DAY,), zone, rest, frozenset(holidays))


# From when on, in whose hours, and the next morning.
MORNINGS = [
    pytest.param("2026-11-23T06:29", hours(), "2026-11-23T06:30", id="the same day"),
    pytest.param("2026-11-23T06:30", hours(), "2026-11-24T06:30", id="not the one that is now"),
    pytest.param("2026-11-28T12:00", hours(), "2026-11-30T06:30", id="Saturday to Monday"),
    pytest.param("2026-12-24T12:00", hours("", BAMAKO, SUNDAY, date(2026, 12, 25)), "2026-12-26T06:30", id="a holiday"),
    pytest.param("2026-11-23T12:00", hours("19:00-07:00"), "2026-11-23T19:00", id="a night nurse"),
    pytest.param("2026-11-23T22:00", hours("07:30-13:00 15:00-22:00"), "2026-11-24T07:30", id="once a day"),
    pytest.param("2026-03-28T12:00", hours("", PARIS), "2026-03-30T04:30", id="clocks went forward on Sunday"),
    pytest.param("2026-10-24T12:00", hours("", PARIS, frozenset()), "2026-10-25T05:30", id="clocks went back"),
    pytest.param(
        "2026-04-23T12:00", hours("00:00-08:00", CAIRO, frozenset()), "2026-04-23T22:00", id="a skipped midnight"
    ),
]


@pytest.mark.parametrize(("after", "whose", "morning"), MORNINGS)
def test_the_next_morning(after: str, whose: Hours, morning: str) -> None:
    assert whose.next_morning(at(after)) == at(morning)


# When something comes up, in whose hours, and when they may hear of it.
NEXT_OPEN = [
    pytest.param("2026-11-23T12:00", hours(), "2026-11-23T12:00", id="at once"),
    pytest.param("2026-11-23T20:00", hours(), "2026-11-24T06:30", id="after hours"),
    pytest.param("2026-11-23T03:00", hours(), "2026-11-23T06:30", id="before hours"),
    pytest.param("2026-11-29T12:00", hours(), "2026-11-30T06:30", id="on a day of rest"),
    pytest.param("2026-11-23T14:00", hours("07:30-13:00 15:00-22:00"), "2026-11-23T15:00", id="between two windows"),
    pytest.param("2026-11-29T03:00", hours("19:00-07:00"), "2026-11-29T03:00", id="Saturday's night lasts into Sunday"),
]


@pytest.mark.parametrize(("moment", "whose", "heard"), NEXT_OPEN)
def test_the_next_open_hour(moment: str, whose: Hours, heard: str) -> None:
    assert whose.next_open(at(moment)) == at(heard)


OPEN = [
    pytest.param("2026-11-23T06:30", hours(), True, id="from the first minute"),
    pytest.param("2026-11-23T20:00", hours(), False, id="to the last"),
    pytest.param("2026-11-29T12:00", hours(), False, id="not on Sunday"),
    pytest.param("2026-11-24T03:00", hours("19:00-07:00"), True, id="a night that began yesterday"),
    pytest.param("2026-11-29T03:00", hours("19:00-07:00"), True, id="Saturday's night lasts into Sunday"),
    pytest.param("2026-11-30T03:00", hours("19:00-07:00"), False, id="Sunday's night is one of rest"),
    pytest.param("2026-11-23T14:00", hours("07:30-13:00 15:00-22:00"), False, id="between two windows"),
]


@pytest.mark.parametrize(("moment", "whose", "expected"), OPEN)
def test_open_hours(moment: str, whose: Hours, expected: bool) -> None:
    assert (whose.now_open(at(moment)) is not None) is expected


EVENINGS = [
    pytest.param("2026-11-23T12:00", hours(), "2026-11-23T17:30", id="today"),
    pytest.param("2026-11-23T17:30", hours(), "2026-11-24T17:30", id="tomorrow"),
    pytest.param("2026-11-28T18:00", hours(), "2026-11-30T17:30", id="after Sunday"),
    pytest.param("2026-11-23T12:00", hours("06:00-14:00"), "2026-11-23T12:30", id="whose day ends early"),
    pytest.param("2026-11-23T12:00", hours("19:00-07:00"), "2026-11-24T05:30", id="whose day is the night"),
]


@pytest.mark.parametrize(("after", "whose", "evening"), EVENINGS)
def test_the_next_evening(after: str, whose: Hours, evening: str) -> None:
    assert whose.next_evening(at(after), time(17, 30)) == at(evening)


WEEKS = [
    pytest.param("2026-11-23T06:00", hours(), "2026-11-23T06:30", id="this Monday"),
    pytest.param("2026-11-23T07:00", hours(), "2026-11-30T06:30", id="next Monday"),
    pytest.param("2026-11-25T07:00", hours("", BAMAKO, SUNDAY, date(2026, 11, 30)), "2026-12-01T06:30", id="a holiday"),
    pytest.param(
        "2026-11-30T07:00", hours("", BAMAKO, SUNDAY, date(2026, 11, 30)), "2026-12-01T06:30", id="still to come"
    ),
]


@pytest.mark.parametrize(("after", "whose", "week"), WEEKS)
def test_the_next_monday(after: str, whose: Hours, week: str) -> None:
    assert whose.next_weekday(at(after), 0) == at(week)


@given(
    moment=st.integers(1_770_000_000, 1_830_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=st.sampled_from([BAMAKO, CASABLANCA, CAIRO, PARIS, ZoneInfo("America/New_York")]),
    written=st.sampled_from(["", "19:00-07:00", "07:30-13:00 15:00-22:00", "00:00-23:59"]),
    rest=st.frozensets(st.integers(0, 6), max_size=6),
)
def test_every_morning_lies_in_the_hours_and_in_the_future(
    moment: datetime, zone: ZoneInfo, written: str, rest: frozenset[int]
) -> None:
    whose = hours(written, zone, rest)
    for following in (whose.next_morning(moment), whose.next_evening(moment, time(17, 30))):
        assert following > moment
        assert whose.now_open(following) is not None


def test_nobody_works_at_all() -> None:
    with pytest.raises(ValueError, match="check the days of rest"):
        hours(rest=frozenset(range(7))).next_morning(at("2026-11-23T12:00"))
