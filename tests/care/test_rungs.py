"""A ladder that leads nowhere stops the service at its start, with file and line."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest

from smsgateway.app import build_gateway
from smsgateway.care.rungs import FILE, ladders_in
from smsgateway.reading.programme import Programme
from smsgateway.reading.schema import FlowError
from smsgateway.settings import Settings
from smsgateway.store.database import open_store

SHIPPED = (Settings().flows / FILE).read_text(encoding="utf-8")


def loaded(folder: Path, text: str) -> None:
    (folder / FILE).write_text(text, encoding="utf-8")
    ladders_in(folder)


def test_the_shipped_ladder_is_the_one_of_the_design() -> None:
    ladders = ladders_in(Settings().flows)
    assert ladders.day == (time(6, 30), time(20))
    day = ladders.of_site("SOGO").tier("urgent", 1).climb(night=False)
    assert [(rung.rung, rung.after) for rung in day.no_answer] == [
        ("repeat", timedelta(minutes=10)),
        ("supervisor", timedelta(minutes=20)),
        ("lead", timedelta(minutes=40)),
    ]
    night = ladders.of_site("SOGO").tier("urgent", 1).climb(night=True)
    assert len(night.first) == 2
    assert [rung.after for rung in night.no_answer] == [timedelta(minutes=5), timedelta(minutes=10)]
    assert not ladders.of_site("SOGO").tier("urgent", 2).rungs_at_night
    assert not ladders.of_site("SOGO").tier("routine", 1).rungs_at_night


def test_a_site_may_have_a_ladder_of_its_own(tmp_path: Path) -> None:
    text = SHIPPED.replace("sites: {}", "sites: {SOGO: standard}")
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert ladders_in(tmp_path).of_site("SOGO") is ladders_in(tmp_path).of_site("ELSEWHERE")


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("wait_for_answers: 90s", "wait_for_answers: soon", "'soon' is no length of time: write 90s, 10m, 4h or 3d"),
        ("wait_for_answers: 90s", "wait_for_answers: 0s", "is no length of time"),
        ('day: "06:30-20:00"', "day: mornings", "'mornings' is no time of day: write 06:30-20:00"),
        ("rungs_at_night: false", "rungs_by_night: false", "no such key"),
        ("sites: {}", "sites: {SOGO: mountain}", "sites: SOGO names the ladder mountain, which does not exist"),
        ("  standard:", "  usual:", "ladders: one must be called standard"),
        ("rung: lead, after: 40m", "rung: lead, after: 20m", "no_answer: lead does not come after supervisor"),
        ("rung: lead, after: 40m", "rung: repeat, after: 40m", "two rungs are called repeat"),
        ("rung: repeat, after: 10m", "rung: first, after: 10m", "a rung cannot be called first"),
        ("rung: repeat, after: 10m", "rung: Repeat again, after: 10m", "should match pattern"),
        ("tell: [nurse, second_nurse]", "tell: [matron]", "no_answer.0.tell.0"),
        ("tell: [nurse, second_nurse]", "tell: []", "at least 1 item"),
        ("tell: [nurse, second_nurse]", "tell: [reporter]", "the person who sent the report is never told of it"),
        (
            "        first: [nurse]",
            "        first: [reporter]",
            "the person who sent the report is never alerted to it",
        ),
        ("    last_resort: [lead, supervisor, any_lead, any_nurse]", "", "last_resort: this key is missing"),
    ],
)
def test_what_cannot_be_climbed_is_named(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    assert was in SHIPPED
    with pytest.raises(FlowError, match=rf"^{tmp_path}/{FILE}:\d+: ") as refused:
        loaded(tmp_path, SHIPPED.replace(was, becomes, 1))
    assert says in str(refused.value)


def test_a_ladder_that_never_leaves_the_clinic_is_none(tmp_path: Path) -> None:
    text = SHIPPED.replace("[supervisor]", "[nurse]").replace("[lead]", "[nurse]")
    with pytest.raises(FlowError, match="no rung leaves the clinic: add one for the supervisor or the lead"):
        loaded(tmp_path, text)


def test_the_service_does_not_start_on_a_broken_ladder(tmp_path: Path, programme: Programme) -> None:
    from dataclasses import replace

    (tmp_path / FILE).write_text(SHIPPED.replace("after: 40m", "after: forty"), encoding="utf-8")
    with pytest.raises(FlowError, match="'forty' is no length of time"):
        build_gateway(
            Settings(channel="simulator"), store=open_store("sqlite://"), programme=replace(programme, folder=tmp_path)
        )
