"""What Monday says is what the questions answer: the same figures of the same week, by the same definitions."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from tests.care.reminding import Reminding
from tests.support.field import CHW, SUPERVISOR, Field

BOY = "205"
SUNDAY_NIGHT = datetime.fromisoformat("2026-11-29T23:59:00+00:00")
MONDAY = datetime.fromisoformat("2026-11-30T06:31:00+00:00")


@pytest.fixture
def reminding(field: Field) -> Reminding:
    return Reminding(field)


def until(reminding: Reminding, moment: str | datetime) -> None:
    then = moment if isinstance(moment, datetime) else datetime.fromisoformat(f"2026-11-{moment}:00+00:00")
    reminding.field.pass_time(hours=(then - reminding.now) / timedelta(hours=1))


def treat(reminding: Reminding, code: str) -> None:
    reminding.report("sick_child", code, treatments=["act"])


def asked(reminding: Reminding, question: str) -> str:
    reminding.field.text(SUPERVISOR, question)
    return reminding.field.last(SUPERVISOR)


def on_monday(reminding: Reminding) -> str:
    until(reminding, MONDAY)
    (text,) = [body for body in reminding.field.phone(SUPERVISOR) if body.startswith("Semaine")]
    return text


def followed(text: str) -> str:
    found = re.search(r"suivis a temps (\d+/\d+)", text, re.IGNORECASE)
    assert found is not None, text
    return found[1]


def test_follow_ups_on_time_are_those_of_the_question(reminding: Reminding) -> None:
    """Made in time, made late, given up, and still to be made on Monday morning though its time is over."""
    treat(reminding, "4177")  # Monday 8:00: its deadlines are Tuesday 20:00, Wednesday 20:00, Friday 8:00
    until(reminding, "24T09:00")
    reminding.report("follow_up", "4177", outcome="improving")  # the first in time
    until(reminding, "25T23:00")
    reminding.report("follow_up", "4177", outcome="improving")  # the second late, the third never
    until(reminding, "28T08:00")
    treat(reminding, BOY)  # its first deadline is Sunday 20:00
    until(reminding, SUNDAY_NIGHT)
    answer = asked(reminding, "BILAN 7")
    assert answer.startswith("Bilan 23/11-29/11")
    week = on_monday(reminding)
    assert week.startswith("Semaine 23/11-29/11")
    assert followed(week) == followed(answer) == "1/4"


def test_a_follow_up_of_a_day_before_the_week_is_not_this_weeks(reminding: Reminding) -> None:
    """Its deadline was on the Sunday before; that it was given up on Monday changes nothing."""
    until(reminding, "28T08:00")
    treat(reminding, BOY)
    until(reminding, "30T09:00")  # given up at 8:00
    until(reminding, SUNDAY_NIGHT + timedelta(days=7))
    answer = asked(reminding, "BILAN 7")
    until(reminding, MONDAY + timedelta(days=7))
    week = [body for body in reminding.field.phone(SUPERVISOR) if body.startswith("Semaine")][-1]
    assert week.startswith("Semaine 30/11-06/12")
    assert followed(week) == followed(answer) == "0/2"


def test_who_is_late_is_who_the_question_names(reminding: Reminding) -> None:
    until(reminding, "28T08:00")
    treat(reminding, BOY)
    week = on_monday(reminding)
    assert "Suivis en retard: ASC07 1." in week
    assert "Suivis en retard 1: ASC07 1" in asked(reminding, "RETARD")


def test_who_is_on_leave_is_not_silent(reminding: Reminding) -> None:
    assert "ASC01" in on_monday(reminding).split("Silencieux: ")[1].split(".")[0]
    until(reminding, "30T09:00")
    reminding.report("away", None, by="ASC01", catchment="01", days=9)
    until(reminding, MONDAY + timedelta(days=7))
    week = [body for body in reminding.field.phone(SUPERVISOR) if body.startswith("Semaine")][-1]
    assert "ASC01" not in week.split("Silencieux: ")[1].split(".")[0]


def test_a_report_taken_back_is_no_report(reminding: Reminding) -> None:
    reminding.field.text(CHW, "VIS 123")
    reminding.field.text(CHW, "VIS 151")
    reminding.field.text(CHW, "ANN 151")
    assert on_monday(reminding).startswith("Semaine 23/11-29/11: 2 rapports")
