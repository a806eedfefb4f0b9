"""What an answer moves, and whose words travel: the state machine as a table, and answers from the field."""

from __future__ import annotations

import pytest

from smsgateway.care.calls import length, passed_on
from smsgateway.care.rungs import ladders_of
from smsgateway.care.states import OPEN, Event, State, after, applies, of_outcome
from smsgateway.reading.programme import Programme
from tests.support.field import CHW, GIRL, LEAD, MERINDE_NURSE, NURSE, OTHER_CHW, SECOND_NURSE, SUPERVISOR, Field

O, R, A, N, F, T, C, D, X = (  # noqa: E741 - the states, short enough for a table
    *(State.OPENED, State.RECEIVED, State.ARRIVED, State.NOT_ARRIVED, State.REFUSED, State.TRANSFERRED),
    *(State.CLOSED, State.DIED, State.CANCELLED),
)
FROM = (O, R, A, N, F, T, C, D, X)


@pytest.mark.parametrize(
    ("event", "to"),
    [  #                  O  R  A  N  F  T  C  D  X
        (Event.RECEIVED, (R, R, A, N, F, T, C, D, X)),
        (Event.ARRIVED, (A, A, A, A, A, T, C, D, X)),
        (Event.ABSENT, (N, N, A, N, F, T, C, D, X)),
        (Event.REFUSED, (F, F, F, F, F, T, C, D, X)),
        (Event.TRANSFERRED, (T, T, T, T, T, T, C, D, X)),
        (Event.OUTCOME, (C, C, C, C, C, C, C, D, X)),
        (Event.DIED, (D, D, D, D, D, D, D, D, X)),
        (Event.CANCELLED, (X, X, A, X, X, T, C, D, X)),
        (Event.WORSENED, (O, O, O, O, O, O, C, D, X)),
        (Event.LAPSED, (C, C, C, C, C, C, C, D, X)),
        (Event.LEFT, (O, R, A, N, F, T, C, D, X)),
        (Event.NO_TRANSPORT, (O, R, A, N, F, T, C, D, X)),
    ],
)
def test_where_each_event_leads(event: Event, to: tuple[State, ...]) -> None:
    assert tuple(after(state, event) for state in FROM) == to


def test_nothing_comes_back_from_the_end() -> None:
    for event in Event:
        for state in set(State) - OPEN:
            assert after(state, event) not in OPEN


def test_what_is_noted_on_the_way_moves_nothing() -> None:
    for event in (Event.LEFT, Event.NO_TRANSPORT):
        assert applies(State.OPENED, event)
        assert not applies(State.ARRIVED, event)


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        ("recovered", Event.OUTCOME),
        ("hospitalised", Event.OUTCOME),
        ("transferred", Event.TRANSFERRED),
        ("died", Event.DIED),
        ("refused", Event.REFUSED),
    ],
)
def test_what_each_outcome_is(outcome: str, event: Event) -> None:
    assert of_outcome(outcome).event is event


# ---------------------------------------------------------------- words that travel


@pytest.mark.parametrize(
    ("written", "outcome", "travels"),
    [
        ("GUERI K7 PALU SUIVI 3", "recovered", "PALU SUIVI 3"),
        ("K7 gueri, palu simple. Suivi 3", "recovered", "PALU SIMPLE SUIVI 3"),
        ("GUERI K 7 CTA 2x par jour 3 jours", "recovered", "CTA 2X PAR JOUR 3 JOURS"),
        ("GUERI K7 Aminata Traore PALU", "recovered", "PALU"),  # names stay behind
        ("GUERI K7 appelez 76123456", "recovered", None),  # and so do phones
        ("HOSPITALISE K7 PNEUMONIE GRAVE", "hospitalised", "PNEUMONIE GRAVE"),
        ("GUERI K7", "recovered", None),
    ],
)
def test_the_nurses_words_travel_and_names_do_not(
    programme: Programme, written: str, outcome: str, travels: str | None
) -> None:
    assert passed_on(programme, ladders_of(programme).counter_referral, written, outcome) == travels


@pytest.mark.parametrize(
    ("minutes", "said"), [(5, "5 min"), (89, "89 min"), (90, "1 h"), (240, "4 h"), (24 * 60, "24 h"), (72 * 60, "3 j")]
)
def test_how_long_is_said(programme: Programme, minutes: int, said: str) -> None:
    from datetime import timedelta

    assert length(programme, "fr", timedelta(minutes=minutes)) == said


# ---------------------------------------------------------------- who may answer, and about what


def open_two(field: Field) -> tuple[str, str]:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    field.text(CHW, "URG 205 TIRAGE")
    first, second = field.referrals()
    return first["code"], second["code"]


def states(field: Field) -> list[str]:
    return [row["state"] for row in field.referrals()]


@pytest.mark.parametrize("words", ["RECU", "1", "ARRIVE", "2", "ABSENT", "3", "VU", "GUERI"])
def test_a_bare_word_is_asked_about_when_two_are_open(field: Field, words: str) -> None:
    first, second = open_two(field)
    field.text(NURSE, words)
    assert states(field) == ["opened", "opened"]
    assert first in field.last(NURSE)
    assert second in field.last(NURSE)


@pytest.mark.parametrize(
    ("words", "state"),
    [("RECU", "received"), ("VU", "received"), ("1", "received"), ("2", "arrived"), ("3", "not_arrived")],
)
def test_a_bare_word_is_enough_when_one_is_open(field: Field, words: str, state: str) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    field.text(NURSE, words)
    assert states(field) == [state]


def test_somebody_already_seen_does_not_stand_in_the_way(field: Field) -> None:
    first, _ = open_two(field)
    field.text(NURSE, f"ARRIVE {first}")
    field.text(NURSE, "1")
    assert states(field) == ["arrived", "received"]


def test_two_codes_in_one_message_are_two_answers(field: Field) -> None:
    first, second = open_two(field)
    field.text(NURSE, f"RECU {first} {second}")
    assert states(field) == ["received", "received"]


@pytest.mark.parametrize(
    "who", [MERINDE_NURSE, OTHER_CHW, SUPERVISOR, LEAD], ids=["other clinic", "other CHW", "supervisor", "lead"]
)
def test_who_has_nothing_to_do_with_it_changes_nothing(field: Field, who: str) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    code = field.referral()["code"]
    for words in (f"RECU {code}", f"ARRIVE {code}", f"PARTI {code}"):
        field.text(who, words)
    assert states(field) == ["opened"]


def test_a_supervisor_who_was_told_may_answer_and_the_clinic_still_confirms(field: Field) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    field.pass_time(minutes=20)
    field.text(SUPERVISOR, "RECU")
    assert states(field) == ["received"]
    assert "pas encore par le centre" in field.last(CHW)
    field.text(NURSE, "RECU")
    assert "le centre a recu l'alerte" in field.last(CHW)
    assert "le centre a repondu" in field.last(SUPERVISOR)


def test_the_cover_who_reported_too_may_answer(field: Field) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    field.text(OTHER_CHW, "URG 07-4177 TIRAGE")
    field.text(OTHER_CHW, f"PARTI {field.referral()['code']}")
    assert field.referral()["left_at"] is not None


def test_what_was_not_the_end_is_told_to_the_chw(field: Field) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    code = field.referral()["code"]
    field.text(NURSE, f"HOSPITALISE {code}")
    closed = field.referral()["closed_at"]
    field.pass_time(hours=30)
    field.text(NURSE, f"GUERI {code} PALU")
    assert "GUERI. PALU" in field.last(CHW)
    assert field.referral()["outcome"] == "recovered"
    field.text(SECOND_NURSE, f"DIED {code}")
    assert "decede" in field.last(CHW)
    assert states(field) == ["died"]
    assert field.referral()["closed_at"] >= closed


def test_a_family_that_refuses_at_the_clinic_is_visited_too(field: Field) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    field.text(NURSE, f"REFUS {field.referral()['code']}")
    assert states(field) == ["refused"]
    assert "REFUSE" in field.last(SUPERVISOR)
    field.pass_time(hours=23)
    assert any("la famille a refuse" in body for body in field.phone(CHW))


def test_nobody_visits_a_family_in_mourning(field: Field) -> None:
    field.text(CHW, f"URG {GIRL} CONVULSION")
    code = field.referral()["code"]
    field.text(CHW, f"REFUS {code}")
    field.text(NURSE, f"DECEDE {code}")
    field.pass_time(hours=23)
    assert not any("la famille a refuse" in body for body in field.phone(CHW))
    assert states(field) == ["died"]
