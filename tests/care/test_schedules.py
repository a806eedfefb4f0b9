"""What stands in flows/schedules.yaml is meant, and what cannot be meant is said with its line."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import String

from smsgateway.care.reminders import window
from smsgateway.care.schedule_file import ABOUT_PATIENTS, ABOUT_STAFF, Length
from smsgateway.care.schedules import Schedules, Step, schedules_in
from smsgateway.doctor import check_flows
from smsgateway.reading.schema import FlowError
from smsgateway.settings import Settings
from smsgateway.store.tables import due

FLOWS = Settings().flows


@pytest.fixture(scope="module")
def schedules() -> Schedules:
    return schedules_in(FLOWS)


def test_every_schedule_the_programme_needs_is_there(schedules: Schedules) -> None:
    kinds = {each.kind for each in schedules.named.values()}
    assert kinds == {*ABOUT_PATIENTS, *ABOUT_STAFF, "household"}


def test_each_says_it_in_french_and_english_and_who_is_told(schedules: Schedules) -> None:
    for each in schedules.named.values():
        assert {"fr", "en"} <= set(each.say)
        assert each.tell in ("chw", "supervisor")
        assert each.label("bm") == each.say["fr"]


def test_steps_fit_their_column(schedules: Schedules) -> None:
    longest = max(len(f"{each.name}:{'0' * 36}:{step.id}") for each in schedules.named.values() for step in each.steps)
    column = due.c.step.type
    assert isinstance(column, String)
    assert column.length is not None
    assert longest <= column.length


def test_every_report_that_is_waited_for_can_be_sent(schedules: Schedules) -> None:
    for flow in schedules.effects:
        assert (FLOWS / f"{flow}.yaml").is_file()


def test_the_calendars_of_both_countries_hold_where_they_should(schedules: Schedules) -> None:
    mali = {each.name for each in schedules.from_birth(frozenset({"SOGO", "DELBAN", "ML"}))}
    ivory_coast = {each.name for each in schedules.from_birth(frozenset({"SITE", "CI"}))}
    assert mali == {"vaccines_mali"}
    assert ivory_coast == {"vaccines_cote_divoire"}


# A line of the file, what somebody writes instead, and what they are told.
WRONG = [
    ("    kind: follow_up\n", "    kind: followup\n", "Input should be 'follow_up'"),
    ("    again: 2d\n", "    encore: 2d\n", "no such key: it is misspelt"),
    ("24h, due: 24h, late: 36h", "24h, due: 24h, late: 20h", "`24h` must first be due, then late, then pointless"),
    ("24h, due: 24h, late: 36h", "24h, due: 1 day, late: 36h", "'1 day' is no length of time: write 24h, 3d, 6w"),
    ("outcome == 'recovered'", "outcome == 'guerie'", "`outcome` is never 'guerie'; it can be"),
    ("{flow: sick_child, early: 6h}", "{flow: sick_kid, early: 6h}", "there is no flow `sick_kid`"),
    ("say: {fr: SUIVI, en: FUP}", "say: {fr: SUIVI}", "the text in `en` is missing"),
    ("say: {fr: SUIVI, en: FUP}", "say: {fr: SUIVI ✓, en: FUP}", "each one of GSM-7"),
    ("vaccines: [bcg, opv0]", "vaccines: [bcg, vpo0]", "`vpo0` is no vaccine of words.yaml"),
    ("rest: [sunday]", "rest: [dimanche]", "'dimanche' is no day: write one of monday"),
    ('hours: "06:30-20:00"', "hours: always", "'always' is no time of day"),
    ("  - name: diarrhoea ", "  - name: treated ", "`treated` is the name of an earlier schedule"),
]


@pytest.mark.parametrize(("line", "instead", "told"), WRONG, ids=[told for _, _, told in WRONG])
def test_what_cannot_be_meant_is_said_with_file_and_line(tmp_path: Path, line: str, instead: str, told: str) -> None:
    flows = tmp_path / "flows"
    shutil.copytree(FLOWS, flows, ignore=shutil.ignore_patterns("demo"))
    path = flows / "schedules.yaml"
    text = path.read_text(encoding="utf-8")
    assert line in text
    at = text[: text.index(line)].count("\n") + 1
    path.write_text(text.replace(line, instead, 1), encoding="utf-8")
    with pytest.raises(FlowError) as refused:
        schedules_in(flows)
    assert told in refused.value.problem
    assert refused.value.file == path
    assert abs(refused.value.line - at) <= 1


def test_months_are_those_of_the_calendar() -> None:
    nine = Step("mo9", Length(9, timedelta()), Length(10, timedelta()), Length(15, timedelta()))
    born = date(2026, 5, 31)
    times = window(nine, born, Settings().zone)
    assert (times.starts_at.date(), times.late_at.date()) == (date(2027, 2, 28), date(2027, 3, 31))


def test_flows_check_says_what_is_wrong_with_the_schedules(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    shutil.copytree(FLOWS, flows, ignore=shutil.ignore_patterns("demo"))
    path = flows / "schedules.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("due: 24h", "due: tomorrow", 1), encoding="utf-8")
    assert any("'tomorrow' is no length of time" in str(finding) for finding in check_flows(flows))
