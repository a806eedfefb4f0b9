"""A correction cannot overtake the report it corrects: one sender's messages are handled one after the other."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from smsgateway.store.database import lock_sender
from tests.support.field import CHW, GIRL, NURSE, OTHER_CHW, Field


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
