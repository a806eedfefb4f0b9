"""What falls due happens once, in order, and one item that cannot be acted on holds nothing up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

from smsgateway import due as acting
from smsgateway.clock import VirtualClock
from smsgateway.due import Batch, DueItem, Handlers, cancel, claim_due, run_due, schedule
from smsgateway.store.database import Store, open_store
from smsgateway.store.tables import due, faults, seen
from smsgateway.store.types import new_id
from smsgateway.store.write import StoreUnavailable, Tx

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SITE = new_id()


class Diary:
    """A handler that leaves a row of its own for every item, as care leaves messages."""

    def __init__(self, *, broken: frozenset[str] = frozenset()) -> None:
        self.broken = broken

    def act(self, tx: Tx, item: DueItem, now: datetime) -> None:
        if item.step in self.broken:
            raise LookupError(item.step)
        tx.insert(seen, {"channel": item.kind, "provider_id": item.step, "subject_id": item.subject_id, "at": now})


def plan(store: Store, step: str, at: datetime = NOON, kind: str = "rung", subject: UUID | None = None) -> UUID:
    subject = subject or new_id()
    assert store.write(lambda tx: schedule(tx, kind, subject, step, at, SITE, {"try": 1}))
    return subject


def done(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.scalars(select(seen.c.provider_id).order_by(seen.c.provider_id)))


def left(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(due)).scalar_one()


def open_faults(store: Store) -> int:
    with store.read() as connection:
        return len(connection.execute(select(faults).where(faults.c.cleared_at.is_(None))).all())


def run(store: Store, now: datetime = NOON, broken: frozenset[str] = frozenset()) -> int:
    return run_due(store, VirtualClock(now), {"rung": Diary(broken=broken).act})


def test_what_is_due_happens_and_is_gone(store: Store) -> None:
    plan(store, "first", NOON - timedelta(minutes=1))
    plan(store, "second", NOON)
    plan(store, "later", NOON + timedelta(seconds=1))
    assert run(store) == 2
    assert (done(store), left(store)) == (["first", "second"], 1)
    assert run(store) == 0


def test_the_longest_due_comes_first_with_what_was_written_down(store: Store) -> None:
    plan(store, "b", NOON - timedelta(minutes=1))
    subject = plan(store, "a", NOON - timedelta(minutes=2))
    items = store.write(lambda tx: claim_due(tx, NOON))
    assert [item.step for item in items] == ["a", "b"]
    assert (items[0].subject_id, items[0].site_id, items[0].detail) == (subject, SITE, {"try": 1})
    assert [item.step for item in store.write(lambda tx: claim_due(tx, NOON, 1))] == ["a"]


def test_a_step_is_scheduled_once(store: Store) -> None:
    subject = plan(store, "second nurse")
    again = store.write(lambda tx: schedule(tx, "rung", subject, "second nurse", NOON, SITE, {}))
    assert not again
    assert left(store) == 1


def test_cancelled_steps_do_not_happen(store: Store) -> None:
    subject = plan(store, "second nurse")
    plan(store, "supervisor", subject=subject)
    plan(store, "lead", subject=subject)
    plan(store, "of another referral")
    assert store.write(lambda tx: cancel(tx, "rung", subject, "lead")) == 1
    assert store.write(lambda tx: cancel(tx, "rung", subject)) == 2
    run(store)
    assert done(store) == ["of another referral"]


def test_one_that_cannot_be_acted_on_holds_nothing_up_and_a_human_sees_it(store: Store) -> None:
    for step in ("a", "broken", "c", "d"):
        plan(store, step)
    broken = frozenset({"broken"})
    assert run(store, broken=broken) == 3
    assert (done(store), left(store), open_faults(store)) == (["a", "c", "d"], 1, 1)
    assert run(store, broken=broken) == 0  # not before its pause is over
    assert run(store, NOON + timedelta(seconds=10), broken) == 0
    assert run(store, NOON + timedelta(minutes=1)) == 1
    assert (done(store), left(store), open_faults(store)) == (["a", "broken", "c", "d"], 0, 0)


def test_a_kind_nobody_handles_yet_is_kept(store: Store) -> None:
    """A worker of yesterday's version meets an item of today's."""
    plan(store, "x", kind="new kind")
    assert run(store) == 0
    assert (left(store), open_faults(store)) == (1, 1)


def test_what_went_wrong_left_nothing_half_done(store: Store) -> None:
    def half(tx: Tx, item: DueItem, now: datetime) -> None:
        Diary().act(tx, item, now)
        tx.flush()
        raise RuntimeError

    plan(store, "x")
    run_due(store, VirtualClock(NOON), {"rung": half})
    assert done(store) == []


def test_an_item_may_schedule_its_next_step(store: Store) -> None:
    def ladder(tx: Tx, item: DueItem, now: datetime) -> None:
        schedule(tx, "rung", item.subject_id, item.step + "+", now + timedelta(minutes=10), SITE, {})

    plan(store, "x")
    for minute in (0, 10, 20):
        assert run_due(store, VirtualClock(NOON + timedelta(minutes=minute)), {"rung": ladder}) == 1
    assert left(store) == 1


def test_many_processes_act_on_each_item_once(store: Store) -> None:
    for number in range(60):
        plan(store, f"{number:03}")
    acted: Counter[int] = Counter()

    def process(number: int) -> None:
        acted[number] = run(store)

    threads = [threading.Thread(target=process, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(store)  # what a process passed over because another one held it, and then let go of
    assert done(store) == [f"{number:03}" for number in range(60)]


def test_a_flood_after_an_outage_is_taken_a_thousand_at_a_time(store: Store) -> None:
    rows = [
        {
            "id": new_id(),
            "site_id": SITE,
            "kind": "rung",
            "subject_id": new_id(),
            "step": f"{number:05}",
            "at": NOON,
            "detail": {},
            "failures": 0,
        }
        for number in range(2_300)
    ]
    store.write(lambda tx: tx.execute(insert(due), rows))
    assert [run(store) for _ in range(4)] == [1_000, 1_000, 300, 0]
    assert len(done(store)) == 2_300


def test_a_database_that_is_away_is_said_not_swallowed(store: Store) -> None:
    plan(store, "x")

    def away(tx: Tx, item: DueItem, now: datetime) -> None:
        raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        run_due(store, VirtualClock(NOON), {"rung": away})
    assert (left(store), open_faults(store)) == (1, 0)


def gather(store: Store, count: int, kind: str = "morning", rank: int = 1, at: datetime = NOON) -> None:
    """Things that can wait their turn."""
    rows = [
        {
            "id": new_id(),
            "site_id": SITE,
            "kind": kind,
            "subject_id": new_id(),
            "step": f"{kind} {number:03}",
            "at": at - timedelta(minutes=1),
            "detail": {},
            "failures": 0,
            "rank": rank,
        }
        for number in range(count)
    ]
    store.write(lambda tx: tx.execute(insert(due), rows))


def test_what_can_wait_is_done_in_batches_and_what_cannot_goes_first(store: Store) -> None:
    gather(store, 25)
    plan(store, "second nurse")
    seen_so_far: list[tuple[int, int]] = []

    def act(tx: Tx, items: Sequence[DueItem], now: datetime) -> dict[UUID, datetime]:
        seen_so_far.append((len(items), tx.execute(select(func.count()).select_from(seen)).scalar_one()))
        return {}

    handlers: Handlers = {"rung": Diary().act, "morning": Batch(act, at_once=10)}
    acted = [run_due(store, VirtualClock(NOON), handlers) for _ in range(4)]
    assert acted == [11, 10, 5, 0]
    assert seen_so_far == [(10, 1), (10, 1), (5, 1)]


def test_a_batch_says_which_of_its_items_come_again(store: Store) -> None:
    gather(store, 3)
    tomorrow = NOON + timedelta(days=1)

    def act(tx: Tx, items: Sequence[DueItem], now: datetime) -> dict[UUID, datetime]:
        return {item.id: tomorrow for item in items if item.step != "morning 001"}

    handlers = {"morning": Batch(act)}
    assert run_due(store, VirtualClock(NOON), handlers) == 3
    assert run_due(store, VirtualClock(NOON), handlers) == 0
    assert left(store) == 2
    assert run_due(store, VirtualClock(tomorrow), handlers) == 2


def test_a_batch_that_fails_is_done_one_by_one(store: Store) -> None:
    gather(store, 4)

    def act(tx: Tx, items: Sequence[DueItem], now: datetime) -> dict[UUID, datetime]:
        for item in items:
            Diary(broken=frozenset({"morning 002"})).act(tx, item, now)
        return {}

    run_due(store, VirtualClock(NOON), {"morning": Batch(act)})
    assert done(store) == ["morning 000", "morning 001", "morning 003"]
    assert (left(store), open_faults(store)) == (1, 1)


def test_what_failed_is_found_by_its_own_index() -> None:
    """Forty thousand mornings due at one moment are not gone through for each batch of them."""
    store = open_store("sqlite://")
    prepared: Any = acting._FAILED._statements[0]
    statement = str(prepared.compile(dialect=store.engine.dialect))
    with store.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (1, "2026-11-24", 10, 0)).all()
    assert "ix_due_failed" in str(plan)
