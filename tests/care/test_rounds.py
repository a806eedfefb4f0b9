"""Which households wait for a visit: worked out from the last visit, within the programme's period."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from smsgateway.care.customs import Customs
from smsgateway.care.figures.periods import period_of
from smsgateway.care.rounds import Pace, households_behind
from smsgateway.store.tables import catchments
from tests.care.reminding import Reminding
from tests.support.field import CHW, GIRL, HOUSEHOLD, SUPERVISOR, Field

BAMAKO = ZoneInfo("Africa/Bamako")
CUSTOMS = Customs()  # twice a period, from the 26th to the 25th


def pace(today: date) -> Pace:
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=BAMAKO)
    return Pace(period_of(noon, CUSTOMS.period_starts_on, BAMAKO), CUSTOMS.visits_wanted, today)


# Today, the last visit and how many there were this period; whether the household waits.
CASES = [
    pytest.param("2026-11-27", None, 0, True, id="never visited"),
    pytest.param("2026-11-27", "2026-11-26", 1, False, id="visited yesterday"),
    pytest.param("2026-12-10", "2026-11-26", 1, False, id="two weeks ago"),
    pytest.param("2026-12-11", "2026-11-26", 1, True, id="half a period ago"),
    pytest.param("2026-12-15", "2026-12-10", 1, False, id="there is time for the second visit"),
    pytest.param("2026-12-20", "2026-12-10", 1, True, id="the period is ending"),
    pytest.param("2026-12-24", "2026-12-22", 1, False, id="not two visits in a row for the sake of the figure"),
    pytest.param("2026-12-24", "2026-12-05", 2, False, id="twice already"),
    pytest.param("2026-11-26", "2026-11-20", 0, False, id="a new period begins, seen last week"),
    pytest.param("2026-12-08", "2026-11-24", 0, True, id="not seen in this period, and its middle comes near"),
]


@pytest.mark.parametrize(("today", "last", "visits", "waits"), CASES)
def test_the_pace_of_the_rounds(today: str, last: str | None, visits: int, waits: bool) -> None:
    assert pace(date.fromisoformat(today)).waits(date.fromisoformat(last) if last else None, visits) is waits


def behind(reminding: Reminding, now: datetime | None = None) -> list[str]:
    with reminding.store.read() as connection:
        area = connection.execute(select(catchments.c.id).where(catchments.c.number == "07")).scalar_one()
    moment = now or reminding.now
    found = reminding.store.write(lambda tx: households_behind(tx, [area], CUSTOMS, BAMAKO, moment))
    return sorted(each.code for each in found)


def test_any_report_from_the_home_counts_and_nobody_home_does_not(field: Field) -> None:
    reminding = Reminding(field)
    assert behind(reminding) == ["109", "123", "151", "180"]
    reminding.report("visit", HOUSEHOLD)
    reminding.report("sick_child", "205", treatments=["act"])  # of household 180
    reminding.report("visit", "151", absent=True)
    assert behind(reminding) == ["109", "151"]
    assert behind(reminding, reminding.now + timedelta(days=15)) == ["109", "123", "151", "180"]


def test_nobody_is_sent_to_a_house_that_is_empty(field: Field) -> None:
    """Everybody left, or it was registered by mistake: COUV does not count it, so no digest names it."""
    reminding = Reminding(field)
    later = reminding.now + timedelta(days=16)
    field.text(CHW, "MEN 4")
    (mistaken,) = set(behind(reminding, later)) - {"109", "123", "151", "180"}
    field.text(CHW, f"ANN {mistaken}")
    assert behind(reminding, later) == ["109", "123", "151", "180"]
    field.text(CHW, "DEP 123")
    assert behind(reminding, later) == ["109", "151", "180"]
    field.text(SUPERVISOR, "COUV")
    assert "07: 0/3" in field.last(SUPERVISOR)


def test_a_house_in_mourning_is_visited_like_any_other(field: Field) -> None:
    """Its round goes on: others live there, and the one who died is not named."""
    reminding = Reminding(field)
    field.text(CHW, f"DEC {GIRL}")
    assert "123" in behind(reminding, reminding.now + timedelta(days=16))


def test_visits_count_by_the_day_on_the_wall_there(field: Field) -> None:
    """Two visits in one local evening and night are one day's, also where the day of UTC has changed."""
    reminding = Reminding(field)
    zone = ZoneInfo("America/New_York")
    evening = datetime(2026, 11, 28, 23, 0, tzinfo=UTC)  # 18:00 there
    for moment in (evening, evening + timedelta(hours=3)):
        reminding.report("visit", HOUSEHOLD, at=moment)
    with reminding.store.read() as connection:
        area = connection.execute(select(catchments.c.id).where(catchments.c.number == "07")).scalar_one()
    late = datetime(2026, 12, 22, 12, tzinfo=UTC)
    found = reminding.store.write(lambda tx: households_behind(tx, [area], CUSTOMS, zone, late))
    assert HOUSEHOLD in {each.code for each in found}
