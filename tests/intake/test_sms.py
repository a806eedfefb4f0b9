"""The main job, by SMS: a danger sign at a doorstep is a text on the nurse's phone, and her answer comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from smsgateway.outbox.queue import Rank
from smsgateway.text.gsm7 import Encoding, encoding_of, segments
from tests.support.field import BOY, CHW, GIRL, MERINDE_NURSE, NURSE, OTHER_CHW, SECOND_NURSE, SUPERVISOR, Field


def convulsion(field: Field) -> str:
    """The girl of 14 months has convulsions; gives the referral's code."""
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    return str(field.referral()["code"])


# ---------------------------------------------------------------- the report


def test_the_nurse_reads_who_where_what_and_whom_to_call_in_one_sms(field: Field) -> None:
    code = convulsion(field)
    assert field.phone(NURSE) == [
        f"URGENT {code}: fille 14 mois, 07-4177, Sogola. CONVULSION. ASC 76000001. Repondez RECU {code}"
    ]
    assert segments(field.last(NURSE)) == 1


def test_the_chw_is_answered_at_once_without_waiting_for_the_nurse(field: Field) -> None:
    code = convulsion(field)
    (answer,) = field.phone(CHW)
    assert answer.startswith(f"{code} fille 14 mois 417-7 CONVULSION. PARTEZ MAINTENANT. Centre prevenu: 76000101.")
    assert segments(answer) == 1


def test_treatment_test_and_transport_reach_the_nurse(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION TDR+ ARTESUNATE")
    assert "TDR+" in field.last(NURSE)
    assert "Donne ARTESUNATE" in field.last(NURSE)


def test_the_report_is_filed_under_the_girl_and_her_household(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION FIEVRE 2")
    (report,) = field.reports()
    (message,) = field.messages()
    assert (report["flow"], report["state"], report["channel"]) == ("sick_child", "filed", "sms")
    assert report["flow_version"] >= 1
    assert report["danger"] == ["convulsions"]
    assert report["answers"]["fever_days"] == 2
    assert report["patient_id"] is not None
    assert report["household_id"] is not None
    assert report["catchment_id"] is not None
    assert report["inbound_id"] == message["id"]
    assert field.referral()["report_id"] == report["id"]
    assert field.referral()["patient_id"] == report["patient_id"]


def test_a_report_tells_its_site_everywhere(field: Field) -> None:
    convulsion(field)
    site = field.staff("ASC07")["site_id"]
    for rows in (field.messages(), field.reports(), field.referrals()):
        assert [row["site_id"] for row in rows] == [site]


def test_report_referral_alert_and_answer_are_one_transaction(field: Field) -> None:
    """Counted at the database: whatever is written of a report is written between one BEGIN and one COMMIT."""
    commits: list[int] = []

    def note(_connection: object) -> None:
        commits.append(1)

    event.listen(Engine, "commit", note)  # of whichever connection
    field.take(CHW, f"MAL {GIRL} CONVULSION")
    event.remove(Engine, "commit", note)
    assert len(commits) == 1
    assert len(field.messages()) == len(field.reports()) == len(field.referrals()) == 1
    assert [(row["phone"], Rank(row["rank"])) for row in sorted(field.queued(), key=lambda row: row["rank"])] == [
        (NURSE, Rank.URGENT),
        (CHW, Rank.REPLY),
    ]


@pytest.mark.parametrize("table", ["reports", "referrals", "referral_events", "outbox", "inbound"])
def test_all_of_it_or_nothing(field: Field, table: str) -> None:
    """Whichever table refuses its row: no alert without its report, no report without its alert, and the raw message
    is kept for another try."""
    with field.refusing(table):
        field.take(CHW, f"MAL {GIRL} CONVULSION")
        assert [row["state"] for row in field.messages()] == ["failed"]
        assert field.reports() == field.referrals() == field.queued() == []
    field.pass_time(seconds=30)
    assert [row["state"] for row in field.messages()] == ["handled"]
    assert len(field.reports()) == len(field.referrals()) == 1
    assert field.last(NURSE).startswith("URGENT ")


def test_the_alert_leaves_before_the_answer(field: Field) -> None:
    convulsion(field)
    assert [phone for phone, _ in field.everything_sent()] == [NURSE, CHW]


def test_no_danger_no_alert(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 TDR+ CTA PB 120")
    assert field.phone(NURSE) == []
    assert field.referrals() == []
    assert field.last(CHW).startswith("Bien note fille 14 mois 417-7")
    assert field.reports()[0]["answers"]["muac_mm"] == 120


def test_a_late_message_happened_when_it_was_sent(field: Field) -> None:
    """The phone was out of coverage for six hours: when it happened and when it arrived are both known."""
    sent = field.clock.now() - timedelta(hours=6)
    field.text(CHW, f"MAL {GIRL} FIEVRE 2", sent_at=sent)
    (report,) = field.reports()
    assert report["happened_at"] == sent
    assert report["arrived_at"] == field.clock.now()


@pytest.mark.parametrize("wrong_by_hours", [-24 * 30, 30])
def test_an_absurd_date_is_not_believed(field: Field, wrong_by_hours: int) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2", sent_at=field.clock.now() + timedelta(hours=wrong_by_hours))
    assert field.reports()[0]["happened_at"] == field.clock.now()


def test_a_second_danger_joins_the_open_referral_and_says_what_is_new(field: Field) -> None:
    code = convulsion(field)
    field.pass_time(minutes=20)
    field.text(CHW, f"MAL {GIRL} SANG")
    assert field.referral()["danger"] == ["convulsions", "blood_in_stool"]
    assert field.last(NURSE).startswith(f"2e message: URGENT {code}")
    assert "SANG" in field.last(NURSE)
    assert code in field.last(CHW)


def test_two_children_in_one_sms_are_two_reports_and_both_alert(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION MAL {BOY} TIRAGE")
    assert len(field.reports()) == 2
    assert len(field.referrals()) == 2
    assert len(field.phone(NURSE)) == 2


def test_of_several_answers_in_one_sms_the_one_about_danger_comes_first(field: Field) -> None:
    field.text(CHW, f"VIS 123 MAL {BOY} FIEVRE 2 MAL {GIRL} CONVULSION")
    assert field.last(CHW).startswith(field.referral()["code"])
    assert segments(field.last(CHW)) <= 2
    assert len(field.reports()) == 3


@pytest.mark.parametrize("odd", ["𨟬IT", "Добрый", "😢😢", "ߊߋߌ", "ɓɗƴ", "\u202eabc"])
def test_what_cannot_be_read_is_said_back_without_making_the_sms_dear(field: Field, odd: str) -> None:
    field.text(CHW, f"MAL {GIRL} FIEVRE 2 {odd}")
    assert encoding_of(field.last(CHW)) is Encoding.GSM7
    assert segments(field.last(CHW)) == 1


def test_a_routine_referral_waits_for_the_morning(field: Field) -> None:
    field.pass_time(hours=14)  # 22:00
    field.text(CHW, f"REF {GIRL} TOUX 5")
    assert field.phone(NURSE) == []
    field.pass_time(hours=9)
    assert field.last(NURSE).startswith("Reference ")


# ---------------------------------------------------------------- the nurse's answer


@pytest.mark.parametrize(
    "said",
    [
        "RECU {code}",
        "{code} recu",
        "recu {letter} {number}",
        "Reçu{code} merci",
        "RECU",
        "1",
        "recu.",
        "VU {code}",
        "RECEIVED {code}",
    ],
)
def test_received_in_every_way_nurses_write_it(field: Field, said: str) -> None:
    code = convulsion(field)
    before = field.phone(CHW)
    field.pass_time(minutes=4)
    field.text(NURSE, said.format(code=code, letter=code[0].lower(), number=code[1:]))
    assert field.referral()["state"] == "received"
    assert field.referral()["received_at"] == field.clock.now()
    (news,) = field.phone(CHW)[len(before) :]
    assert news == f"{code} fille 14 mois 07-4177: le centre a recu l'alerte et attend."
    assert field.last(NURSE) == f"Recu note {code}."
    assert field.history()[-1] == "received"


def test_received_twice_is_noted_once_and_said_so(field: Field) -> None:
    code = convulsion(field)
    field.text(NURSE, f"RECU {code}")
    told = len(field.phone(CHW))
    field.text(NURSE, f"RECU {code}")
    assert field.last(NURSE) == f"{code}: deja note."
    assert len(field.phone(CHW)) == told


def test_the_second_nurse_may_answer_for_her_clinic_in_her_language(field: Field) -> None:
    code = convulsion(field)
    field.text(SECOND_NURSE, "RECEIVED")
    assert field.referral()["state"] == "received"
    assert field.last(SECOND_NURSE) == f"Noted: received {code}."


def test_with_two_open_a_bare_answer_is_asked_back(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(OTHER_CHW, "URG")
    field.text(NURSE, "RECU")
    codes = {row["code"] for row in field.referrals()}
    assert all(code in field.last(NURSE) for code in codes)
    assert {row["state"] for row in field.referrals()} == {"opened"}
    field.text(NURSE, f"RECU {sorted(codes)[0]}")
    assert sorted(row["state"] for row in field.referrals()) == ["opened", "received"]


@pytest.mark.parametrize("said", ["ARRIVE {code}", "2", "{code} arrive"])
def test_arrived(field: Field, said: str) -> None:
    code = convulsion(field)
    field.text(NURSE, said.format(code=code))
    assert field.referral()["state"] == "arrived"
    assert field.last(CHW) == f"{code} fille 14 mois 07-4177: arrive au centre."


@pytest.mark.parametrize("said", ["ABSENT {code}", "3"])
def test_a_child_that_did_not_arrive_is_the_chws_and_the_supervisors_business_at_once(field: Field, said: str) -> None:
    code = convulsion(field)
    field.text(NURSE, said.format(code=code))
    assert field.referral()["state"] == "not_arrived"
    assert field.referral()["open"]
    for phone in (CHW, SUPERVISOR):
        assert "PAS ARRIVE" in field.last(phone)
        assert code in field.last(phone)


@pytest.mark.parametrize("said", ["PAS RECU {code}", "NON ARRIVE {code}", "pas arrivé {code}"])
def test_not_never_means_arrived(field: Field, said: str) -> None:
    code = convulsion(field)
    field.text(NURSE, said.format(code=code))
    assert field.referral()["state"] in ("opened", "not_arrived")


def test_an_operators_advertisement_acknowledges_nothing(field: Field) -> None:
    convulsion(field)
    field.text(NURSE, "Vous avez recu 500 FCFA de credit")
    assert field.referral()["state"] == "opened"


def test_an_unknown_referral_code_is_said_back(field: Field) -> None:
    code = convulsion(field)
    other = "K7" if code != "K7" else "M5"
    field.text(NURSE, f"RECU {other}")
    assert other in field.last(NURSE)
    assert field.referral()["state"] == "opened"


def test_a_nurse_of_another_clinic_cannot_answer(field: Field) -> None:
    code = convulsion(field)
    field.text(MERINDE_NURSE, f"RECU {code}")
    assert field.referral()["state"] == "opened"
