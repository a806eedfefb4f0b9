"""Numbers as programme staff write them and as networks send them: read to one form, or refused with advice."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.text.phones import (
    PhoneError,
    PhoneFault,
    SenderKind,
    is_sendable,
    kind_of_sender,
    masked,
    national,
    parse_phone,
    phone_of_sender,
)


@pytest.mark.parametrize(
    ("written", "country", "e164"),
    [
        ("+22376000001", None, "+22376000001"),  # of the demo programme
        ("+22376000101", None, "+22376000101"),
        ("+22376000201", None, "+22376000201"),
        ("76 12 34 56", "ML", "+22376123456"),
        ("76.12.34.56", None, "+22376123456"),
        ("76-12-34-56", "ML", "+22376123456"),
        ("(+223) 76 12 34 56", None, "+22376123456"),
        ("0022376123456", None, "+22376123456"),
        ("00 223 76123456", "CI", "+22376123456"),
        (" 22376000001", None, "+22376000001"),  # from=+22376000001, its + not encoded
        (" 22890123456", None, "+22890123456"),  # the same from Togo
        ("22376000001", None, "+22376000001"),  # a spreadsheet took the + for a sign
        ("tel:+2250712345678", None, "+2250712345678"),
        ("+2250712345678", None, "+2250712345678"),
        ("0712345678", "CI", "+2250712345678"),
        ("07 12 34 56 78", None, "+2250712345678"),
        ("0512345678", None, "+2250512345678"),
        ("٧٦١٢٣٤٥٦", "ML", "+22376123456"),
        ("＋２２３ ７６１２３４５６", None, "+22376123456"),
        ("+223\u00a076\u202f12\u200b3456", None, "+22376123456"),
        ("+254711223344", None, "+254711223344"),
        ("0711223344", "KE", "+254711223344"),
    ],
)
def test_numbers_read(written: str, country: str | None, e164: str) -> None:
    assert parse_phone(written, country) == e164


@pytest.mark.parametrize(
    ("written", "country", "fault"),
    [
        ("", None, PhoneFault.EMPTY),
        (" + ", None, PhoneFault.EMPTY),
        ("7O123456", "ML", PhoneFault.LETTER_FOR_DIGIT),  # a letter O: never guessed
        ("76l23456", "ML", PhoneFault.LETTER_FOR_DIGIT),
        ("MTN", None, PhoneFault.NOT_A_NUMBER),
        ("76123456 poste 3", "ML", PhoneFault.NOT_A_NUMBER),
        ("76000001/76000002", "ML", PhoneFault.TWO_NUMBERS),
        ("76000001 76000002", "ML", PhoneFault.TWO_NUMBERS),
        ("76000001 ou 76000002", None, PhoneFault.TWO_NUMBERS),
        ("76000001\n76000002", None, PhoneFault.TWO_NUMBERS),
        ("+22376000001+22376000002", None, PhoneFault.TWO_NUMBERS),
        ("+22507998877", None, PhoneFault.OLD_IVORIAN),
        ("22507998877", None, PhoneFault.OLD_IVORIAN),
        ("07998877", None, PhoneFault.OLD_IVORIAN),
        ("57123456", "CI", PhoneFault.OLD_IVORIAN),
        ("712345678", None, PhoneFault.LOST_ZERO),
        ("+225712345678", None, PhoneFault.LOST_ZERO),
        ("7600000", "ML", PhoneFault.TOO_SHORT),
        ("+2237600000", None, PhoneFault.TOO_SHORT),
        ("760000011", "ML", PhoneFault.TOO_LONG),
        ("+223760000011", None, PhoneFault.TOO_LONG),
        ("11000000", "ML", PhoneFault.UNKNOWN_RANGE),
        ("+22311000000", None, PhoneFault.UNKNOWN_RANGE),
        ("+99912345678", None, PhoneFault.UNKNOWN_RANGE),
    ],
)
def test_numbers_refused_with_their_reason(written: str, country: str | None, fault: PhoneFault) -> None:
    with pytest.raises(PhoneError) as refused:
        parse_phone(written, country)
    assert refused.value.fault is fault
    assert len(str(refused.value)) > 30  # it says what to write
    assert written.strip(" +") == "" or written not in str(refused.value)  # and may be logged


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(PhoneError):
        assert parse_phone(text).startswith("+")
    kind_of_sender(text)
    masked(text)
    national(text)


@given(st.from_regex(r"(?:\+2237[0-9]{7}|\+2250[157][0-9]{8})", fullmatch=True))
def test_a_stored_number_reads_as_itself_and_from_how_it_is_said(phone: str) -> None:
    assert parse_phone(phone) == phone
    assert parse_phone(national(phone)) == phone
    assert phone_of_sender(" " + phone[1:]) == phone


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("+22376000001", SenderKind.PHONE),
        (" 22376000001", SenderKind.PHONE),
        ("22376000001", SenderKind.PHONE),
        ("76000001", SenderKind.PHONE),
        ("+2250712345678", SenderKind.PHONE),
        ("+22311000000", SenderKind.PHONE),  # a range opened after our tables: possible, so heard and answered
        ("21512", SenderKind.SHORT_CODE),
        ("+36000", SenderKind.SHORT_CODE),
        ("tel:+2257839", SenderKind.SHORT_CODE),  # a short code dressed as a number
        ("*144#", SenderKind.SHORT_CODE),
        ("+22507123456", SenderKind.SHORT_CODE),  # no phone has had such a number since 2021
        ("MTN", SenderKind.ALPHANUMERIC),
        ("Orange-CI", SenderKind.ALPHANUMERIC),
        ("7O123456", SenderKind.ALPHANUMERIC),
        ("", SenderKind.EMPTY),
        (" +", SenderKind.EMPTY),
        ("7" * 300_000, SenderKind.SHORT_CODE),
    ],
)
def test_only_a_phone_is_ever_answered(sender: str, kind: SenderKind) -> None:
    assert kind_of_sender(sender) is kind
    assert is_sendable(sender) == (kind is SenderKind.PHONE)


def test_a_sender_whose_range_is_unknown_is_heard_but_not_registered() -> None:
    assert phone_of_sender("+22311000000") == "+22311000000"
    assert phone_of_sender(" 22311000000") == "+22311000000"
    with pytest.raises(PhoneError):
        parse_phone("+22311000000")


@pytest.mark.parametrize(
    ("phone", "logged"),
    [
        ("+22376000101", "+223****01"),
        ("+2250712345678", "+225****78"),
        ("+12025550123", "+1****23"),
        ("76000101", "****01"),
        ("MTN", "****"),
        ("", "****"),
    ],
)
def test_logs_never_hold_a_whole_number(phone: str, logged: str) -> None:
    assert masked(phone) == logged


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        ("+22376000101", "76000101"),
        ("+2250712345678", "0712345678"),
        ("+254711223344", "0711223344"),
        ("21512", "21512"),
    ],
)
def test_a_number_as_it_is_said_in_an_sms(phone: str, said: str) -> None:
    assert national(phone) == said
