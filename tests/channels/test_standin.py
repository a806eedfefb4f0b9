"""The stand-in is only worth something when it behaves like the provider: callbacks, repetitions, receipts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest

from smsgateway.channels.africastalking import AfricasTalkingChannel, read_receipt, read_sms
from smsgateway.channels.messages import DeliveryStatus, Fate, Outgoing
from smsgateway.channels.standin import ReceiptStep, StandIn, traps
from smsgateway.clock import SystemClock, VirtualClock
from tests.channels.africastalking.test_callbacks import form_of

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
NURSE = "+22376000101"
CHW = "+22376000001"


class Service:
    """A service that answers as told and remembers what it was posted."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.posted: list[tuple[str, str]] = []
        self.heard = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                service.posted.append((self.path, body))
                self.send_response(service.answers.pop(0) if service.answers else 200)
                screen = b"CON Menu" if self.path.endswith("/ussd") else b""
                self.send_header("Content-Length", str(len(screen)))
                self.end_headers()
                self.wfile.write(screen)
                service.heard.set()

            def log_message(self, format: str, *args: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/at/secret"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(target=service.server.serve_forever, args=(0.02,))
    thread.start()
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def provider(service: Service, clock: VirtualClock) -> Iterator[StandIn]:
    with StandIn(webhook=service.url, clock=clock) as stand_in:
        yield stand_in


def hand_over(provider: StandIn, *phones: str, body: str = "URGENT K7") -> list[Fate]:
    channel = AfricasTalkingChannel(username=provider.username, api_key=provider.api_key, base_url=provider.url)
    try:
        return [each.fate for each in channel.send([Outgoing(UUID(int=at), p, body) for at, p in enumerate(phones)])]
    finally:
        channel.close()


def test_a_subscriber_s_sms_is_posted_as_documented(provider: StandIn, service: Service) -> None:
    identity = provider.text(CHW, "MAL 4177 CONVULSION")

    assert provider.deliver_due() == 1
    [(path, body)] = service.posted
    incoming = read_sms(form_of(body), body.encode())
    assert path == "/at/secret/sms"
    assert (incoming.provider_id, incoming.sender, incoming.text) == (identity, CHW, "MAL 4177 CONVULSION")
    assert incoming.sent_at == START
    assert list(form_of(body)) == ["date", "from", "id", "linkId", "text", "to", "cost", "networkCode"]


def test_a_plus_may_be_lost_and_fields_may_differ(provider: StandIn, service: Service) -> None:
    provider.text(CHW, "URG", lost_plus=True, date="2026-11-23 08:00:00", surprise="1", linkId="x")
    provider.deliver_due()

    body = service.posted[0][1]
    assert "from=+22376000001" in body
    assert form_of(body)["surprise"] == "1"
    assert read_sms(form_of(body), b"").sender == CHW


def test_it_is_posted_again_every_minute_until_200(provider: StandIn, service: Service, clock: VirtualClock) -> None:
    service.answers = [503, 500, 200]
    provider.text(CHW, "URG")

    posts = []
    for _ in range(5):
        posts.append(provider.deliver_due())
        posts.append(provider.deliver_due())
        clock.advance(timedelta(minutes=1))

    assert posts == [1, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    assert len({body for _, body in service.posted}) == 1, "the same form each time"
    assert [each.status for each in provider.deliveries] == [503, 500, 200]


def test_it_gives_up_after_twelve_hours(clock: VirtualClock) -> None:
    with StandIn(webhook="http://127.0.0.1:9/at/secret", clock=clock) as provider:  # nobody there
        provider.text(CHW, "URG")
        for _ in range(12 * 60 + 5):
            provider.deliver_due()
            clock.advance(timedelta(minutes=1))

        assert len(provider.deliveries) == 12 * 60 + 1
        assert provider.callbacks_waiting == 0


def test_receipts_follow_the_plan_in_any_order(provider: StandIn, service: Service, clock: VirtualClock) -> None:
    minute = timedelta(minutes=1)
    provider.plan_receipts(
        NURSE, ReceiptStep("Success", after=minute), ReceiptStep("Submitted", after=2 * minute, times=2)
    )
    provider.plan_receipts(CHW, ReceiptStep("Failed", reason="UserDoesNotExist"))

    hand_over(provider, NURSE, CHW)
    seen = []
    for _ in range(3):
        provider.deliver_due()
        clock.advance(minute)
        seen.append([read_receipt(form_of(body), b"").status for _, body in service.posted])

    assert seen[0] == [DeliveryStatus.FAILED]
    assert seen[2] == [DeliveryStatus.FAILED, DeliveryStatus.DELIVERED, *[DeliveryStatus.SUBMITTED] * 2]
    assert form_of(service.posted[0][1])["failureReason"] == "UserDoesNotExist"


def test_receipts_carry_the_id_of_the_answer(provider: StandIn, service: Service) -> None:
    hand_over(provider, NURSE)
    provider.deliver_due()

    receipt = read_receipt(form_of(service.posted[0][1]), b"")
    assert (receipt.provider_id, receipt.phone) == (provider.sms[0][2], NURSE)


def test_a_receipt_is_not_repeated(provider: StandIn, service: Service, clock: VirtualClock) -> None:
    service.answers = [503]
    hand_over(provider, NURSE)
    provider.deliver_due()
    clock.advance(timedelta(hours=1))

    assert provider.deliver_due() == 0


def test_what_was_taken_before_the_line_broke_is_delivered_and_reported(provider: StandIn, service: Service) -> None:
    provider.answer_next(traps.RESET.but(taken=True))

    assert hand_over(provider, NURSE) == [Fate.UNKNOWN]
    assert provider.sms_to(NURSE) == ["URGENT K7"]
    assert provider.deliver_due() == 1


def test_what_was_refused_is_on_no_phone(provider: StandIn) -> None:
    provider.answer_number(NURSE, 406)
    provider.answer_next(traps.GOOD, traps.INVALID_SENDER, traps.SERVER_ERROR)
    for _ in range(3):
        hand_over(provider, NURSE, CHW)

    assert [phone for phone, _, _ in provider.sms] == [CHW]
    assert len(provider.received) == 3


def test_a_rule_picks_out_one_class_of_messages(provider: StandIn) -> None:
    provider.answer_when(lambda sending: not sending.message.startswith("URGENT"), traps.throttled("3"))

    assert hand_over(provider, NURSE, body="Rappel") == [Fate.THROTTLED]
    assert hand_over(provider, NURSE) == [Fate.ACCEPTED]
    provider.behave()
    assert hand_over(provider, NURSE, body="Rappel") == [Fate.ACCEPTED]


def test_a_turn_is_posted_at_once_and_its_screen_comes_back(provider: StandIn, service: Service) -> None:
    assert provider.dial("ATUid_1", CHW, "1*2") == "CON Menu"
    assert form_of(service.posted[0][1])["text"] == "1*2"


def test_an_opt_out_is_posted_once(provider: StandIn, service: Service) -> None:
    provider.opt_out(NURSE)
    provider.deliver_due()

    assert service.posted == [("/at/secret/opt-out", "senderId=COMPANY&phoneNumber=%2B22376000101")]


def test_behind_the_demo_it_posts_by_itself(service: Service) -> None:
    with StandIn(webhook=service.url, clock=SystemClock(), deliver=True) as provider:
        provider.text(CHW, "URG")

        assert service.heard.wait(5)
    assert service.posted[0][0] == "/at/secret/sms"


def test_it_hears_messages_in_the_order_they_came(provider: StandIn) -> None:
    for number in range(5):
        hand_over(provider, NURSE, body=str(number))

    assert [sending.message for sending in provider.received] == list("01234")
    assert [sending.at for sending in provider.received] == [START] * 5
