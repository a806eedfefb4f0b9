"""Forms as Africa's Talking posts them → what the rest of the service reads."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.channels.africastalking import read_opt_out, read_receipt, read_sms, read_turn
from smsgateway.channels.messages import DeliveryStatus, Incoming, OptOut, Receipt, Turn, Unreadable


def form_of(body: str | bytes) -> dict[str, str]:
    """A form body decoded as the web server does it."""
    text = body if isinstance(body, str) else body.decode("latin-1")
    return dict(parse_qsl(text, keep_blank_values=True, errors="replace"))


def sms(**fields: str) -> Incoming:
    """The recorded SMS with some fields changed; an empty value stands for one that is empty or absent."""
    recorded = {
        "linkId": "", "text": "MAL 4177 CONVULSION", "to": "21512", "id": "ec9adc86", "from": "+22376000001",
        "date": "2026-11-23T08:00:00Z", "cost": "", "networkCode": "61002",
    }  # fmt: skip
    return read_sms(recorded | {("from" if name == "sender" else name): value for name, value in fields.items()}, b"")


def test_the_documented_sms() -> None:
    body = (
        "linkId=03090445075804249226&text=Msg&to=21512&id=ec9adc86-51d5-4bc8-8eb0-d8ab0bb53dc3"
        "&date=2017-05-03T06%3A04%3A45Z&from=%2B254791541111"
    )

    assert read_sms(form_of(body), body.encode()) == Incoming(
        channel="africastalking",
        provider_id="ec9adc86-51d5-4bc8-8eb0-d8ab0bb53dc3",
        sender="+254791541111",
        recipient="21512",
        text="Msg",
        sent_at=datetime(2017, 5, 3, 6, 4, 45, tzinfo=UTC),
        raw=body.encode(),
    )


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-11-23T08:00:00Z", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23 08:00:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T08:00:00.123456Z", datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-23T08:00:00.1Z", datetime(2026, 11, 23, 8, 0, 0, 100000, tzinfo=UTC)),
        ("2026-11-23T11:00:00+03:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T11:00:00 03:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),  # an unencoded plus
        (" 2026-11-23T08:00:00Z ", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("0001-01-01T00:00:00+23:00", None),  # before the first day there is
        ("2026-02-30 08:00:00", None),
        ("23/11/2026", None),
        ("", None),
    ],
)
def test_every_form_of_a_date(date: str, expected: datetime | None) -> None:
    assert sms(date=date).sent_at == expected


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("+22376000001", "+22376000001"),
        (" 22376000001", "+22376000001"),  # from=+22376000001, the plus not encoded
        ("22376000001", "+22376000001"),
        ("0022376000001", "+22376000001"),
        ("+2250712345678", "+2250712345678"),
        ("+22500000000", "+22500000000"),  # in no range: as typed
        ("MTN", "MTN"),
        ("Orange Mali", "Orange Mali"),
        ("21512", "21512"),
        ("", ""),
        ("A" * 500, "A" * 64),
    ],
)
def test_a_sender_is_a_phone_or_stays_as_typed(sender: str, expected: str) -> None:
    assert sms(sender=sender).sender == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("MAL\x004177\x00FIEVRE", "MAL 4177 FIEVRE"),  # NUL must not join two words
        ("  mal  4177\n", "  mal  4177\n"),
        ("fièvre ɛ 😀", "fièvre ɛ 😀"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
    ],
)
def test_a_text_is_kept_as_typed_but_for_what_no_database_takes(text: str, expected: str) -> None:
    assert sms(text=text).text == expected


def test_bytes_that_are_no_utf8_are_replaced_in_the_text_and_kept_in_raw() -> None:
    body = b"id=a&from=%2B22376000001&text=fi%E8vre+\xff"

    incoming = read_sms(form_of(body), body)

    assert incoming.text.startswith("fi\ufffdvre ")
    assert incoming.raw == body


def test_fields_nobody_knows_and_fields_that_are_missing_change_nothing() -> None:
    assert read_sms({"id": "a", "from": "+22376000001", "hop": "x"}, b"") == Incoming(
        "africastalking", "a", "+22376000001", "", "", None
    )


def test_without_an_id_the_same_content_has_the_same_id() -> None:
    again, other_text, other_time = sms(id=""), sms(id="", text="URG"), sms(id="", date="2026-11-23T08:00:01Z")

    assert again.provider_id == sms(id=" ", cost="3", networkCode="1").provider_id
    assert again.provider_id.startswith("made-")
    assert len({each.provider_id for each in (again, other_text, other_time)}) == 3


def test_values_that_run_together_still_make_different_ids() -> None:
    assert sms(id="", to="21", text="512 URG").provider_id != sms(id="", to="2151", text="2 URG").provider_id


def test_an_id_too_long_for_an_index_is_shortened_and_still_its_own() -> None:
    first, second = sms(id="x" * 3000).provider_id, sms(id="x" * 3001).provider_id

    assert first != second
    assert len(first) < 64
    assert sms(id="x" * 128).provider_id == "x" * 128


def test_an_id_without_a_sender_is_kept_and_a_sender_without_an_id_too() -> None:
    assert sms(sender="").provider_id == "ec9adc86"
    assert sms(id="").sender == "+22376000001"


@pytest.mark.parametrize(
    ("read", "missing"),
    [
        (read_sms, ("id", "from")),
        (read_receipt, ("id", "phoneNumber")),
        (read_turn, ("sessionId", "phoneNumber")),
        (read_opt_out, ("phoneNumber",)),
    ],
)
@pytest.mark.parametrize("form", [{}, {"text": "MAL"}, {"id": " ", "from": "", "phoneNumber": " ", "sessionId": ""}])
def test_only_a_form_without_id_and_sender_cannot_be_read(read, missing, form) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Unreadable) as caught:
        read(form, b"")

    assert caught.value.missing == missing


def test_the_documented_receipt() -> None:
    body = (
        "id=ATXid_dda018a640edfcc5d2ce455de3e4a6e7&status=Success&phoneNumber=%2B254720123123"
        "&networkCode=63902&retryCount=0"
    )

    assert read_receipt(form_of(body), body.encode()) == Receipt(
        channel="africastalking",
        provider_id="ATXid_dda018a640edfcc5d2ce455de3e4a6e7",
        phone="+254720123123",
        status=DeliveryStatus.DELIVERED,
        provider_status="Success",
        raw=body.encode(),
    )


# status and failureReason as posted → what it means, and whether the number can never be reached
RECEIPTS = [
    ("Sent", "", DeliveryStatus.HANDED_OVER, False),
    ("Submitted", "", DeliveryStatus.SUBMITTED, False),
    ("Buffered", "", DeliveryStatus.SUBMITTED, False),
    ("Success", "", DeliveryStatus.DELIVERED, False),
    ("Delivered", "", DeliveryStatus.DELIVERED, False),
    (" success ", "", DeliveryStatus.DELIVERED, False),
    ("Rejected", "", DeliveryStatus.FAILED, False),
    ("Rejected", "DoNotDisturbRejection", DeliveryStatus.FAILED, False),
    ("Failed", "DeliveryFailure", DeliveryStatus.FAILED, False),
    ("Failed", "UserIsInactive", DeliveryStatus.FAILED, False),
    ("Failed", "InsufficientCredit", DeliveryStatus.FAILED, False),
    ("Failed", "UserDoesNotExist", DeliveryStatus.FAILED, True),
    ("Failed", "UserInBlackList", DeliveryStatus.FAILED, True),
    ("Failed", "UserInBlacklist", DeliveryStatus.FAILED, True),
    ("Failed", "NotNetworkSubcriber", DeliveryStatus.FAILED, True),
    ("Failed", "NotNetworkSubscriber", DeliveryStatus.FAILED, True),
    ("Failed", "UserAccountSuspended", DeliveryStatus.FAILED, True),
    ("AbsentSubscriber", "", DeliveryStatus.FAILED, False),
    ("Expired", "", DeliveryStatus.FAILED, False),
    ("Teleported", "UserDoesNotExist", DeliveryStatus.UNKNOWN, False),
    ("", "", DeliveryStatus.UNKNOWN, False),
]


@pytest.mark.parametrize(("status", "reason", "meaning", "permanent"), RECEIPTS)
def test_a_receipt_s_words(status: str, reason: str, meaning: DeliveryStatus, permanent: bool) -> None:
    form = {"id": "ATXid_1", "status": status, "phoneNumber": " 22376000101", "failureReason": reason}

    receipt = read_receipt(form, b"")

    assert (receipt.status, receipt.permanent) == (meaning, permanent)
    assert (receipt.provider_status, receipt.reason) == (status.strip(), reason or None)
    assert receipt.phone == "+22376000101"


def test_a_receipt_without_id_still_tells_its_phone() -> None:
    receipt = read_receipt({"status": "Success", "phoneNumber": "+22376000101"}, b"")

    assert (receipt.provider_id, receipt.phone) == ("", "+22376000101")


def test_the_documented_ussd_turn() -> None:
    body = (
        "sessionId=ATUid_5d3b4c2bc589f4811820a7184eed4df5&serviceCode=%2A384%2A1234%23"
        "&phoneNumber=%2B254711223344&networkCode=99999&text=1%2A2"
    )

    assert read_turn(form_of(body), body.encode()) == Turn(
        channel="africastalking",
        session="ATUid_5d3b4c2bc589f4811820a7184eed4df5",
        phone="+254711223344",
        service_code="*384*1234#",
        text="1*2",
        raw=body.encode(),
    )


def test_a_transcript_is_never_trimmed() -> None:
    assert read_turn({"sessionId": "s", "text": "1* 2 *"}, b"").text == "1* 2 *"


def test_the_documented_opt_out() -> None:
    body = "senderId=COMPANY&phoneNumber=%2B254720123123"

    assert read_opt_out(form_of(body), body.encode()) == OptOut("africastalking", "+254720123123", body.encode())


FIELDS = ["id", "from", "to", "date", "text", "linkId", "status", "failureReason", "phoneNumber", "sessionId"]
odd_values = st.text(st.characters(), max_size=40) | st.from_regex(r"[ +]?[0-9]{0,16}[\x00-\x20]?", fullmatch=True)
odd_forms = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), odd_values)


@given(odd_forms, st.binary())
def test_no_form_raises_anything_but_unreadable(form: dict[str, str], raw: bytes) -> None:
    for read in (read_sms, read_receipt, read_turn, read_opt_out):
        try:
            said = read(form, raw)
        except Unreadable:
            continue
        assert said.raw == raw
        for value in (
            getattr(said, name) for name in ("text", "sender", "phone", "provider_id") if hasattr(said, name)
        ):
            if value is not None:
                assert "\0" not in value
                value.encode()  # a database takes it


@given(st.binary(max_size=300))
def test_no_body_raises_anything_but_unreadable(body: bytes) -> None:
    for read in (read_sms, read_receipt, read_turn, read_opt_out):
        try:
            read(form_of(body), body)
        except Unreadable:
            continue
