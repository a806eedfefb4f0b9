"""The same words to many phones are one request, and every phone still gets its own fate."""

from __future__ import annotations

import pytest

from smsgateway.channels.africastalking import AfricasTalkingChannel
from smsgateway.channels.messages import Fate
from smsgateway.channels.standin import StandIn, Trap
from tests.channels.africastalking.cases import NURSE, SECOND_NURSE, SUPERVISOR, entry, sms

BATCH = [sms(NURSE, 1), sms(SECOND_NURSE, 2), sms(SUPERVISOR, 3)]


def ids(channel: AfricasTalkingChannel) -> list[str | None]:
    return [handover.provider_id for handover in channel.send(BATCH)]


def test_one_request_for_many_phones(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    provider.answer_number(SECOND_NURSE, 406)

    handovers = channel.send(BATCH)

    assert [asked.to for asked in provider.received] == [(NURSE, SECOND_NURSE, SUPERVISOR)]
    assert [each.fate for each in handovers] == [Fate.ACCEPTED, Fate.REFUSED, Fate.ACCEPTED]
    assert [each.message_id for each in handovers] == [each.id for each in BATCH]


def test_a_full_batch_is_one_request(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    messages = [sms(f"+223760{number:05d}", number) for number in range(channel.batch_limit)]

    handovers = channel.send(messages)

    assert len(provider.received) == 1
    assert {handover.fate for handover in handovers} == {Fate.ACCEPTED}
    assert [h.provider_id for h in handovers] == [identity for _, _, identity in provider.sms]


# numbers as the answer writes them, in its order → whose id is whose
WRITTEN = [
    pytest.param([SUPERVISOR, NURSE, SECOND_NURSE], ["b", "c", "a"], id="another order"),
    pytest.param(["2250712345678", "22376000101", "22376000102"], ["b", "c", "a"], id="without plus"),
    pytest.param(["0022376000101", "002250712345678", SECOND_NURSE], ["a", "c", "b"], id="with 00"),
    pytest.param(["76000101", "76000102", "0712345678"], ["a", "b", "c"], id="as dialled at home"),
    pytest.param(["+223 76 00 01 01", SUPERVISOR, "tel:+22376000102"], ["a", "c", "b"], id="with spaces"),
    pytest.param([NURSE, "hashed-by-the-operator", SUPERVISOR], ["a", "b", "c"], id="the only one left"),
    pytest.param([NURSE, "x", "y"], ["a", None, None], id="two strange ones are nobody's"),
    pytest.param([NURSE, NURSE, SUPERVISOR], ["a", None, "c"], id="a repeated number is nobody else's"),
]


@pytest.mark.parametrize(("numbers", "expected"), WRITTEN)
def test_numbers_come_back_in_any_form(
    provider: StandIn, channel: AfricasTalkingChannel, numbers: list[str], expected: list[str | None]
) -> None:
    entries = tuple(entry(number, messageId="abc"[at]) for at, number in enumerate(numbers))
    provider.answer_next(Trap(recipients=entries))

    assert ids(channel) == expected


def test_a_missing_number_was_not_taken_when_all_that_was_sent_is_listed(
    provider: StandIn, channel: AfricasTalkingChannel
) -> None:
    provider.answer_next(Trap(recipients=(entry(NURSE), entry(SUPERVISOR))))  # "Sent to 2/2"

    assert [each.fate for each in channel.send(BATCH)] == [Fate.ACCEPTED, Fate.RETRY, Fate.ACCEPTED]


def test_a_missing_number_may_have_been_taken_when_more_was_sent_than_is_listed(
    provider: StandIn, channel: AfricasTalkingChannel
) -> None:
    body = '{"SMSMessageData": {"Message": "Sent to 3/3", "Recipients": [{"statusCode": 101, "messageId": "a", '
    provider.answer_next(Trap(201, body + f'"number": "{NURSE}"' + "}]}}"))

    assert [each.fate for each in channel.send(BATCH)] == [Fate.ACCEPTED, Fate.UNKNOWN, Fate.UNKNOWN]


def test_the_same_number_twice_waits_for_another_request(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    first, second, third = channel.send([sms(NURSE, 1), sms(NURSE, 2), sms(SUPERVISOR, 3)])

    assert provider.received[0].to == (NURSE, SUPERVISOR)
    assert (first.fate, second.fate, third.fate) == (Fate.ACCEPTED, Fate.RETRY, Fate.ACCEPTED)
    assert len({first.provider_id, third.provider_id}) == 2
    assert second.retry_after == 0


@pytest.mark.parametrize("phone", ["76000101", "MTN", "21512", "", "+22376000101\n", "+٢٢٣٧٦٠٠٠١٠١", "+1"])
def test_an_odd_number_spoils_no_batch(provider: StandIn, channel: AfricasTalkingChannel, phone: str) -> None:
    odd, good = channel.send([sms(phone, 1), sms(NURSE, 2)])

    assert (odd.fate, odd.reason) == (Fate.REFUSED, "InvalidPhoneNumber")
    assert good.fate is Fate.ACCEPTED
    assert provider.received[0].to == (NURSE,)


def test_only_odd_numbers_are_no_request(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    assert channel.send([sms("MTN")])[0].fate is Fate.REFUSED
    assert channel.send([]) == []
    assert provider.received == ()


def test_different_words_are_different_requests(channel: AfricasTalkingChannel) -> None:
    with pytest.raises(ValueError, match="one body"):
        channel.send([sms(body="a"), sms(SECOND_NURSE, 2, body="b")])


def test_a_failed_request_is_every_message_s_fate(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    provider.answer_next(Trap(reset=True))

    assert [each.fate for each in channel.send(BATCH)] == [Fate.UNKNOWN] * 3
