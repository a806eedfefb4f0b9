"""Every answer that was recorded, or that a network in between may give, has one fate. The real SDK class asks, a real
socket answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.channels.africastalking import AfricasTalkingChannel
from smsgateway.channels.africastalking.answers import HTTP_FATES, read_answer, read_balance
from smsgateway.channels.africastalking.connection import HttpAnswer
from smsgateway.channels.africastalking.listing import CODE_FATES
from smsgateway.channels.messages import Fate, Handover
from smsgateway.channels.standin import StandIn, Trap, traps
from tests.channels.africastalking.cases import BODY, NURSE, entry, sms
from tests.channels.conftest import OpenChannel

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def listed(*entries: dict[str, Any], message: str = "Sent to 1/1 Total Cost: XOF 12.0000") -> Trap:
    return Trap(201, traps.listing(message, entries))


# what the provider answered → the fate, our id of it, and the reason
RECORDED = [
    pytest.param(listed(entry(code=100)), Fate.ACCEPTED, "ATXid_1", None, id="100 Processed, live accounts"),
    pytest.param(listed(entry(code=101)), Fate.ACCEPTED, "ATXid_1", None, id="101 Sent"),
    pytest.param(listed(entry(code=102)), Fate.ACCEPTED, "ATXid_1", None, id="102 Queued"),
    pytest.param(listed(entry(statusCode="101")), Fate.ACCEPTED, "ATXid_1", None, id="code as text"),
    pytest.param(listed(entry(statusCode=...)), Fate.ACCEPTED, "ATXid_1", None, id="the word alone says success"),
    pytest.param(listed(entry(code=103, status="Fine")), Fate.ACCEPTED, "ATXid_1", None, id="new success code"),
    pytest.param(listed(entry(cost="0")), Fate.ACCEPTED, "ATXid_1", None, id="free of charge"),
    pytest.param(listed(entry(messageParts=...)), Fate.ACCEPTED, "ATXid_1", None, id="older server without parts"),
    pytest.param(listed(entry(messageId="None")), Fate.ACCEPTED, None, "accepted without an id", id="id 'None'"),
    pytest.param(listed(entry(messageId=...)), Fate.ACCEPTED, None, "accepted without an id", id="no id"),
    pytest.param(
        listed(entry(code=401, status="RiskHold", messageId="None")), Fate.REFUSED, None, "RiskHold", id="401 on hold"
    ),
    pytest.param(listed(entry(code=418, status="Teapot")), Fate.RETRY, "ATXid_1", "Teapot", id="new failure code"),
    pytest.param(
        listed(entry(statusCode=..., status="UserInBlacklist")), Fate.REFUSED, "ATXid_1", "UserInBlacklist", id="word"
    ),
    pytest.param(
        listed(entry(statusCode=..., status="Hm", messageId=...)), Fate.UNKNOWN, None, "Hm", id="says nothing we know"
    ),
    pytest.param(traps.INVALID_SENDER, Fate.CHANNEL_DOWN, None, "InvalidSenderId", id="201, no recipients, sender"),
    pytest.param(traps.NO_MONEY, Fate.CHANNEL_DOWN, None, "InsufficientBalance", id="201, no recipients, money"),
    pytest.param(traps.NOBODY_SENT, Fate.RETRY, None, "Sent to 0/1 Total Cost: 0", id="201, sent to nobody"),
    pytest.param(
        listed(message="Sent to 1/1"), Fate.UNKNOWN, None, "Sent to 1/1", id="201, one sent, none listed"
    ),
    pytest.param(
        Trap(201, '{"SMSMessageData": {"Recipients": []}}'), Fate.UNKNOWN, None, "no recipients", id="201, says nothing"
    ),
    pytest.param(
        Trap(201, '{"SMSMessageData": {"Message": "InvalidPhoneNumber", "Recipients": null}}'),
        Fate.REFUSED, None, "InvalidPhoneNumber", id="201, refusal as the message",
    ),
    pytest.param(
        traps.WRONG_KEY, Fate.CHANNEL_DOWN, None, "HTTP 401: The supplied authentication is invalid", id="wrong key"
    ),
    pytest.param(traps.http_error(403), Fate.RETRY, None, "HTTP 403", id="a firewall dislikes this text"),
    pytest.param(traps.http_error(404), Fate.CHANNEL_DOWN, None, "HTTP 404", id="not the API at all"),
    pytest.param(traps.throttled(), Fate.THROTTLED, None, "HTTP 429: Too many requests", id="too fast"),
    pytest.param(traps.SERVER_ERROR, Fate.RETRY, None, "HTTP 500", id="500 page"),
    pytest.param(traps.http_error(502), Fate.RETRY, None, "HTTP 502", id="502: nothing behind the gateway"),
    pytest.param(traps.http_error(503), Fate.RETRY, None, "HTTP 503", id="maintenance"),
    pytest.param(traps.http_error(504), Fate.UNKNOWN, None, "HTTP 504", id="504: someone had it for too long"),
    pytest.param(traps.http_error(599), Fate.RETRY, None, "HTTP 599", id="a status nobody knows"),
    pytest.param(
        Trap(302, "", headers=(("Location", "http://127.0.0.1:9/"),)), Fate.RETRY, None, "HTTP 302", id="not followed"
    ),
    pytest.param(
        Trap(400, "Bad number +22376000101", traps.TEXT), Fate.REFUSED, None, "HTTP 400: Bad number +…", id="400"
    ),
    pytest.param(traps.GARBAGE, Fate.UNKNOWN, None, "HTTP 201 without a readable answer", id="201, cut JSON"),
    pytest.param(traps.LOGIN_PAGE, Fate.UNKNOWN, None, "HTTP 200 without a readable answer", id="login page"),
    pytest.param(traps.OTHER_JSON, Fate.UNKNOWN, None, "HTTP 200 without a readable answer", id="other JSON"),
    pytest.param(traps.DEEP_JSON, Fate.UNKNOWN, None, "HTTP 201 without a readable answer", id="endless JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "fate", "identity", "reason"), RECORDED)
def test_a_recorded_answer_has_one_fate(
    provider: StandIn,
    channel: AfricasTalkingChannel,
    answer: Trap,
    fate: Fate,
    identity: str | None,
    reason: str | None,
) -> None:
    provider.answer_next(answer)

    [handover] = channel.send([sms()])

    assert (handover.fate, handover.provider_id, handover.reason) == (fate, identity, reason)
    assert handover.message_id == sms().id


@pytest.mark.parametrize(("code", "fate"), CODE_FATES.items())
def test_a_number_s_own_code_decides(provider: StandIn, channel: AfricasTalkingChannel, code: int, fate: Fate) -> None:
    provider.answer_number(NURSE, code)

    [handover] = channel.send([sms()])

    assert (handover.fate, handover.code) == (fate, code)
    assert (handover.provider_id is not None) == (fate is Fate.ACCEPTED)


def test_a_good_answer_tells_cost_and_segments(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    [handover] = channel.send([sms()])

    assert handover == Handover(
        sms().id, Fate.ACCEPTED, provider_id=provider.sms[0][2], code=101, cost="XOF 12.0000", segments=1
    )


def test_segments_come_from_the_message_where_the_entry_has_none(
    provider: StandIn, channel: AfricasTalkingChannel
) -> None:
    message = "Sent to 1/1 Total Cost: XOF 24.0000 Message parts: 2"
    provider.answer_next(listed(entry(messageParts=...), message=message))

    assert channel.send([sms()])[0].segments == 2


def test_a_charset_behind_the_content_type_is_still_json(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    provider.answer_next(listed(entry()).but(content_type="application/json; charset=utf-8"))

    assert channel.send([sms()])[0].fate is Fate.ACCEPTED


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-3", 0.0), ("soon", None), ("999999999", 3600.0), ("", None)],
)
def test_a_pause_asked_for_is_kept(
    provider: StandIn, channel: AfricasTalkingChannel, header: str, seconds: float | None
) -> None:
    provider.answer_next(traps.throttled(header))

    [handover] = channel.send([sms()])

    assert (handover.fate, handover.retry_after) == (Fate.THROTTLED, seconds)


def test_a_pause_may_be_a_date() -> None:
    until = format_datetime(NOW + timedelta(seconds=40), usegmt=True)

    [handover] = read_answer([sms()], HttpAnswer(503, b"", until), NOW)

    assert (handover.fate, handover.retry_after) == (Fate.RETRY, 40.0)


def test_what_is_asked_is_what_the_api_wants(provider: StandIn, open_channel: OpenChannel) -> None:
    open_channel(sender_id="SANTE").send([sms()])

    [asked] = provider.received
    assert dict(asked.form) == {
        "username": "sandbox", "to": NURSE, "message": BODY, "from": "SANTE", "bulkSMSMode": "1",
    }  # fmt: skip
    assert asked.authorised


def test_without_a_sender_id_the_provider_s_own_is_used(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    channel.send([sms(body="àéè\n€ [K7]")])

    assert "from" not in provider.received[0].form
    assert provider.sms_to(NURSE) == ["àéè\n€ [K7]"]


def test_a_wrong_key_is_seen_by_the_provider_itself(open_channel: OpenChannel) -> None:
    assert open_channel(api_key="wrong").send([sms()])[0].fate is Fate.CHANNEL_DOWN


# what `GET /version1/user` answers → the fate of the account
ACCOUNTS = [
    (HttpAnswer(200, b'{"UserData": {"balance": "KES 1785.50"}}'), None),
    (HttpAnswer(200, b'{"userData": {"balance": "XOF 12,000.00"}}'), None),
    (HttpAnswer(200, b'{"userData": {"balance": "?"}}'), None),
    (HttpAnswer(200, b'{"userData": {"balance": "XOF 0.0000"}}'), Fate.CHANNEL_DOWN),
    (HttpAnswer(200, b'{"userData": {"balance": "XOF -3.2"}}'), Fate.CHANNEL_DOWN),
    (HttpAnswer(200, b"<html>"), Fate.UNKNOWN),
    (HttpAnswer(200, b'{"userData": {"bal'), Fate.UNKNOWN),
    (HttpAnswer(401, b"The supplied authentication is invalid"), Fate.CHANNEL_DOWN),
    (HttpAnswer(429, b"", "5"), Fate.RETRY),
    (HttpAnswer(500), Fate.RETRY),
    (HttpAnswer(504), Fate.UNKNOWN),
]


@pytest.mark.parametrize(("answer", "fate"), ACCOUNTS)
def test_the_balance_tells_whether_the_account_works(answer: HttpAnswer, fate: Fate | None) -> None:
    trouble = read_balance(answer, NOW)

    assert (trouble and trouble.fate) == fate
    assert trouble is None or trouble.message_id == UUID(int=0)


def test_a_probe_asks_without_sending(provider: StandIn, open_channel: OpenChannel) -> None:
    assert open_channel().probe() is None
    wrong = open_channel(api_key="wrong").probe()
    provider.balance = "XOF 0.0"
    empty = open_channel().probe()

    assert wrong is not None
    assert empty is not None
    assert (wrong.fate, empty.fate, empty.reason) == (Fate.CHANNEL_DOWN, Fate.CHANNEL_DOWN, "InsufficientBalance")
    assert provider.received == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
odd_entries = st.dictionaries(st.sampled_from(list(entry())), json_values)
odd_listings = st.fixed_dictionaries({}, optional={"Message": json_values, "Recipients": st.lists(odd_entries)})
bodies = st.binary() | st.builds(lambda data: json.dumps({"SMSMessageData": data}).encode(), odd_listings | json_values)


@given(
    st.builds(
        HttpAnswer, st.sampled_from([200, 201, *HTTP_FATES]) | st.integers(100, 999), bodies, st.none() | st.text()
    )
)
def test_no_answer_raises_and_every_message_gets_a_fate(answer: HttpAnswer) -> None:
    messages = [sms(), sms("+22376000102", 2)]

    handovers = read_answer(messages, answer, NOW)

    assert [each.message_id for each in handovers] == [each.id for each in messages]
    for each in handovers:
        assert each.fate is not Fate.NOT_SENT
        assert "\0" not in (each.provider_id or "") + (each.reason or "") + (each.cost or "")
    read_balance(answer, NOW)
