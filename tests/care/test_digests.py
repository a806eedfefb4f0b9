"""What lies on whose phone in the morning, in the evening and on Monday, and what after an outage."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from smsgateway.channels.messages import Fate
from smsgateway.reading.programme import Programme
from smsgateway.store.database import Store
from smsgateway.store.revisions import register_changed
from smsgateway.store.tables import assignments, catchments, due, due_log, message_log, outbox, patients, phones, staff
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for
from tests.care.reminding import Reminding
from tests.support.field import CHW, ENGLISH_CHW, GIRL, LEAD, NURSE, OTHER_CHW, START, SUPERVISOR, TWO_CATCHMENTS, Field

NEW_PHONE = "+22376000099"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def reminding(field: Field) -> Reminding:
    return Reminding(field)


def until(reminding: Reminding, moment: str) -> None:
    """Let time pass until this moment of November 2026."""
    reminding.field.simulation.advance(datetime.fromisoformat(f"2026-11-{moment}:00+00:00"))


def digests(reminding: Reminding, phone: str = CHW) -> list[str]:
    """The digests on a phone, oldest first."""
    said = ("A faire", "To do", "Pas de rapport", "No report", "Semaine")
    return [body for body in reminding.field.phone(phone) if body.startswith(said)]


def treat(reminding: Reminding, code: str = GIRL, at: datetime | None = None) -> None:
    reminding.report("sick_child", code, treatments=["act"], at=at)


# ---------------------------------------------------------------- in the morning


def test_the_morning_has_all_that_is_due_today_the_most_urgent_first(reminding: Reminding) -> None:
    """The treatment was at eight: its 24 hours are over after the digest, which is at half past six."""
    treat(reminding)
    assert digests(reminding) == []
    until(reminding, "24T06:31")
    (only,) = digests(reminding)
    assert only.startswith("A faire 24/11: SUIVI 417-7. CPN 19-5. STOCK.")
    assert "MENAGES 10-9 15-1 18-0" in only


def test_it_is_said_in_everybodys_language(reminding: Reminding) -> None:
    until(reminding, "24T06:31")
    (english,) = digests(reminding, ENGLISH_CHW)
    assert english.startswith("To do 24/11: ANC 23-8. VAC 36-4 PENTA3+4. STOCK. HOUSEHOLDS ")


def test_what_is_late_is_marked_and_comes_first_among_its_like(reminding: Reminding) -> None:
    treat(reminding, "205")  # of its first follow-up the time is over this evening
    until(reminding, "24T20:00")
    treat(reminding)
    until(reminding, "25T06:31")
    assert digests(reminding)[-1].startswith("A faire 25/11: SUIVI 20-5! 417-7.")
    assert digests(reminding)[-1].endswith("(! = en retard)")


def test_nobody_is_reminded_at_night_or_on_sunday(reminding: Reminding) -> None:
    treat(reminding)
    until(reminding, "30T23:59")
    for text in reminding.field.network.texts:
        assert text.at.weekday() != 6
        assert timedelta(hours=6.5) <= text.at - text.at.replace(hour=0, minute=0, second=0) < timedelta(hours=20)


def test_what_was_told_and_can_wait_is_told_again_later(reminding: Reminding) -> None:
    """Contacts in pregnancy every third day, the stock every second."""
    until(reminding, "28T06:31")
    said = [digest for digest in digests(reminding) if digest.startswith("A faire")]
    assert [("CPN" in digest, "STOCK" in digest) for digest in said] == [
        *((True, True), (False, False), (False, True), (True, False)),
        (False, True),
    ]


def test_one_person_is_asked_for_once_a_report(reminding: Reminding) -> None:
    """Fever and diarrhoea: two series, one visit."""
    reminding.report("sick_child", treatments=["act", "ors", "zinc"])
    until(reminding, "28T06:31")
    assert digests(reminding)[-1].count("417-7") == 1


def test_of_two_who_share_a_catchment_the_one_who_knows_the_child_is_told(reminding: Reminding) -> None:
    code = _somebody(reminding, "04")
    reminding.report("sick_child", code, by="ASC12", catchment="04", treatments=["act"])
    until(reminding, "24T06:31")
    shown = f"04-{code}"
    assert any(shown in digest for digest in digests(reminding, TWO_CATCHMENTS))
    assert not any(code[:-1] + "-" in digest for digest in digests(reminding, "+22376000004") if "SUIVI" in digest)


def _somebody(reminding: Reminding, number: str) -> str:
    with reminding.store.read() as connection:
        serial = connection.execute(
            select(patients.c.serial)
            .join(catchments, catchments.c.id == patients.c.catchment_id)
            .where(catchments.c.number == number)
            .order_by(patients.c.serial.desc())
        ).scalar()
    assert serial is not None
    return code_for(number, serial)


# ---------------------------------------------------------------- in the evening


def test_the_evening_is_only_for_the_silent(reminding: Reminding) -> None:
    treat(reminding)
    until(reminding, "24T12:00")
    reminding.report("visit", "123", by="ASC07")
    until(reminding, "24T17:31")
    assert [digest for digest in digests(reminding) if digest.startswith("Pas de")] == []
    until(reminding, "25T17:31")
    assert digests(reminding)[-1] == "Pas de rapport aujourd'hui. Reste: SUIVI 417-7."


def test_no_nudge_for_what_can_wait(reminding: Reminding) -> None:
    """The stock and the households are no reason to text somebody twice a day."""
    until(reminding, "24T17:31")
    assert not any(digest.startswith("Pas de") for digest in digests(reminding, "+22376000006"))


# ---------------------------------------------------------------- away


def test_while_one_is_away_who_covers_reads_the_list(reminding: Reminding) -> None:
    treat(reminding)
    reminding.report("away", None, days=3, chw="06")  # today, tomorrow and the day after
    until(reminding, "25T06:31")
    assert digests(reminding) == []
    assert "SUIVI 07-4177" in digests(reminding, OTHER_CHW)[0]
    until(reminding, "26T06:31")
    assert "SUIVI 417-7" in digests(reminding)[-1]
    assert "07-4177" not in digests(reminding, OTHER_CHW)[-1]


def test_when_nobody_covers_the_supervisor_reads_it(reminding: Reminding) -> None:
    treat(reminding)
    reminding.report("away", None, days=3)
    until(reminding, "24T06:31")
    assert digests(reminding) == []
    assert "SUIVI 07-4177" in digests(reminding, SUPERVISOR)[0]


def test_who_is_gone_leaves_the_list_to_who_comes_after(reminding: Reminding) -> None:
    """A catchment's list outlives the CHW."""
    treat(reminding)

    def replaced(tx: Tx) -> None:
        area = tx.execute(select(catchments).where(catchments.c.number == "07")).one()
        other = tx.execute(select(staff.c.id).where(staff.c.code == "ASC08")).scalar_one()
        tx.execute(
            update(assignments)
            .where(assignments.c.catchment_id == area.id)
            .values(ends_on=START.date() - timedelta(days=1))
        )
        row = {"id": new_id(), "site_id": area.site_id, "catchment_id": area.id, "staff_id": other}
        tx.execute(insert(assignments).values(**row, starts_on=START.date()))

    reminding.store.write(replaced)
    until(reminding, "24T06:31")
    assert "SUIVI 07-4177" in digests(reminding, "+22376000008")[0]


# ---------------------------------------------------------------- what waits


def test_a_new_number_gets_what_waited_for_the_old_one(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.network.break_down()
    until(reminding, "24T06:35")
    reminding.store.write(lambda tx: _changes_phone(tx, CHW, NEW_PHONE))
    reminding.field.network.repair()
    until(reminding, "24T07:30")
    assert digests(reminding) == []
    assert "SUIVI 417-7" in digests(reminding, NEW_PHONE)[0]


def _changes_phone(tx: Tx, old: str, new: str) -> None:
    """What an import does."""
    tx.execute(update(phones).where(phones.c.phone == old).values(phone=new))
    register_changed(tx)


def test_a_digest_that_waits_forgets_who_died_meanwhile(reminding: Reminding) -> None:
    treat(reminding)
    treat(reminding, "205")
    reminding.field.network.break_down()
    until(reminding, "24T06:35")
    reminding.report("death", GIRL)
    reminding.field.network.repair()
    until(reminding, "24T07:30")
    (only,) = digests(reminding)
    assert "20-5" in only
    assert "417-7" not in only
    with reminding.store.read() as connection:
        reasons = connection.execute(select(message_log.c.reason).where(message_log.c.status == "withdrawn")).scalars()
        assert list(reasons) == ["death"]


def test_what_could_not_be_sent_all_day_is_not_sent_at_night(reminding: Reminding) -> None:
    treat(reminding)
    until(reminding, "24T06:00")
    reminding.field.network.break_down(Fate.CHANNEL_DOWN)
    until(reminding, "24T23:00")
    reminding.field.network.repair()
    until(reminding, "25T06:29")
    assert digests(reminding) == []
    until(reminding, "25T06:45")
    assert len(digests(reminding)) == 1


# ---------------------------------------------------------------- after an outage


@pytest.mark.parametrize("days", [1, 4, 40])
def test_after_an_outage_of_any_length_one_message_a_person(reminding: Reminding, days: int) -> None:
    """Nothing ticked for days. What is still useful is told once; what is not was missed, and says so."""
    treat(reminding)
    reminding.field.clock.set(START + timedelta(days=days, hours=3))
    reminding.field.settle()
    assert reminding.field.everything_sent() == []  # first hears what waited at the network
    reminding.field.pass_time(minutes=10)
    per_phone = Counter(phone for phone, body in reminding.field.everything_sent() if not body.startswith("Semaine"))
    assert per_phone
    assert set(per_phone.values()) == {1}
    assert ("SUIVI 417-7" in digests(reminding)[0]) is (days < 7)
    with reminding.store.read() as connection:
        left = connection.execute(select(due.c.id).where(due.c.at < reminding.now)).all()
        why = set(connection.execute(select(due_log.c.reason)).scalars())
    assert left == []
    assert why <= {"missed"}


def test_a_clock_that_comes_back_at_night_waits_for_the_morning(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.clock.set(START.replace(day=25, hour=22))
    reminding.field.settle()
    until(reminding, "26T06:29")
    assert digests(reminding) == []
    until(reminding, "26T06:31")
    assert len(digests(reminding)) == 1


# ---------------------------------------------------------------- on Monday


def test_the_supervisor_reads_on_monday_what_the_week_was(reminding: Reminding) -> None:
    treat(reminding)
    until(reminding, "24T09:00")
    reminding.report("follow_up", outcome="recovered")
    reminding.report("supervision", None, by="SUP01", chw="01", steps=["one_to_one"])
    until(reminding, "30T06:31")
    (week,) = digests(reminding, SUPERVISOR)
    assert week.startswith("Semaine 23/11-29/11: 2 rapports, suivis a temps 1/1. Silencieux: ASC01, ")
    assert "ASC07" not in week.split("Silencieux: ")[1].split(".")[0]
    assert "A superviser: ASC01, ASC02" in week


def test_nobody_else_gets_digests(reminding: Reminding) -> None:
    until(reminding, "30T20:00")
    assert digests(reminding, NURSE) == []
    assert digests(reminding, LEAD) == []


# ---------------------------------------------------------------- many processes

PROCESSES = 4
TICK = """
import sys
from datetime import datetime
from smsgateway.app import build_gateway
from smsgateway.clock import VirtualClock
from smsgateway.due import run_due
from smsgateway.settings import Settings
url, now = sys.argv[1:]
gateway = build_gateway(Settings(database_url=url, channel="simulator"), VirtualClock(datetime.fromisoformat(now)))
handlers = gateway.due_handlers()
print("ready", flush=True)
sys.stdin.readline()
while run_due(gateway.store, gateway.clock, handlers):
    pass
"""


def test_four_processes_that_tick_at_once_make_each_reminder_once(
    store: Store, database_url: str, programme: Programme
) -> None:
    if store.dialect == "sqlite":
        pytest.skip("one process serves an SQLite file")
    field = Field(store, programme)
    reminding = Reminding(field)
    treat(reminding)
    treat(reminding, "205")
    morning = START.replace(day=24, hour=6, minute=30).isoformat()
    command = [sys.executable, "-c", TICK, database_url, morning]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0] * PROCESSES
    with field.store.read() as connection:
        told = Counter(connection.execute(select(outbox.c.staff_id).where(outbox.c.rung == "morning")).scalars())
        bodies = connection.execute(select(outbox.c.body).where(outbox.c.rung == "morning")).scalars().all()
        waiting = connection.execute(select(due.c.id).where(due.c.at <= datetime.fromisoformat(morning))).all()
    assert len(told) == 12
    assert set(told.values()) == {1}
    assert sum("SUIVI 20-5 417-7" in body or "SUIVI 417-7 20-5" in body for body in bodies) == 1
    assert waiting == []
