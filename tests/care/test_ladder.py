"""An unanswered alert climbs until a human answers: outages, dead phones, late networks, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest

from smsgateway.app import build_gateway
from smsgateway.care.answers import person_died
from smsgateway.care.referral_codes import next_code, release_codes
from smsgateway.channels.messages import Fate
from smsgateway.due import run_due
from smsgateway.intake.receipt import take_receipt
from smsgateway.store.tables import due, message_log
from tests.support.field import CHW, GIRL, LEAD, NURSE, OTHER_CHW, SECOND_NURSE, START, SUPERVISOR, Field

ALERT = f"URG {GIRL} CONVULSION"


def away(field: Field, **by: float) -> None:
    """Time passes, and the service is not there."""
    field.clock.set(field.clock.now() + timedelta(**by))


def code(field: Field) -> str:
    return str(field.referral()["code"])


def received_by(field: Field, *phones: str) -> list[int]:
    """How many SMS lie on these phones."""
    return [len(field.phone(phone)) for phone in phones]


# ---------------------------------------------------------------- what rungs count from


def test_rungs_count_from_the_moment_the_network_took_the_alert(field: Field) -> None:
    field.network.break_down(Fate.NOT_SENT)
    field.text(CHW, ALERT)
    field.pass_time(minutes=12)
    assert field.phone(NURSE) == []
    field.network.repair()
    field.pass_time(minutes=2)
    handed = field.referral()["handed_at"]
    assert handed - START > timedelta(minutes=12)
    field.simulation.advance(handed + timedelta(minutes=9))
    assert received_by(field, NURSE, SECOND_NURSE) == [1, 0]
    field.simulation.advance(handed + timedelta(minutes=10))
    assert received_by(field, NURSE, SECOND_NURSE) == [2, 1]


def test_an_alert_the_network_does_not_take_is_a_fault_that_ends_with_it(field: Field) -> None:
    field.network.break_down(Fate.NOT_SENT)
    field.text(CHW, ALERT)
    field.pass_time(minutes=4)
    assert field.faults() == []
    field.pass_time(minutes=2)
    assert field.faults() == ["alert_not_sent"]
    field.network.repair()
    field.pass_time(minutes=2)
    assert field.faults() == []


def test_the_wait_that_is_said_counts_from_the_report(field: Field) -> None:
    """The child waits since the CHW wrote, however long the network slept."""
    field.network.break_down(Fate.NOT_SENT)
    field.text(CHW, ALERT)
    field.pass_time(minutes=15)
    field.network.repair()
    field.pass_time(minutes=12)
    assert "26 min sans reponse" in field.last(NURSE) or "25 min sans reponse" in field.last(NURSE)


# ---------------------------------------------------------------- after an outage


def test_an_unsent_alert_goes_at_once_when_the_service_is_back(field: Field) -> None:
    field.take(CHW, ALERT)
    away(field, hours=3)
    field.settle()
    assert received_by(field, NURSE) == [1]


def test_after_an_outage_rungs_wait_for_queued_answers_and_go_one_by_one(field: Field) -> None:
    field.text(CHW, ALERT)
    away(field, hours=1)
    field.pass_time(seconds=89)
    assert received_by(field, NURSE, SECOND_NURSE, SUPERVISOR, LEAD) == [1, 0, 0, 0]
    field.pass_time(seconds=1)
    assert received_by(field, NURSE, SECOND_NURSE, SUPERVISOR, LEAD) == [2, 1, 0, 0]
    field.pass_time(seconds=90)
    assert received_by(field, SECOND_NURSE, SUPERVISOR, LEAD) == [1, 1, 0]
    field.pass_time(seconds=90)
    assert received_by(field, SUPERVISOR, LEAD) == [1, 1]
    field.pass_time(minutes=10)
    assert received_by(field, NURSE, SECOND_NURSE, SUPERVISOR, LEAD) == [2, 1, 1, 1]


def test_an_answer_that_was_queued_during_the_outage_comes_before_any_rung(field: Field) -> None:
    field.text(CHW, ALERT)
    away(field, hours=1)
    field.settle()
    field.pass_time(seconds=60)
    field.text(NURSE, "RECU")
    field.pass_time(minutes=30)
    assert received_by(field, SECOND_NURSE, SUPERVISOR, LEAD) == [0, 0, 0]


def test_a_rung_just_after_a_restart_waits_too_and_only_once(field: Field) -> None:
    """Nothing was late when the process came up, and answers may still be queued at the network."""
    field.text(CHW, ALERT)
    away(field, minutes=9, seconds=50)
    field.simulation.gateway = build_gateway(field.gateway.settings, field.clock, field.store, field.gateway.programme)
    field.pass_time(seconds=89)
    assert received_by(field, SECOND_NURSE) == [0]
    field.pass_time(seconds=1)
    assert received_by(field, SECOND_NURSE) == [1]


def test_an_outage_of_days_ends_in_one_message_a_person_and_wait(field: Field) -> None:
    field.text(CHW, ALERT)
    away(field, days=2)
    field.pass_time(minutes=30)
    assert received_by(field, NURSE, SECOND_NURSE, LEAD) == [3, 1, 1]  # alert, again, "arrived?"
    said = [body for body in field.phone(SUPERVISOR) if code(field) in body]
    assert [("sans reponse" in body, "ARRIVEE" in body, "RESULTAT" in body) for body in said] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


# ---------------------------------------------------------------- phones that are off


def fail(field: Field, phone: str, status: str = "AbsentSubscriber") -> None:
    """The network says that the last SMS to this phone did not arrive."""
    take_receipt(field.store, field.network.receipt(phone, status), field.clock, field.gateway.care)
    field.settle()


def test_a_phone_the_provider_refuses_costs_no_time(field: Field) -> None:
    field.network.refuse(NURSE)
    field.network.refuse(SECOND_NURSE)
    field.text(CHW, ALERT)
    assert received_by(field, NURSE, SECOND_NURSE, SUPERVISOR) == [0, 0, 1]
    assert any("N'ATTENDEZ PAS" in body for body in field.phone(CHW))


def test_a_nurse_who_opted_out_is_not_even_tried(field: Field) -> None:
    field.opt_out(NURSE)
    field.text(CHW, ALERT)
    assert received_by(field, NURSE, SECOND_NURSE) == [0, 1]
    assert field.faults() == []


def test_when_nobody_can_be_reached_somebody_sees_it_and_the_rungs_go_on(field: Field) -> None:
    for phone in (NURSE, SECOND_NURSE, SUPERVISOR, LEAD):
        field.network.refuse(phone)
    field.text(CHW, ALERT)
    assert field.faults() == ["nobody_reachable"]
    for phone in (NURSE, SECOND_NURSE, SUPERVISOR, LEAD):
        field.network.accept(phone)
    field.pass_time(minutes=20)
    assert all(received_by(field, NURSE, SECOND_NURSE, SUPERVISOR))
    field.text(NURSE, "RECU")
    assert field.faults() == []


def test_a_failure_reported_twice_or_after_success_wakes_one_person(field: Field) -> None:
    field.text(CHW, ALERT)
    fail(field, NURSE)
    fail(field, NURSE, "Expired")
    fail(field, NURSE, "Success")
    assert received_by(field, NURSE, SECOND_NURSE, SUPERVISOR) == [1, 1, 0]
    field.pass_time(minutes=10)
    assert received_by(field, NURSE, SECOND_NURSE) == [2, 1]  # nobody twice under one rung


def test_a_failure_after_the_answer_wakes_nobody(field: Field) -> None:
    field.text(CHW, ALERT)
    field.text(NURSE, "RECU")
    take_receipt(
        field.store,
        field.network.receipt(NURSE, "Failed", text=field.network.texts_to(NURSE)[0]),
        field.clock,
        field.gateway.care,
    )
    field.pass_time(minutes=1)
    assert received_by(field, SECOND_NURSE, SUPERVISOR) == [0, 0]


def test_one_of_two_nurses_at_night_is_enough(field: Field) -> None:
    field.simulation.advance(START + timedelta(hours=15))
    field.network.refuse(NURSE)
    field.text(CHW, ALERT)
    assert received_by(field, SECOND_NURSE, SUPERVISOR, LEAD)[0] == 1
    assert not [body for body in field.phone(LEAD) if "URGENT" in body]


def test_a_clinic_without_nurses_alerts_the_supervisor(field: Field) -> None:
    for nurse in ("INF01", "INF02"):
        field.change_staff(nurse, role="admin")
    field.text(CHW, ALERT)
    assert "URGENT" in field.last(SUPERVISOR)
    assert "76000201" in field.phone(CHW)[0] or "76000201" in field.phone(CHW)[1]


def test_a_second_message_that_is_lost_goes_to_somebody_else(field: Field) -> None:
    field.text(CHW, ALERT)
    field.text(NURSE, "RECU")
    field.network.refuse(NURSE)
    field.text(OTHER_CHW, "URG 07-4177 CONVULSION")
    assert field.referral()["state"] == "received"
    assert "2nd message" in field.last(SECOND_NURSE)


def test_a_refusal_the_supervisor_cannot_hear_goes_to_the_lead(field: Field) -> None:
    field.network.refuse(SUPERVISOR)
    field.text(CHW, ALERT)
    field.text(CHW, "REFUS")
    assert "REFUSE" in field.last(LEAD)


# ---------------------------------------------------------------- answers


def test_what_is_queued_is_taken_back_when_the_nurse_answers(field: Field) -> None:
    field.text(CHW, ALERT)
    field.network.break_down(Fate.NOT_SENT)
    field.pass_time(minutes=10)
    assert {row["rung"] for row in field.queued()} >= {"repeat"}
    field.text(NURSE, "RECU")
    assert [row["rung"] for row in field.queued() if row["rung"]] == []
    field.network.repair()
    field.pass_time(minutes=5)
    assert received_by(field, SECOND_NURSE) == [0]
    withdrawn = [row for row in field.rows(message_log) if row["status"] == "withdrawn"]
    assert {row["reason"] for row in withdrawn} == {"received"}


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("ARRIVE {}", "arrived"),
        ("ABSENT {}", "not_arrived"),
        ("GUERI {}", "closed"),
        ("HOSPITALISE {}", "closed"),
        ("EVACUE {}", "transferred"),
        ("DECEDE {}", "died"),
        ("REFUS {}", "refused"),
    ],
)
def test_whatever_the_nurse_answers_stops_the_alert(field: Field, words: str, state: str) -> None:
    field.text(CHW, ALERT)
    field.text(NURSE, words.format(code(field)))
    assert field.referral()["state"] == state
    field.pass_time(hours=1)
    assert received_by(field, SECOND_NURSE, LEAD) == [0, 0]


def test_an_answer_that_comes_twice_or_late_changes_nothing(field: Field) -> None:
    field.text(CHW, ALERT)
    referral = code(field)
    for words in ("RECU", "RECU", f"ARRIVE {referral}", "RECU", "ABSENT", f"ARRIVE {referral}", f"GUERI {referral}"):
        field.text(NURSE, words)
    before = received_by(field, CHW, SUPERVISOR)
    for words in (f"RECU {referral}", f"ARRIVE {referral}", f"ABSENT {referral}", f"GUERI {referral}"):
        field.text(NURSE, words)
    assert field.referral()["state"] == "closed"
    assert received_by(field, CHW, SUPERVISOR) == before
    assert field.history().count("received") == 4  # every answer is written down all the same


def test_the_chw_and_the_clinic_both_saying_arrived_are_two_facts(field: Field) -> None:
    field.text(CHW, ALERT)
    field.text(CHW, "ARRIVE")
    assert (field.referral()["state"], field.referral()["arrived_at"]) == ("arrived", None)
    field.pass_time(minutes=5)
    field.text(NURSE, "ARRIVE")
    referral = field.referral()
    assert referral["arrived_at"] - referral["chw_arrived_at"] == timedelta(minutes=5)


def test_the_times_that_are_measured(field: Field) -> None:
    sent = START - timedelta(minutes=40)  # the phone was out of coverage
    field.text(CHW, f"MAL {GIRL} CONVULSION FIEVRE 2", sent_at=sent)
    field.pass_time(minutes=1)
    fail(field, NURSE, "Success")
    answers: list[tuple[Callable[[], object], str]] = [
        (lambda: field.text(NURSE, "RECU"), "received_at"),
        (lambda: field.text(CHW, "PARTI"), "left_at"),
        (lambda: field.text(NURSE, "ARRIVE"), "arrived_at"),
        (lambda: field.text(NURSE, "GUERI"), "outcome_at"),
    ]
    moments: dict[str, datetime] = {}
    for says, column in answers:
        field.pass_time(minutes=10)
        moments[column] = field.clock.now()
        says()
    referral = field.referral()
    assert referral["onset_on"] == date(2026, 11, 21)
    assert referral["reported_at"] == sent
    assert (referral["opened_at"], referral["handed_at"]) == (START, START)
    assert referral["delivered_at"] == START + timedelta(minutes=1)
    assert {column: referral[column] for column in moments} == moments
    assert referral["closed_at"] == referral["outcome_at"]
    assert referral["outcome"] == "recovered"


def test_a_death_told_by_the_chw_ends_the_referral(field: Field) -> None:
    field.text(CHW, ALERT)
    referral = field.referral()
    member = field.gateway.store.write(lambda tx: field.gateway.directory.who(tx, CHW, START))
    assert member is not None
    field.store.write(
        lambda tx: person_died(
            tx, referral["patient_id"], member, referral["id"], field.gateway.programme, field.clock.now()
        )
    )
    field.settle()
    assert field.referral()["state"] == "died"
    assert "decede" in field.last(SUPERVISOR)


def test_nothing_is_watched_once_it_is_closed(field: Field) -> None:
    field.text(CHW, ALERT)
    assert [row["step"] for row in field.rows(due) if row["kind"] == "rung"] == ["repeat"]
    field.text(NURSE, "GUERI")
    assert [row for row in field.rows(due) if row["kind"] == "rung"] == []


# ---------------------------------------------------------------- codes


def test_a_code_rests_a_month_after_its_referral_was_closed(field: Field) -> None:
    rest = timedelta(days=30)
    field.text(CHW, ALERT)
    field.text(NURSE, "GUERI")
    closed = field.referral()["closed_at"]
    assert release_codes(field.store, closed + rest, rest) == 0
    assert field.referral()["code_live"]
    assert release_codes(field.store, closed + rest + timedelta(seconds=1), rest) == 1
    assert not field.referral()["code_live"]


def test_no_two_live_referrals_of_a_clinic_share_a_code(field: Field) -> None:
    codes = set()
    for patient in (GIRL, "205", "172", "138"):
        field.text(CHW, f"URG {patient} CONVULSION")
    for referral in field.referrals():
        codes.add(referral["code"])
    assert len(codes) == 4
    clinic = field.referrals()[0]["facility_id"]
    assert field.store.write(lambda tx: next_code(tx, clinic, "CSCOM1")) not in codes


# ---------------------------------------------------------------- at the same moment


def test_answers_receipts_and_ticks_that_meet_wait_for_each_other(field: Field) -> None:
    """Ten minutes after seven alerts two ticks reach the rungs while the nurse answers all of them and the network
    says that her phone was off."""
    for patient in (GIRL, "205", "172", "138", "146", "218", "4166"):
        field.text(CHW, f"URG {patient} CONVULSION")
    codes = [referral["code"] for referral in field.referrals()]
    alerts = [text for text in field.network.texts_to(NURSE) if "URGENT" in text.body]
    away(field, minutes=10)

    def answer_all() -> None:
        for each in codes:
            field.take(NURSE, f"RECU {each}")

    def report_all() -> None:
        for text in alerts:
            receipt = field.network.receipt(NURSE, "AbsentSubscriber", text=text)
            take_receipt(field.store, receipt, field.clock, field.gateway.care)

    def tick() -> None:
        for _ in range(5):
            run_due(field.store, field.clock, field.gateway.due_handlers())

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(each) for each in (answer_all, report_all, tick, tick)]:
            done.result()
    field.settle()
    assert {referral["state"] for referral in field.referrals()} == {"received"}
    assert Counter(row["subject_id"] for row in field.rows(due) if row["kind"] == "rung") == {
        referral["id"]: 1 for referral in field.referrals()
    }
    told = Counter(
        (row["referral_id"], row["rung"], row["staff_id"]) for row in field.rows(message_log) if row["referral_id"]
    )
    assert set(told.values()) == {1}
    assert not {"due_failed", "aftercare_failed", "message_not_handled"} & set(field.faults())
