"""Whatever happens, nothing is lost and nothing is said twice: random fates, crashes, lost leases, reports in any
order, lanes of several processes in turn; the promises of the outbox are checked after each step and at the end.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from smsgateway.channels.messages import Fate, Handover, Outgoing
from smsgateway.outbox.probing import probe_paused
from smsgateway.outbox.queue import Rank, expire, withdraw
from smsgateway.outbox.receipts import LEVELS
from smsgateway.outbox.record import sweep_leases
from smsgateway.store.database import Store, open_store
from smsgateway.store.tables import metadata
from tests.outbox.peers import House, Provider, ends


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Network(Provider):
    """A provider that may take a message without saying so, and a place where a process may die."""

    fates: list[str] = field(default_factory=list)
    taken: list[tuple[UUID, str, str]] = field(default_factory=list)  # message, phone, provider's id
    calls: Counter[UUID] = field(default_factory=Counter)

    def send(self, messages: list[Outgoing]) -> list[Handover]:
        self.requests.append(messages)
        return [self._end(message, position) for position, message in enumerate(messages)]

    def _end(self, message: Outgoing, position: int) -> Handover:
        self.calls[message.id] += 1
        fate = self.fates.pop(0) if self.fates else "accepted"
        provider_id = f"{self.name}-{len(self.requests)}-{position}"
        if fate in ("accepted", "unknown but taken", "killed but taken", "outlived its lease"):
            self.taken.append((message.id, message.phone, provider_id))
        if fate.startswith("killed"):
            raise Killed
        if fate.startswith("outlived"):
            self.meanwhile([message])
        if fate in ("accepted", "outlived its lease"):
            return Handover(message.id, Fate.ACCEPTED, provider_id=provider_id)
        return replace(ends(ENDS.get(fate, Fate.RETRY), fate), message_id=message.id)


ENDS = {
    "refused": Fate.REFUSED,
    "retry": Fate.RETRY,
    "not sent": Fate.NOT_SENT,
    "unknown but taken": Fate.UNKNOWN,
    "unknown and not taken": Fate.UNKNOWN,
    "throttled": Fate.THROTTLED,
    "channel down": Fate.CHANNEL_DOWN,
}
FATES = (
    *ENDS,
    "accepted",
    "killed but taken",
    "killed before it was taken",
    "outlived its lease",
    "outlived its lease and not taken",
)
PHONES = tuple(f"+2237600000{last}" for last in range(3))
MAYBE_TAKEN = ("unknown", "killed", "outlived")

ranks = st.sampled_from([Rank.URGENT, Rank.URGENT, Rank.URGENT, Rank.REPLY, Rank.REMINDER, Rank.NOTICE])
ends_often_unknown = st.sampled_from([*FATES, *(fate for fate in FATES if fate.startswith(MAYBE_TAKEN))])
send = st.tuples(st.just("send"), st.integers(0, 2), st.tuples(ends_often_unknown, ends_often_unknown))
report = st.tuples(st.just("report"), st.integers(0, 30), st.sampled_from(["Sent", "Submitted", "Failed", "Success"]))
wait = st.tuples(st.just("wait"), st.sampled_from([1, 5, 20, 60, 400]), st.none())
steps = st.one_of(
    st.tuples(st.just("queue"), ranks, st.sampled_from(PHONES)),
    send,
    send,
    send,
    report,
    report,
    wait,
    wait,
    st.tuples(st.sampled_from(["sweep", "probe"]), st.none(), st.none()),
    st.tuples(st.just("withdraw"), st.integers(0, 10), st.none()),
)


@dataclass
class Story:
    """One run: what was queued, and what every message has been through."""

    house: House
    network: Network
    queued: dict[UUID, Rank] = field(default_factory=dict)
    doubted: Counter[UUID] = field(default_factory=Counter)
    levels: dict[UUID, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.network.meanwhile = self._stand_still
        self.lanes = [self.house.lane(Rank.URGENT), self.house.lane(*Rank), self.house.lane(*Rank)]

    def _stand_still(self, _messages: list[Outgoing]) -> None:
        """Meanwhile the lease ends, and another process goes on."""
        self.house.pass_time(seconds=60)
        self.sweep()
        self.house.pass_time(seconds=10)
        with suppress(Killed):
            self.house.lane().deliver_once()

    def play(self, step: tuple[str, Any, Any]) -> None:
        what, first, second = step
        getattr(self, what)(*(each for each in (first, second) if each is not None))
        self.check()

    def queue(self, rank: Rank, phone: str) -> None:
        referral = UUID(int=len(self.queued) + 1)
        self.queued[self.house.queue(f"n{len(self.queued) % 2}", rank, phone, referral_id=referral)] = rank

    def send(self, lane: int, fates: tuple[str, str]) -> None:
        """The second fate is for whatever is sent next within this step, if anything is."""
        self.network.fates = list(fates)
        before = self.network.calls.copy()
        try:
            self.lanes[lane].deliver_once()
        except Killed:
            self.lanes[lane] = self.house.lane(*(Rank if lane else [Rank.URGENT]))
        if any(fate.startswith(MAYBE_TAKEN) for fate in fates):
            self.doubted.update(self.network.calls - before)
        self.network.fates = []

    def report(self, number: int, word: str) -> None:
        if self.network.taken:
            _message, phone, provider_id = self.network.taken[number % len(self.network.taken)]
            self.house.report(provider_id, word, phone, reason="UserIsInactive" if word == "Failed" else None)

    def wait(self, seconds: int) -> None:
        self.house.pass_time(seconds=seconds)

    def sweep(self) -> None:
        sweep_leases(self.house.store, self.house.clock, self.house.care)
        self.house.store.write(lambda tx: expire(tx, self.house.clock.now()))

    def probe(self) -> None:
        probe_paused(self.house.store, [self.network], self.house.clock)

    def withdraw(self, number: int) -> None:
        referral = UUID(int=number + 1)
        self.house.store.write(lambda tx: withdraw(tx, self.house.clock.now(), referral_id=referral, reason="received"))

    def check(self) -> None:
        """True at every moment."""
        log, queue = self.house.log(), self.house.queued()
        places = Counter(row["id"] for row in [*log, *queue])
        assert places == Counter(dict.fromkeys(self.queued, 1)), "a message is in the queue or in the log, once"
        for row in log:
            level = LEVELS[row["status"]]
            assert level >= self.levels.get(row["id"], 0), "a status moved back"
            self.levels[row["id"]] = level
        for message_id, count in Counter(message for message, _, _ in self.network.taken).items():
            rank = self.queued[message_id]
            assert count <= (2 if rank is Rank.URGENT and self.doubted[message_id] else 1), "said twice"
        for what in ("handed_over", "delivered", "undelivered"):
            told = Counter(message_id for event, message_id, _ in self.house.care.heard if event == what)
            assert max(told.values(), default=0) <= 1, f"care was told twice: {what}"

    def finish(self) -> None:
        """The network recovers and time goes by: then every message is settled, and every urgent one is with the
        provider or with somebody else."""
        for _ in range(12):
            self.sweep()
            self.probe()
            for lane in self.lanes:
                while lane.deliver_once():
                    self.check()
            self.wait(60)
        self.check()
        assert self.house.queued() == []
        heard = {
            what: {i for event, i, _ in self.house.care.heard if event == what}
            for what in ("handed_over", "undelivered")
        }
        for row in self.house.log():
            if self.queued[row["id"]] is not Rank.URGENT:
                continue
            assert row["status"] != "expired"
            withdrawn = row["status"] == "withdrawn"
            assert withdrawn or row["id"] in heard["handed_over"] | heard["undelivered"], row["status"]
            assert (row["id"] in heard["undelivered"]) == row["returned"]


def clear(store: Store) -> None:
    def work(tx: Any) -> None:
        for table in reversed(metadata.sorted_tables):
            tx.execute(delete(table))

    store.write(work)


def run(store: Store, batch: int, plan: list[tuple[str, Any, Any]]) -> None:
    network = Network(batch_limit=batch)
    story = Story(House(store, network), network)
    for step in plan:
        note(str(step))
        story.play(step)
    story.finish()


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(plan=st.lists(steps, max_size=30))
def test_nothing_is_lost_and_nothing_said_twice(store: Store, plan: list[tuple[str, Any, Any]]) -> None:
    clear(store)
    run(store, 3, plan)


@settings(max_examples=100)
@given(batch=st.sampled_from([1, 3]), plan=st.lists(steps, min_size=10, max_size=60))
def test_not_in_long_stories_either(batch: int, plan: list[tuple[str, Any, Any]]) -> None:
    store = open_store("sqlite://")
    run(store, batch, plan)
    store.close()
