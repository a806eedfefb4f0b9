"""A nurse's answer: in any order and spelling, and never what she did not say."""

from __future__ import annotations

import pytest

from tests.reading.cases import heard


@pytest.mark.parametrize(
    ("text", "flow", "referral"),
    [
        ("RECU K7", "received", "K7"),
        ("K7 recu", "received", "K7"),
        ("recu k 7", "received", "K7"),
        ("RECUK7", "received", "K7"),
        ("Reçuk7 merci", "received", "K7"),
        ("RECU K-7", "received", "K7"),
        ("recu K07", "received", "K7"),
        ("RE?U K7", "received", "K7"),
        ("recu K1O", "received", "K10"),
        ("RECEIVED K15", "received", "K15"),
        ("VU K7", "received", "K7"),
        ("VU RECU K7", "received", "K7"),
        ("Bonjour, bien reçu K7", "received", "K7"),
        ("OK reçu, merci", "received", None),
        ("recu", "received", None),
        ("1", "received", None),
        ("1.", "received", None),
        ("ARRIVE K7", "arrived", "K7"),
        ("L'enfant K7 est bien arrivé", "arrived", "K7"),
        ("2 merci", "arrived", None),
        ("RECU K7 ET ARRIVE", "arrived", "K7"),
        ("ABSENT K7", "absent", "K7"),
        ("3", "absent", None),
        ("GUERI K7", "outcome", "K7"),
        ("K7 hospitalisé", "outcome", "K7"),
    ],
)
def test_an_answer_is_understood_however_it_is_written(text: str, flow: str, referral: str | None) -> None:
    answer = heard(text, role="nurse")
    assert (answer["flow"], answer["subject"], answer["outcome"]) == (flow, referral, "accept")
    assert answer["danger"] == []


@pytest.mark.parametrize(
    "text",
    [
        "PAS ARRIVE K7",
        "NON ARRIVE K7",
        "ARRIVE PAS K7",
        "K7 n'est pas arrivé",
        "K7 NON ARRIVE",
        "ARRIVE K7 PAS",
        "K7 pas encore arrivé",
        "l'enfant K7 n est toujours pas arrive",
        "RECU K7 mais pas arrive",
        "ABSENT K7",
        "K7 NOT ARRIVED",
        "pas arrive",
    ],
)
def test_pas_and_non_never_mean_arrived(text: str) -> None:
    answer = heard(text, role="nurse")
    assert (answer["flow"], answer["outcome"]) == ("absent", "accept")


@pytest.mark.parametrize(
    "text",
    [
        "Vous avez recu un appel de 76123456",
        "Vous avez reçu 5000 FCFA de MOUSSA. Nouveau solde 12000",
        "You have received 1000 XOF",
        "Message de Orange: vous avez recu un appel",
        "Bonjour docteur",
        "non",
        "merci",
        "4",
        "12",
        "1 2",
    ],
)
def test_what_is_no_answer_acknowledges_nothing(text: str) -> None:
    answer = heard(text, role="nurse")
    assert (answer["flow"], answer["subject"], answer["outcome"]) == (None, None, "reject")


@pytest.mark.parametrize("text", ["PAS RECU K7", "K7 non recu", "RECU 7", "RECU 5000", "K7", "reccu K7"])
def test_half_an_answer_is_asked_back(text: str) -> None:
    assert heard(text, role="nurse")["outcome"] == "ask"


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("GUERI", "recovered"),
        ("HOSPITALISE", "hospitalised"),
        ("EVACUE", "transferred"),
        ("TRANSFERE", "transferred"),
        ("DECEDE", "died"),
        ("DCD", "died"),
        ("REFUS", "refused"),
        ("ADMITTED", "hospitalised"),
    ],
)
def test_every_outcome(word: str, outcome: str) -> None:
    answer = heard(f"{word} K7", role="nurse")
    assert (answer["flow"], answer["answers"]) == ("outcome", {"outcome": outcome})


def test_words_with_an_outcome_are_told_to_the_chw_and_alert_nobody() -> None:
    answer = heard("HOSPITALISE K7 ANEMIE GRAVE CONVULSION", role="nurse")
    assert (answer["flow"], answer["danger"], answer["outcome"]) == ("outcome", [], "accept")


def test_a_follow_up_asked_for_with_the_outcome() -> None:
    answer = heard("GUERI K7 PALU SUIVI 3", role="nurse")
    assert answer["answers"] == {"outcome": "recovered", "follow_up_days": 3}


def test_two_referrals_in_one_answer_are_two_answers() -> None:
    answer = heard("RECU K7 et M3", role="nurse")
    assert [report["subject"] for report in answer["reports"]] == ["K7", "M3"]


def test_a_refusal_is_the_chws_answer_or_the_nurses_outcome() -> None:
    assert heard("REFUS K7")["flow"] == "refused"
    assert heard("REFUS K7", role="nurse")["flow"] == "outcome"


def test_a_bare_digit_answers_only_where_somebody_was_asked() -> None:
    assert heard("1", role="supervisor")["flow"] is None
    assert heard("1")["flow"] is None
