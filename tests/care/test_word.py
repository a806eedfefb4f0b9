"""What can wait is told to a colleague within their hours, and not on their day of rest."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.support.field import CHW, GIRL, NURSE, OTHER_CHW, SUPERVISOR, Field

SUNDAY = datetime.fromisoformat("2026-11-29T12:00:00+00:00")
MONDAY = datetime.fromisoformat("2026-11-30T06:30:00+00:00")

# Who sends what on a Sunday, and who hears of it on Monday, in which words.
ON_SUNDAY = [
    pytest.param(CHW, "CONGE 3 ASC06", OTHER_CHW, "Vous remplacez ASC07", id="who covers"),
    pytest.param(CHW, f"DEC {GIRL}", SUPERVISOR, "Deces", id="a death to ask about"),
    pytest.param(CHW, "STOCK CTA 0", SUPERVISOR, "ASC07", id="an empty shelf"),
    pytest.param(CHW, f"DEP {GIRL} 06", OTHER_CHW, "06-", id="somebody moves in"),
]


@pytest.mark.parametrize(("sender", "text", "reader", "words"), ON_SUNDAY)
def test_it_waits_for_monday(field: Field, sender: str, text: str, reader: str, words: str) -> None:
    field.pass_time(hours=(SUNDAY - field.clock.now()) / timedelta(hours=1))
    field.text(sender, text)
    assert not [each for each in field.network.texts if each.phone == reader and each.at >= SUNDAY]
    field.pass_time(hours=18.6)
    told = [each for each in field.network.texts if each.phone == reader and each.at >= SUNDAY]
    assert any(words in each.body and each.at == MONDAY for each in told), [each.body for each in told]


def test_a_danger_sign_does_not_wait_for_monday(field: Field) -> None:
    field.pass_time(hours=(SUNDAY - field.clock.now()) / timedelta(hours=1))
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert field.last(NURSE).startswith("URGENT")


# When the service comes back, after an outage in which the word would have gone, and when it goes then.
RETURNS = [
    pytest.param("2026-11-30T22:00:00+00:00", "2026-12-01T06:30:00+00:00", id="at night: in the morning"),
    pytest.param("2026-11-30T15:00:00+00:00", "2026-11-30T15:00:00+00:00", id="by day: at once"),
]


@pytest.mark.parametrize(("back", "heard"), RETURNS)
def test_after_an_outage_it_goes_in_the_hours_of_its_reader(field: Field, back: str, heard: str) -> None:
    field.pass_time(hours=(SUNDAY - field.clock.now()) / timedelta(hours=1))
    field.text(CHW, "CONGE 3 ASC06")
    field.clock.set(datetime.fromisoformat(back))  # nothing was sent meanwhile
    field.pass_time(hours=10)
    told = [each.at for each in field.network.texts if each.phone == OTHER_CHW and "remplacez" in each.body]
    assert told == [datetime.fromisoformat(heard)]


def test_a_referral_that_can_wait_goes_by_day_and_on_a_sunday(field: Field) -> None:
    """It is open: it waits for the day, and for no day of the week. The service was away all Saturday."""
    friday_night = datetime.fromisoformat("2026-11-27T21:00:00+00:00")
    field.pass_time(hours=(friday_night - field.clock.now()) / timedelta(hours=1))
    field.text(CHW, f"REF {GIRL} TOUX 5")
    field.clock.set(friday_night + timedelta(days=1))
    field.pass_time(hours=10)
    (told,) = [each.at for each in field.network.texts if each.phone == NURSE and each.body.startswith("Reference")]
    assert told == datetime.fromisoformat("2026-11-29T06:30:00+00:00")
