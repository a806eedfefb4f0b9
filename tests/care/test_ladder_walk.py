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

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from smsgateway.care.climbing import DONT_WAIT, NOBODY
from smsgateway.care.history import unnamed
from smsgateway.channels.messages import Fate
from smsgateway.reading.programme import Programme
from smsgateway.store.database import Store, open_store
from tests.care.walk import CHILDREN, CHW, COVER, LEAD, NURSE, PEOPLE, SECOND, SUPERVISOR, Site

REPORTS = (
    "URG {} CONVULSION",
    "URG {} TIRAGE",
    "MAL {} FIEVRE 9",
    "REF {} TOUX 5",
    "MAL {} FIEVRE 2 XYZZQ",
    "URG",
    "MAL {} RAS",
)
ANSWERS = (
    *("RECU {}", "VU {}", "ARRIVE {}", "ABSENT {}", "PAS ARRIVE {}", "GUERI {} PALU SUIVI 3", "HOSPITALISE {}"),
    *("EVACUE {}", "DECEDE {}", "REFUS {}", "PARTI {}", "TRANSPORT {}"),
)
BARE = ("RECU", "VU", "1", "2", "3", "ARRIVE", "ABSENT", "GUERI", "PARTI", "REFUS", "TRANSPORT", "GARDE", "RELEVE")
STATUSES = ("Success", "AbsentSubscriber", "Failed", "Expired", "Rejected", "Submitted", "Sent", "NeverHeardOf")
TOLD_TOO = {"ask_arrival", DONT_WAIT, "said:absent", "said:refused"}  # what the person who sent the report hears
minutes = st.integers(0, 45) | st.integers(0, 24 * 60) | st.integers(0, 5 * 24 * 60)


class Walk(RuleBasedStateMachine):
    """One site, a few days of its life, in any order."""

    programme: Programme
    kept: Store | None = None  # a database to walk on; one in memory, a fresh one each time, when there is none

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.said: list[tuple[str, str, str]] = []

    @initialize()
    def open(self) -> None:
        self.site = Site(self.kept or open_store("sqlite://"), self.programme, Path(self._folder.name))

    # ------------------------------------------------------------ what people do

    @rule(
        who=st.sampled_from((CHW, CHW, COVER, NURSE)), words=st.sampled_from(REPORTS), child=st.sampled_from(CHILDREN)
    )
    def report(self, who: str, words: str, child: str) -> None:
        self.say(who, words.format(child))

    @precondition(lambda self: self.site.referrals())
    @rule(who=st.sampled_from(PEOPLE), words=st.sampled_from(ANSWERS), which=st.integers(0, 9))
    def answer(self, who: str, words: str, which: int) -> None:
        known = self.site.referrals()
        self.say(who, words.format(known[which % len(known)]["code"]))

    @rule(who=st.sampled_from(PEOPLE), words=st.sampled_from(BARE))
    def answer_without_code(self, who: str, words: str) -> None:
        self.say(who, words)

    @precondition(lambda self: self.said)
    @rule(which=st.integers(0, 50), same_id=st.booleans())
    def say_it_again(self, which: int, same_id: bool) -> None:
        who, words, identity = self.said[which % len(self.said)]
        self.site.text(who, words, identity if same_id else None)

    @precondition(lambda self: self.site.referrals())
    @rule(which=st.integers(0, 9))
    def cancel(self, which: int) -> None:
        known = self.site.referrals()
        self.site.cancel(known[which % len(known)]["id"], CHW)

    def say(self, who: str, words: str) -> None:
        self.said.append((who, words, self.site.text(who, words)))

    # ------------------------------------------------------------ what the network does

    @precondition(lambda self: self.site.network.texts)
    @rule(number=st.integers(0, 200), status=st.sampled_from(STATUSES))
    def receipt(self, number: int, status: str) -> None:
        self.site.receipt(number, status)

    @precondition(lambda self: self.site.network.texts)
    @rule(status=st.sampled_from(STATUSES))
    def receipt_of_the_last(self, status: str) -> None:
        self.site.receipt(-1, status)

    @rule(phone=st.sampled_from((NURSE, SECOND, SUPERVISOR, LEAD)))
    def phone_is_refused(self, phone: str) -> None:
        self.site.network.refuse(phone)

    @rule(phone=st.sampled_from((NURSE, SECOND, SUPERVISOR, LEAD)))
    def phone_is_back(self, phone: str) -> None:
        self.site.network.accept(phone)

    @rule(phone=st.sampled_from((NURSE, SECOND, SUPERVISOR)), fate=st.sampled_from((Fate.UNKNOWN, Fate.RETRY)))
    def handover_goes_wrong(self, phone: str, fate: Fate) -> None:
        self.site.network.answer_next(phone, fate)

    @rule()
    def network_breaks(self) -> None:
        self.site.network.break_down()

    @rule()
    def network_is_repaired(self) -> None:
        self.site.network.repair()

    @rule(phone=st.sampled_from((SECOND, SUPERVISOR)))
    def opts_out(self, phone: str) -> None:
        self.site.opt_out(phone)

    # ------------------------------------------------------------ what time and machines do

    @rule(passed=minutes)
    def time_passes(self, passed: int) -> None:
        self.site.advance(timedelta(minutes=passed))

    @rule(passed=minutes)
    def service_is_away(self, passed: int) -> None:
        self.site.outage(timedelta(minutes=passed))

    @rule()
    def process_dies_while_sending(self) -> None:
        self.site.die_while_sending()
        self.site.restart()

    @rule()
    def process_is_restarted(self) -> None:
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
        for referral in self.site.referrals():
            reporters = self.site.reporters_of(referral["id"])
            for message in self.site.messages():
                if message["referral_id"] == referral["id"] and message["staff_id"] == referral["reporter_id"]:
                    assert unnamed(message["rung"])[0] in TOLD_TOO
            assert referral["reporter_id"] in reporters

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


def test_a_random_walk(programme: Programme) -> None:
    class Here(Walk):
        pass

    Here.programme = programme
    run_state_machine_as_test(
        Here, settings=settings(max_examples=5, stateful_step_count=25, deadline=None, phases=(Phase.generate,))
    )
