"""Whatever is reported in whatever order, nobody is sent to the dead, and no reminder goes without leaving its reason:
a random walk through treatments, follow-ups, refusals, counter-referrals, births, moves, deaths, all of it taken back.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from smsgateway.care.schedule_file import ABOUT_PATIENTS
from smsgateway.reading.programme import Programme
from smsgateway.store.database import open_store
from smsgateway.store.tables import due, due_log, patients
from smsgateway.text.codes import code_for, shown
from tests.support.field import CHW, GIRL, NURSE, OTHER_CHW, Field

MOTHER, BOY = "138", "205"
REPORTS = (
    *("MAL {} FIEVRE 1 TDR+ CTA", "MAL {} DIARRHEE 2 SRO ZINC", "MAL {} CONVULSION", "MAL {} PB 112 ATPE"),
    *("SUIVI {} GUERI", "SUIVI {} MIEUX", "SUIVI {} DCD", "DEC {}", "DEP {}", "VAC {} PENTA1 VPO1 PNEUMO1 ROTA1"),
    *("GRO {} 30 SEM", "NAI {} F 3,1KG MAISON", "CPON {} RAS", "ANN {}", "ANN {}", "ANN {}"),
)
ANSWERS = (
    (CHW, "REFUS {}"),
    (NURSE, "GUERI {} PALU SUIVI 2"),
    (NURSE, "ARRIVE {}"),
    (NURSE, "DECEDE {}"),
    (CHW, "DECEDE {}"),
    (CHW, "ANN {}"),
)
SENT_THERE = ("A faire", "Pas de rapport", "Visite")

reporting = st.tuples(st.sampled_from([CHW, CHW, CHW, OTHER_CHW]), st.sampled_from(REPORTS))
steps = st.one_of(
    st.tuples(st.just("report"), reporting, st.sampled_from([GIRL, GIRL, BOY, MOTHER])),
    st.tuples(st.just("answer"), st.sampled_from(ANSWERS), st.just("")),
    st.tuples(st.just("wait"), st.sampled_from([1, 11, 23, 25, 49]), st.just("")),
)


class Walk:
    """The field, what stood in it before, and what was said to whom."""

    def __init__(self, programme: Programme) -> None:
        self.field = Field(open_store("sqlite://"), programme)
        self.field.settle()
        self.stood = self.standing()

    def standing(self) -> dict[UUID, dict[str, Any]]:
        return {row["id"]: row for row in self.field.rows(due) if row["kind"] in ABOUT_PATIENTS}

    def the_dead(self) -> set[UUID]:
        return {row["id"] for row in self.field.rows(patients) if row["died_on"] is not None}

    def take(self, step: tuple[str, Any, str]) -> None:
        what, how, code = step
        dead, said = self.the_dead(), len(self.field.network.texts)
        if what == "wait":
            self.field.pass_time(hours=how)
        elif what == "report":
            sender, text = how
            self.field.text(sender, text.format(code if sender == CHW else f"07-{code}"))
        elif self.field.referrals():
            sender, text = how
            self.field.text(sender, text.format(self.field.referrals()[-1]["code"]))
        self.check_words(dead & self.the_dead(), said)
        self.check_reminders()

    def check_words(self, dead: set[UUID], said: int) -> None:
        """Nobody was sent to whoever was dead all the while."""
        codes = {code_for("07", row["serial"]) for row in self.field.rows(patients) if row["id"] in dead}
        for text in self.field.network.texts[said:]:
            if text.body.startswith(SENT_THERE):
                assert not any(shown(code) in text.body or f"07-{code}" in text.body for code in codes), text.body

    def check_reminders(self) -> None:
        """None stands about the dead, and of each that stands no longer there is a reason."""
        standing, dead = self.standing(), self.the_dead()
        assert not [row["step"] for row in standing.values() if row["subject_id"] in dead]
        ended = {row["id"] for row in self.field.rows(due_log)}
        again = {(row["subject_id"], row["step"]) for row in standing.values()}
        for id, row in self.stood.items():
            told = row["owner_id"] is None and row["at"] <= self.field.clock.now()  # a visit: now on the list
            asked_anew = (row["subject_id"], row["step"]) in again
            assert id in standing or id in ended or told or asked_anew, row
        self.stood = standing


def test_nobody_is_sent_to_the_dead(programme: Programme) -> None:
    @settings(max_examples=20)
    @given(st.lists(steps, min_size=4, max_size=14))
    def walk(path: list[tuple[str, Any, str]]) -> None:
        walking = Walk(programme)
        for step in path:
            walking.take(step)

    walk()


def test_a_death_among_everything_else(programme: Programme) -> None:
    """One path through all of it, so that the walk is known to reach what it looks for."""
    walk = Walk(programme)
    path: list[tuple[str, Any, str]] = [
        ("report", (CHW, "MAL {} FIEVRE 1 TDR+ CTA"), GIRL),
        ("wait", 11, ""),
        ("report", (CHW, "MAL {} CONVULSION"), GIRL),
        ("answer", (NURSE, "GUERI {} PALU SUIVI 2"), ""),
        ("wait", 25, ""),
        ("report", (CHW, "SUIVI {} GUERI"), GIRL),
        ("report", (OTHER_CHW, "DEC {}"), GIRL),
        ("report", (CHW, "ANN {}"), GIRL),
        ("wait", 49, ""),
    ]
    for step in path:
        walk.take(step)
    assert len(walk.the_dead()) == 1
    mourned = {row["step"].split(":")[0] for row in walk.field.rows(due_log) if row["reason"] == "death"}
    assert mourned == {"treated", "counter_referral", "vaccines_mali"}


def test_a_refusal_about_the_dead_sends_nobody(programme: Programme) -> None:
    """Danger is told whatever the register says; she then answers for a child that is noted as dead."""
    walk = Walk(programme)
    walk.take(("report", (CHW, "DEC {}"), GIRL))
    walk.take(("report", (CHW, "MAL {} CONVULSION"), GIRL))
    walk.take(("answer", (CHW, "REFUS {}"), ""))
    assert walk.the_dead()
    assert [row["state"] for row in walk.field.referrals()] == ["refused"]
