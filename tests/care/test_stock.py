"""An empty shelf is told to the supervisor once, again while it lasts, and no more when it is filled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from smsgateway.care.customs import customs_of
from smsgateway.care.reports import Origin, file_report
from smsgateway.care.stock import LOW, OUT, Count, counted, lasting
from smsgateway.clock import VirtualClock
from smsgateway.due import run_due
from smsgateway.reading.programme import Programme, load_programme
from smsgateway.settings import shipped
from smsgateway.store.database import Store
from smsgateway.store.tables import due, outbox, phones, reports
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from tests.care.field import NOW, Field

WEEK = timedelta(days=8)


@pytest.fixture(scope="module")
def programme() -> Programme:
    return load_programme(shipped("flows"))


@pytest.fixture
def field(store: Store) -> Field:
    field = Field()
    for number, who in enumerate(("SUP0", "SUP1", "INF0")):
        field._add(
            phones,
            phone=f"+22377{int(field.tag, 16) % 10**5:05d}{number}",
            staff_id=field.members[who].id,
            site_id=field.sites[0],
            position=0,
        )
    return field.write(store)


def count(
    store: Store, field: Field, programme: Programme, left: Mapping[str, int], now: datetime, who: str = "ASC0"
) -> None:
    """A stock report, filed and told of."""
    member = field.members[who]

    def work(tx: Tx) -> None:
        origin = Origin(new_id(), 0, member, "sms", now, now)
        report = file_report(
            tx, origin, flow="stock", flow_version=1, answers={"stock": dict(left)}, danger=(), unclear=(), place=None,
            filed=True,
        )  # fmt: skip
        counted(tx, Count(report, member, left), programme, now)

    store.write(work)


def told(store: Store, field: Field, who: str = "SUP0") -> list[str]:
    """What waits for somebody, in the order in which it was said."""
    with store.read() as connection:
        query = select(outbox.c.body).where(outbox.c.staff_id == field.members[who].id).order_by(outbox.c.id)
        return list(connection.scalars(query))


def remind(store: Store, programme: Programme, now: datetime) -> None:
    """Time passes up to a moment; what is told again falls due as a day begins."""
    for day in range((now - NOW).days + 2):
        midnight = (NOW + timedelta(days=day)).replace(hour=0, minute=0)
        if midnight <= now:
            run_due(store, VirtualClock(midnight), lasting(programme))


def waiting(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(select(due.c.kind, due.c.step).order_by(due.c.kind))]


def test_what_runs_out_is_told_once(store: Store, field: Field, programme: Programme) -> None:
    code = field.members["ASC0"].code
    count(store, field, programme, {"act": 0, "rdt": 12, "ors": 3}, NOW)
    count(store, field, programme, {"act": 0, "rdt": 9, "ors": 2}, NOW + timedelta(days=1))
    count(store, field, programme, {"act": 0, "rdt": 0, "ors": 2}, NOW + timedelta(days=2))
    assert told(store, field) == [f"{code} rupture: CTA. Bas: SRO 3.", f"{code} rupture: TDR."]
    assert told(store, field, "SUP1") == []


def test_a_shelf_that_stays_empty_is_told_again_to_each_supervisor_in_one_sms(
    store: Store, field: Field, programme: Programme
) -> None:
    count(store, field, programme, {"act": 0, "rdt": 0}, NOW)
    count(store, field, programme, {"zinc": 0}, NOW + timedelta(hours=1), "ASC1")
    count(store, field, programme, {"act": 0}, NOW + timedelta(hours=1), "ASC2")
    remind(store, programme, NOW + timedelta(days=5))
    assert len(told(store, field)) == 2
    remind(store, programme, NOW + WEEK)
    codes = [field.members[f"ASC{number}"].code for number in range(3)]
    assert told(store, field)[2:] == [f"Toujours en rupture: {codes[0]} CTA 6j, TDR 6j, {codes[1]} ZINC 6j"]
    assert told(store, field, "SUP1")[1:] == [f"Toujours en rupture: {codes[2]} CTA 6j"]
    remind(store, programme, NOW + WEEK + timedelta(hours=1))
    assert len(told(store, field)) == 3
    remind(store, programme, NOW + 2 * WEEK)
    assert "CTA 13j" in told(store, field)[3]


def test_after_an_outage_what_lasts_is_told_the_next_day(store: Store, field: Field, programme: Programme) -> None:
    """The service was away as the day began: when it is back other things come first."""
    count(store, field, programme, {"act": 0}, NOW)
    back = (NOW + timedelta(days=8)).replace(hour=11)
    run_due(store, VirtualClock(back), lasting(programme))
    assert len(told(store, field)) == 1
    run_due(store, VirtualClock(back.replace(hour=0, minute=0) + timedelta(days=1)), lasting(programme))
    assert "Toujours en rupture" in told(store, field)[1]


def test_a_filled_shelf_is_forgotten_and_may_run_out_again(store: Store, field: Field, programme: Programme) -> None:
    count(store, field, programme, {"act": 0}, NOW)
    count(store, field, programme, {"act": 30}, NOW + timedelta(days=1))
    assert waiting(store) == []
    remind(store, programme, NOW + WEEK)
    assert len(told(store, field)) == 1
    count(store, field, programme, {"act": 0}, NOW + WEEK)
    assert len(told(store, field)) == 2


def test_a_count_taken_back_ends_the_reminding(store: Store, field: Field, programme: Programme) -> None:
    count(store, field, programme, {"act": 0}, NOW)
    store.write(lambda tx: tx.execute(update(reports).values(state="cancelled")))
    remind(store, programme, NOW + WEEK)
    assert (len(told(store, field)), waiting(store)) == (1, [])


def test_low_is_told_at_most_once_a_week(store: Store, field: Field, programme: Programme) -> None:
    low = customs_of(programme).stock.low["act"]
    for hours in (0, 24, 48):
        count(store, field, programme, {"act": low}, NOW + timedelta(hours=hours))
    assert len(told(store, field)) == 1
    assert waiting(store) == [(LOW, "act")]
    remind(store, programme, NOW + WEEK)
    count(store, field, programme, {"act": low + 1}, NOW + WEEK)
    assert len(told(store, field)) == 1
    count(store, field, programme, {"act": low}, NOW + WEEK)
    assert len(told(store, field)) == 2


def test_what_is_said_at_night_waits_for_the_morning(store: Store, field: Field, programme: Programme) -> None:
    late = NOW.replace(hour=23)
    count(store, field, programme, {"act": 0}, late)
    with store.read() as connection:
        at = connection.scalar(select(outbox.c.not_before))
    assert at == (late + timedelta(days=1)).replace(hour=6, minute=30)


def test_a_clinic_that_has_run_out_tells_its_chws(store: Store, field: Field, programme: Programme) -> None:
    count(store, field, programme, {"act": 0, "ors": 8}, NOW, "INF0")
    assert [told(store, field, f"ASC{number}") for number in range(5)] == [["Le centre n'a plus de: CTA."]] * 4 + [[]]
    assert OUT not in str(waiting(store))
