"""No names in any SMS, no messages and no whole phone numbers in any log: over a whole day of talk."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest

from smsgateway.logs import configure
from smsgateway.store.tables import phones, staff
from smsgateway.text.gsm7 import Encoding, encoding_of, segments
from tests.support.field import (
    BOY,
    CHW,
    ENGLISH_CHW,
    GIRL,
    HOUSEHOLD,
    LEAD,
    NURSE,
    OTHER_CHW,
    SECOND_NURSE,
    STRANGER,
    SUPERVISOR,
    Field,
)

# Names, a phone and words nobody should read again, as people write them into reports.
PRIVATE = ("Aminata", "AMINATA", "Traore", "TRAORE", "66123456", "Koumba", "KOUMBA")
TALK = (
    (CHW, f"MAL {GIRL} CONVULSION Aminata Traore tel 66123456"),
    (NURSE, "RECU, je connais Koumba"),
    (CHW, f"MAL {BOY} FIEVRE 2 TDR+ CTA Koumba"),
    (CHW, f"MAL {BOY} FIEVRE 2 XYZZQ Aminata 66123456"),
    (CHW, "MAL 4171 SANG Aminata"),
    (CHW, "URG"),
    (CHW, f"Aminata Traore {GIRL} ne respire pas"),
    (CHW, "Bonjour je suis Koumba Traore"),
    (CHW, f"VIS {HOUSEHOLD} 151 famille Traore"),
    (CHW, "MEN 6 ACCORD famille Traore"),
    (CHW, f"ENR {HOUSEHOLD} F 14M Aminata"),
    (CHW, "AIDE MAL"),
    (CHW, f"REF {GIRL} TOUX 5 Aminata"),
    (ENGLISH_CHW, "SICK 07-4177 FITS Aminata"),
    (OTHER_CHW, "MAL CONVULSION Koumba"),
    (NURSE, "ABSENT Koumba"),
    (NURSE, "1"),
    (SECOND_NURSE, "ARRIVED Aminata Traore"),
    (SUPERVISOR, "BILAN"),
    (SUPERVISOR, "REF"),
    (SUPERVISOR, "ASC 07"),
    (LEAD, "RETARD"),
    (STRANGER, "CONVULSION ma fille Aminata 66123456"),
    ("MTN", "Vous avez recu 500 F Aminata"),
    (CHW, ""),
    (CHW, f"SUIVI {GIRL} GUERI Aminata"),
    (CHW, f"DEC {BOY} Koumba"),
)


def a_day_of_talk(field: Field) -> None:
    for sender, text in TALK:
        field.text(sender, text)
        field.pass_time(minutes=7)
    with field.refusing("reports"):
        field.text(CHW, f"MAL {GIRL} TIRAGE Aminata Traore 66123456")
        field.pass_time(minutes=6)
    field.network.refuse(NURSE)
    field.text(CHW, f"MAL {GIRL} TIRAGE SANG Aminata")
    field.pass_time(hours=30)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that a process would log, at its most talkative."""
    lines = io.StringIO()
    configure("DEBUG", lines)
    yield lines
    configure("INFO")


def test_a_day_of_talk_leaves_no_name_in_any_sms_and_no_message_or_number_in_any_log(
    field: Field, logged: io.StringIO
) -> None:
    a_day_of_talk(field)
    assert len(field.everything_sent()) > len(TALK)
    check_log(field, logged.getvalue())
    for phone, body in field.everything_sent():
        check_names(field, phone, body)
        check_numbers(field, phone, body)
        assert encoding_of(body) is Encoding.GSM7, body
        assert segments(body) <= (1 if "URGENT" in body else 2), body


def check_log(field: Field, lines: str) -> None:
    """Not a word of five letters of what was said or answered, not a name, not a whole phone number."""
    assert lines.count("\n") > len(TALK), "nothing was logged: the test sees nothing"
    numbers = {row["phone"] for row in field.rows(phones)} | {STRANGER, "+22366123456"}
    spelt = {spelling for phone in numbers for spelling in (phone, phone.removeprefix("+223"), phone.removeprefix("+"))}
    said = {word for _, text in TALK for word in re.findall(r"[A-Za-z]{5,}", text)}
    answered = {word for _, body in field.everything_sent() for word in re.findall(r"[A-Z]{5,}", body)}
    for private in {*PRIVATE, *spelt, *said, *answered}:
        assert not re.search(rf"(?<![0-9A-Za-z]){re.escape(private)}(?![0-9A-Za-z])", lines), private


def check_names(field: Field, phone: str, body: str) -> None:
    """An unread word goes back to who wrote it, one a message, and to nobody else; nobody of the staff is named."""
    written = " ".join(text for sender, text in TALK if sender == phone)
    repeated = [private for private in (*PRIVATE, "XYZZQ") if private in body]
    assert len(repeated) <= 1, body
    assert all(private in written for private in repeated), (phone, body)
    names = {part for row in field.rows(staff) for part in row["name"].split()}
    assert not names & set(re.findall(r"\w+", body)), body


def check_numbers(field: Field, phone: str, body: str) -> None:
    """A phone number in an SMS is the CHW's or the clinic's, for whoever must call; a stranger's is the lead's."""
    ours = {row["phone"].removeprefix("+223") for row in field.rows(phones)}
    for number in re.findall(r"\d{8,}", body):
        if number.endswith(STRANGER.removeprefix("+223")):
            assert phone == LEAD, body
        else:
            assert number in ours, body
