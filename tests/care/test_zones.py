"""A day is the day of the place: what zone counts, however high above the clinic it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from smsgateway.care.people import member_as_recipient, nurses_of
from smsgateway.care.posts import clinic_of
from smsgateway.store.tables import assignments, catchments, facilities, leaves, patients, staff
from tests.support.field import CHW, GIRL, HOUSEHOLD, OTHER_CHW, SUPERVISOR, Field

KOLKATA = "Asia/Kolkata"  # 22:00 in UTC is 03:30 of the next day there
LATE = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
THERE = date(2026, 11, 24)


def is_in(field: Field, zone: str, **where: str) -> None:
    """The zone is written at one level of the tree, and nowhere else."""

    def work(tx: Any) -> None:
        tx.execute(update(facilities).values(timezone=None))
        tx.execute(update(facilities).where(*(facilities.c[k] == v for k, v in where.items())).values(timezone=zone))

    field.store.write(work)
    field.gateway.directory.forget()
    field.simulation.advance(LATE)


@pytest.mark.parametrize("level", ["country", "district", "site", "clinic"])
def test_whoever_is_told_is_told_in_the_zone_of_their_place(field: Field, level: str) -> None:
    if level not in {row["kind"] for row in field.rows(facilities)}:
        pytest.skip("the demo programme has no such level")
    is_in(field, KOLKATA, kind=level)
    clinic = next(row["id"] for row in field.rows(facilities) if row["code"] == "CSCOM1")

    def zones(tx: Any) -> set[str | None]:
        chw = tx.execute(select(staff.c.id).where(staff.c.code == "ASC07")).scalar_one()
        person = member_as_recipient(tx, chw)
        assert person is not None
        return {person.timezone, clinic_of(tx, clinic).zone.key, *(each.timezone for each in nurses_of(tx, clinic))}

    assert field.store.write(zones) == {KOLKATA}


def the_girl(field: Field) -> dict[str, Any]:
    return next(row for row in field.rows(patients) if row["serial"] == 417)


def test_somebody_died_on_the_day_it_was_there(field: Field) -> None:
    is_in(field, KOLKATA, kind="country")
    field.text(CHW, f"DEC {GIRL}")
    assert the_girl(field)["died_on"] == THERE
    assert "le 24/11" in field.last(CHW)


def test_a_day_that_is_today_there_is_not_still_to_come(field: Field) -> None:
    is_in(field, KOLKATA, kind="country")
    field.text(CHW, f"DEC {GIRL} 24/11")
    assert the_girl(field)["died_on"] == THERE


def test_who_was_born_today_was_born_today_there(field: Field) -> None:
    is_in(field, KOLKATA, kind="country")
    field.text(CHW, f"ENR {HOUSEHOLD} F 0J")
    assert max(row["born_to"] for row in field.rows(patients) if row["born_to"]) == THERE


def test_a_leave_begins_on_the_day_it_is_there(field: Field) -> None:
    is_in(field, KOLKATA, kind="country")
    field.text(CHW, "CONGE 3 ASC06")
    (leave,) = field.rows(leaves)
    assert (leave["starts_on"], leave["ends_on"]) == (THERE, THERE + timedelta(days=2))


def test_the_supervisor_hears_in_the_morning_of_their_own_place(field: Field) -> None:
    is_in(field, KOLKATA, kind="country")
    field.text(CHW, f"DEC {GIRL}")
    field.pass_time(hours=2, minutes=55)
    assert not any("Autopsie" in body for body in field.phone(SUPERVISOR))
    field.pass_time(minutes=10)  # 06:35 there, 01:05 in UTC
    assert any("Autopsie" in body for body in field.phone(SUPERVISOR))


def test_an_assignment_begins_at_midnight_there(field: Field) -> None:
    """OTHER_CHW takes over 07 on the 24th: a bare code of 07 is theirs from then on."""

    def work(tx: Any) -> None:
        area = tx.execute(select(catchments.c.id).where(catchments.c.number == "07")).scalar_one()
        mine = tx.execute(select(staff.c.id).where(staff.c.code == "ASC06")).scalar_one()
        tx.execute(update(assignments).where(assignments.c.staff_id == mine).values(catchment_id=area, starts_on=THERE))

    field.store.write(work)
    is_in(field, "UTC", kind="country")
    field.text(OTHER_CHW, f"MAL {GIRL} TOUX 2")
    assert "inconnu" in field.last(OTHER_CHW)
    is_in(field, KOLKATA, kind="country")
    field.text(OTHER_CHW, f"MAL {GIRL} TOUX 3")
    assert "inconnu" not in field.last(OTHER_CHW)
