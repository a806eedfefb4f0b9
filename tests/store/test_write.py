"""The write door: what `write` returned is on disk, and one bad request never costs another one."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from smsgateway.store.database import Store, lock_key, open_store
from smsgateway.store.schema import upgrade
from smsgateway.store.tables import seen
from smsgateway.store.types import new_id
from smsgateway.store.write import GroupDoor, StoreUnavailable, Tx, Work

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def remember(name: str) -> Work[str]:
    def work(tx: Tx) -> str:
        tx.insert(seen, {"channel": "sms", "provider_id": name, "subject_id": new_id(), "at": NOON})
        return name

    return work


def remembered(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.scalars(select(seen.c.provider_id)))


def test_what_write_returned_is_there(store: Store) -> None:
    assert store.write(remember("a")) == "a"
    assert remembered(store) == {"a"}


def test_times_come_back_as_they_went_in(store: Store) -> None:
    store.write(remember("a"))
    with store.read() as connection:
        assert connection.scalar(select(seen.c.at)) == NOON


def test_what_raised_left_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        remember("half")(tx)
        tx.flush()
        raise RuntimeError("the rest went wrong")

    with pytest.raises(RuntimeError, match="the rest"):
        store.write(work)
    assert remembered(store) == set()


def test_a_duplicate_key_fails_alone(store: Store) -> None:
    store.write(remember("a"))
    with pytest.raises(IntegrityError):
        store.write(remember("a"))
    assert store.write(remember("b")) == "b"
    assert remembered(store) == {"a", "b"}


def test_fifty_writers_at_once_lose_nothing(store: Store) -> None:
    names = [f"n{i}" for i in range(200)]
    with ThreadPoolExecutor(50) as pool:
        assert sorted(pool.map(lambda name: store.write(remember(name)), names)) == sorted(names)
    assert remembered(store) == set(names)


def test_after_commit_runs_once_and_only_when_committed(store: Store) -> None:
    done: list[str] = []

    def good(tx: Tx) -> None:
        tx.after_commit(lambda: done.append("good"))

    def bad(tx: Tx) -> None:
        tx.after_commit(lambda: done.append("bad"))
        raise RuntimeError("no")

    store.write(good)
    with pytest.raises(RuntimeError):
        store.write(bad)
    assert done == ["good"]


def test_one_sender_is_served_in_turn(store: Store) -> None:
    """Read, then write what was read plus one: without the lock two of these would read the same number."""

    def work(tx: Tx) -> None:
        lock_key(tx, "sender:+22376000001")
        count = tx.execute(select(func.count()).select_from(seen)).scalar_one()
        remember(f"turn {count}")(tx)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.write(work), range(40)))
    assert len(remembered(store)) == 40


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Store:
    store = open_store(f"sqlite:///{tmp_path / 'door.db'}")
    upgrade(store.engine)
    return store


class Held:
    """Keeps the writer busy, so that the requests that follow are committed as one group."""

    def __init__(self, store: Store) -> None:
        self._release = threading.Event()
        self._entered = threading.Event()
        self._thread = threading.Thread(target=store.write, args=(self._hold,))
        self._thread.start()
        self._entered.wait()

    def _hold(self, _tx: Tx) -> None:
        self._entered.set()
        self._release.wait()

    def release(self) -> None:
        self._release.set()
        self._thread.join()


def as_one_group(store: Store, works: list[Work[str]]) -> list[str | BaseException]:
    """Hand all over while the writer is busy, and collect what each got back, in order."""
    door = store.door
    assert isinstance(door, GroupDoor)
    held = Held(store)
    outcomes: list[str | BaseException] = [""] * len(works)

    def ask(position: int) -> None:
        try:
            outcomes[position] = store.write(works[position])
        except Exception as error:  # noqa: BLE001 - the outcome is what is looked at
            outcomes[position] = error

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(works))]
    for position, thread in enumerate(threads):
        thread.start()
        while door.waiting() <= position:
            pass
    held.release()
    for thread in threads:
        thread.join()
    return outcomes


def test_the_one_that_fails_alone_costs_no_other(sqlite_store: Store) -> None:
    def bad(tx: Tx) -> str:
        raise KeyError("no such thing")

    outcomes = as_one_group(sqlite_store, [remember("a"), bad, remember("b"), remember("c")])
    assert outcomes[0] == "a"
    assert isinstance(outcomes[1], KeyError)
    assert outcomes[2:] == ["b", "c"]
    assert remembered(sqlite_store) == {"a", "b", "c"}


class FailNth:
    """Makes the n-th INSERT fail once, the way SQLite does; the replays find a healthy database."""

    def __init__(self, store: Store, n: int, error: str) -> None:
        self.left, self.error, self.fired = n, error, False
        trouble = self

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, *given: Any) -> Self:
                trouble.strike(sql)
                return super().execute(sql, *given)

            def executemany(self, sql: str, *given: Any) -> Self:
                trouble.strike(sql)
                return super().executemany(sql, *given)

        class Connection(sqlite3.Connection):
            def cursor(self, *_given: Any) -> Cursor:  # type: ignore[override]
                return super().cursor(Cursor)

        def give_ours(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
            options["factory"] = Connection

        event.listen(store.engine, "do_connect", give_ours)
        store.engine.dispose()

    def strike(self, sql: str) -> None:
        if self.fired or not sql.startswith("INSERT"):
            return
        if self.left == 0:
            self.fired = True
            raise sqlite3.OperationalError(self.error)
        self.left -= 1


@pytest.mark.parametrize("error", ["database or disk is full", "database is locked", "constraint failed"])
@pytest.mark.parametrize("n", range(5))
def test_a_passing_failure_of_the_nth_statement_is_replayed(sqlite_store: Store, n: int, error: str) -> None:
    def written_at_once(name: str) -> Work[str]:
        def work(tx: Tx) -> str:
            remember(name)(tx)
            tx.flush()
            return name

        return work

    trouble = FailNth(sqlite_store, n, error)
    names = [f"n{i}" for i in range(5)]
    outcomes = as_one_group(sqlite_store, [written_at_once(name) for name in names])
    assert trouble.fired
    assert outcomes == names
    assert remembered(sqlite_store) == set(names)


def test_a_full_disk_refuses_and_keeps_what_was_there(sqlite_store: Store) -> None:
    sqlite_store.write(remember("before"))
    with sqlite_store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    outcomes = as_one_group(sqlite_store, [remember("x" * 150 + str(i)) for i in range(60)])
    accepted = {outcome for outcome in outcomes if isinstance(outcome, str)}
    assert all(isinstance(outcome, str | StoreUnavailable) for outcome in outcomes)
    assert len(accepted) < 60
    assert remembered(sqlite_store) == accepted | {"before"}


@given(fates=st.lists(st.sampled_from(["fine", "twice", "raises"]), min_size=1, max_size=20))
def test_any_group_is_exactly_its_good_members(fates: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('group') / 'g.db'}")
    upgrade(store.engine)
    store.write(remember("taken"))

    def raises(_tx: Tx) -> str:
        raise LookupError

    works = [
        {"fine": remember(f"n{i}"), "twice": remember("taken"), "raises": raises}[fate] for i, fate in enumerate(fates)
    ]
    outcomes = as_one_group(store, works)
    for i, (fate, outcome) in enumerate(zip(fates, outcomes, strict=True)):
        assert isinstance(outcome, str) == (fate == "fine"), (i, fate, outcome)
    assert remembered(store) == {"taken"} | {f"n{i}" for i, fate in enumerate(fates) if fate == "fine"}
    store.close()
