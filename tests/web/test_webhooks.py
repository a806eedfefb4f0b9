"""What the provider posts, and what it gets to hear: 200 once it is on disk, and nothing before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from flask import Flask

from smsgateway.store.tables import opt_outs, outbox, receipts
from smsgateway.web.webhooks import LARGEST_BODY, webhooks
from tests.support.field import CHW, GIRL, NURSE, SECOND_NURSE, Field
from tests.web.conftest import SECRET, Answer, Site

# The documented example, with our people in it.
SMS = {
    "date": "2026-11-23T07:58:00Z",
    "from": CHW,
    "id": "ec9adc86-51d5-4bc8-8eb0-d8ab0bb53dc3",
    "linkId": "03090445075804249226",
    "text": f"MAL {GIRL} CONVULSION",
    "to": "36000",
    "networkCode": "61002",
}
SENT = datetime(2026, 11, 23, 7, 58, tzinfo=UTC)
OK = Answer(200, b"", "text/html; charset=utf-8")


# ---------------------------------------------------------------- every shape of the form


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in SMS.items() if name not in names}


SHAPES = {
    "as documented": (urlencode(SMS), SENT),
    "date with a space": (urlencode(SMS | {"date": "2026-11-23 07:58:00"}), SENT),
    "date with microseconds": (
        urlencode(SMS | {"date": "2026-11-23T07:58:00.123456Z"}),
        SENT.replace(microsecond=123456),
    ),
    "no date": (urlencode(without("date")), None),
    "a date nobody can read": (urlencode(SMS | {"date": "yesterday"}), None),
    "plus not encoded": (urlencode(SMS).replace("%2B", "+"), SENT),
    "no plus at all": (urlencode(SMS | {"from": CHW.removeprefix("+")}), SENT),
    "two zeros for the plus": (urlencode(SMS | {"from": "00" + CHW.removeprefix("+")}), SENT),
    "empty linkId": (urlencode(SMS | {"linkId": ""}), SENT),
    "no linkId, no networkCode": (urlencode(without("linkId", "networkCode")), SENT),
    "fields nobody documented": (urlencode(SMS | {"cost": "XOF 12.0000", "newField[]": "é", "": "x"}), SENT),
    "spaces as %20": (urlencode(SMS, quote_via=quote), SENT),
    "the fields in another order": (urlencode(dict(reversed(SMS.items()))), SENT),
    "a field twice: the first counts": (urlencode(SMS) + "&text=other&id=other", SENT),
}


def test_every_shape_of_the_form_is_one_stored_message(site: Site, field: Field) -> None:
    for number, (shape, (body, sent_at)) in enumerate(SHAPES.items()):
        body = body.replace(SMS["id"], f"at-{number}")
        assert site.post("sms", body) == OK, shape
        message = field.messages()[-1]
        assert len(field.messages()) == number + 1, shape
        assert (message["sender"], message["text"]) == (CHW, SMS["text"]), shape
        assert message["provider_id"] == f"at-{number}", shape
        assert message["sent_at"] == sent_at, shape
        assert message["raw"] == body.encode(), shape
        assert (message["channel"], message["state"]) == ("africastalking", "handled"), shape


TEXTS = {
    "MAL+4177+fi%C3%A8vre+2": "MAL 4177 fièvre 2",
    "MAL+4177+fi%E8vre+2": "MAL 4177 fi\ufffdvre 2",  # Latin-1: the letter is lost, the message is not
    "MAL+4177%00FIEVRE+2": "MAL 4177 FIEVRE 2",
    "MAL%204177%20FIEVRE%202": "MAL 4177 FIEVRE 2",
    "": "",
    "%F0%9F%98%A2": "😢",
    "MAL+4177%0AFIEVRE+2": "MAL 4177\nFIEVRE 2",
    "%ED%A0%80": "\ufffd\ufffd\ufffd",  # half a surrogate pair
    "+".join(["CONVULSION"] * 500): " ".join(["CONVULSION"] * 500),
}


def test_any_text_is_kept_and_its_bytes_with_it(site: Site, field: Field) -> None:
    for number, (written, read) in enumerate(TEXTS.items()):
        body = urlencode(without("text") | {"id": f"at-{number}"}) + f"&text={written}"
        assert site.post("sms", body) == OK, written
        assert field.messages()[-1]["text"] == read
        assert field.messages()[-1]["raw"] == body.encode()


def test_no_text_at_all_is_an_empty_one(site: Site, field: Field) -> None:
    assert site.post("sms", without("text")) == OK
    assert [row["text"] for row in field.messages()] == [""]


# ---------------------------------------------------------------- once, however often


def test_fifty_callbacks_at_once_with_one_id_are_one_message(site: Site, field: Field) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: site.post("sms", SMS), range(50)))
    assert set(answers) == {OK}
    assert len(field.messages()) == len(field.reports()) == len(field.referrals()) == 1
    assert sorted(row["phone"] for row in field.queued()) == [CHW, NURSE]
    field.settle()
    assert len(field.phone(NURSE)) == len(field.phone(CHW)) == 1


def test_fifty_different_messages_at_once_are_fifty(site: Site, field: Field) -> None:
    forms = [SMS | {"id": f"at-{n}", "text": f"MAL {GIRL} FIEVRE {n % 6 + 1} TOUX {n // 6}"} for n in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda form: site.post("sms", form), forms))
    assert {answer.status for answer in answers} == {200}
    assert sorted(row["provider_id"] for row in field.messages()) == sorted(form["id"] for form in forms)
    assert {row["state"] for row in field.messages()} == {"handled"}


def test_a_duplicate_is_answered_with_the_same_words(site: Site, field: Field) -> None:
    first = site.post("sms", SMS)
    field.pass_time(minutes=1)
    assert site.post("sms", SMS) == first
    assert site.post("sms", SMS | {"text": "something else", "retry": "2"}) == first
    assert len(field.messages()) == 1


def test_a_message_without_id_is_recognised_by_its_content(site: Site, field: Field) -> None:
    for _ in range(2):
        assert site.post("sms", without("id")).status == 200
    assert len(field.messages()) == 1


def test_the_answer_never_shows_what_was_understood(site: Site, field: Field) -> None:
    """A reply goes out as an SMS of its own; a body would be sent back to the subscriber by some gateways."""
    assert site.post("sms", SMS).body == b""
    assert len(field.queued()) == 2


# ---------------------------------------------------------------- what is refused


WRONG = ["wrong", SECRET + "x", SECRET[:-1], SECRET.upper(), "é", " "]


def test_a_wrong_secret_is_forbidden_and_stores_nothing(site: Site, field: Field) -> None:
    for path in ("sms", "delivery", "ussd", "ussd-end", "opt-out"):
        for secret in WRONG:
            assert site.post(path, SMS | {"phoneNumber": CHW}, secret=quote(secret)).status == 403, (path, secret)
    assert field.messages() == field.rows(receipts) == field.rows(opt_outs) == []


def test_many_wrong_secrets_never_refuse_a_right_one(site: Site, field: Field) -> None:
    for _ in range(100):
        site.post("sms", "", secret="guess")
    assert site.post("sms", SMS) == OK


@pytest.mark.parametrize("given", ["", "x"])
def test_without_a_secret_in_the_settings_nothing_is_open(given: str) -> None:
    """An empty secret would be the easiest of all to guess."""
    taken: list[object] = []
    app = Flask("without")
    app.register_blueprint(webhooks("", taken.append))
    assert app.test_client().post(f"/at/{given}/sms", data=SMS).status_code in (403, 404)
    assert taken == []


def test_400_only_where_neither_id_nor_sender_can_be_read(site: Site, field: Field) -> None:
    for body in (b"", b"text=URG", b"date=2026-11-23", b"\xff\xfe", b"{}", b"=&=&&", b"a=1&" * 200):
        assert site.post("sms", body).status == 400, body
    assert field.messages() == []


@pytest.mark.parametrize("missing", ["id", "from"])
def test_one_of_id_and_sender_is_enough(site: Site, field: Field, missing: str) -> None:
    assert site.post("sms", without(missing)).status == 200
    assert len(field.messages()) == 1


def test_a_body_above_256_kb_is_too_large(site: Site, field: Field) -> None:
    form = urlencode(SMS | {"padding": ""})
    for path in ("sms", "delivery", "ussd"):
        assert site.post(path, form + "x" * (LARGEST_BODY + 1 - len(form))).status == 413
    assert field.messages() == []
    assert site.post("sms", form + "x" * (LARGEST_BODY - len(form))) == OK


def test_only_post_is_taken(site: Site) -> None:
    assert site.get(f"/at/{SECRET}/sms").status == 405


# ---------------------------------------------------------------- the database is away


LONG = SMS | {"padding": "x" * 200_000}  # too long for what a full disk has left


def test_503_while_the_database_takes_nothing_and_the_providers_repetition_is_the_message(
    site: Site, field: Field
) -> None:
    with field.database_away():
        for path in ("sms", "delivery"):
            answer = site.post(path, LONG | {"phoneNumber": CHW})
            assert answer.status == 503
            assert b"database" not in answer.body.lower()
        assert site.get("/healthz").status == 200
    assert field.messages() == []
    assert site.post("sms", LONG) == OK
    assert len(field.messages()) == len(field.referrals()) == 1


# ---------------------------------------------------------------- the other callbacks


def test_a_delivery_report_moves_its_message(site: Site, field: Field) -> None:
    form = {"id": "ATXid_1", "status": "Success", "phoneNumber": NURSE, "networkCode": "61002", "retryCount": "0"}
    assert site.post("delivery", form) == OK
    assert site.post("delivery", form) == OK
    assert [row["provider_status"] for row in field.rows(receipts)] == ["Success"]


def test_a_word_nobody_knows_is_stored_and_answered_200(site: Site, field: Field) -> None:
    for number, status in enumerate(("SomethingNew", "", "x" * 5000)):
        assert site.post("delivery", {"id": f"ATXid_{number}", "status": status, "phoneNumber": NURSE}) == OK
        assert len(field.rows(receipts)) == number + 1


def test_opting_out_is_stored_and_honoured(site: Site, field: Field) -> None:
    assert site.post("opt-out", {"senderId": "COMPANY", "phoneNumber": NURSE}) == OK
    assert [row["phone"] for row in field.rows(opt_outs)] == [NURSE]
    assert site.post("sms", SMS).status == 200
    assert NURSE not in [row["phone"] for row in field.rows(outbox)]
    field.settle()
    assert field.phone(NURSE) == []


def test_ussd_is_answered_with_a_screen_in_plain_text(site: Site, field: Field) -> None:
    form = {"sessionId": "ATUid_1", "phoneNumber": CHW, "networkCode": "61002", "serviceCode": "*384#", "text": ""}
    answer = site.post("ussd", form)
    assert answer.status == 200
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.body.startswith((b"END ", b"CON "))
    assert len(answer.body.decode()) <= 154


def test_ussd_from_a_stranger_is_answered_too(site: Site) -> None:
    assert site.post("ussd", {"sessionId": "1", "phoneNumber": "+22366000999", "text": ""}).body.startswith(
        (b"END ", b"CON ")
    )


def test_the_end_of_a_session_is_taken(site: Site) -> None:
    form = {"sessionId": "ATUid_1", "phoneNumber": CHW, "status": "Incomplete", "input": "1*4177"}
    assert site.post("ussd-end", form).status == 200


def test_the_second_nurse_answers_over_the_same_webhook(site: Site, field: Field) -> None:
    assert site.post("sms", SMS).status == 200
    assert site.post("sms", SMS | {"from": SECOND_NURSE, "id": "at-2", "text": "recu"}).status == 200
    assert field.referral()["state"] == "received"
