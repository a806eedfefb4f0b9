"""A year is counted as a week is: what is remembered of months that are over is never believed once it is not true."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from smsgateway.care import figures
from smsgateway.care.figures import Period, Work, remember_months, total_work
from smsgateway.care.figures.months import whole_months
from smsgateway.clock import VirtualClock
from smsgateway.store.database import Store
from smsgateway.store.tables import month_work, reports
from tests.care.field import Field, Happening, happenings

LATER = datetime(2027, 3, 20, 12, tzinfo=UTC)
DAY = 1440
ASKERS = ("SUP0", "LEAD0", "LEAD1", "ADMIN")


def spread(some: list[Happening]) -> list[Happening]:
    """The same, over five months instead of three weeks."""
    return [replace(each, minutes=each.minutes * 6) for each in some]


def both(store: Store, field: Field, asker: str, period: Period) -> tuple[Work, Work]:
    """All work of the period with what is remembered, and counted anew."""
    with store.read() as connection:
        scope = figures.scope_of(connection, field.members[asker], LATER)
        period = Period(period.first, period.last, scope.zone)
        return total_work(connection, scope, period), figures.total(
            figures.work_by_chw(connection, scope, period).values()
        )


@settings(max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    before=happenings(30),
    after=happenings(6),
    cancelled=st.integers(0, 5),
    zone=st.sampled_from(["Africa/Bamako", "Europe/Lisbon"]),
    asker=st.sampled_from(ASKERS),
    first=st.integers(0, 40),
    days=st.integers(50, 160),
)
def test_remembered_or_not_the_figures_are_the_same(
    store: Store,
    before: list[Happening],
    after: list[Happening],
    cancelled: int,
    zone: str,
    asker: str,
    first: int,
    days: int,
) -> None:
    field = Field((zone, zone))
    field.happened(spread(before))
    field.write(store)
    remember_months(store, VirtualClock(LATER))
    field.happened(spread(after))
    field.write(store)
    some = select(reports.c.id).where(reports.c.site_id == field.sites[0]).limit(cancelled)
    store.write(lambda tx: tx.execute(update(reports).where(reports.c.id.in_(some)).values(state="cancelled")))
    began = date(2026, 10, 20) + timedelta(days=first)
    remembered, anew = both(store, field, asker, Period(began, began + timedelta(days=days), ZoneInfo(zone)))
    assert remembered == anew


@pytest.fixture
def field(store: Store) -> Field:
    """A visit a week by the first CHW, from October to February."""
    field = Field()
    for week in range(20):
        field.report(Happening(0, "visit", 0, None, week * 7 * DAY, {}))
    return field.write(store)


def months_known(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(month_work)).scalar_one()


WINTER = Period(date(2026, 11, 1), date(2027, 2, 28), ZoneInfo("Africa/Bamako"))


def test_a_month_over_is_counted_once(store: Store, field: Field) -> None:
    clock = VirtualClock(LATER)
    assert remember_months(store, clock) == 5  # October to February; March is not over
    assert months_known(store) == 10  # the site's and the CHW's
    assert remember_months(store, clock) == 0
    assert both(store, field, "LEAD0", WINTER) == (Work(visits=17, messages=17), Work(visits=17, messages=17))


def test_a_month_is_settled_only_when_late_reports_are_in(store: Store, field: Field) -> None:
    remember_months(store, VirtualClock(datetime(2027, 2, 9, tzinfo=UTC)))
    known = months_known(store)
    remember_months(store, VirtualClock(datetime(2027, 2, 11, tzinfo=UTC)))
    assert months_known(store) == known + 2  # January


def test_what_is_remembered_is_used_while_it_is_true(store: Store, field: Field) -> None:
    remember_months(store, VirtualClock(LATER))
    store.write(lambda tx: tx.execute(update(month_work).values(visits=100)))
    assert both(store, field, "LEAD0", WINTER)[0].visits == 400
    field.report(Happening(0, "visit", 1, None, 30 * DAY, {}))  # one comes in late, of 19 November
    field.write(store)
    assert both(store, field, "LEAD0", WINTER)[0].visits == 300 + 4 + 1
    assert remember_months(store, VirtualClock(LATER)) == 1
    assert both(store, field, "LEAD0", WINTER)[0].visits == 300 + 5


def test_a_short_period_is_always_counted_anew(store: Store, field: Field) -> None:
    remember_months(store, VirtualClock(LATER))
    store.write(lambda tx: tx.execute(update(month_work).values(visits=100)))
    month = Period(date(2026, 11, 1), date(2026, 12, 31), WINTER.zone)
    assert both(store, field, "SUP0", month)[0].visits == both(store, field, "SUP0", month)[1].visits


def test_whole_months_within_a_period() -> None:
    def firsts(first: str, last: str) -> list[str]:
        period = Period(date.fromisoformat(first), date.fromisoformat(last), WINTER.zone)
        return [month.first.isoformat() for month in whole_months(period)]

    assert firsts("2026-11-01", "2027-01-31") == ["2026-11-01", "2026-12-01", "2027-01-01"]
    assert firsts("2026-11-02", "2027-01-30") == ["2026-12-01"]
    assert firsts("2026-11-02", "2026-12-30") == []
