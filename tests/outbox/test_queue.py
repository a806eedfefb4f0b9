"""The queue: urgent first, told once, taken by one, taken back when it is wanted no longer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from smsgateway.outbox.bell import Bell
from smsgateway.outbox.claim import Claimed, claim, claim_like, let_go
from smsgateway.outbox.queue import Draft, Rank, enqueue, expire, release, withdraw
from smsgateway.store.database import Store
from smsgateway.store.tables import message_log, outbox
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NURSE = "+22376000101"
LEASE = timedelta(seconds=40)
EVERY_RANK = tuple(Rank)


def queue(store: Store, *drafts: Draft, now: datetime = NOON) -> list[UUID | None]:
    return store.write(lambda tx: [enqueue(tx, draft, now) for draft in drafts])


def take(store: Store, now: datetime = NOON, ranks: tuple[Rank, ...] = EVERY_RANK, limit: int = 100) -> list[Claimed]:
    return store.write(lambda tx: claim(tx, ranks, limit, now, LEASE))


def logged(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        return [row._asdict() for row in connection.execute(select(message_log).order_by(message_log.c.id))]


def queued_bodies(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.scalars(select(outbox.c.body).order_by(outbox.c.id)))


def saying(body: str, rank: Rank = Rank.REMINDER, **rest: Any) -> Draft:
    return Draft(NURSE, body, rank, **rest)


def test_urgent_goes_first_then_replies_then_the_oldest_reminder(store: Store) -> None:
    queue(store, saying("weekly", Rank.NOTICE), saying("second reminder"), now=NOON)
    queue(store, saying("first reminder"), now=NOON - timedelta(minutes=5))
    queue(store, saying("answer", Rank.REPLY), saying("URGENT K7", Rank.URGENT), now=NOON + timedelta(seconds=1))
    bodies = [message.body for message in take(store, NOON + timedelta(seconds=4))]
    assert bodies == ["URGENT K7", "answer", "first reminder", "second reminder", "weekly"]


def test_an_answer_lets_the_alert_of_the_same_report_leave_first_but_not_for_long(store: Store) -> None:
    """The lanes of urgent messages and of all others wake together: the nurse must not read it after the CHW."""
    queue(store, saying("answer", Rank.REPLY), saying("URGENT K7", Rank.URGENT))
    queue(store, saying("somebody else's answer", Rank.REPLY), now=NOON - timedelta(milliseconds=5))
    others = (Rank.REPLY, Rank.REMINDER)
    assert [message.body for message in take(store, ranks=others)] == ["somebody else's answer"]
    assert [message.body for message in take(store, ranks=(Rank.URGENT,))] == ["URGENT K7"]
    assert take(store, NOON + timedelta(seconds=1), others) == []
    assert [message.body for message in take(store, NOON + timedelta(seconds=2), others)] == ["answer"]


def test_a_lane_takes_only_its_ranks_and_only_what_it_can_send_now(store: Store) -> None:
    queue(store, saying("URGENT K7", Rank.URGENT), saying("a"), saying("b"))
    assert [message.body for message in take(store, ranks=(Rank.REMINDER,), limit=1)] == ["a"]
    assert [message.body for message in take(store, ranks=(Rank.REMINDER,))] == ["b"]
    assert [message.body for message in take(store)] == ["URGENT K7"]
    assert take(store) == []


def test_what_is_sent_is_folded_and_its_segments_are_counted(store: Store) -> None:
    queue(store, saying("œdème – à Ɲamina"))
    with store.read() as connection:
        assert connection.execute(select(outbox.c.body, outbox.c.segments)).one() == ("oedème - à Nyamina", 1)


def test_told_once_even_after_it_was_sent_or_taken_back(store: Store) -> None:
    referral = new_id()
    alert = saying("URGENT K7", Rank.URGENT, key="K7:first:+22376000101", referral_id=referral)
    first, second = queue(store, alert, alert)
    assert first is not None
    assert second is None
    store.write(lambda tx: withdraw(tx, NOON, referral_id=referral, reason="received"))
    assert queue(store, alert) == [None]
    assert queued_bodies(store) == []


def test_fifty_processes_tell_it_once(store: Store) -> None:
    alert = saying("URGENT K7", Rank.URGENT, key="K7:first:+22376000101")
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda _: queue(store, alert)[0], range(50)))
    assert len([message_id for message_id in told if message_id is not None]) == 1
    assert queued_bodies(store) == ["URGENT K7"]


def test_a_rolled_back_message_was_never_told(store: Store) -> None:
    alert = saying("URGENT K7", Rank.URGENT, key="K7:first")

    def broken(tx: Tx) -> None:
        enqueue(tx, alert, NOON)
        raise RuntimeError("the report could not be filed")

    with pytest.raises(RuntimeError):
        store.write(broken)
    assert queue(store, alert) != [None]


def test_many_lanes_at_once_never_take_the_same_message(store: Store) -> None:
    queue(store, *(saying(f"n{i}") for i in range(120)))
    taken: list[str] = []
    lock = threading.Lock()

    def lane() -> None:
        while claimed := take(store, limit=7):
            with lock:
                taken.extend(message.body for message in claimed)

    threads = [threading.Thread(target=lane) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"n{i}" for i in range(120))


def test_a_held_back_message_waits_for_its_time(store: Store) -> None:
    queue(store, saying("URGENT K7", Rank.URGENT, not_before=NOON + timedelta(minutes=2)))
    assert take(store, NOON + timedelta(seconds=119)) == []
    assert len(take(store, NOON + timedelta(seconds=120))) == 1


def test_finishing_a_session_lets_its_alert_go_now(store: Store) -> None:
    referral = new_id()
    queue(store, saying("URGENT K7", Rank.URGENT, not_before=NOON + timedelta(minutes=2), referral_id=referral))
    assert store.write(lambda tx: release(tx, NOON, new_id())) == 0
    assert store.write(lambda tx: release(tx, NOON, referral)) == 1
    assert len(take(store, NOON)) == 1


@pytest.mark.parametrize(
    ("rank", "expires_at", "lasts"),
    [
        (Rank.REPLY, None, timedelta(hours=2)),  # an answer that comes later than that only confuses
        (Rank.REPLY, NOON + timedelta(minutes=5), timedelta(minutes=5)),
        (Rank.REMINDER, NOON + timedelta(hours=8), timedelta(hours=8)),
        (Rank.REMINDER, None, None),
        (Rank.URGENT, None, None),
        (Rank.URGENT, NOON + timedelta(minutes=5), None),  # never silently
    ],
)
def test_when_a_message_is_too_late(
    store: Store, rank: Rank, expires_at: datetime | None, lasts: timedelta | None
) -> None:
    queue(store, saying("x", rank, expires_at=expires_at))
    end = NOON + (lasts if lasts is not None else timedelta(days=365))
    assert store.write(lambda tx: expire(tx, end - timedelta(seconds=1))) == 0
    if lasts is None:
        assert len(take(store, end)) == 1
        return
    assert take(store, end) == []
    assert store.write(lambda tx: expire(tx, end)) == 1
    (row,) = logged(store)
    assert (row["status"], row["reason"]) == ("expired", "too_late")


def test_received_takes_back_the_rungs_not_yet_sent(store: Store) -> None:
    referral = new_id()
    queue(
        store,
        saying("URGENT K7 to the second nurse", Rank.URGENT, referral_id=referral, rung="second"),
        saying("URGENT K7 to the supervisor", Rank.URGENT, referral_id=referral, rung="supervisor"),
        saying("your report is filed", Rank.REPLY, referral_id=referral),
        saying("URGENT K8", Rank.URGENT, referral_id=new_id(), rung="second"),
    )
    taken = store.write(
        lambda tx: withdraw(tx, NOON, referral_id=referral, rungs={"second", "supervisor"}, reason="received")
    )
    assert taken == 2
    assert queued_bodies(store) == ["your report is filed", "URGENT K8"]
    assert [(row["status"], row["reason"], row["rung"]) for row in logged(store)] == [
        ("withdrawn", "received", "second"),
        ("withdrawn", "received", "supervisor"),
    ]


def test_what_is_being_handed_over_is_not_taken_back_but_marked(store: Store) -> None:
    referral = new_id()
    queue(store, saying("URGENT K7", Rank.URGENT, referral_id=referral))
    take(store)
    assert store.write(lambda tx: withdraw(tx, NOON, referral_id=referral, reason="received")) == 0
    with store.read() as connection:
        assert connection.scalar(select(outbox.c.withdrawn)) == "received"


def test_withdrawing_everything_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="say what to withdraw"):
        store.write(lambda tx: withdraw(tx, NOON, reason="oops"))


def test_what_was_let_go_can_be_taken_again_at_once(store: Store) -> None:
    queue(store, saying("a"))
    claimed = take(store)
    assert take(store) == []
    store.write(lambda tx: let_go(tx, claimed))
    again = take(store)
    assert [message.id for message in again] == [message.id for message in claimed]
    assert again[0].attempts == 0
    store.write(lambda tx: let_go(tx, claimed))  # with the old lease: too late to let go of anything
    assert take(store) == []


def test_equal_texts_are_found_for_one_request_each_phone_once(store: Store) -> None:
    def to(last: int, body: str, rank: Rank = Rank.REMINDER) -> Draft:
        return Draft(f"+2237600000{last}", body, rank)

    queue(store, to(1, "RUPTURE CTA"), to(2, "something else"))
    queue(store, *(to(last, "RUPTURE CTA") for last in (1, 3, 3, 4, 5, 6)), to(9, "RUPTURE CTA", Rank.NOTICE))

    def together(tx: Tx) -> tuple[list[Claimed], list[Claimed]]:
        first = claim(tx, EVERY_RANK, 1, NOON, LEASE)
        return first, claim_like(tx, first[0], 5, NOON, LEASE)

    first, others = store.write(together)
    assert {message.body for message in first + others} == {"RUPTURE CTA"}
    assert {message.rank for message in others} == {Rank.REMINDER}
    assert [message.phone[-1] for message in first + others] == ["1", "3", "4", "5"]
    assert [(message.phone[-1], message.body) for message in take(store)] == [
        ("2", "something else"),
        ("1", "RUPTURE CTA"),
        ("3", "RUPTURE CTA"),
        ("6", "RUPTURE CTA"),
        ("9", "RUPTURE CTA"),
    ]


def test_the_bell_rings_once_it_is_there_to_be_found(store: Store) -> None:
    bell, found = Bell(), list[tuple[bool, int]]()
    bell.hang(store)
    bell.also(lambda urgent: found.append((urgent, len(queued_bodies(store)))))
    before = bell.heard(True)
    queue(store, saying("URGENT K7", Rank.URGENT))
    queue(store, saying("tomorrow", not_before=NOON + timedelta(days=1)))
    queue(store, saying("reminder"))
    assert found == [(True, 1), (False, 3)]
    assert bell.heard(True) == before + 1


def test_a_ring_while_the_lane_was_busy_is_not_lost() -> None:
    bell = Bell()
    heard = bell.heard(True)
    bell.ring(True)
    bell.wait(True, heard, timeout=60)  # returns at once, or the test hangs
