"""Duty is taken and handed over by SMS, and forgotten after a day; a clinic always has a first nurse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from smsgateway.care.duty import Said, in_order, is_on_duty
from smsgateway.care.people import Recipient
from smsgateway.reading.models import Role
from tests.support.field import CHW, GIRL, MERINDE_NURSE, NURSE, SECOND_NURSE, Field

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
ON, OFF = Said(True, NOON - timedelta(hours=1)), Said(False, NOON - timedelta(hours=1))
LATER_ON = Said(True, NOON)


def nurse(number: int, hours: str = "") -> Recipient:
    return Recipient(UUID(int=number), UUID(int=0), Role.NURSE, f"+2237600010{number}", "fr", hours, "Africa/Bamako")


ALWAYS, BY_DAY, BY_NIGHT = nurse(1), nurse(2, "07:30-19:00"), nurse(3, "19:00-07:30")


@pytest.mark.parametrize(
    ("said", "now", "first_to_last"),
    [
        ({}, NOON, [1, 2, 3]),
        ({}, MIDNIGHT, [1, 3, 2]),
        ({3: ON}, NOON, [3, 1, 2]),  # taken outside her hours
        ({2: ON, 3: LATER_ON}, NOON, [3, 2, 1]),  # taken over: the last one counts
        ({1: OFF}, NOON, [2, 1, 3]),  # handed over: to whoever's hours it is
        ({1: OFF, 2: OFF}, NOON, [1, 2, 3]),  # nobody on duty: somebody is first all the same
    ],
)
def test_who_is_told_first(said: dict[int, Said], now: datetime, first_to_last: list[int]) -> None:
    words = {UUID(int=number): each for number, each in said.items()}
    assert [each.staff_id.int for each in in_order([ALWAYS, BY_DAY, BY_NIGHT], words, now)] == first_to_last


def test_what_was_said_counts_more_than_what_is_written() -> None:
    assert is_on_duty(BY_DAY, ON, MIDNIGHT)
    assert not is_on_duty(ALWAYS, OFF, NOON)
    assert not is_on_duty(BY_DAY, None, MIDNIGHT)


def alerted(field: Field) -> str:
    """Whose phone a new danger sign reaches first."""
    before = {phone: len(field.phone(phone)) for phone in (NURSE, SECOND_NURSE, MERINDE_NURSE)}
    field.text(CHW, f"URG {GIRL} CONVULSION")
    (told,) = [phone for phone, count in before.items() if len(field.phone(phone)) > count]
    return told


def test_who_took_the_duty_is_alerted_first(field: Field) -> None:
    field.text(SECOND_NURSE, "GARDE")
    assert "Duty noted" in field.last(SECOND_NURSE)
    assert alerted(field) == SECOND_NURSE


def test_after_a_day_the_written_hours_count_again(field: Field) -> None:
    field.text(SECOND_NURSE, "GARDE")
    field.pass_time(hours=24, minutes=1)
    assert alerted(field) == NURSE


def test_who_hands_over_hears_where_alerts_go(field: Field) -> None:
    field.text(NURSE, "RELEVE")
    assert "76000102" in field.last(NURSE)
    assert alerted(field) == SECOND_NURSE


def test_whoever_takes_the_duty_hears_who_waits(field: Field) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    field.text(SECOND_NURSE, "GARDE")
    assert field.referral()["code"] in field.last(SECOND_NURSE)
    assert "07-4177" in field.last(SECOND_NURSE)


def test_another_clinics_duty_is_its_own(field: Field) -> None:
    field.text(MERINDE_NURSE, "GARDE")
    assert alerted(field) == NURSE


def test_a_repeat_goes_to_whoever_is_on_duty_by_then(field: Field) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    field.text(NURSE, "RELEVE")
    field.text(SECOND_NURSE, "GARDE")
    before = len(field.phone(NURSE))
    field.pass_time(minutes=10)
    assert "10 min" in field.last(SECOND_NURSE)
    assert len(field.phone(NURSE)) == before + 1  # she is the second nurse now
