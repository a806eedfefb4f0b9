"""How a request ends when the network does not play along, and how long that can take."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from smsgateway.channels.africastalking import AfricasTalkingChannel, Timeouts
from smsgateway.channels.africastalking.connection import LARGEST_ANSWER, PooledSession
from smsgateway.channels.messages import Channel, Fate
from smsgateway.channels.standin import StandIn, Trap, traps
from tests.channels.africastalking.cases import NURSE, entry, sms
from tests.channels.conftest import HURRIED, PATIENT, OpenChannel


@contextmanager
def a_port(listening: bool) -> Iterator[str]:
    """An address where nobody listens, or somebody listens and never answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        if listening:
            held.listen()
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def test_nobody_listens_so_nothing_was_sent(open_channel: OpenChannel) -> None:
    with a_port(listening=False) as address:
        channel = open_channel(base_url=address)
        sent, probed = channel.send([sms()])[0], channel.probe()

    assert (sent.fate, sent.reason) == (Fate.NOT_SENT, "ConnectionRefusedError")
    assert probed is not None
    assert probed.fate is Fate.NOT_SENT


def test_a_host_without_address_was_sent_nothing(open_channel: OpenChannel) -> None:
    assert open_channel(base_url="http://nowhere.invalid").send([sms()])[0].fate is Fate.NOT_SENT


def test_a_failed_tls_handshake_was_sent_nothing(provider: StandIn, open_channel: OpenChannel) -> None:
    plain = provider.url.replace("http:", "https:")

    assert open_channel(base_url=plain).send([sms()])[0].fate is Fate.NOT_SENT
    assert provider.received == ()


def test_a_tls_handshake_that_stalls_was_sent_nothing(open_channel: OpenChannel) -> None:
    with a_port(listening=True) as address:
        channel = open_channel(HURRIED, base_url=address.replace("http:", "https:"))
        assert channel.send([sms()])[0].fate is Fate.NOT_SENT


def test_silence_after_sending_is_unknown(open_channel: OpenChannel) -> None:
    with a_port(listening=True) as address:
        channel = open_channel(HURRIED, base_url=address)
        sent, probed = channel.send([sms()])[0], channel.probe()

    assert sent.fate is Fate.UNKNOWN
    assert probed is not None
    assert probed.fate is Fate.UNKNOWN


def test_an_answer_too_late_is_unknown_and_the_phone_has_it(provider: StandIn, open_channel: OpenChannel) -> None:
    provider.answer_next(traps.slow(30))

    assert open_channel(HURRIED).send([sms()])[0].fate is Fate.UNKNOWN
    assert provider.sms_to(NURSE) == [sms().body]


def test_a_reset_after_sending_is_unknown(provider: StandIn, channel: AfricasTalkingChannel) -> None:
    provider.answer_next(traps.RESET)

    [handover] = channel.send([sms()])

    assert (handover.fate, handover.reason) == (Fate.UNKNOWN, "ConnectionResetError")
    assert channel.send([sms()])[0].fate is Fate.ACCEPTED


# One byte every 20 ms: no single read is ever late, the whole would take many seconds.
TRICKLES = [
    pytest.param(Trap(drip=0.02), Fate.UNKNOWN, id="a good answer"),
    pytest.param(traps.SERVER_ERROR.but(drip=0.02), Fate.UNKNOWN, id="the headers of an error page"),
    pytest.param(traps.OTHER_JSON.but(drip=0.02, headers=(("X-Padding", "x" * 10_000),)), Fate.UNKNOWN, id="headers"),
]


@pytest.mark.parametrize(("answer", "fate"), TRICKLES)
def test_a_trickling_server_cannot_hold_a_lane(
    provider: StandIn, open_channel: OpenChannel, answer: Trap, fate: Fate
) -> None:
    provider.answer_next(answer)
    channel = open_channel(HURRIED)
    began = time.monotonic()

    [handover] = channel.send([sms()])

    assert handover.fate is fate
    assert time.monotonic() - began < channel.deadline + 1.0
    assert channel.send([sms()])[0].fate is Fate.ACCEPTED, "the lane goes on over a fresh connection"


def test_a_status_is_believed_though_its_page_never_ends(open_channel: OpenChannel) -> None:
    """An error page of 50 kB promised and cut: the gateway's 500 arrived, and it says what we need to know."""
    with _one_answer(b"HTTP/1.1 500 Oops\r\nContent-Length: 50000\r\n\r\n<html>") as address:
        assert open_channel(HURRIED, base_url=address).send([sms()])[0].fate is Fate.RETRY


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    endless = b"HTTP/1.1 201 Created\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    session = PooledSession(PATIENT)
    try:
        with _one_answer(endless) as address:
            assert len(session.exchange("POST", address, {}).body) == LARGEST_ANSWER
    finally:
        session.close()


def test_an_answer_that_breaks_off_is_unknown(open_channel: OpenChannel) -> None:
    body = json.dumps({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [entry()]}}).encode()
    with _one_answer(b"HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n" + body) as address:
        assert open_channel(base_url=address).send([sms()])[0].fate is Fate.UNKNOWN


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n"])
def test_what_is_no_http_is_unknown(open_channel: OpenChannel, answer: bytes) -> None:
    with _one_answer(answer) as address:
        assert open_channel(base_url=address).send([sms()])[0].fate is Fate.UNKNOWN


def test_connections_are_kept_and_not_shared_between_lanes(provider: StandIn, open_channel: OpenChannel) -> None:
    reminders: Channel = open_channel()
    urgent = reminders.open()
    try:
        for _ in range(3):
            reminders.send([sms()])
            urgent.send([sms()])
        assert provider.connections == 2
    finally:
        urgent.close()


def test_a_connection_the_provider_closed_meanwhile_costs_no_message(
    provider: StandIn, channel: AfricasTalkingChannel
) -> None:
    provider.answer_next(traps.HANG_UP)
    channel.send([sms()])
    assert provider.wait_until_all_closed()

    assert channel.send([sms()])[0].fate is Fate.ACCEPTED


def test_a_connection_idle_for_long_is_not_trusted(provider: StandIn) -> None:
    """Networks forget idle connections without a word: what is sent into one is answered by silence."""
    session = PooledSession(PATIENT, stale_after=0.0)
    try:
        for _ in range(3):
            session.exchange("GET", f"{provider.url}/version1/user", {})
        assert provider.connections == 3
    finally:
        session.close()


@pytest.mark.parametrize(("connect", "read", "call"), [(3, 16, 20), (3, 0, 20), (0, 5, 10), (11, 5, 10)])
def test_impossible_timeouts_are_refused(connect: float, read: float, call: float) -> None:
    with pytest.raises(ValueError, match="timeout must lie between"):
        Timeouts(connect, read, call)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"api_key": " "}, "AT_API_KEY"),
        ({"api_key": "clé"}, "AT_API_KEY"),
        ({"username": ""}, "AT_USERNAME"),
        ({"base_url": "https://api.africastalking.com/version1"}, "AT_BASE_URL"),
        ({"base_url": "api.africastalking.com"}, "AT_BASE_URL"),
    ],
)
def test_settings_that_can_never_work_are_named(settings: dict[str, Any], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        AfricasTalkingChannel(**({"username": "sandbox", "api_key": "k"} | settings))


def test_a_key_read_from_a_file_may_end_in_a_newline(provider: StandIn, open_channel: OpenChannel) -> None:
    assert open_channel(api_key=provider.api_key + "\n").probe() is None


@contextmanager
def _one_answer(answer: bytes) -> Iterator[str]:
    """A peer that reads what it is sent, answers with these bytes to one connection, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_one() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                try:
                    connection.sendall(answer)
                except OSError:
                    return

        thread = threading.Thread(target=answer_one)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()
