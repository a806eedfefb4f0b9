"""A correction cannot overtake the report it corrects: one sender's messages are handled one after the other."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from smsgateway.store.database import lock_sender
from tests.support.field import BOY, CHW, GIRL, HOUSEHOLD, NURSE, OTHER_CHW, Field


def hold_sender(field: Field, sender: str) -> tuple[threading.Thread, threading.Event]:
    """A message of this sender is being handled, until the event is set."""
    held, release = threading.Event(), threading.Event()

    def work(tx: Any) -> None:
        lock_sender(tx, sender)
        tx.execute(text("SELECT 1"))
        held.set()
        release.wait(20)

    thread = threading.Thread(target=lambda: field.store.write(work))
    thread.start()
    assert held.wait(20)
    return thread, release


def test_the_second_message_waits_for_the_first(field: Field) -> None:
    first, release = hold_sender(field, CHW)
    second = threading.Thread(target=field.take, args=(CHW, f"MAL {GIRL} FIEVRE 2"))
    second.start()
    second.join(0.2)
    assert second.is_alive()
    assert field.messages() == []
    release.set()
    second.join(20)
    first.join(20)
    assert len(field.messages()) == 1


def test_another_sender_does_not_wait(field: Field) -> None:
    if field.store.dialect == "sqlite":
        pytest.skip("SQLite has one writer: everybody takes turns there")
    first, release = hold_sender(field, CHW)
    other = threading.Thread(target=field.take, args=(OTHER_CHW, "VIS 123"))
    other.start()
    other.join(20)
    assert not other.is_alive()
    release.set()
    first.join(20)


def test_a_report_and_its_correction_posted_at_once_end_as_if_one_after_the_other(field: Field) -> None:
    """Whichever is handled first: if the unclear one comes second, it waits five minutes like any other."""
    threads = [
        threading.Thread(target=field.take, args=(CHW, f"MAL {GIRL} {said}")) for said in ("FIEVRE 2 XYZZQ", "FIEVRE 2")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(field.messages()) == 2
    asked_last = field.reports()[-1]["unclear"] != []
    field.pass_time(minutes=6)
    assert bool(field.phone(NURSE)) == asked_last


# ---------------------------------------------------------------- texted in one order, delivered in the other


def deliver(field: Field, *messages: tuple[float, str]) -> None:
    """Messages as they arrive, with the minute in which each was texted, counted back from now."""
    for minutes_ago, said in messages:
        field.text(CHW, said, sent_at=field.clock.now() - timedelta(minutes=minutes_ago))


def standing(field: Field) -> list[dict[str, Any]]:
    return [row for row in field.reports() if row["state"] == "filed"]


@pytest.mark.parametrize("unclear", [f"MAL {GIRL} PB 11,9", f"MAL {GIRL} FIEVRE 2 XYZZQ", f"{GIRL} XYZZQ"])
def test_an_unclear_report_that_its_correction_overtook_alarms_nobody(field: Field, unclear: str) -> None:
    deliver(field, (1, f"MAL {GIRL} PB 119 FIEVRE 2"), (3, unclear))
    field.pass_time(minutes=30)
    assert field.phone(NURSE) == []
    assert field.referrals() == []


def test_what_was_corrected_stays_and_what_only_the_first_said_is_added(field: Field) -> None:
    deliver(field, (1, f"MAL {GIRL} FIEVRE 3 TDR+"), (3, f"MAL {GIRL} FIEVRE 2 TOUX 4 XYZZQ"))
    (report,) = standing(field)
    said = {name: value for name, value in report["answers"].items() if name != "signs"}
    assert said == {"fever_days": 3, "cough_days": 4, "rdt": "positive"}
    assert report["unclear"] == []
    assert "Avant" not in field.last(CHW)


def test_in_whichever_order_they_arrive_the_same_stands(field: Field) -> None:
    deliver(field, (3, f"MAL {GIRL} FIEVRE 2 TOUX 4"), (1, f"MAL {GIRL} FIEVRE 3"))
    deliver(field, (1, f"MAL {BOY} FIEVRE 3"), (3, f"MAL {BOY} FIEVRE 2 TOUX 4"))
    one, other = standing(field)
    assert one["answers"] == other["answers"]
    assert one["happened_at"] == other["happened_at"]


def test_danger_is_told_however_late_it_comes(field: Field) -> None:
    deliver(field, (1, f"MAL {GIRL} FIEVRE 2"), (3, f"MAL {GIRL} CONVULSION XYZZQ"))
    assert field.last(NURSE).startswith("URGENT ")


@pytest.mark.parametrize(
    "overtaking",
    [f"MAL {BOY} FIEVRE 2", f"MAL {GIRL} FIEVRE 2 ZZQXY", f"VIS {HOUSEHOLD}"],
    ids=["another child", "no clearer", "the household"],
)
def test_only_a_clear_report_about_the_same_person_says_what_was_meant(field: Field, overtaking: str) -> None:
    deliver(field, (1, overtaking), (3, f"MAL {GIRL} PB 11,9"))
    field.pass_time(minutes=5)
    assert any("PB 11,9" in body or "07-4177" in body for body in field.phone(NURSE))


def test_an_older_clear_report_answers_nothing_that_is_asked_of_a_newer_one(field: Field) -> None:
    deliver(field, (1, f"MAL {GIRL} PB 11,2"), (3, f"MAL {GIRL} TOUX 3"))
    field.pass_time(minutes=5)
    assert field.last(NURSE).startswith("URGENT? ")
