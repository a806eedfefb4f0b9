"""From the provider's callback to the nurse's phone and back, every step over a socket: the stand-in provider posts to
the Flask application, and takes what the official SDK hands over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from werkzeug.serving import make_server

from smsgateway.app import create_app
from smsgateway.channels.africastalking import AfricasTalkingChannel
from smsgateway.channels.standin import ReceiptStep, StandIn, traps
from smsgateway.outbox.deliver import Lane
from smsgateway.outbox.probing import probe_paused
from smsgateway.outbox.queue import Rank
from smsgateway.reading.programme import Programme
from smsgateway.store.database import Store
from smsgateway.store.tables import message_log
from tests.support.field import BOY, CHW, GIRL, LEAD, NURSE, SECOND_NURSE, STRANGER, SUPERVISOR, Field
from tests.web.conftest import Quiet

SECRET = "end-to-end"


@dataclass
class Country:
    """The provider, the service behind its webhooks, and one sending lane."""

    field: Field
    provider: StandIn
    channel: AfricasTalkingChannel
    lane: Lane

    def text(self, phone: str, text: str) -> str:
        """A subscriber texts; everything follows until nothing is left to be posted or sent. Gives the message's id."""
        identity = self.provider.text(phone, text)
        self.go_on()
        return identity

    def go_on(self) -> None:
        while self.provider.deliver_due() + self.lane.deliver_once():
            pass

    def phone(self, phone: str) -> list[str]:
        return self.provider.sms_to(phone)

    def order(self) -> list[str]:
        return [phone for phone, _, _ in self.provider.sms]

    def statuses(self) -> list[str]:
        """What callbacks were answered."""
        return [f"{each.callback.path} {each.status}" for each in self.provider.deliveries]


@pytest.fixture
def country(store: Store, programme: Programme) -> Iterator[Country]:
    field = Field(store, programme, webhook_secret=SECRET)
    server = make_server("127.0.0.1", 0, create_app(field.gateway), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    webhook = f"http://127.0.0.1:{server.server_port}/at/{SECRET}"
    with StandIn(webhook=webhook, clock=field.clock) as provider:
        channel = AfricasTalkingChannel(
            username=provider.username, api_key=provider.api_key, base_url=provider.url, clock=field.clock
        )
        yield Country(field, provider, channel, Lane(store, [channel], list(Rank), field.clock, field.gateway.care))
        channel.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_danger_sign_reaches_the_nurse_first_and_her_receipt_comes_back(country: Country) -> None:
    country.text(CHW, f"MAL {GIRL} CONVULSION")
    code = country.field.referral()["code"]
    assert country.order() == [NURSE, CHW]
    assert country.phone(NURSE) == [
        f"URGENT {code}: fille 14 mois, 07-4177, Sogola. CONVULSION. ASC 76000001. Repondez RECU {code}"
    ]
    country.text(NURSE, f"{code} recu")
    assert country.field.referral()["state"] == "received"
    assert "le centre a recu l'alerte" in country.phone(CHW)[-1]
    country.text(NURSE, "2")
    assert country.field.referral()["state"] == "arrived"
    assert set(country.statuses()) == {"sms 200", "delivery 200"}


def test_delivery_reports_settle_every_message(country: Country) -> None:
    country.text(CHW, f"MAL {GIRL} CONVULSION")
    log = country.field.rows(message_log)
    assert [(row["status"], row["cost"]) for row in log] == [("delivered", "XOF 12.0000")] * 2
    assert country.field.referral()["delivered_at"] is not None


def test_the_provider_repeats_a_callback_that_was_answered_503_until_it_is_taken(country: Country) -> None:
    country.provider.text(CHW, f"MAL {GIRL} CONVULSION", padding="x" * 100_000)
    with country.field.database_away():
        country.provider.deliver_due()
    assert country.statuses() == ["sms 503"]
    assert country.field.messages() == []
    country.field.clock.advance(timedelta(minutes=1))
    country.go_on()
    assert country.order() == [NURSE, CHW]
    assert len(country.field.messages()) == 1


@pytest.mark.parametrize("lost_plus", [False, True])
def test_the_callbacks_lost_plus_costs_nothing(country: Country, lost_plus: bool) -> None:
    country.provider.text(CHW, f"MAL {GIRL} CONVULSION", lost_plus=lost_plus, date="2026-11-23 08:00:00", linkId="")
    country.go_on()
    assert country.order() == [NURSE, CHW]


def test_a_dead_phone_sends_the_alert_on_to_another_human(country: Country) -> None:
    country.provider.plan_receipts(NURSE, ReceiptStep("AbsentSubscriber"))
    country.text(CHW, f"MAL {GIRL} CONVULSION")
    assert country.order()[0] == NURSE
    assert {SECOND_NURSE, SUPERVISOR, LEAD} & set(country.order())


def test_a_blacklisted_number_sends_the_alert_on_at_once(country: Country) -> None:
    country.provider.answer_number(NURSE, 406)
    country.text(CHW, f"MAL {GIRL} CONVULSION")
    assert country.phone(NURSE) == []
    (told,) = {SECOND_NURSE, SUPERVISOR, LEAD} & set(country.order())
    assert country.phone(told)[0].startswith("URGENT ")


def test_a_wrong_key_burns_no_message_and_the_alert_leaves_when_it_is_mended(country: Country) -> None:
    country.provider.answer_next(*[traps.WRONG_KEY] * 3)
    country.text(CHW, f"MAL {GIRL} CONVULSION")
    assert country.order() == []
    assert len(country.field.queued()) == 2
    country.provider.behave()
    for _ in range(12):
        country.field.clock.advance(timedelta(seconds=10))
        probe_paused(country.field.store, [country.channel], country.field.clock)
        country.go_on()
    assert NURSE in country.order()


def test_a_callback_of_an_opt_out_is_honoured(country: Country) -> None:
    country.provider.opt_out(NURSE)
    country.go_on()
    country.text(CHW, f"MAL {GIRL} CONVULSION")
    assert NURSE not in country.order()
    assert country.phone(CHW)


def test_a_stranger_and_a_name(country: Country) -> None:
    country.text(STRANGER, "Bonjour")
    country.text("MTN", "Vous avez recu 500 FCFA")
    assert country.order() == [STRANGER]
    assert len(country.field.messages()) == 2


def test_a_ussd_session_gets_a_screen(country: Country) -> None:
    screen = country.provider.dial("ATUid_1", CHW, "")
    assert screen.startswith(("CON ", "END "))


def test_an_ordinary_report_costs_one_answer_and_alerts_nobody(country: Country) -> None:
    country.text(CHW, f"MAL {BOY} FIEVRE 2 TDR+ CTA PB 130")
    assert country.order() == [CHW]
    assert country.phone(CHW)[0].startswith("Bien note garcon 8 mois 20-5")
