"""Every figure is right to the last unit: held to a slow recount of all rows, on both databases, over clock changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from smsgateway.care import figures
from smsgateway.care.figures import Period, Scope
from smsgateway.store.database import Store
from tests.care.field import BEGIN, NOW, ZONES, Field, Happening, Reminder, happenings
from tests.care.recount import Recount

# Not shrunk: every example fills a field of its own in the database, and a failing one is small enough to read.
recounted = settings(max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def scope_and_rule(store: Store, field: Field, asker: str) -> tuple[Scope, Callable[[Any], bool]]:
    """What an asker may see, as the service says, and as the field knows."""
    with store.read() as connection:
        scope = figures.scope_of(connection, field.members[asker], NOW)
    chws = {"SUP0": [0, 1], "SUP1": [2, 3], "SUP2": [4]}.get(asker)
    if chws is not None:
        own = {field.chws[number] for number in chws}
        return scope, lambda report: report.staff_id in own
    sites = set(field.sites) if asker == "ADMIN" else {field.sites[int(asker[-1])]}
    return scope, lambda report: report.site_id in sites


ASKERS = ("SUP0", "SUP1", "SUP2", "LEAD0", "LEAD1", "ADMIN")
drawn_days = st.tuples(st.integers(0, 23), st.integers(0, 23)).map(sorted)


@recounted
@given(
    some=happenings(), zones=st.tuples(*[st.sampled_from(ZONES)] * 2), asker=st.sampled_from(ASKERS), days=drawn_days
)
def test_work_is_what_a_recount_finds(
    store: Store, some: list[Happening], zones: tuple[str, str], asker: str, days: list[int]
) -> None:
    field = Field(zones)
    field.happened(some)
    field.write(store)
    scope, mine = scope_and_rule(store, field, asker)
    first, last = (date(2026, 10, 20) + timedelta(days=day) for day in days)
    period = Period(first, last, scope.zone)
    with store.read() as connection:
        work = figures.total(figures.work_by_chw(connection, scope, period).values())
    slow = Recount(store, mine, scope.zone.key, first, last)
    assert (work.visits, work.absent) == (slow.visits(), slow.absences())
    assert (work.sick, work.treated, work.same_day, work.next_day, work.onset_unknown) == slow.sick()
    assert (work.messages, work.to_correct) == slow.messages(scope.whole)


@recounted
@given(
    some=happenings(60),
    zone=st.sampled_from(ZONES),
    asker=st.sampled_from(ASKERS[:5]),
    wanted=st.integers(1, 3),
    fates=st.lists(st.sampled_from(["there", "left", "left later", "died", "void"]), min_size=10, max_size=10),
)
def test_coverage_is_what_a_recount_finds(
    store: Store, some: list[Happening], zone: str, asker: str, wanted: int, fates: list[str]
) -> None:
    field = Field((zone, zone), fates=tuple(fates))
    field.happened(some)
    field.write(store)
    scope, mine = scope_and_rule(store, field, asker)
    period = Period(date(2026, 10, 26), date(2026, 11, 6), scope.zone)
    with store.read() as connection:
        found = figures.coverage(connection, scope, period, wanted)
    slow = Recount(store, mine, zone, period.first, period.last)
    areas = [area for chw in scope.chws for area in chw.catchments]
    assert {each.catchment: (each.households, each.visited) for each in found} == slow.coverage(areas, wanted)


REASONS = ("fulfilled", "covered", "expired", "missed", "ended", "replaced", "death", "moved", "correction", None)
reminders = st.lists(
    st.builds(
        Reminder,
        chw=st.integers(0, 4),
        kind=st.sampled_from(["follow_up", "follow_up", "visit"]),
        subject=st.integers(0, 2),
        late=st.integers(0, 24 * 24 * 60),
        ended=st.integers(-2000, 2000),
        reason=st.sampled_from(REASONS),
    ),
    max_size=20,
)


@recounted
@given(some=reminders, zone=st.sampled_from(ZONES), asker=st.sampled_from(ASKERS[:5]), days=drawn_days)
def test_follow_ups_are_what_a_recount_finds(
    store: Store, some: list[Reminder], zone: str, asker: str, days: list[int]
) -> None:
    field = Field((zone, zone))
    for each in some:
        field.remind(each)
    field.write(store)
    scope, mine = scope_and_rule(store, field, asker)
    first, last = (date(2026, 10, 20) + timedelta(days=day) for day in days)
    with store.read() as connection:
        found = figures.followed_up(connection, scope, Period(first, last, scope.zone), NOW)
        overdue = figures.overdue_follow_ups(connection, scope, NOW)
    slow = Recount(store, mine, zone, first, last)
    areas = {area: chw.code for chw in scope.chws for area in chw.catchments}
    assert (found.due, found.on_time) == slow.followed_up(areas, NOW)
    assert overdue == slow.overdue(areas, NOW)


@recounted
@given(some=happenings(30), asker=st.sampled_from(ASKERS))
def test_what_has_run_out_is_what_a_recount_finds(store: Store, some: list[Happening], asker: str) -> None:
    field = Field()
    field.happened([each for each in some if each.flow == "stock"])
    field.write(store)
    scope, mine = scope_and_rule(store, field, asker)
    later = BEGIN + timedelta(days=40)
    with store.read() as connection:
        levels = figures.empty_shelves(figures.stock_levels(connection, scope, later))
    slow = Recount(store, mine, "UTC", date(2026, 1, 1), date(2027, 1, 1))
    assert {(each.staff_id, each.item): each.out_since for each in levels} == slow.out_of_stock(
        chw.id for chw in scope.chws
    )


NURSE_OR_CHW = ("INF0", "ASC0", "ASC2", "LEAD0")
SAID = ("received", "arrived", "absent", "outcome", "transferred", "died", "refused", "told", "left", "opened")


@recounted
@given(
    opened=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 20 * 24 * 60),
            st.sampled_from(["urgent", "urgent", "routine"]),
            st.sampled_from(["opened", "closed", "cancelled"]),
            st.lists(st.tuples(st.sampled_from(SAID), st.sampled_from(NURSE_OR_CHW), st.integers(1, 3000)), max_size=4),
        ),
        max_size=8,
    ),
    asker=st.sampled_from(["SUP0", "SUP1", "LEAD0"]),
)
def test_the_clinics_word_and_the_chws_are_counted_apart(store: Store, opened: list[Any], asker: str) -> None:
    field = Field()
    expected = {(urgency, word): 0 for urgency in ("urgent", "routine") for word in ("all", "confirmed", "said")}
    minutes = []
    period = Period(date(2026, 10, 23), date(2026, 11, 4), ZoneInfo("Africa/Bamako"))
    own = {"SUP0": (0, 1), "SUP1": (2, 3), "LEAD0": (0, 1, 2, 3)}[asker]
    for chw, minute, urgency, state, events in opened:
        at = BEGIN + timedelta(minutes=minute)
        referral = field.refer(chw, at, urgency=urgency, state=state)
        for kind, by, after in events:
            field.event(referral, kind, by, at + timedelta(minutes=after))
        if chw not in own or state == "cancelled" or not period.first <= at.date() <= period.last:
            continue
        confirmed = any(by == "INF0" and kind in ("arrived", "outcome", "transferred") for kind, by, _ in events)
        said = any(by.startswith("ASC") and kind == "arrived" for kind, by, _ in events)
        expected[urgency, "all"] += 1
        expected[urgency, "confirmed"] += confirmed
        expected[urgency, "said"] += said and not confirmed
        answered = [after for kind, by, after in events if by == "INF0" and kind not in ("told", "left", "opened")]
        if urgency == "urgent" and answered:
            minutes.append(float(min(answered)))
    field.write(store)
    scope, _ = scope_and_rule(store, field, asker)
    with store.read() as connection:
        found = figures.referred(connection, scope, period)
    assert expected == {
        ("urgent", "all"): found.urgent,
        ("urgent", "confirmed"): found.urgent_confirmed,
        ("urgent", "said"): found.urgent_said,
        ("routine", "all"): found.routine,
        ("routine", "confirmed"): found.routine_confirmed,
        ("routine", "said"): found.routine_said,
    }
    assert list(found.acknowledged) == sorted(minutes)


def test_the_median_and_the_ninth_tenth_are_those_of_the_nearest_rank() -> None:
    answered = figures.Referred(acknowledged=tuple(float(minute) for minute in range(1, 11)))
    assert (answered.within(0.5), answered.within(0.9), figures.Referred().within(0.5)) == (5.0, 9.0, None)


# ---------------------------------------------------------------- periods


@pytest.mark.parametrize(
    ("now", "starts_on", "first", "last"),
    [
        ("2026-11-23", 26, "2026-10-26", "2026-11-25"),
        ("2026-11-25", 26, "2026-10-26", "2026-11-25"),
        ("2026-11-26", 26, "2026-11-26", "2026-12-25"),
        ("2026-12-31", 26, "2026-12-26", "2027-01-25"),
        ("2027-01-03", 26, "2026-12-26", "2027-01-25"),
        ("2027-03-01", 26, "2027-02-26", "2027-03-25"),
        ("2028-02-29", 1, "2028-02-01", "2028-02-29"),
        ("2026-01-31", 28, "2026-01-28", "2026-02-27"),
    ],
)
def test_the_period_that_has_today_in_it(now: str, starts_on: int, first: str, last: str) -> None:
    moment = datetime.fromisoformat(now).replace(hour=12, tzinfo=UTC)
    period = figures.period_of(moment, starts_on, ZoneInfo("Africa/Bamako"))
    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)


def test_a_day_begins_when_the_wall_clock_says_so() -> None:
    """At 23:30 UTC it is tomorrow in Cairo; on the night its clocks go back a day lasts 25 hours."""
    cairo = ZoneInfo("Africa/Cairo")
    now = datetime(2026, 10, 29, 22, 30, tzinfo=UTC)
    assert figures.last_days(now, 1, cairo).first == date(2026, 10, 30)
    longest = Period(date(2026, 10, 29), date(2026, 10, 29), cairo)
    assert longest.end - longest.start == timedelta(hours=25)


# ---------------------------------------------------------------- who may ask about whom


def test_nobody_is_told_of_others(store: Store) -> None:
    field = Field().write(store)
    numbers = {}
    with store.read() as connection:
        for asker in (*ASKERS, "INF0", "ASC0"):
            scope = figures.scope_of(connection, field.members[asker], NOW)
            numbers[asker] = [field.chws.index(chw.id) for chw in scope.chws]
    assert numbers == {
        "SUP0": [0, 1],
        "SUP1": [2, 3],
        "SUP2": [4],
        "LEAD0": [0, 1, 2, 3],
        "LEAD1": [4],
        "ADMIN": [0, 1, 2, 3, 4],
        "INF0": [],
        "ASC0": [],
    }


def test_silent_is_who_sent_nothing_for_days_and_is_not_on_leave(store: Store) -> None:
    field = Field()
    field.report(Happening(0, "visit", 0, None, 23 * 1440, {}))  # 12 November
    field.report(Happening(1, "visit", 0, None, 19 * 1440, {}))  # 8 November
    field.away(3, date(2026, 11, 10), date(2026, 11, 12))
    field.write(store)
    scope, _ = scope_and_rule(store, field, "LEAD0")
    codes = {field.members[f"ASC{n}"].code: n for n in range(5)}
    with store.read() as connection:
        silent = figures.silent_chws(connection, scope, NOW, 3)
        patient = figures.silent_chws(connection, scope, NOW, 5)
    assert [(codes[each.chw], each.days) for each in silent] == [(2, None), (1, 4)]
    assert [codes[each.chw] for each in patient] == [2]
