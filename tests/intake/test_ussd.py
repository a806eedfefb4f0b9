"""USSD sessions as the network sends them: whole transcripts, repeated, dropped, resumed; and what they file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsgateway.store.tables import ussd_turns
from tests.support.field import CHW, GIRL, NURSE, OTHER_CHW, SECOND_NURSE, STRANGER, SUPERVISOR, Field
from tests.support.session import Session


def test_a_menu_reports_what_an_sms_reports(field: Field) -> None:
    session = Session(field)
    session.enter("2", GIRL, "1", "2", "2", "2", "120", "2", "2")
    screen = session.to_the_end()
    assert "417-7" in screen
    assert "FIEVRE 2j" in screen
    field.pass_time(hours=13)
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 PB 120 TDR+ CTA")
    by_ussd, by_sms = field.reports()
    for name in ("flow", "answers", "danger", "patient_id", "household_id", "catchment_id", "state"):
        assert by_ussd[name] == by_sms[name]
    assert (by_ussd["channel"], by_sms["channel"]) == ("ussd", "sms")
    assert field.phone(CHW)[-1].startswith("Bien note"), "only the SMS was answered by SMS"
    assert len(field.phone(CHW)) == 1


def test_the_same_request_gets_the_same_screen_and_changes_nothing(field: Field) -> None:
    session = Session(field)
    session.enter("2", GIRL, "2")
    before = (field.rows(ussd_turns), field.reports(), field.referrals(), field.queued())
    with ThreadPoolExecutor(8) as pool:
        screens = set(pool.map(session.send, [session.transcript] * 16))
    assert screens == {session.screen}
    assert (field.rows(ussd_turns), field.reports(), field.referrals(), field.queued()) == before


def test_concurrent_copies_of_a_new_turn_are_one_turn(field: Field) -> None:
    session = Session(field)
    session.enter("2", GIRL)
    with ThreadPoolExecutor(8) as pool:
        screens = set(pool.map(session.send, [session.transcript + "*2"] * 16))
    assert len(screens) == 1
    assert len(field.referrals()) == 1
    assert len(field.reports()) == 1


def test_a_typed_star_corrupts_nothing(field: Field) -> None:
    session = Session(field)
    session.enter("2", GIRL, "2*6")
    assert session.screen.startswith("CON Symptomes")
    session.to_the_end()
    assert field.reports()[0]["danger"] == ["convulsions", "chest_indrawing"]


def test_dropped_after_the_danger_sign_it_still_reaches_the_nurse(field: Field) -> None:
    session = Session(field)
    session.enter("2", GIRL, "2")
    assert field.referral()["state"] == "opened"
    assert field.phone(NURSE) == [], "held back while the CHW goes on"
    field.pass_time(seconds=121)
    (alert,) = field.phone(NURSE)
    assert "CONVULSION" in alert
    assert "inachevee" in alert


def test_finishing_lets_the_alert_go_at_once_and_whole(field: Field) -> None:
    session = Session(field)
    session.enter("2", GIRL, "2", "2", "2")
    screen = session.to_the_end()
    (alert,) = field.phone(NURSE)
    assert "inachevee" not in alert
    assert "76000101" in screen
    assert field.referral()["code"] in screen
    (report,) = field.reports()
    assert report["answers"]["fever_days"] == 2
    field.pass_time(minutes=5)
    assert len(field.phone(NURSE)) == 1


def test_finishing_later_never_makes_a_second_referral(field: Field) -> None:
    dropped = Session(field)
    dropped.enter("2", GIRL, "2")
    field.pass_time(minutes=3)
    resumed = Session(field)
    assert "Reprendre" in resumed.screen
    resumed.enter("1", "2", "3")
    resumed.to_the_end()
    assert len(field.referrals()) == 1
    (report,) = field.reports()
    assert report["answers"]["fever_days"] == 3
    assert len(field.phone(NURSE)) == 1, "nothing new that she must know"


def test_a_new_sign_after_the_alert_went_is_a_second_message(field: Field) -> None:
    dropped = Session(field)
    dropped.enter("2", GIRL, "2")
    field.pass_time(minutes=3)
    again = Session(field)
    again.enter("1", "0")  # back to the signs
    again.enter("2 6")
    again.to_the_end()
    assert len(field.referrals()) == 1
    assert "TIRAGE" in field.last(NURSE)
    assert len(field.phone(NURSE)) == 2


def test_an_emergency_chosen_and_dropped_alerts_without_a_code(field: Field) -> None:
    Session(field).enter("1")
    field.pass_time(minutes=3)
    assert field.phone(NURSE)[0].startswith("URGENT")
    assert field.referral()["patient_id"] is None


def test_an_emergency_that_gets_its_code_is_about_that_person(field: Field) -> None:
    session = Session(field)
    session.enter("1", GIRL, "2")
    session.to_the_end()
    assert field.referral()["patient_id"] is not None
    assert "07-4177" in field.last(NURSE)


def test_an_emergency_about_somebody_already_referred_joins_that_referral(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    session = Session(field)
    session.enter("1", GIRL, "6")
    session.to_the_end()
    assert [row["state"] for row in field.referrals() if row["open"]] == ["opened"]
    assert "TIRAGE" in field.last(NURSE)


def test_dropped_without_danger_keeps_its_answers_for_half_an_hour(field: Field) -> None:
    Session(field).enter("2", GIRL, "1", "2", "2")
    field.pass_time(minutes=29)
    resumed = Session(field)
    assert "Reprendre" in resumed.screen
    resumed.enter("1")
    resumed.to_the_end()
    assert field.reports()[0]["answers"]["fever_days"] == 2
    Session(field).enter("2", GIRL, "1")
    field.pass_time(minutes=31)
    assert "Reprendre" not in Session(field).screen


def test_the_first_screen_is_the_role_s(field: Field) -> None:
    assert "URGENCE" in Session(field, CHW).screen
    assert "Recu" in Session(field, NURSE).screen
    assert "Bilan" in Session(field, SUPERVISOR).screen
    assert Session(field, STRANGER).screen.startswith("END")


def test_the_nurse_answers_from_her_list(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    session = Session(field, NURSE)
    session.enter("1")
    assert field.referral()["code"] in session.screen
    assert session.enter("1").startswith("END")
    assert field.referral()["state"] == "received"


def test_an_english_nurse_reads_english(field: Field) -> None:
    assert "Received" in Session(field, SECOND_NURSE).screen


def test_a_code_that_was_dialled_with_entries_is_walked_through(field: Field) -> None:
    """*384*2*4177#: the first text is not empty."""
    screen = field.gateway.ussd.take(field.network.turn("deep", CHW, f"2*{GIRL}"))
    assert screen.startswith("CON Signes")


def test_a_session_that_breaks_says_how_to_go_on_and_is_a_fault(field: Field) -> None:
    session = Session(field)
    with field.refusing("ussd_turns"):
        assert session.enter("2").startswith("END ")
    assert "session_not_handled" in field.faults()


@pytest.mark.parametrize("text", ["", "*", "**", "2**", "#", "é" * 400, "1*" * 200, "\x00"])
def test_no_transcript_is_too_strange(field: Field, text: str) -> None:
    screen = field.gateway.ussd.take(field.network.turn("strange", CHW, text))
    assert screen[:4] in ("CON ", "END ")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fever=st.integers(0, 30),
    muac=st.integers(50, 250),
    tests=st.sampled_from([("2", "TDR+"), ("3", "TDR-"), ("4", "TDR INVALIDE"), ("1", "")]),
    treatments=st.lists(st.sampled_from([("2", "CTA"), ("4", "SRO"), ("5", "ZINC")]), unique=True, max_size=3),
)
def test_any_report_is_the_same_by_menu_and_by_sms(
    field: Field, fever: int, muac: int, tests: Any, treatments: list[tuple[str, str]]
) -> None:
    """Each after the other is the same report again within 12 hours: a day passes between."""
    session = Session(field)
    if "Reprendre" in session.screen:
        session.enter("2")
    chosen = " ".join(number for number, _ in treatments) or "1"
    session.enter("2", GIRL, "1", "2", str(fever), "2", str(muac), tests[0], chosen)
    session.to_the_end()
    field.pass_time(hours=13)
    words = " ".join(word for _, word in treatments)
    field.text(CHW, f"MAL {GIRL} FIEVRE {fever} PB {muac} {tests[1]} {words}")
    field.pass_time(hours=13)
    by_ussd, by_sms = field.reports()[-2:]
    for name in ("flow", "answers", "danger", "unclear", "patient_id", "state"):
        assert by_ussd[name] == by_sms[name]


# ---------------------------------------------------------------- a second session about the same person


def said(field: Field, **kept: Any) -> list[dict[str, Any]]:
    return [row for row in field.reports() if row["state"] == "filed" and all(row[k] == v for k, v in kept.items())]


def test_the_same_danger_by_a_second_session_is_one_report_and_a_second_message(field: Field) -> None:
    for _ in range(2):
        session = Session(field)
        session.enter("2", GIRL, "2", "2", "3")
        session.to_the_end()
        field.pass_time(minutes=10)
    (report,) = said(field)
    assert report["answers"]["fever_days"] == 3
    assert field.referral()["report_id"] == report["id"]
    assert any(body.startswith("2e message") for body in field.phone(NURSE))
    field.text(CHW, f"MAL {GIRL} CONVULSION FIEVRE 3")
    assert len(said(field)) == 1


def test_a_session_with_danger_completes_the_report_that_was_asked_about(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} TOUX 3 PB 11,9")
    session = Session(field)
    session.enter("2", GIRL, "2", "2", "1")
    session.to_the_end()
    (report,) = said(field)
    assert report["danger"] == ["convulsions"]
    assert (report["answers"]["cough_days"], report["answers"]["fever_days"]) == (3, 1)


def test_what_was_alerted_before_stays_in_the_referral(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} OEDEME")
    field.text(NURSE, f"ARRIVE {field.referral()['code']}")
    session = Session(field)
    session.enter("2", GIRL, "2")
    session.to_the_end()
    assert set(field.referral()["danger"]) == {"oedema_feet", "convulsions"}
    assert field.last(NURSE).startswith("2e message")
    assert "CONVULSION" in field.last(NURSE)


def test_what_somebody_else_reported_meanwhile_stays_in_the_referral(field: Field) -> None:
    session = Session(field)
    session.enter("2", GIRL, "2")
    field.text(OTHER_CHW, f"URG 07-{GIRL} TIRAGE")
    session.to_the_end()
    assert set(field.referral()["danger"]) == {"convulsions", "chest_indrawing"}
