"""Whatever happens in whatever order, nobody with a danger sign is forgotten: a random walk through the life of
referrals.

Answers come twice, late, from the wrong nurse, after a cancellation; receipts late and out of order; ticks are skipped,
processes die between two writes and are started again. After every step, once the service has done what it can do now:
an open referral is watched by exactly one due item, nobody was told twice under one rung, and the person who sent a
report was never the one to be alerted. In the end, with nobody answering any more, every referral is closed.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from smsgateway.care.climbing import DONT_WAIT, NOBODY
from smsgateway.care.history import LOST, unnamed
from smsgateway.channels.messages import Fate
from smsgateway.reading.programme import Programme
from smsgateway.store.database import Store, open_store
from tests.care.walk import CHILDREN, CHW, COVER, ELSEWHERE, LEAD, NURSE, PEOPLE, SECOND, SUPERVISOR, Site, empty

REPORTERS = (CHW, CHW, CHW, COVER, NURSE, SUPERVISOR)
REPORTS = (
    *(
        "URG {} CONVULSION",
        "URG {} TIRAGE",
        "MAL {} FIEVRE 9",
        "REF {} TOUX 5",
        "MAL {} FIEVRE 2 XYZZQ",
        "URG",
        "CONVULSION {}",
    ),
    *("MAL {} CONVULSION TIRAGE",),
)
ANSWERING = (NURSE, NURSE, NURSE, SECOND, ELSEWHERE, SUPERVISOR, LEAD, CHW, CHW, COVER)
ANSWERS = (
    *("RECU {}", "VU {}", "ARRIVE {}", "ABSENT {}", "PAS ARRIVE {}", "GUERI {} PALU SUIVI 3", "HOSPITALISE {}"),
    *("EVACUE {}", "DECEDE {}", "REFUS {}", "PARTI {}", "TRANSPORT {}", "ANN {}"),
)
BARE = (
    "RECU",
    "VU",
    "1",
    "2",
    "3",
    "ARRIVE",
    "ABSENT",
    "GUERI",
    "PARTI",
    "REFUS",
    "TRANSPORT",
    "GARDE",
    "RELEVE",
    "NON",
    "ANN",
)
STATUSES = ("AbsentSubscriber", "Failed", "Success", "Expired", "Rejected", "Submitted", "NeverHeardOf")
NETWORK = (
    *("refuses", "accepts", "loses an answer", "has a moment", "breaks down", "is repaired", "takes an opt-out"),
)
TOLD_TOO = {"ask_arrival", DONT_WAIT, "said:absent", "said:refused"}  # what the person who sent the report hears
MINUTES = st.integers(0, 45) | st.integers(0, 24 * 60) | st.integers(0, 4 * 24 * 60)


class Walk(RuleBasedStateMachine):
    """One site, a few days of its life, in any order."""

    programme: Programme
    kept: Store | None = None  # a database to walk on; one in memory, a fresh one each time, when there is none

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.said: list[tuple[str, str, str]] = []

    @initialize(words=st.sampled_from(REPORTS[:3]), hours=st.integers(0, 23))
    def a_danger_sign(self, words: str, hours: int) -> None:
        store = self.kept or open_store("sqlite://")
        empty(store)
        self.site = Site(store, self.programme, Path(self._folder.name))
        self.site.outage(timedelta(hours=hours))
        self.report(CHW, words, CHILDREN[0])

    # ------------------------------------------------------------ what people do

    @rule(who=st.sampled_from(REPORTERS), words=st.sampled_from(REPORTS), child=st.sampled_from(CHILDREN))
    def report(self, who: str, words: str, child: str) -> None:
        self.say(who, words.format(child))

    @rule(who=st.sampled_from(ANSWERING), words=st.sampled_from(ANSWERS), which=st.integers(0, 9))
    def answer(self, who: str, words: str, which: int) -> None:
        known = self.site.referrals()
        self.say(who, words.format(known[which % len(known)]["code"]))

    @rule(who=st.sampled_from(ANSWERING), words=st.sampled_from(BARE))
    def answer_without_code(self, who: str, words: str) -> None:
        self.say(who, words)

    @rule(which=st.integers(0, 50), same_id=st.booleans())
    def say_it_again(self, which: int, same_id: bool) -> None:
        who, words, identity = self.said[which % len(self.said)]
        self.site.text(who, words, identity if same_id else None)

    def say(self, who: str, words: str) -> None:
        self.said.append((who, words, self.site.text(who, words)))

    # ------------------------------------------------------------ what the network does

    @rule(number=st.integers(-5, -1) | st.integers(0, 200), status=st.sampled_from(STATUSES))
    def receipt(self, number: int, status: str) -> None:
        """About one of the last messages that lay on a phone, or one of long ago."""
        if self.site.network.texts:
            self.site.receipt(number, status)

    @rule(does=st.sampled_from(NETWORK), phone=st.sampled_from((NURSE, SECOND, SUPERVISOR, LEAD)))
    def network(self, does: str, phone: str) -> None:
        network = self.site.network
        match does:
            case "refuses":
                network.refuse(phone)
            case "accepts":
                network.accept(phone)
            case "loses an answer":
                network.answer_next(phone, Fate.UNKNOWN)
            case "has a moment":
                network.answer_next(phone, Fate.RETRY)
            case "breaks down":
                network.break_down()
            case "is repaired":
                network.repair()
            case "takes an opt-out":
                self.site.opt_out(phone)

    # ------------------------------------------------------------ what time and machines do

    @rule(passed=MINUTES)
    def time_passes(self, passed: int) -> None:
        self.site.advance(timedelta(minutes=passed))

    @rule(passed=MINUTES)
    def service_is_away(self, passed: int) -> None:
        self.site.outage(timedelta(minutes=passed))

    @rule(while_sending=st.booleans())
    def process_dies_and_another_starts(self, while_sending: bool) -> None:
        if while_sending:
            self.site.die_while_sending()
        self.site.restart()

    # ------------------------------------------------------------ what must hold

    @invariant()
    def nobody_is_forgotten(self) -> None:
        self.site.settle()
        for referral in self.site.referrals():
            watched = self.site.rungs_of(referral["id"])
            assert len(watched) == (1 if referral["open"] else 0), (referral["state"], watched)
            assert all(item["failures"] == 0 for item in watched)
            assert all(item["at"] >= self.site.clock.now() - timedelta(seconds=60) for item in watched)

    @invariant()
    def an_alert_is_on_its_way_or_was_tried_or_somebody_sees_that_it_was_not(self) -> None:
        tried = {message["referral_id"] for message in self.site.messages()}
        faults = self.site.open_faults()
        for referral in self.site.referrals():
            if referral["state"] == "opened" and referral["id"] not in tried:
                assert (NOBODY, str(referral["id"])) in faults

    @invariant()
    def nobody_is_told_twice_under_one_rung(self) -> None:
        told = Counter((row["referral_id"], row["rung"], row["staff_id"]) for row in self.site.messages())
        assert not [key for key, times in told.items() if times > 1]

    @invariant()
    def who_sent_the_report_is_never_the_fallback(self) -> None:
        reporters: set[tuple[UUID, UUID]] = set()
        for event in self.site.history():
            who = (event["referral_id"], event["staff_id"])
            if event["kind"] in ("opened", "joined"):
                reporters.add(who)
            elif event["kind"] == "told" and who in reporters:
                assert unnamed(event["detail"]["rung"])[0].removesuffix(LOST) in TOLD_TOO

    @invariant()
    def nothing_went_wrong_inside(self) -> None:
        kinds = {kind for kind, _ in self.site.open_faults()}
        assert not kinds & {"due_failed", "aftercare_failed", "message_not_handled"}, kinds
        assert not self.site.failed_messages()

    def teardown(self) -> None:
        """Everything works again, and nobody says anything for a month: no referral stays open."""
        if not hasattr(self, "site"):
            return
        self.site.network.repair()
        for phone in PEOPLE:
            self.site.network.accept(phone)
        self.site.advance(timedelta(days=31))
        still_open = [row["state"] for row in self.site.referrals() if row["open"]]
        assert not still_open
        self.nobody_is_forgotten()
        if self.kept is None:
            self.site.store.close()
        self._folder.cleanup()


def walked_on(programme: Programme, store: Store | None = None) -> type[Walk]:
    """The walk over one programme, and, when given, over one database."""
    return type("WalkHere", (Walk,), {"programme": programme, "kept": store})


def test_a_random_walk(programme: Programme) -> None:
    run_state_machine_as_test(
        walked_on(programme), settings=settings(max_examples=20, stateful_step_count=40, deadline=None)
    )


def test_a_shorter_walk_on_postgresql(programme: Programme, postgres_database: str) -> None:
    store = open_store(postgres_database)
    try:
        run_state_machine_as_test(
            walked_on(programme, store),
            settings=settings(max_examples=4, stateful_step_count=25, deadline=None, phases=(Phase.generate,)),
        )
    finally:
        store.close()
