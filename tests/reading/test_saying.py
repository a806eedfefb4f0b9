"""Every message fits one segment of GSM-7; what matters least goes first, and no word is ever cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.reading import say
from smsgateway.reading.judge import judge
from smsgateway.reading.models import Age, CodeFacts, CodeState, Facts, Person, Role, Verdict
from smsgateway.reading.sms import read
from smsgateway.text.gsm7 import Encoding, encoding_of, fits
from tests.reading.cases import NOON, decided, heard, programme

GIRL_OF_14_MONTHS = Person(code="417-7", catchment="07", sex="F", age=Age(427, 427), village="Sogola")
SIGNS = [sign for sign in programme().signs if sign != "sight"]


def verdict_on(text: str, person: Person = GIRL_OF_14_MONTHS) -> Verdict:
    reading = read(text, Role.CHW, programme(), "07")
    codes = tuple(CodeFacts(code, CodeState.FOUND, person) for code in reading.parts[0].codes)
    return judge(reading, [Facts(Role.CHW, codes=codes)], NOON, programme()).leading


def test_the_chw_is_told_to_leave_whom_to_call_and_what_to_write() -> None:
    verdict = verdict_on("MAL 4177 CONVULSION")
    assert say.reply_text(programme(), verdict, "fr", referral="K7", told="Centre prevenu: 76000101") == (
        "K7 fille 14 mois 417-7 CONVULSION. PARTEZ MAINTENANT. Centre prevenu: 76000101. "
        "Ecrivez K7 sur la fiche. Faux? NON"
    )


def test_the_nurse_is_told_who_where_what_and_how_to_answer() -> None:
    verdict = verdict_on("MAL 4177 CONVULSION TDR+ ARTESUNATE")
    told = say.referral_text(
        programme(), verdict, "fr", referral="K7", code="07-4177", chw_phone="76123456", village="Sogola"
    )
    assert told == (
        "URGENT K7: fille 14 mois, 07-4177, Sogola. CONVULSION. TDR+. Donne ARTESUNATE. ASC 76123456. Repondez RECU K7"
    )


def test_an_uncertain_alert_says_so_and_quotes_the_chw() -> None:
    verdict = decided("MAL 4177 cnvlsion fort").leading
    told = say.referral_text(
        programme(), verdict, "fr", referral="K7", code="07-4177", chw_phone="76123456", unsure=True
    )
    assert told.startswith("URGENT? K7")
    assert '"MAL 4177 cnvlsion fort"' in told
    assert "76123456" in told


def test_english_is_answered_in_english() -> None:
    assert heard("SICK 4177 FEVER 2")["reply"] == "Noted 417-7: FEVER 2d. Wrong? NO"
    assert "LEAVE NOW" in heard("SICK 4177 FITS")["reply"]


def test_a_correction_is_said() -> None:
    answer = heard("MAL 4177 convulsoin")
    assert answer["corrected"] == [{"from": "convulsoin", "to": "CONVULSION"}]
    assert "Lu: CONVULSION" in answer["reply"]


def test_what_was_not_read_goes_back_as_one_short_word() -> None:
    reply = heard("MAL 4177 FIEVRE 2 xyzzq")["reply"]
    assert "xyzzq" in reply
    assert "abcdefghij" * 3 not in heard("MAL 4177 " + "abcdefghij" * 20)["reply"]


def test_a_sign_that_is_not_of_this_persons_list_still_says_what_was_seen() -> None:
    verdict = verdict_on("MAL 4177 FROID")
    assert verdict.danger == ("other_serious",)
    assert "CORPS FROID" in say.reply_text(programme(), verdict, "fr")


@given(
    signs=st.lists(st.sampled_from(SIGNS), min_size=1, max_size=9, unique=True),
    given_=st.lists(st.sampled_from(["ARTESUNATE", "AMOXICILLINE", "PARACETAMOL", "SRO", "ZINC", "CTA"]), unique=True),
    village=st.one_of(st.none(), st.text(alphabet="abcdefghijklmnopqrstuvwxyzéɛɔ -'", max_size=40)),
    language=st.sampled_from(["fr", "en", "bm"]),
)
def test_an_alert_fits_one_segment_whatever_it_has_to_say(
    signs: list[str], given_: list[str], village: str | None, language: str
) -> None:
    words = " ".join(programme().signs[sign].label["fr"].replace("/", " ") for sign in signs)
    verdict = verdict_on(f"URG 4177 CONVULSION {words} TDR+ {' '.join(given_)} TRANSPORT")
    told = say.referral_text(
        programme(), verdict, language, referral="W999", code="107-12345", chw_phone="0712345678", village=village
    )
    reply = say.reply_text(programme(), verdict, language, referral="W999", told="Responsable prevenu: 0712345678")
    for body in (told, reply):
        assert fits(body)
        assert encoding_of(body) is Encoding.GSM7
        assert "W999" in body
        assert "107-12345" in told
        assert "0712345678" in body
    assert told.endswith("W999")  # RECU W999


def test_the_least_important_phrase_goes_first() -> None:
    verdict = verdict_on("MAL 4177 CONVULSION TIRAGE INCONSCIENT BOITPAS SANG TDR+ ARTESUNATE")
    told = say.referral_text(
        programme(), verdict, "fr", referral="K7", code="07-4177", chw_phone="76123456", village="Sogola Coura"
    )
    assert fits(told)
    assert "CONVULSION, INCONSCIENT" in told
    assert told.endswith("ASC 76123456. Repondez RECU K7")


@pytest.mark.parametrize(
    ("person", "shown"),
    [
        (Person(sex="F", age=Age(427, 456)), "fille 14 mois"),
        (Person(sex="M", age=Age(3, 3)), "garcon 3 jours"),
        (Person(age=Age(3, 3)), "nouveau-ne 3 jours"),
        (Person(age=Age(42, 48)), "enfant 6 semaines"),
        (Person(sex="F", age=Age(9132, 9132)), "femme 25 ans"),
        (Person(sex="M"), "garcon"),
        (Person(), ""),
        (None, ""),
    ],
)
def test_people_have_a_sex_and_an_age_and_no_name(person: Person | None, shown: str) -> None:
    assert say.who(programme(), person, "fr") == shown


@given(text=st.text(max_size=300), role=st.sampled_from(["chw", "nurse", "supervisor", "unknown"]))
def test_every_reply_is_one_segment(text: str, role: str) -> None:
    reply = heard(text, role=role)["reply"]
    assert reply
    assert fits(reply)


def test_help_says_how_to_write_one_report() -> None:
    assert heard("AIDE MAL")["reply"].startswith("MAL code signes")
    assert "MAL" in heard("AIDE")["reply"]
    assert fits(heard("AIDE")["reply"])
