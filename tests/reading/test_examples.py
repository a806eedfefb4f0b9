"""Whole messages from the field, and all of what each means."""

from __future__ import annotations

from typing import Any

import pytest

from smsgateway.reading.answer import read_line
from smsgateway.text.codes import is_valid
from tests.reading.cases import BOY, GIRL, HOME, OTHER_HOME, THIRD_HOME, heard, programme, said

MALARIA = {"fever_days": 2, "rdt": "positive", "treatments": ["act"], "muac_mm": 120}


def test_the_codes_used_here_are_real_ones() -> None:
    assert all(is_valid("07", code) for code in (GIRL, BOY, HOME, OTHER_HOME, THIRD_HOME))


@pytest.mark.parametrize(
    "text",
    [
        "MAL 4177 FIEVRE 2 TDR+ CTA PB 120",  # as on the card
        "mal 417-7 Fievre2j,TDR+ cta PB120",  # glued, hyphen, unit
        "mal 4177 fievre2j,tdr+ cta pb120mm",
        "Mal  4177\nFièvre 2 jours. TDR positif. CTA donné. PB 120 Merci Awa",  # a sentence, a courtesy, a name
        "MAL 4177 FIEVRE DEPUIS 2 JOURS, TDR POSITIF, CTA, PB: 120",
        "MAL 4177 PB 120 CTA TDR + FIEVRE 2",  # in another order
        "4177 MAL FIEVRE 2 TDR+ CTA PB 120",  # the code first
        "MAL FIEVRE 2 TDR+ CTA PB 120 4177",  # the code last
        "SICK 4177 fever 2 RDT pos ACT MUAC 120",  # in English
        "MAL 4177 fever 2 TDR+ CTA muac 120",  # both languages in one
        "MAL4177FIEVRE2TDR+CTA PB120",
        "MAL 4177 FI?VRE 2 TDR+ CTA PB 120",  # an accent lost on the way
        "MAL 4I77 FIEVRE 2 TDR+ CTA PB 12O",  # letters for digits
        "MAL 4177 FlEVRE 2 TDR+ CTA PB I20",  # small l for I
        "MUSO MAL 4177 FIEVRE 2 TDR+ CTA PB 120",  # a shared short code's own keyword
        "bonjour docteur MAL 4177 FIEVRE 2 TDR+ CTA PB 120",
        "MAL\n4177\nFIEVRE\n2\nTDR\n+\nCTA\nPB\n120",
        "MAL 4177 FIEVRE deux jours TDR+ CTA PB 12,0 cm",
        "MAL 417 7 FIEVRE 2 TDR+ CTA PB 120",  # the code in two
        "“MAL 4177 FIEVRE 2 TDR+ CTA PB 120”",
        "\ufeffMAL\u00a04177 FIE\u200bVRE 2 TDR+ CTA PB 120",
        "MAL 4177 FIEVRE 2 TDR+ CTA PB 120 76 12 34 56",  # her phone
        "MAL 4177 FIEVRE 2 TDR+ CTA PB 120 ASC 07 Sogola",
        "MAL ٤١٧٧ FIEVRE ٢ TDR+ CTA PB ١٢٠",
        "MAL 4177 FIE VRE 2 TDR+ CTA PB 120",
        "MAL 4177 BOIT BIEN FIEVRE 2 TDR+ AUCUN SIGNE DE DANGER CTA PB 120",
    ],
)
def test_one_sick_child_written_in_many_ways(text: str) -> None:
    answer = heard(text, age_months=14)
    assert (answer["flow"], answer["subject"]) == ("sick_child", GIRL)
    assert said(answer) == MALARIA
    assert answer["answers"]["signs"] == ["fever", "muac_yellow"]
    assert (answer["danger"], answer["unclear"], answer["outcome"]) == ([], [], "accept")


@pytest.mark.parametrize(
    ("text", "flow", "subject", "answers"),
    [
        ("VIS 123 151", "visit", None, {"households": ["123", "151"]}),
        ("vis 123,151.", "visit", None, {"households": ["123", "151"]}),
        ("VIS 123/151/180", "visit", None, {"households": ["123", "151", "180"]}),
        ("VISITE 123", "visit", "123", {"households": ["123"]}),
        ("VIS 123 ABSENT", "visit", "123", {"households": ["123"], "absent": True}),
        ("VIS 123 APPEL", "visit", "123", {"households": ["123"], "called": True}),
        ("ENR 123 F 14M", "register_patient", "123", {"sex": "F", "age_months": 14}),
        ("enr 123 fille quatorze mois", "register_patient", "123", {"sex": "F", "age_months": 14}),
        ("ENR 123 garcon 3 ans", "register_patient", "123", {"sex": "M", "age_months": 36}),
        ("REG 123 M 2Y", "register_patient", "123", {"sex": "M", "age_months": 24}),
        ("ENR 123 M14M", "register_patient", "123", {"sex": "M", "age_months": 14}),
        ("ENR 123 F 1 an 6 mois", "register_patient", "123", {"sex": "F", "age_months": 18}),
        ("MEN 6 ACCORD", "register_household", None, {"people": 6, "consent": True}),
        ("HH 6 CONSENT", "register_household", None, {"people": 6, "consent": True}),
        ("REF 4177 TOUX 5", "refer", "4177", {"cough_days": 5}),
        ("SUIVI 4177 GUERI", "follow_up", "4177", {"outcome": "recovered"}),
        ("SUIVI 4177 PB 118 ATPE", "follow_up", "4177", {"muac_mm": 118, "treatments": ["rutf"]}),
        ("GRO 123 DDR 15/08", "pregnancy", "123", {"lmp": "08-15"}),
        ("GRO 4177 5 MOIS", "pregnancy", "4177", {"gestation_months": 5}),
        ("GRO 4177 FAUSSECOUCHE", "pregnancy", "4177", {"miscarriage": True}),
        ("CPN 4177 2 TPI FER", "antenatal", "4177", {"contact": 2, "prevention": ["iptp", "iron"]}),
        ("NAI 4177 MORTNE", "birth", "4177", {"stillbirth": True}),
        ("VAC 4177 PENTA1 VPO1", "vaccination", "4177", {"vaccines": ["penta1", "opv1"]}),
        ("DEC 4177 20/11 MAISON", "death", "4177", {"date": "11-20", "at_home": True}),
        ("STOCK CTA 12 TDR 0 SRO 40", "stock", None, {"stock": {"act": 12, "rdt": 0, "ors": 40}}),
        ("FAMILLE 123", "family", "123", {}),
        ("DEP 4177", "moved", "4177", {}),
        ("ANN 4177", "cancel", "4177", {}),
        ("ANN", "cancel", None, {}),
        ("NON", "cancel", None, {}),
        ("LNG EN", "language", None, {"language": "en"}),
        ("CONGE 3 ASC05", "away", None, {"days": 3, "chw": "05"}),
        ("AIDE MAL", "help", None, {"about": "sick_child"}),
        ("ECOLE", "training", None, {}),
        ("PARTI K7", "left", "K7", {}),
        ("TRANSPORT K7", "no_transport", "K7", {}),
    ],
)
def test_every_other_report_of_a_chw(text: str, flow: str, subject: str | None, answers: dict[str, Any]) -> None:
    answer = heard(text)
    assert (answer["flow"], answer["subject"]) == (flow, subject)
    assert said(answer) == answers
    assert (answer["danger"], answer["outcome"]) == ([], "accept")


def test_a_birth_says_sex_weight_place_and_day() -> None:
    answer = heard("NAI 4177 F 3,1KG MAISON 22/11")
    assert said(answer) == {"sex": "F", "weight_kg": 3.1, "at_home": True, "date": "11-22"}


@pytest.mark.parametrize(
    ("role", "text", "flow", "answers"),
    [
        ("supervisor", "BILAN 7", "summary", {"days": 7}),
        ("supervisor", "ASC 07", "one_chw", {"chw": "07"}),
        ("supervisor", "RETARD", "late", {}),
        ("supervisor", "REF", "open_referrals", {}),
        ("supervisor", "COUV", "coverage", {}),
        ("supervisor", "24H", "treated_24h", {}),
        ("supervisor", "STOCK", "stockouts", {}),
        ("supervisor", "SUITE", "more", {}),
        ("supervisor", "SUP ASC07 TERRAIN", "supervision", {"chw": "07", "steps": ["shadowing"]}),
        ("lead", "BILAN", "summary", {}),
        ("admin", "AIDE", "help", {}),
        ("nurse", "GARDE", "duty", {"on_duty": True}),
        ("nurse", "releve", "duty", {"on_duty": False}),
        ("nurse", "RUPTURE CTA", "stock", {"out_of_stock": True, "stock": {"act": 0}}),
        ("chw", "STOCK CTA 3", "stock", {"stock": {"act": 3}}),
    ],
)
def test_a_word_means_what_its_sender_can_mean(role: str, text: str, flow: str, answers: dict[str, Any]) -> None:
    answer = heard(text, role=role)
    assert (answer["flow"], said(answer), answer["outcome"]) == (flow, answers, "accept")


@pytest.mark.parametrize("text", ["MAL 0 F 14M FIEVRE", "MAL 0 F 14 MOIS FIEVRE TDR+", "MAL 0 FILLE 14M FIEVRE CTA"])
def test_the_age_of_a_visitor_is_not_how_long_the_fever_lasts(text: str) -> None:
    answer = heard(text)
    assert answer["answers"]["age_months"] == 14
    assert answer["answers"]["fever_days"] is None
    assert answer["danger"] == []


def test_a_visitor_has_no_code_and_says_sex_and_age() -> None:
    answer = heard("MAL 0 F 14M FIEVRE 2 TDR-")
    assert (answer["flow"], answer["subject"], answer["outcome"]) == ("sick_child", None, "accept")
    assert said(answer) == {"visitor": True, "sex": "F", "age_months": 14, "fever_days": 2, "rdt": "negative"}


def test_a_code_of_another_catchment_is_written_whole() -> None:
    assert heard("MAL 07-4177 FIEVRE 2", chw="12")["subject"] == "07-4177"
    assert heard("MAL 07 4177 FIEVRE 2", chw="12")["subject"] == "07-4177"
    assert heard("MAL 07-417-7 FIEVRE 2", chw=None)["subject"] == "07-4177"


@pytest.mark.parametrize(
    "text", ["", "   ", "?", "Bonjour docteur", "👍", "مرحبا", "'; DROP TABLE reports;--", "{{7*7}}"]
)
def test_what_is_no_report_is_answered_with_help(text: str) -> None:
    answer = heard(text)
    assert (answer["flow"], answer["outcome"], answer["danger"]) == (None, "reject", [])
    assert "AIDE" in answer["reply"]


@pytest.mark.parametrize("text", ["4177", "4177 FIEVRE 2 TDR+", "FIEVRE 2", "le petit est malade"])
def test_a_report_without_its_keyword_is_asked_for_it(text: str) -> None:
    answer = heard(text)
    assert answer["outcome"] == "ask"


def test_two_reports_in_one_message_are_read_apart() -> None:
    answer = heard("MAL 4177 FIEVRE 2; MAL 5237 CONVULSION")
    first, second = answer["reports"]
    assert (first["subject"], first["answers"]["fever_days"], first["danger"]) == (GIRL, 2, [])
    assert (second["subject"], second["danger"], second["outcome"]) == (BOY, ["convulsions"], "alert")
    assert (answer["subject"], answer["danger"], answer["outcome"]) == (BOY, ["convulsions"], "alert")


@pytest.mark.parametrize(
    "text",
    [
        "MAL 4177 FIEVRE 2; MAL 5230 TOUX 3",
        "MAL 4177 FIEVRE 2\nMAL 5230 TOUX 3",
        "MAL 4177 FIEVRE 2. MAL 5230 TOUX 3",
        "MAL 4177 FIEVRE 2 MAL 5230 TOUX 3",
    ],
)
def test_the_good_half_is_kept_and_only_the_bad_one_is_asked_again(text: str) -> None:
    good, bad = heard(text)["reports"]
    assert (good["subject"], good["outcome"]) == (GIRL, "accept")
    assert (bad["subject"], bad["outcome"], bad["unclear"]) == (None, "ask", ["5230"])


def test_the_same_twice_in_one_message_is_once() -> None:
    assert "reports" not in heard("MAL 4177 FIEVRE 2; MAL 4177 FIEVRE 2")


def test_a_keyword_that_nothing_was_said_with_makes_no_report_of_its_own() -> None:
    answer = heard("URG MAL 4177 CONVULSION")
    assert "reports" not in answer
    assert (answer["flow"], answer["subject"], answer["danger"]) == ("urgent", GIRL, ["convulsions"])


@pytest.mark.parametrize("line", [{}, {"text": None}, {"text": 5}, {"text": [], "as": []}, {"text": "MAL", "chw": {}}])
def test_any_object_is_answered(line: dict[str, Any]) -> None:
    assert read_line(line, programme())["outcome"] in ("reject", "ask")


@pytest.mark.parametrize("chw", ["07", 7, "ASC07", "asc 7", "7"])
def test_a_catchment_may_be_written_in_several_ways(chw: object) -> None:
    assert heard("MAL 4177 FIEVRE 2", chw=chw)["subject"] == GIRL
    assert heard("MAL 4178 FIEVRE 2", chw=chw)["subject"] is None


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        ("FIEVRE 2 TDR+ CTA 6 cp PARACETAMOL 500mg", {"treatments": ["act", "paracetamol"], "rdt": "positive"}),
        ("PB ROUGE 112", {"muac_colour": "red", "muac_mm": 112}),
        ("PB cent vingt", {"muac_mm": 120}),
        ("TOUX dix-sept jours", {"cough_days": 17}),
        ("2 jours de fievre", {"fever_days": 2}),
        ("fievre depuis hier", {"fever_days": 1}),
        ("fievre ce matin", {"fever_days": 0}),
        ("fievre aujourd'hui", {"fever_days": 0}),
        ("TOUX 48H", {"cough_days": 2}),
        ("TEMPERATURE 38°5", {"temperature_c": 38.5}),
        ("T° 39,2", {"temperature_c": 39.2}),
        ("FIEVRE 39°", {"fever_days": None, "temperature_c": 39}),
        ("RESP 44/mn", {"breaths_per_min": 44}),
        ("RESP 4S", {"breaths_per_min": 45}),
        ("PB 12S", {"muac_mm": 125}),
        ("POIDS 3100", {"weight_kg": 3.1}),
        ("POIDS 8,2 kg", {"weight_kg": 8.2}),
        ("TDR ?", {"rdt": "invalid"}),
        ("TDR non fait", {"rdt": "not_done"}),
        ("PAS DE TDR", {"rdt": "not_done"}),
        ("TEST RAPIDE POSITIF", {"rdt": "positive"}),
        ("NE VA PAS BIEN FIEVRE 3", {"fever_days": 3}),  # a denial reaches one word
        ("PAS DE FIEVRE TOUX 3", {"cough_days": 3}),
        ("PAS DE FIEVRE 3", {"fever_days": 3}),
        ("CONVULSION PAS FIEVRE 2", {"fever_days": 2}),
        ("FI??VRE 2", {"fever_days": 2}),
    ],
)
def test_values_and_words_of_a_sick_child(words: str, answers: dict[str, Any]) -> None:
    heard_of = said(heard(f"MAL {GIRL} {words}", age_months=20))
    assert {name: heard_of.get(name) for name in answers} == answers


@pytest.mark.parametrize(
    "words",
    [
        "FIEVRE DEPUIS LE 20/11",  # a date
        "FIEVRE S2",
        "FIEVRE 2-3",
        "FIEVRE 2,5",
        "TDR - +",
        "PB 112 PB 130",
        "NOT. TDR+",
        "SNAG TDR+",
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(words: str) -> None:
    assert heard(f"MAL {GIRL} {words}", age_months=200)["outcome"] == "ask"


@pytest.mark.parametrize("separator", ["; ", "\n", ";\n"])
def test_another_childs_code_on_a_new_line_begins_another_report(separator: str) -> None:
    first, second = heard(f"MAL {GIRL} FIEVRE 2{separator}{BOY} TOUX 3", age_months=20)["reports"]
    assert (first["flow"], first["subject"], said(first)) == ("sick_child", GIRL, {"fever_days": 2})
    assert (second["flow"], second["subject"], said(second)) == ("sick_child", BOY, {"cough_days": 3})


@pytest.mark.parametrize(
    ("text", "weight"), [("NAI 4177 M 2900g", 2.9), ("NAI 4177 F 3.1 kg", 3.1), ("NAI 4177 fille 3kg100", 3.1)]
)
def test_a_weight_with_its_unit_needs_no_word(text: str, weight: float) -> None:
    assert heard(text)["answers"]["weight_kg"] == weight


def test_a_keyword_that_is_also_a_noun_is_only_a_noun_behind_another() -> None:
    assert heard("VISITE DU MENAGE 123")["flow"] == "visit"
    assert heard("CPN grossesse 4177 3")["flow"] == "antenatal"


def test_junk_before_the_keyword_is_dropped_unless_it_may_be_danger() -> None:
    assert heard("MUSO 12 MAL 4177 FIEVRE 2")["outcome"] == "accept"
    assert heard("SNAG MAL 4177 FIEVRE 2")["unclear"] == ["SNAG"]
