"""Somebody told the operator to stop our messages. That is kept and honoured, and the alert goes to the next person."""

from __future__ import annotations

from smsgateway.store.tables import message_log, opt_outs
from tests.support.field import CHW, GIRL, LEAD, NURSE, SECOND_NURSE, SUPERVISOR, Field


def alerted(field: Field) -> list[str]:
    """Whom an urgent text reached."""
    return [phone for phone in (SECOND_NURSE, SUPERVISOR, LEAD) if any("URGENT" in text for text in field.phone(phone))]


def test_an_opted_out_nurse_is_skipped_at_once(field: Field) -> None:
    field.opt_out(NURSE)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert field.phone(NURSE) == []
    assert len(alerted(field)) == 1
    assert field.clock.now() == field.referral()["opened_at"]


def test_the_chw_is_told_the_phone_of_who_was_really_told(field: Field) -> None:
    field.opt_out(NURSE)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    (told,) = alerted(field)
    assert told.removeprefix("+223") in field.last(CHW)


def test_one_who_opts_out_while_the_alert_waits_is_skipped_then(field: Field) -> None:
    field.take(CHW, f"MAL {GIRL} CONVULSION")
    field.opt_out(NURSE)
    field.settle()
    assert field.phone(NURSE) == []
    assert len(alerted(field)) == 1


def test_when_everybody_opted_out_that_is_a_fault_somebody_sees(field: Field) -> None:
    for phone in (NURSE, SECOND_NURSE, SUPERVISOR, LEAD):
        field.opt_out(phone)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    assert "nobody_reachable" in field.faults()
    assert "PARTEZ MAINTENANT" in field.last(CHW)
    assert "Centre prevenu" not in field.last(CHW)
    assert "a pu etre prevenu, appelez" in field.last(CHW)


def test_an_answer_to_one_who_opted_out_is_not_sent(field: Field) -> None:
    field.opt_out(CHW)
    field.text(CHW, f"MAL {GIRL} FIEVRE 2")
    assert field.phone(CHW) == []
    assert len(field.reports()) == 1
    assert [(row["status"], row["reason"]) for row in field.rows(message_log)] == [("failed", "opted_out")]


def test_opting_out_twice_changes_nothing(field: Field) -> None:
    for _ in range(2):
        field.opt_out(NURSE)
    assert [row["phone"] for row in field.rows(opt_outs)] == [NURSE]
