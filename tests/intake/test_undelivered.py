"""An alert that cannot reach its nurse goes to the next human, one by one, and nobody left is a fault somebody sees."""

from __future__ import annotations

import pytest

from smsgateway.channels.messages import Fate
from smsgateway.intake.receipt import take_receipt
from tests.support.field import CHW, GIRL, LEAD, MERINDE_NURSE, NURSE, SECOND_NURSE, SUPERVISOR, Field
from tests.support.session import Session

HUMANS = (NURSE, SECOND_NURSE, SUPERVISOR, LEAD)


def alerted(field: Field) -> list[str]:
    """Who has the alert on their phone, in the order it came."""
    return [phone for phone, body in field.everything_sent() if body.startswith("URGENT ")]


def report(field: Field, phone: str, status: str, reason: str | None = None) -> None:
    take_receipt(field.store, field.network.receipt(phone, status, reason), field.clock, field.gateway.care)
    field.settle()


@pytest.mark.parametrize("status", ["Failed", "AbsentSubscriber", "Expired", "Rejected"])
def test_a_nurse_whose_phone_is_dead_is_passed_over_within_ten_seconds(field: Field, status: str) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(seconds=50)
    report(field, NURSE, status)
    field.pass_time(seconds=10)
    assert alerted(field)[0] == NURSE
    assert len(alerted(field)) == 2
    assert alerted(field)[1] in HUMANS[1:]


def test_a_number_the_provider_refuses_is_passed_over_at_once(field: Field) -> None:
    field.network.refuse(NURSE)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert len(alerted(field)) == 1
    assert alerted(field)[0] in HUMANS[1:]


def test_the_supervisor_and_then_the_lead_are_reached_in_the_end(field: Field) -> None:
    for phone in (NURSE, SECOND_NURSE, SUPERVISOR):
        field.network.refuse(phone)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(minutes=1)
    assert alerted(field) == [LEAD]


def test_nobody_reachable_is_a_fault(field: Field) -> None:
    for phone in HUMANS:
        field.network.refuse(phone)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(minutes=5)
    assert alerted(field) == []
    assert "nobody_reachable" in field.faults()
    assert "nobody_reachable" in field.history()


def test_the_reporter_is_never_the_one_told(field: Field) -> None:
    for phone in HUMANS:
        field.network.refuse(phone)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(minutes=5)
    assert not any(body.startswith("URGENT") for body in field.phone(CHW))


def test_an_answered_referral_is_not_passed_on_by_a_late_failure(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(NURSE, "RECU")
    report(field, NURSE, "Failed")
    field.pass_time(minutes=2)
    assert alerted(field) == [NURSE]


def test_failed_then_delivered_keeps_who_was_told(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    report(field, NURSE, "Failed")
    field.pass_time(seconds=10)
    told = alerted(field)
    report(field, NURSE, "Success")
    field.pass_time(seconds=10)
    assert alerted(field) == told


def test_an_urgent_message_of_unknown_fate_is_sent_once_more(field: Field) -> None:
    field.network.answer_next(NURSE, Fate.UNKNOWN, "read_timeout")
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(minutes=2)
    assert field.phone(NURSE).count(field.phone(NURSE)[0]) == 2


@pytest.mark.parametrize("outage", [Fate.NOT_SENT, Fate.CHANNEL_DOWN, Fate.RETRY])
def test_a_quarter_of_an_hour_without_the_provider_loses_no_alert(field: Field, outage: Fate) -> None:
    field.network.break_down(outage)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.pass_time(minutes=15)
    field.network.repair()
    field.pass_time(minutes=15)
    assert alerted(field) != []


def test_a_nurse_off_duty_is_not_the_first_told(field: Field) -> None:
    field.change_staff("INF01", on_duty="20:00-23:00")
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert alerted(field) == [SECOND_NURSE]


def test_at_night_a_nurse_on_duty_by_day_only_is_not_woken_first(field: Field) -> None:
    field.pass_time(hours=14)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert alerted(field)[0] == NURSE


def without(field: Field, *phones: str) -> None:
    for phone in phones:
        field.opt_out(phone)


@pytest.mark.parametrize(
    ("unreachable", "said"),
    [
        ((), "Centre prevenu: 76000101."),
        ((NURSE,), "Centre prevenu: 76000102."),
        ((NURSE, SECOND_NURSE), "Superviseur prevenu: 76000201."),
        ((NURSE, SECOND_NURSE, SUPERVISOR), "Responsable prevenu: 76000301."),
    ],
)
def test_the_chw_reads_who_was_told_and_is_not_sent_to_a_clinic_that_knows_nothing(
    field: Field, unreachable: tuple[str, ...], said: str
) -> None:
    without(field, *unreachable)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert said in field.last(CHW)


def test_the_chw_reads_that_nobody_was_told(field: Field) -> None:
    without(field, *HUMANS, MERINDE_NURSE)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert "PERSONNE" in field.last(CHW)
    assert "nobody_reachable" in field.faults()


def test_the_last_screen_says_it_as_the_sms_does(field: Field) -> None:
    without(field, NURSE, SECOND_NURSE)
    session = Session(field)
    session.enter("2", GIRL, "2")
    assert "Superviseur prevenu: 76000201" in session.to_the_end()
