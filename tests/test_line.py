"""The lines between the process that speaks HTTP and the one that files: each caller hears what became of its own
message, whatever became of the others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest

from smsgateway.channels.messages import Incoming, Said, Turn
from smsgateway.line import Answer, Caller, NotTaken, Switchboard, lay
from smsgateway.store.database import Store
from smsgateway.store.tables import inbound
from smsgateway.store.write import Door, StoreUnavailable, Task, Tx, Written
from tests.support.field import CHW, GIRL, Field

TOGETHER = 8


@contextmanager
def connected(store: Store, tasks: Any) -> Iterator[Caller]:
    """Both processes in one, with real pipes between them."""
    lines = lay(2, TOGETHER)
    switchboard = Switchboard(store, tasks, lines)
    switchboard.start()
    yield Caller(lines.web, TOGETHER)
    switchboard.stop()


def sms(number: int, text: str = f"MAL {GIRL} FIEVRE 1") -> Incoming:
    return Incoming("simulator", f"id-{number}", CHW, "36000", text, None)


def turn(text: str) -> Turn:
    return Turn("simulator", "session", CHW, "*1#", text)


def test_what_is_said_at_one_moment_by_many_is_filed_once_and_answered(field: Field) -> None:
    with connected(field.store, field.gateway.task) as call, ThreadPoolExecutor(20) as pool:
        assert list(pool.map(call, [sms(number % 10) for number in range(40)])) == [None] * 40
        assert len(field.rows(inbound)) == 10


def test_a_turn_hears_its_screen(field: Field) -> None:
    with connected(field.store, field.gateway.task) as call:
        screen = call(turn(""))
    assert str(screen).startswith("CON ")
    assert screen == field.gateway.ussd.take(turn(""))


def test_one_that_cannot_be_filed_costs_no_other(store: Store) -> None:
    def tasks(said: Said) -> Task[str]:
        assert isinstance(said, Turn)

        def work(_tx: Tx) -> str:
            if said.text == "bad":
                raise LookupError(said.text)
            return f"END {said.text}"

        return Task(work)

    def ask(call: Caller, text: str) -> str:
        try:
            return str(call(turn(text)))
        except NotTaken as error:
            return str(error)

    texts = ["bad" if number % 3 == 0 else str(number) for number in range(30)]
    with connected(store, tasks) as call, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda text: ask(call, text), texts))
    assert answers == ["LookupError" if text == "bad" else f"END {text}" for text in texts]


def test_a_database_that_is_away_is_told_as_that(field: Field) -> None:
    class Shut:
        def write_each(self, works: Any) -> list[Written[Any]]:
            return [Written(error=StoreUnavailable("shut")) for _ in works]

        def close(self) -> None: ...

    shut: Door = Shut()
    with connected(replace(field.store, filing=shut), field.gateway.task) as call, pytest.raises(StoreUnavailable):
        call(sms(1))


def test_what_cannot_even_become_a_task_is_answered_and_the_line_lives_on(field: Field) -> None:
    def tasks(said: Said) -> Task[Any]:
        assert isinstance(said, Incoming)
        if said.text == "bad":
            raise ValueError("no task")
        return field.gateway.task(said)

    with connected(field.store, tasks) as call:
        for number in range(4):
            with pytest.raises(NotTaken):
                call(sms(number, "bad"))
        assert call(sms(9)) is None


def test_when_the_engine_is_gone_nobody_waits(field: Field) -> None:
    lines = lay(2, TOGETHER)
    call = Caller(lines.web, TOGETHER)
    for line in lines.engine:
        line.close()
    with ThreadPoolExecutor(8) as pool:
        for asked in [pool.submit(call, sms(number)) for number in range(8)]:
            with pytest.raises(StoreUnavailable):
                asked.result()
    assert field.rows(inbound) == []


def test_those_who_come_while_one_is_dealt_with_go_together() -> None:
    lines = lay(1, TOGETHER)
    (engine,) = lines.engine
    call = Caller(lines.web, TOGETHER)
    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(call, turn("first"))
        assert engine.recv() == [turn("first")]
        others = [pool.submit(call, turn(str(number))) for number in range(12)]
        while call.waiting() < len(others):
            pass
        engine.send([Answer("done")])
        assert first.result() == "done"
        group = engine.recv()
        engine.send([Answer(said.text) for said in group])
        rest = engine.recv()
        engine.send([Answer(said.text) for said in rest])
        assert (len(group), len(rest)) == (TOGETHER, len(others) - TOGETHER)
        assert [other.result() for other in others] == [str(number) for number in range(12)]


def test_one_alone_never_waits_for_company() -> None:
    lines = lay(2, TOGETHER)
    call = Caller(lines.web, TOGETHER)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            asked = pool.submit(call, turn("alone"))
            (ready, *_) = wait(lines.engine, 10)
            assert isinstance(ready, Connection)
            assert ready.recv() == [turn("alone")]
            ready.send([Answer()])
            assert asked.result() is None
