"""The simulated network behaves like a channel, and shows what phones show."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from smsgateway.channels.messages import Channel, DeliveryStatus, Fate, Outgoing
from smsgateway.channels.simulator import PhoneText, SimulatedChannel, SimulatedNetwork
from smsgateway.clock import VirtualClock

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
NURSE = "+22376000101"
CHW = "+22376000001"


def sms(phone: str = NURSE, number: int = 1, body: str = "URGENT K7") -> Outgoing:
    return Outgoing(UUID(int=number), phone, body, urgent=True)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def network(clock: VirtualClock) -> SimulatedNetwork:
    return SimulatedNetwork(clock)


def test_an_sms_lies_on_its_phone_at_once(network: SimulatedNetwork) -> None:
    channel: Channel = SimulatedChannel(network).open()

    nurse, chw = channel.send([sms(), sms(CHW, 2)])

    assert (nurse.fate, chw.fate) == (Fate.ACCEPTED, Fate.ACCEPTED)
    assert network.texts_to(NURSE) == (PhoneText(NURSE, "URGENT K7", START, nurse.provider_id or "", sms().id, True),)
    assert [text.phone for text in network.texts] == [NURSE, CHW]
    assert channel.probe() is None


def test_ids_are_the_same_in_every_run_and_a_second_hand_over_has_its_own() -> None:
    runs = [[SimulatedChannel(network).send([sms()])[0].provider_id for _ in range(2)]
            for network in (SimulatedNetwork(), SimulatedNetwork())]  # fmt: skip

    assert runs[0] == runs[1] == [f"sim-{sms().id}", f"sim-{sms().id}-2"]


def test_a_refused_number_receives_nothing_until_it_is_accepted_again(network: SimulatedNetwork) -> None:
    channel = SimulatedChannel(network)
    network.refuse(NURSE)
    refused = channel.send([sms()])[0]
    network.accept(NURSE)

    assert (refused.fate, refused.reason) == (Fate.REFUSED, "UserInBlacklist")
    assert network.texts == ()
    assert channel.send([sms()])[0].fate is Fate.ACCEPTED


def test_the_next_hand_overs_end_as_told(network: SimulatedNetwork) -> None:
    network.answer_next(NURSE, Fate.RETRY, "GatewayError")
    network.answer_next(NURSE, Fate.UNKNOWN, "read timeout")
    channel = SimulatedChannel(network)

    assert [channel.send([sms()])[0].fate for _ in range(3)] == [Fate.RETRY, Fate.UNKNOWN, Fate.ACCEPTED]
    assert len(network.texts_to(NURSE)) == 2, "only the answer of the second was lost"


def test_an_outage_stops_everything_and_the_probe_says_so(network: SimulatedNetwork) -> None:
    channel = SimulatedChannel(network)
    network.break_down()
    trouble = channel.probe()

    assert trouble is not None
    assert trouble.fate is channel.send([sms()])[0].fate is Fate.CHANNEL_DOWN
    network.repair()
    assert channel.probe() is None
    assert network.texts == ()


def test_a_receipt_speaks_of_the_last_sms(network: SimulatedNetwork) -> None:
    channel = SimulatedChannel(network)
    channel.send([sms()])
    last = channel.send([sms(number=2)])[0]

    receipt = network.receipt(NURSE, "AbsentSubscriber")

    assert (receipt.provider_id, receipt.status) == (last.provider_id, DeliveryStatus.FAILED)
    assert network.receipt(NURSE, "Teleported").status is DeliveryStatus.UNKNOWN
    with pytest.raises(LookupError):
        network.receipt(CHW, "Success")


def test_an_incoming_sms_has_an_id_of_its_own(network: SimulatedNetwork, clock: VirtualClock) -> None:
    first = network.text_in(CHW, "MAL 4177\0CONVULSION")
    clock.advance(timedelta(minutes=1))
    second = network.text_in(CHW, "MAL 4177 CONVULSION")

    assert first.text == second.text == "MAL 4177 CONVULSION"
    assert first.provider_id != second.provider_id
    assert second.sent_at == START + timedelta(minutes=1)


def test_a_listener_hears_every_sms_as_it_arrives() -> None:
    heard: list[PhoneText] = []
    network = SimulatedNetwork(VirtualClock(START), heard.append)
    network.refuse(CHW)

    SimulatedChannel(network).send([sms(), sms(CHW, 2)])

    assert tuple(heard) == network.texts
    assert len(heard) == 1


def test_many_lanes_lose_nothing(network: SimulatedNetwork) -> None:
    def lane(number: int) -> None:
        channel = SimulatedChannel(network).open()
        for at in range(200):
            channel.send([sms(number=number * 1000 + at)])

    lanes = [threading.Thread(target=lane, args=(number,)) for number in range(4)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()

    assert len({text.provider_id for text in network.texts}) == 800
