"""Every danger sign reaches a human: by every word of it, in both languages, and on both sides of every threshold."""

from __future__ import annotations

import pytest

from smsgateway.reading.lexicon import Kind
from tests.reading.cases import GIRL, decided, heard, programme

# For whom each sign is urgent, restated from the clinical reference: newborn (under 2 months), child, pregnancy
# (antenatal report), postpartum (postnatal report).
URGENT = {
    "convulsions": "newborn child pregnancy postpartum",
    "unconscious": "newborn child pregnancy postpartum",
    "not_feeding": "newborn child",
    "vomits_everything": "newborn child pregnancy",
    "chest_indrawing": "newborn child",
    "blood_in_stool": "child",
    "oedema_feet": "child",
    "stiff_neck": "child",
    "severe_pallor": "newborn child pregnancy postpartum",
    "fast_breathing": "newborn",
    "cold": "newborn",
    "no_movement": "newborn",
    "cord_infection": "newborn",
    "skin_pustules": "newborn",
    "jaundice": "newborn",
    "eye_pus": "newborn",
    "low_birth_weight": "newborn",
    "bleeding": "pregnancy postpartum",
    "severe_headache": "pregnancy postpartum",
    "blurred_vision": "pregnancy postpartum",
    "swelling_face_hands": "pregnancy postpartum",
    "abdominal_pain": "pregnancy postpartum",
    "reduced_fetal_movement": "pregnancy",
    "waters_broken": "pregnancy",
    "labour_at_home": "pregnancy",
    "foul_discharge": "pregnancy postpartum",
    "breathlessness": "pregnancy postpartum",
    "other_serious": "newborn child pregnancy postpartum",
}
REPORT = {"newborn": ("MAL", 1), "child": ("MAL", 20), "pregnancy": ("CPN", 300), "postpartum": ("CPON", 300)}
# Of others the sign is another one, and never nothing.
OTHERWISE = {
    ("blood_in_stool", "pregnancy"): "bleeding",
    ("blood_in_stool", "postpartum"): "bleeding",
    ("swelling_face_hands", "child"): "oedema_feet",
    ("reduced_fetal_movement", "newborn"): "no_movement",
    ("reduced_fetal_movement", "child"): "unconscious",
}
TREATED_AT_HOME = {("fast_breathing", "child")}


def words_of(sign: str) -> list[str]:
    lexicon = programme().lexicon
    single = [word.text for word in lexicon.words.values() if word.kind is Kind.SIGN and word.id == sign]
    apart = [" ".join(each.parts) for some in lexicon.compounds.values() for each in some if each.word.id == sign]
    return single + apart


@pytest.mark.parametrize("sign", URGENT)
def test_every_word_of_a_sign_alerts_for_everybody(sign: str) -> None:
    assert words_of(sign), f"{sign} has no word"
    for group, (keyword, age) in REPORT.items():
        for word in words_of(sign):
            answer = heard(f"{keyword} {GIRL} {word}", age_months=age)
            if (sign, group) in TREATED_AT_HOME:
                assert (answer["danger"], answer["answers"]["signs"]) == ([], [sign])
                continue
            expected = sign if group in URGENT[sign].split() else OTHERWISE.get((sign, group), "other_serious")
            assert (answer["danger"], answer["outcome"]) == ([expected], "alert"), f"{word} of a {group}"


def test_no_sign_of_the_programme_is_missing_here() -> None:
    by_number_only = {"cough_14d", "diarrhoea_14d", "fever_7d", "muac_red", "muac_yellow", "fever"}
    texted_of_some_only = {"sight"}
    assert set(URGENT) == set(programme().signs) - by_number_only - texted_of_some_only


@pytest.mark.parametrize(
    ("text", "age_months", "danger"),
    [
        # days of fever, cough and diarrhoea, from 2 months up
        ("FIEVRE 6", 20, []),
        ("FIEVRE 7", 20, ["fever_7d"]),
        ("FIEVRE 7", None, ["fever_7d"]),
        ("FIEVRE 1S", 20, ["fever_7d"]),
        ("FIEVRE UNE SEMAINE", 20, ["fever_7d"]),
        ("TOUX 13", 20, []),
        ("TOUX 14", 20, ["cough_14d"]),
        ("TOUX 1S", 20, []),  # one week: never folded to 15
        ("TOUX 2S", 20, ["cough_14d"]),
        ("TOUX 2 SEMAINES", 20, ["cough_14d"]),
        ("TOUX 1 MOIS", 20, ["cough_14d"]),
        ("TOUX 14", 300, ["cough_14d"]),
        ("DIARRHEE 13", 20, []),
        ("DIARRHEE 14", 20, ["diarrhoea_14d"]),
        # upper arm, 6 to 59 months
        ("PB 114", 6, ["muac_red"]),
        ("PB 115", 6, []),
        ("PB 114", 59.9, ["muac_red"]),
        ("PB 114", 60, []),
        ("PB 114", None, ["muac_red"]),
        ("PB 115", None, []),
        ("PB 11,4CM", 20, ["muac_red"]),
        ("PB 11.5 cm", 20, []),
        ("PB ROUGE", 20, ["muac_red"]),
        ("PB JAUNE", 20, []),
        ("PB VERT", 20, []),
        # breaths a minute, inclusive, by age
        ("RESP 60", 1.9, ["fast_breathing"]),
        ("RESP 60", None, ["fast_breathing"]),
        ("RESP 60", 2, []),
        ("RESP 80", 20, []),
        # degrees
        ("TEMPERATURE 38,0", 1, ["fever"]),
        ("TEMPERATURE 35,4", 1, ["cold"]),
        ("TEMPERATURE 35,4", 20, []),
        ("TEMPERATURE 40", 20, []),
        # weight in the first seven days
        ("POIDS 1,9", 0.1, ["low_birth_weight"]),
        ("POIDS 1900G", 0.1, ["low_birth_weight"]),
        ("POIDS 1900", 0.1, ["low_birth_weight"]),
        # given only before a referral
        ("FIEVRE 1 ARTESUNATE", 20, ["other_serious"]),
    ],
)
def test_both_sides_of_every_threshold(text: str, age_months: float | None, danger: list[str]) -> None:
    answer = heard(f"MAL {GIRL} {text}", age_months=age_months)
    assert answer["danger"] == danger
    assert answer["outcome"] == ("alert" if danger else "accept")


@pytest.mark.parametrize(
    ("breaths", "age_months", "fast"),
    [
        (49, 2, False),
        (50, 2, True),
        (49, 11.9, False),
        (50, 11.9, True),
        (39, 12, False),
        (40, 12, True),
        (40, 59.9, True),
        (40, 60, False),
    ],
)
def test_fast_breathing_from_two_months_up_is_treated_at_home(breaths: int, age_months: float, fast: bool) -> None:
    answer = heard(f"MAL {GIRL} RESP {breaths}", age_months=age_months)
    assert (answer["outcome"], answer["danger"]) == ("accept", [])
    assert answer["answers"].get("signs", []) == (["fast_breathing"] if fast else [])


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("FIEVRE 2", ["fever"]),
        ("TEMPERATURE 37,4", []),
        ("TEMPERATURE 37,5", ["fever"]),
        ("PB 115", ["muac_yellow"]),
        ("PB 124", ["muac_yellow"]),
        ("PB 125", []),
        ("PB JAUNE", ["muac_yellow"]),
    ],
)
def test_what_is_treated_at_home_is_an_answer_and_no_danger(text: str, signs: list[str]) -> None:
    answer = heard(f"MAL {GIRL} {text}", age_months=20)
    assert (answer["answers"].get("signs", []), answer["danger"]) == (signs, [])


@pytest.mark.parametrize("text", ["", "FIEVRE 1", "TOUX 2", "RESP 59", "PB 140", "RAS", "TDR-", "POIDS 3"])
def test_under_two_months_every_sick_report_alerts(text: str) -> None:
    answer = heard(f"MAL {GIRL} {text}", age_months=1.9)
    assert answer["outcome"] == "alert"
    assert answer["danger"] == (["fever"] if "FIEVRE" in text else ["other_serious"])


@pytest.mark.parametrize(
    ("text", "danger"),
    [
        ("urg", ["other_serious"]),
        ("URGENCE!!!", ["other_serious"]),
        (f"URG {GIRL}", ["other_serious"]),
        ("URG azerty qwerty", ["other_serious"]),
        (f"URG {GIRL} CONVULSION", ["convulsions"]),
        ("MAL CONVULSION", ["convulsions"]),  # no code: alert first, ask after
        (f"convulsion {GIRL}", ["convulsions"]),  # no keyword
        ("convulsoin", ["convulsions"]),
        (f"{GIRL} PB 110", ["muac_red"]),
        (f"{GIRL} NE BOIT PAS", ["not_feeding"]),
        (f"MAL {GIRL} GRAVE CONVULSION", ["convulsions"]),  # other_serious only when nothing else says why
        (f"MAL {GIRL} FROID TIRAGE", ["chest_indrawing"]),
        (
            f"MAL {GIRL} SANG CONVULSION PB 110",
            ["convulsions", "blood_in_stool", "muac_red"],
        ),  # by tier, then as listed
        (f"SUIVI {GIRL} EMPIRE", ["other_serious"]),
        (f"VIS {GIRL} CONVULSION", ["convulsions"]),  # a report with no place for signs does not lose them
        (f"ENR {GIRL} F 14M CONVULSION", ["convulsions"]),
        ("STOCK CTA 3 CONVULSION", ["convulsions"]),
        (f"REF {GIRL} CONVULSION", ["convulsions"]),
        (f"MAL {GIRL} URGENT", ["other_serious"]),
        (f"NAI {GIRL} F 1,9KG", ["low_birth_weight"]),
        (f"CPON {GIRL} NOMBRIL", ["cord_infection"]),  # of the newborn
        (f"CPON {GIRL} SANG", ["bleeding"]),  # of the mother
        (f"CPN {GIRL} FIEVRE 1", ["fever"]),
        (f"CPN {GIRL} VUE", ["blurred_vision"]),
    ],
)
def test_danger_in_every_place(text: str, danger: list[str]) -> None:
    answer = heard(text)
    assert (answer["danger"], answer["outcome"]) == (danger, "alert")


@pytest.mark.parametrize("role", ["nurse", "supervisor", "lead", "admin", "unknown", "anybody"])
@pytest.mark.parametrize("text", [f"MAL 07-{GIRL} CONVULSION", "mon enfant a des convulsions", "ne boit pas", "tirage"])
def test_a_danger_word_alerts_whoever_sends_it(role: str, text: str) -> None:
    answer = heard(text, role=role)
    assert (answer["flow"], answer["outcome"]) == ("urgent", "alert")


@pytest.mark.parametrize(
    "text", ["PAS DE CONVULSION", "CONVULSION NON", "CONVULSION: NON", "SANS CONVULSION", "no convulsion"]
)
def test_a_denied_sign_is_not_trusted_it_alerts_and_is_asked(text: str) -> None:
    answer = heard(f"MAL {GIRL} FIEVRE 1 {text}", age_months=30)
    assert (answer["outcome"], answer["danger"]) == ("alert", ["convulsions"])
    assert "CONVULSION: OUI ou NON?" in answer["reply"]


def test_nothing_to_report_together_with_a_sign_is_the_sign() -> None:
    answer = heard(f"MAL {GIRL} RAS SANG", age_months=30)
    assert (answer["outcome"], answer["danger"]) == ("alert", ["blood_in_stool"])
    assert "RAS et SANG" in answer["reply"]


@pytest.mark.parametrize(
    "text",
    [
        "VOMISSEMENT",  # everything, or some of it?
        "VOMIT",
        "BOIT",  # half of BOIT PAS
        "TOUS 15",  # TOUX?
        "DIARRA 15",  # a name, or DIARRHEE?
        "MANGE PAS",
        "FIEVRE 2 XYZZQ",
        "FIEVRE 39",  # days or degrees?
        "FIEVRE 2 M",  # months, or a word cut off?
        "FIEVRE 2 NE",  # cut off
        "PB 11,2",  # which unit?
        "PB 12",
        "PB 300",
        "TEMPERATURE 15",
        "RESP 30",  # of unknown age
        "RESP 59",
        "RAPIDE",
        "TEMPERATURE 35",
        "",
    ],
)
def test_what_may_hide_danger_is_asked_and_never_accepted(text: str) -> None:
    verdict = decided(f"MAL {GIRL} {text}").leading
    assert (verdict.outcome, verdict.danger, verdict.unclear_danger) == ("ask", (), True)


@pytest.mark.parametrize(
    "text",
    [
        "BOIT BIEN FIEVRE 2",
        "FIEVRE 2 AUCUN SIGNE DE DANGER",
        "PAS DE SIGNE, TOUX 2",
        "TDR RAPIDE NEGATIF",
        "TEST RAPIDE POSITIF",
        "AU CENTRE DE SANTE TOUX 2",
        "VOMIT PAS FIEVRE 1",
        "FIEVRE 1 Sangaré",
        "TOUX 2 PRISE",
        "PALU TDR+ CTA",
        "pas de fievre toux 3",
        "RAS",
        "REF PAS URGENT TOUX 2",
    ],
)
def test_harmless_words_alert_nobody(text: str) -> None:
    answer = heard(f"MAL {GIRL} {text}", age_months=20)
    assert (answer["outcome"], answer["danger"], answer["unclear"]) == ("accept", [], [])


@pytest.mark.parametrize("end", ["merci CONVULSION", "ASC Awa TIRAGE", "merci docteur, ne boit pas"])
def test_a_danger_word_behind_a_signature_is_not_passed_over(end: str) -> None:
    assert heard(f"MAL {GIRL} FIEVRE 1 {end}")["outcome"] == "alert"


def test_what_a_dead_person_died_of_alerts_nobody() -> None:
    assert heard(f"DEC {GIRL} CONVULSION 20/11")["outcome"] == "accept"


def test_an_imprecise_age_is_judged_at_its_youngest() -> None:
    assert heard("MAL 0 F 1M RESP 60")["danger"] == ["fast_breathing"]
    assert heard("MAL 0 F 8S RESP 60")["danger"] == ["fast_breathing"]  # 56 days
    assert heard("MAL 0 F 2M RESP 60")["danger"] == []
    assert heard("MAL 0 F 11M RESP 45")["answers"].get("signs") is None
