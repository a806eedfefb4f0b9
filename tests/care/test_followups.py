"""What a report does to the reminders: it begins, fulfils, ends, replaces, and each end leaves its reason."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from smsgateway.care.followups import cancelled, moved, person_gone
from smsgateway.care.reminders import End, Subject
from smsgateway.due import run_due
from smsgateway.store.tables import due, due_log, leaves
from tests.care.reminding import Reminding
from tests.support.field import CHW, GIRL, NURSE, OTHER_CHW, START, Field

MOTHER = "138"  # of the girl
HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)


@pytest.fixture
def reminding(field: Field) -> Reminding:
    return Reminding(field)


def treat(reminding: Reminding, **answers: Any) -> Any:
    return reminding.report("sick_child", treatments=["act"], fever_days=1, rdt="positive", **answers)


# ---------------------------------------------------------------- what begins

# What is reported of a sick child, and the follow-ups it begins (besides what stands of her already).
TREATED = [
    pytest.param({"treatments": ["act"]}, (), ["treated 24h", "treated 48h", "treated 72h"], id="malaria"),
    pytest.param({"treatments": ["amoxicillin"]}, (), ["treated 24h", "treated 48h", "treated 72h"], id="pneumonia"),
    pytest.param(
        {"treatments": ["ors", "zinc"]},
        (),
        ["treated 24h", "treated 48h", "treated 72h", "diarrhoea 5d"],
        id="diarrhoea: day 5, too",
    ),
    pytest.param({"treatments": ["act"]}, ("convulsions",), [], id="referred: the referral's business"),
    pytest.param({"fever_days": 1}, (), [], id="nothing given"),
    pytest.param({"treatments": ["rutf"], "muac_mm": 112}, (), ["severe_malnutrition 7d"], id="severe: every week"),
    pytest.param({"treatments": ["rutf"], "muac_mm": 120}, (), ["moderate_malnutrition 30d"], id="moderate: a month"),
    pytest.param({"treatments": ["rutf"]}, (), [], id="food given, nothing measured: nothing guessed"),
]


@pytest.mark.parametrize(("answers", "danger", "begun"), TREATED)
def test_treatment_at_the_doorstep_begins_its_follow_ups(
    reminding: Reminding, answers: dict[str, Any], danger: tuple[str, ...], begun: list[str]
) -> None:
    reminding.report("sick_child", danger=danger, **answers)
    assert reminding.standing(GIRL, "follow_up") == begun


def test_follow_ups_are_counted_in_hours_from_the_treatment(reminding: Reminding) -> None:
    treat(reminding, at=START - 2 * HOURS)
    told = START - 2 * HOURS
    assert reminding.windows()["treated 24h"] == (told + 24 * HOURS, told + 36 * HOURS, told + 48 * HOURS)


def test_a_report_that_begins_nothing_costs_nothing(reminding: Reminding) -> None:
    before = reminding.lists()
    reminding.report("visit", "123")
    assert reminding.lists() == before


def test_a_pregnancy_in_its_seventh_month_is_not_late_from_the_start(reminding: Reminding) -> None:
    """Of a pregnancy nobody knew of, the contacts of the past are gone, and the present one gets its full time."""
    reminding.report("pregnancy", MOTHER, gestation_weeks=28)
    contacts = [step for step in reminding.standing(MOTHER) if step.startswith("antenatal")]
    assert contacts == [
        "antenatal w26",
        "antenatal w30",
        "antenatal w34",
        "antenatal w36",
        "antenatal w38",
        "antenatal w40",
    ]
    starts, late, _ = reminding.windows(MOTHER)["antenatal w26"]
    assert starts < START < late == START + 7 * DAYS


PERIODS = [
    pytest.param({"lmp": "2026-08-15"}, date(2027, 5, 22), id="with its year"),
    pytest.param({"lmp": "04-20"}, date(2027, 1, 25), id="the last 20th of April"),
    pytest.param({"gestation_weeks": 12}, date(2027, 6, 7), id="weeks"),
    pytest.param({"gestation_months": 3}, date(2027, 5, 31), id="months"),
]


@pytest.mark.parametrize(("answers", "term"), PERIODS)
def test_contacts_are_counted_from_the_last_period(reminding: Reminding, answers: dict[str, Any], term: date) -> None:
    reminding.report("pregnancy", MOTHER, **answers)
    assert reminding.windows(MOTHER)["antenatal w40"][0].date() == term


def test_a_birth_ends_the_pregnancy_and_begins_the_visits_after_it(reminding: Reminding) -> None:
    reminding.report("pregnancy", MOTHER, gestation_weeks=39)
    reminding.report("birth", MOTHER, date="11-22", sex="F")
    assert reminding.standing(MOTHER) == ["postnatal d1", "postnatal d3", "postnatal d7", "postnatal w6"]
    ended = reminding.ended(MOTHER)
    assert ended["antenatal w40"] == "ended"
    assert ended["overdue_birth w41"] == "ended"
    day_three = reminding.windows(MOTHER)["postnatal d3"]
    assert day_three[0] == datetime.fromisoformat("2026-11-25T00:00:00+00:00")


def test_a_lost_pregnancy_ends_without_any_later_reminder(reminding: Reminding) -> None:
    reminding.report("pregnancy", MOTHER, gestation_weeks=14)
    reminding.report("pregnancy", MOTHER, miscarriage=True)
    assert reminding.standing(MOTHER) == []
    assert set(reminding.ended(MOTHER).values()) == {"ended"}


# ---------------------------------------------------------------- what is fulfilled


def test_each_follow_up_is_fulfilled_in_its_turn(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.pass_time(hours=26)
    reminding.report("follow_up", outcome="improving")
    assert reminding.standing(GIRL, "follow_up") == ["treated 48h", "treated 72h"]
    reminding.field.pass_time(hours=24)
    reminding.report("follow_up", outcome="unchanged")
    assert reminding.standing(GIRL, "follow_up") == ["treated 72h"]
    assert reminding.ended() == {"treated 24h": "fulfilled", "treated 48h": "fulfilled"}


def test_a_child_that_recovered_needs_no_more(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.pass_time(hours=24)
    reminding.report("follow_up", outcome="recovered")
    assert reminding.standing(GIRL, "follow_up") == []
    assert reminding.ended() == {"treated 24h": "fulfilled", "treated 48h": "ended", "treated 72h": "ended"}


def test_nobody_home_fulfils_nothing(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.pass_time(hours=24)
    reminding.report("follow_up", absent=True)
    assert len(reminding.standing(GIRL, "follow_up")) == 3


def test_too_early_a_visit_is_not_the_follow_up(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.pass_time(hours=17)
    reminding.report("follow_up", outcome="improving")
    assert len(reminding.standing(GIRL, "follow_up")) == 3
    reminding.field.pass_time(hours=1)
    reminding.report("follow_up", outcome="improving")
    assert reminding.standing(GIRL, "follow_up") == ["treated 48h", "treated 72h"]


def test_ill_again_replaces_what_was_left(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.pass_time(hours=30)
    treat(reminding)
    assert reminding.standing(GIRL, "follow_up") == ["treated 24h", "treated 48h", "treated 72h"]
    assert reminding.ended() == {"treated 24h": "fulfilled", "treated 48h": "replaced", "treated 72h": "replaced"}


def test_a_vaccine_visit_stands_until_every_vaccine_was_given(reminding: Reminding) -> None:
    baby = "4166"
    assert "vaccines_mali w6" in reminding.standing(baby)
    reminding.field.pass_time(days=32)  # six weeks old
    reminding.report("vaccination", baby, vaccines=["penta1", "opv1"])
    assert "vaccines_mali w6" in reminding.standing(baby)
    reminding.report("vaccination", baby, vaccines=["pcv1", "rota1"])
    assert "vaccines_mali w6" not in reminding.standing(baby)
    assert reminding.ended(baby)["vaccines_mali w6"] == "fulfilled"


def test_a_report_that_was_long_under_way_counts_for_the_moment_it_is_about(reminding: Reminding) -> None:
    """The network had it for a day: meanwhile its reminder ran out."""
    treat(reminding)
    reminding.field.pass_time(hours=24)
    seen = reminding.now
    reminding.field.pass_time(hours=36)
    assert reminding.ended()["treated 24h"] == "expired"
    reminding.report("follow_up", outcome="improving", at=seen)
    assert reminding.ended()["treated 24h"] == "fulfilled"


def test_who_covers_leaves_that_as_the_reason(reminding: Reminding) -> None:
    treat(reminding)
    reminding.report("away", None, days=3, chw="05")
    reminding.field.pass_time(hours=24)
    reminding.report("follow_up", by="ASC05", outcome="recovered")
    assert reminding.ended()["treated 24h"] == "covered"


# ---------------------------------------------------------------- what is taken back


def test_a_correction_takes_its_reminders_with_it(reminding: Reminding) -> None:
    wrong = treat(reminding)
    reminding.store.write(lambda tx: cancelled(tx, wrong, reminding.now))
    assert reminding.standing(GIRL, "follow_up") == []
    assert set(reminding.ended().values()) == {"correction"}


def test_a_correction_brings_back_what_had_been_fulfilled(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.pass_time(hours=24)
    wrong = reminding.report("follow_up", outcome="recovered")
    reminding.store.write(lambda tx: cancelled(tx, wrong, reminding.now))
    assert reminding.standing(GIRL, "follow_up") == ["treated 24h", "treated 48h", "treated 72h"]
    assert reminding.ended() == {}


def test_a_leave_that_was_a_mistake_is_not_taken(reminding: Reminding) -> None:
    wrong = reminding.report("away", None, days=3, chw="05")
    reminding.store.write(lambda tx: cancelled(tx, wrong, reminding.now))
    with reminding.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(leaves)).scalar_one() == 0


# ---------------------------------------------------------------- who is gone

LEAVING = [
    pytest.param("death", {}, "death", id="died"),
    pytest.param("follow_up", {"outcome": "died"}, "death", id="found dead at the follow-up"),
    pytest.param("moved", {}, "moved", id="moved away"),
]


@pytest.mark.parametrize(("flow", "answers", "reason"), LEAVING)
def test_who_is_gone_is_not_reminded_of(reminding: Reminding, flow: str, answers: dict[str, Any], reason: str) -> None:
    treat(reminding)
    reminding.report(flow, **answers)
    assert reminding.standing() == []
    assert {step: why for step, why in reminding.ended().items() if step.startswith("treated")} == dict.fromkeys(
        ("treated 24h", "treated 48h", "treated 72h"), reason
    )


def test_a_death_reported_by_mistake_gives_everything_back(reminding: Reminding) -> None:
    treat(reminding)
    before = reminding.standing()
    wrong = reminding.report("death")
    reminding.store.write(lambda tx: cancelled(tx, wrong, reminding.now))
    assert reminding.standing() == before


# What had asked for a visit, when it would be made, and how the CHW would be sent.
ASKED_FOR = [
    pytest.param((CHW, "REFUS {}"), 23, "Visite aujourd'hui 07-4177", id="the family refused"),
    pytest.param((NURSE, "GUERI {} PALU SUIVI 2"), 47, "Visite aujourd'hui 07-4177", id="the nurse asks for it"),
]
DEATHS = [
    pytest.param(CHW, f"DEC {GIRL}", id="the CHW reports it"),
    pytest.param(CHW, f"SUIVI {GIRL} DCD", id="found at a follow-up"),
    pytest.param(NURSE, "DECEDE {}", id="the clinic says so"),
]


def visits_asked_for(reminding: Reminding) -> list[Any]:
    with reminding.store.read() as connection:
        query = select(due.c.at).where(due.c.kind == "follow_up", due.c.owner_id.is_(None))
        return list(connection.execute(query).scalars())


@pytest.mark.parametrize(("sender", "death"), DEATHS)
@pytest.mark.parametrize(("asking", "hours", "sent"), ASKED_FOR)
def test_nobody_is_sent_to_a_family_in_mourning(
    reminding: Reminding, asking: tuple[str, str], hours: int, sent: str, sender: str, death: str
) -> None:
    """Neither by a digest nor by the visit that a referral had asked for; and each end leaves its reason."""
    field = reminding.field
    treat(reminding)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    code = field.referral()["code"]
    field.text(asking[0], asking[1].format(code))
    assert len(visits_asked_for(reminding)) == 1
    field.text(sender, death.format(code))
    said = len(field.everything_sent())
    field.pass_time(hours=hours)
    told = [body for _, body in field.everything_sent()[said:] if "417-7" in body or "07-4177" in body]
    assert all("Autopsie" in body or "decede" in body for body in told), told
    assert reminding.standing() == []
    assert visits_asked_for(reminding) == []
    ended = reminding.ended()
    assert [why for step, why in ended.items() if step.startswith("treated")] == ["death"] * 3
    assert ended[f"{'refused' if 'REFUS' in asking[1] else 'counter_referral'} {code}"] == "death"


@pytest.mark.parametrize(("asking", "hours", "sent"), ASKED_FOR)
def test_a_visit_that_was_asked_for_is_made_when_the_death_was_a_mistake(
    reminding: Reminding, asking: tuple[str, str], hours: int, sent: str
) -> None:
    field = reminding.field
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(asking[0], asking[1].format(field.referral()["code"]))
    field.text(CHW, f"DEC {GIRL}")
    field.text(CHW, f"ANN {GIRL}")
    field.pass_time(hours=hours)
    assert any(body.startswith(sent) for body in field.phone(CHW))


def test_when_a_mother_dies_the_visits_are_made_to_the_newborn(reminding: Reminding) -> None:
    """Under its own code, and never her name again; a death reported by mistake gives them back to both."""
    field = reminding.field
    field.text(CHW, f"NAI {MOTHER} F 3,1KG MAISON")
    found = re.search(r"fille (\d+-\d)", field.last(CHW))
    assert found is not None
    newborn = found[1].replace("-", "")
    field.text(CHW, f"DEC {MOTHER}")
    visits = ["postnatal d1", "postnatal d3", "postnatal d7", "postnatal w6"]
    assert reminding.standing(MOTHER) == []
    assert reminding.standing(newborn, "postnatal") == visits
    field.pass_time(hours=23)
    assert f"CPON {found[1]}" in field.last(CHW)
    field.text(CHW, f"CPON {newborn} RAS")
    assert reminding.ended(newborn)["postnatal d1"] == "fulfilled"
    field.text(CHW, f"ANN {MOTHER}")
    assert reminding.standing(newborn, "postnatal") == []
    assert reminding.standing(MOTHER) == visits


def test_when_mother_and_newborn_die_nobody_is_visited(reminding: Reminding) -> None:
    field = reminding.field
    field.text(CHW, f"NAI {MOTHER} F 3,1KG MAISON")
    found = re.search(r"fille (\d+-\d)", field.last(CHW))
    assert found is not None
    newborn = found[1].replace("-", "")
    for code in (newborn, MOTHER):
        field.text(CHW, f"DEC {code}")
        assert reminding.standing(code) == []
    assert reminding.standing(newborn) == []


def test_of_somebody_without_code_the_referral_is_named(reminding: Reminding) -> None:
    field = reminding.field
    field.text(CHW, "MAL 0 F 14M CONVULSION")
    code = field.referral()["code"]
    field.text(CHW, f"REFUS {code}")
    field.pass_time(hours=23)
    assert any(body.startswith(f"Visite aujourd'hui ({code}): la famille a refuse") for body in field.phone(CHW))


def test_after_an_outage_who_is_without_code_is_seen_the_next_morning(reminding: Reminding) -> None:
    """No list can tell of them, and nobody gets two messages at once when the service is back."""
    field = reminding.field
    treat(reminding)
    field.text(CHW, "MAL 0 F 14M CONVULSION")
    code = field.referral()["code"]
    field.text(NURSE, f"GUERI {code} PALU SUIVI 1")
    said = len(field.everything_sent())
    field.clock.set(START + timedelta(days=1, hours=3))
    field.pass_time(minutes=30)
    caught_up = [body for phone, body in field.everything_sent()[said:] if phone == CHW and body.startswith("A faire")]
    assert len(caught_up) == 1
    assert not any(body.startswith("Visite") for body in field.phone(CHW))
    field.pass_time(hours=20)
    assert f"Visite aujourd'hui ({code}), demandee par le centre. Centre: PALU SUIVI 1." in field.phone(CHW)


def test_a_visit_that_waits_for_the_channel_is_taken_back(reminding: Reminding) -> None:
    """The morning's message could not leave, and meanwhile the person died."""
    field = reminding.field
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    field.text(CHW, f"REFUS {field.referral()['code']}")
    morning = START.replace(day=24, hour=6, minute=30)
    field.pass_time(hours=(morning - HOURS - reminding.now) / HOURS)
    field.clock.set(morning)
    run_due(field.store, field.clock, field.gateway.due_handlers())
    assert [row["rung"] for row in field.queued() if "Visite" in row["body"]] == ["visit"]
    girl = reminding.patient()
    reminding.store.write(lambda tx: person_gone(tx, girl, reminding.now, End.DEATH))
    assert not [row for row in field.queued() if "Visite" in row["body"]]


def test_what_a_report_had_ended_stays_ended_after_a_death(reminding: Reminding) -> None:
    """`SUIVI GUERI` ended her follow-ups; a colleague reports her death; the follow-up is taken back: nobody is sent to
    her, unless the death was a mistake, too."""
    field = reminding.field
    field.text(CHW, f"MAL {GIRL} FIEVRE 1 TDR+ CTA")
    field.pass_time(hours=23)
    field.text(CHW, f"SUIVI {GIRL} GUERI")
    field.text(OTHER_CHW, "DEC 07-4177")
    field.text(CHW, f"ANN {GIRL}")
    assert reminding.standing() == []
    field.text(OTHER_CHW, "ANN 07-4177")
    assert "treated 48h" in reminding.standing()


def test_a_death_and_a_treatment_in_one_transaction(reminding: Reminding) -> None:
    """Two messages that are committed together: the second must see what the first began."""

    def both(tx: Any) -> None:
        reminding._file(tx, "sick_child", GIRL, "ASC07", reminding.now, (), "07", {"treatments": ["act"]})
        person_gone(tx, patient, reminding.now, End.DEATH)

    patient = reminding.patient()
    reminding.store.write(both)
    assert reminding.standing() == []


def test_reminders_move_with_the_person(reminding: Reminding) -> None:
    treat(reminding)
    with reminding.store.read() as connection:
        there = connection.execute(select(due).where(due.c.kind == "antenatal", due.c.owner_id.is_not(None))).all()
    elsewhere = next(row for row in there if row.owner_id != next(iter(reminding.assigned("07"))))
    patient = reminding.patient()
    new = Subject(patient, elsewhere.site_id, elsewhere.owner_id, "9995")
    reminding.store.write(lambda tx: moved(tx, patient, new, reminding.now))
    with reminding.store.read() as connection:
        rows = connection.execute(select(due.c.owner_id, due.c.detail).where(due.c.subject_id == patient)).all()
    assert {row.owner_id for row in rows} == {elsewhere.owner_id}
    assert {row.detail["code"] for row in rows} == {"9995"}


# ---------------------------------------------------------------- nobody acted


def test_what_nobody_does_in_time_is_expired_and_says_whether_it_was_told(reminding: Reminding) -> None:
    treat(reminding)
    reminding.field.pass_time(days=8)
    assert reminding.standing(GIRL, "follow_up") == []
    assert set(reminding.ended().values()) == {"expired"}
    with reminding.store.read() as connection:
        told = connection.execute(
            select(due_log.c.told_at).where(due_log.c.subject_id == reminding.patient())
        ).scalars()
        assert all(moment is not None for moment in told)


def test_the_stock_is_counted_every_week(reminding: Reminding) -> None:
    chw = reminding.staff("ASC07")
    reminding.report("stock", None, stock={"act": 12})
    reminding.field.pass_time(days=14)  # nothing in the whole next week
    counts = {step: why for step, why in reminding.reasons(chw).items() if step.startswith("stock_count")}
    assert counts == {"stock_count 2026-11-23": "fulfilled", "stock_count 2026-11-30": "expired"}
    with reminding.store.read() as connection:
        waiting = connection.execute(
            select(due.c.step).where(due.c.subject_id == chw, due.c.kind == "stock_count")
        ).scalars()
        assert list(waiting) == ["stock_count:2026-12-07:count"]


def test_a_supervision_counts_for_the_chw_it_is_about(reminding: Reminding) -> None:
    reminding.report("supervision", None, by="SUP01", chw="07", steps=["one_to_one"])
    assert reminding.reasons(reminding.staff("ASC07")) == {"supervision 2026-10-26": "fulfilled"}
    assert reminding.reasons(reminding.staff("ASC08")) == {}
