"""Who gets mornings, and what is planned of people that an import brings: once, however often it is looked at."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import delete, func, select, update

from smsgateway.care.enrolment import enrol
from smsgateway.care.recall import EVENING, MORNING
from smsgateway.store.revisions import register_changed
from smsgateway.store.tables import due, patients, staff
from smsgateway.store.write import Tx
from tests.care.reminding import Reminding
from tests.support.field import GIRL, START, Field


def kinds(reminding: Reminding) -> Counter[str]:
    with reminding.store.read() as connection:
        rows = connection.execute(select(due.c.kind, func.count().label("n")).group_by(due.c.kind))
        return Counter({row.kind: row.n for row in rows})


def changed(reminding: Reminding) -> int:
    """The register changes, and everybody is looked at again."""
    reminding.store.write(register_changed)
    return enrol(reminding.store, reminding.field.clock, reminding.schedules)


def test_each_has_their_mornings_and_the_chws_their_evenings(field: Field) -> None:
    reminding = Reminding(field)
    found = kinds(reminding)
    assert (found[MORNING], found[EVENING], found["week"]) == (13, 12, 1)
    assert (found["stock_count"], found["supervision"]) == (12, 12)


def test_looked_at_again_nothing_is_there_twice(field: Field) -> None:
    reminding = Reminding(field)
    before = kinds(reminding)
    assert enrol(reminding.store, field.clock, reminding.schedules) == 0  # nothing changed
    assert changed(reminding) > 0
    assert kinds(reminding) == before


def test_what_ended_is_not_planned_again(field: Field) -> None:
    reminding = Reminding(field)
    reminding.report("death", GIRL)
    reminding.report("stock", None, stock={"act": 12})
    before = kinds(reminding)
    changed(reminding)
    assert kinds(reminding) == before


def test_vaccines_and_contacts_follow_from_the_files(field: Field) -> None:
    reminding = Reminding(field)
    newborn, pregnant = "4166", "195"
    assert reminding.standing(newborn, "vaccine") == [
        *("vaccines_mali w6", "vaccines_mali w10", "vaccines_mali w14", "vaccines_mali mo9", "vaccines_mali mo15")
    ]  # of the birth doses nobody knows: the child was registered when they were late
    assert reminding.standing(pregnant)[0] == "antenatal w26"


def test_who_is_registered_by_text_gets_their_vaccines(field: Field) -> None:
    reminding = Reminding(field)
    field.text("+22376000001", "ENR 123 F 3J")
    with reminding.store.read() as connection:
        newest = connection.execute(select(patients.c.id).order_by(patients.c.id.desc())).scalar()
        steps = connection.execute(select(due.c.step).where(due.c.subject_id == newest)).scalars().all()
    assert "vaccines_mali:birth" in steps
    assert len(steps) == 6


def test_a_new_supervisor_takes_over_the_supervisions(field: Field) -> None:
    reminding = Reminding(field)
    lead = reminding.staff("RESP01")

    def takes_over(tx: Tx) -> None:
        tx.execute(update(staff).where(staff.c.code == "ASC07").values(supervisor_id=lead))

    reminding.store.write(takes_over)
    changed(reminding)
    with reminding.store.read() as connection:
        owner = connection.execute(
            select(due.c.owner_id).where(due.c.kind == "supervision", due.c.subject_id == reminding.staff("ASC07"))
        ).scalar_one()
    assert owner == lead


def test_somebody_new_is_told_from_the_next_morning_on(field: Field) -> None:
    reminding = Reminding(field)
    chw = reminding.staff("ASC07")
    reminding.store.write(lambda tx: tx.execute(delete(due).where(due.c.subject_id == chw, due.c.kind == MORNING)))
    field.pass_time(days=3)
    before = len(field.phone("+22376000001"))
    changed(reminding)
    field.settle()
    assert len(field.phone("+22376000001")) == before
    field.simulation.advance(START.replace(hour=6, minute=31) + timedelta(days=4))
    assert field.last("+22376000001").startswith("A faire 27/11")
