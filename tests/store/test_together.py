"""Works done side by side come out as if they had been done one after the other, in the order in which they ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.engine import Connection

from smsgateway.store.database import HOLD, Store, lock_key, lock_sender, open_store, sender_lock
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import seen
from smsgateway.store.together import Entangled, side_by_side
from smsgateway.store.types import new_id
from smsgateway.store.write import Task, Tx, Work, one_after_the_other
from tests.conftest import empty

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEYS = ("a", "b", "c")
OF_KEY = Prepared(select(seen.c.subject_id).where(seen.c.channel == "t", seen.c.provider_id == bindparam("key")))
TAKE = Prepared(
    update(seen)
    .where(seen.c.channel == "t", seen.c.provider_id == bindparam("key"))
    .values(subject_id=bindparam("me"))
    .returning(seen.c.subject_id)
)
ALL = Prepared(select(func.count().label("count")).select_from(seen).where(seen.c.channel == "t"))


@pytest.fixture
def postgres(postgres_database: str) -> Iterator[Store]:
    empty(postgres_database)
    opened = open_store(postgres_database)
    yield opened
    opened.close()


def row(key: str, subject: UUID) -> dict[str, object]:
    return {"channel": "t", "provider_id": key, "subject_id": subject, "at": NOON}


# What a work may do. Each step gives what it saw, which is what must not depend on the others beside it.
Step = Callable[[Tx, UUID], object]


def look(key: str) -> Step:
    return lambda tx, _: [found.subject_id for found in tx.ask(OF_KEY, key=key)]


def count(_key: str) -> Step:
    return lambda tx, _: tx.ask(ALL)[0].count


def first(key: str) -> Step:
    """Insert unless somebody has: what `once` does for every message."""

    def step(tx: Tx, me: UUID) -> object:
        found = tx.ask(OF_KEY, key=key)
        if not found:
            tx.insert(seen, row(key, me))
        return [each.subject_id for each in found]

    return step


def take_over(key: str) -> Step:
    def step(tx: Tx, me: UUID) -> object:
        changed = update(seen).where(seen.c.provider_id == key).values(subject_id=me)
        return tx.execute(changed).rowcount

    return step


def insist(key: str) -> Step:
    """As `take_over`, by a prepared statement, which counts and numbers of the register are changed by."""
    return lambda tx, me: len(tx.ask(TAKE, key=key, me=me))


def remove(key: str) -> Step:
    return lambda tx, _: tx.execute(delete(seen).where(seen.c.provider_id == key)).rowcount


def hold(key: str) -> Step:
    return lambda tx, _: lock_key(tx, key)


def read_much(_key: str) -> Step:
    return lambda tx, _: tx.connection.execute(select(func.count()).select_from(seen)).scalar_one()


KINDS = [look, count, first, take_over, insist, remove, hold, read_much]
STEPS = st.builds(lambda kind, key: kind(key), st.sampled_from(KINDS), st.sampled_from(KEYS))


def works_of(programs: Sequence[Sequence[Step]], ended: list[int]) -> list[Work[object]]:
    """One work a program, which gives all it saw."""
    ids = [UUID(int=number + 1) for number in range(len(programs))]

    def made(number: int) -> Work[object]:
        def work(tx: Tx) -> object:
            saw = [step(tx, ids[number]) for step in programs[number]]
            ended.append(number)
            return saw

        return work

    return [made(number) for number in range(len(programs))]


def outcome(connection: Connection, do: Any, works: Sequence[Work[object]]) -> tuple[list[object], list[Any]]:
    """What the works gave and what is in the table then; nothing of it stays."""
    with connection.begin() as transaction:
        connection.execute(delete(seen))
        connection.execute(seen.insert(), [row("a", UUID(int=99))])
        tx = Tx(connection)
        results = do(tx, works)
        tx.flush()
        rows = connection.execute(select(seen.c.provider_id, seen.c.subject_id).order_by(seen.c.provider_id)).all()
        transaction.rollback()
    return results, [tuple(each) for each in rows]


@settings(max_examples=300)
@example(programs=[[insist("a")], [look("a"), insist("a")]])
@given(programs=st.lists(st.lists(STEPS, max_size=4), min_size=2, max_size=5))
def test_what_comes_out_is_what_would_come_of_one_after_the_other(postgres: Store, programs: list[list[Step]]) -> None:
    ended: list[int] = []
    with postgres.engine.connect() as connection:
        try:
            results, rows = outcome(connection, side_by_side, works_of(programs, ended))
        except Entangled:
            return  # each is done alone then
        order = [number for at, number in enumerate(ended) if number not in ended[at + 1 :]]
        assert sorted(order) == list(range(len(programs)))
        works = works_of(programs, [])
        again, same_rows = outcome(connection, one_after_the_other, [works[number] for number in order])
    assert [results[number] for number in order] == again
    assert rows == same_rows


def test_those_of_one_sender_end_in_the_order_in_which_they_came(postgres: Store) -> None:
    """The first needs the transaction for itself, the second only looks: it would be done first but for the lock."""
    ended: list[int] = []
    programs = [[hold("s"), take_over("a")], [hold("s"), look("a")], [look("b")]]
    with postgres.engine.connect() as connection:
        results, _ = outcome(connection, side_by_side, works_of(programs, ended))
    assert ended == [2, 0, 1]
    assert results[1] == [None, [UUID(int=1)]]


def test_who_wait_for_each_other_are_done_apart(postgres: Store) -> None:
    programs = [[hold("s"), hold("t")], [hold("t"), hold("s")]]
    with postgres.engine.connect() as connection, pytest.raises(Entangled):
        outcome(connection, side_by_side, works_of(programs, []))
    done = postgres.carry_out([Task(work) for work in works_of(programs, [])])
    assert [each.value() for each in done] == [[None, None], [None, None]]


def test_many_questions_are_one_exchange(postgres: Store) -> None:
    """What sixteen ask at the same moment is one statement."""
    ran: list[int] = []

    def work(tx: Tx) -> object:
        found = tx.ask(OF_KEY, key="a")
        ran.append(len(found))
        return found[0].subject_id

    with postgres.engine.connect() as connection:
        sent = _statements(connection)
        results, _ = outcome(connection, side_by_side, [work] * 16)
    assert results == [UUID(int=99)] * 16
    assert len(ran) == 16
    assert sum("unnest" in sql for sql in sent) == 1
    assert not any("unnest" not in sql and "provider_id = " in sql for sql in sent)


def _statements(connection: Connection) -> list[str]:
    """What goes to the driver's own cursors from now on."""
    sent: list[str] = []
    driver: Any = connection.connection.driver_connection
    made = driver.cursor_factory

    class Cursor(made):  # type: ignore[misc, valid-type]
        def execute(self, query: Any, *given: Any, **options: Any) -> Any:
            sent.append(str(query))
            return super().execute(query, *given, **options)

    driver.cursor_factory = Cursor
    return sent


def remember(name: str) -> Work[str]:
    def work(tx: Tx) -> str:
        tx.insert(seen, row(name, new_id()))
        return name

    return work


def test_the_one_that_fails_costs_no_other(store: Store) -> None:
    store.write(remember("taken"))

    def bad(_tx: Tx) -> str:
        raise KeyError("no such thing")

    works = [remember("x"), bad, remember("taken"), remember("y")]
    outcomes = store.carry_out([Task(work) for work in works])
    assert [each.error is None for each in outcomes] == [True, False, False, True]
    assert isinstance(outcomes[1].error, KeyError)
    with store.read() as connection:
        assert set(connection.scalars(select(seen.c.provider_id))) == {"taken", "x", "y"}


def test_what_is_done_instead_is_done_for_that_one_only(store: Store) -> None:
    def bad(_tx: Tx) -> str:
        raise KeyError("no such thing")

    tasks = [Task(remember("x")), Task(bad, lambda error: remember(type(error).__name__))]
    assert [each.value() for each in store.carry_out(tasks)] == ["x", "KeyError"]


def test_whoever_must_wait_for_somebody_elses_lock_does_not_hold_up_the_writer(postgres: Store) -> None:
    """Another process has one sender's lock for long; everybody else's messages go on being filed."""

    def locked(tx: Tx) -> str:
        lock_sender(tx, "+22300000001")
        return remember("late")(tx)

    got: list[object] = []
    with postgres.engine.connect() as other:
        other.begin()
        HOLD(other, key=sender_lock("+22300000001"))
        waiting = threading.Thread(
            target=lambda: got.extend(postgres.carry_out([Task(locked), Task(remember("with it"))])), daemon=True
        )
        waiting.start()
        for number in range(20):
            postgres.carry_out([Task(remember(f"n{number}")), Task(remember(f"m{number}"))])
        assert not got
        other.rollback()
    waiting.join()
    assert [each.value() for each in got] == ["late", "with it"]  # type: ignore[attr-defined]


def test_a_connection_lost_between_two_groups_costs_nothing(postgres: Store) -> None:
    """The database was started again: what arrives next is filed, and in groups as before."""
    postgres.carry_out([Task(remember("before")), Task(remember("before too"))])
    with postgres.engine.connect() as other:
        other.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    for number in range(3):
        done = postgres.carry_out([Task(remember(f"a{number}")), Task(remember(f"b{number}"))])
        assert [each.value() for each in done] == [f"a{number}", f"b{number}"]
