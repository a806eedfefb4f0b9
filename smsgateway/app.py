"""How does it all hang together? Here, and only here, the parts are given to each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask

from smsgateway.care.after import Care
from smsgateway.care.briefing import briefings
from smsgateway.care.digests import digest_handlers
from smsgateway.care.enrolment import enrol
from smsgateway.care.ladder import rungs
from smsgateway.care.people import Directory
from smsgateway.care.referral_codes import release_codes
from smsgateway.care.rungs import ladders_of
from smsgateway.care.schedules import schedules_of
from smsgateway.care.stock import lasting
from smsgateway.care.unclear import KIND as UNCLEAR
from smsgateway.care.unclear import tell_a_human
from smsgateway.care.visits import visits
from smsgateway.channels.africastalking import AfricasTalkingChannel
from smsgateway.channels.messages import Channel, Incoming, OptOut, Receipt, Said, Turn
from smsgateway.channels.simulator import SimulatedChannel, SimulatedNetwork
from smsgateway.clock import Clock, SystemClock
from smsgateway.due import DueItem, Handlers
from smsgateway.intake.opt_out import opt_out_task
from smsgateway.intake.receipt import receipt_task
from smsgateway.intake.sms import SmsIntake
from smsgateway.intake.ussd import UssdIntake
from smsgateway.reading.menus import load_menus
from smsgateway.reading.programme import Programme, load_programme
from smsgateway.settings import Settings
from smsgateway.store.database import Store, open_store
from smsgateway.store.write import Task, Tx
from smsgateway.web.application import create_web


@dataclass(frozen=True)
class Gateway:
    """The service without its threads: what takes messages in, and what sending gives back."""

    settings: Settings
    clock: Clock
    store: Store
    programme: Programme
    directory: Directory
    sms: SmsIntake
    ussd: UssdIntake
    care: Care
    started_at: datetime

    def task(self, said: Said) -> Task[Any]:
        """What is written of whatever a provider tells us."""
        match said:
            case Incoming():
                return self.sms.task(said)
            case Turn():
                return self.ussd.task(said)
            case Receipt():
                return receipt_task(said, self.clock, self.care)
            case OptOut():
                return opt_out_task(said, self.clock)

    def take(self, said: Said) -> str | None:
        """Store it and do what follows from it; for a turn, the screen to show. Raises StoreUnavailable."""
        screen: str | None = self.store.do(self.task(said))
        return screen

    def due_handlers(self) -> Handlers:
        """What is done when something falls due, by its kind."""

        def unclear(tx: Tx, item: DueItem, now: datetime) -> None:
            tell_a_human(tx, item, self.programme, now)

        return {
            UNCLEAR: unclear,
            **lasting(self.programme),
            **briefings(self.programme),
            **rungs(self.programme, self.started_at),
            **digest_handlers(self.programme, visits(self.programme)),
        }

    def enrol(self) -> int:
        """See to those who are new in the register; costs nothing when nobody is."""
        return enrol(self.store, self.clock, schedules_of(self.programme))

    def release_codes(self) -> int:
        """Let go of referral codes that have rested long enough after their referral was closed."""
        return release_codes(self.store, self.clock.now(), ladders_of(self.programme).codes_rest)


def build_gateway(
    settings: Settings, clock: Clock | None = None, store: Store | None = None, programme: Programme | None = None
) -> Gateway:
    """Wire the service from its settings. The database must have been upgraded. A programme that is loaded already
    (it never changes, and loading takes a moment) may be given."""
    clock = clock or SystemClock()
    store = store or open_store(settings.database_url)
    programme = programme or load_programme(settings.flows)
    ladders_of(programme)  # a ladder that leads nowhere stops the service here
    schedules_of(programme)  # and a reminder that nothing fulfils
    menus = load_menus(programme)
    directory = Directory()
    return Gateway(
        settings=settings,
        clock=clock,
        store=store,
        programme=programme,
        directory=directory,
        sms=SmsIntake(store, programme, directory, clock, settings.default_language),
        ussd=UssdIntake(store, menus, directory, clock, settings.default_language),
        care=Care(programme),
        started_at=clock.now(),
    )


def create_app(gateway: Gateway) -> Flask:
    """The web application around a gateway, all in this process."""
    secret = gateway.settings.webhook_secret.get_secret_value()
    return create_web(secret, gateway.take, gateway.store, gateway.clock)


class UnknownChannel(ValueError):
    """No channel of that name."""


def open_channel(name: str, settings: Settings, network: SimulatedNetwork | None = None) -> Channel:
    """The channel called `name`, made from the settings."""
    if name == "africastalking":
        return AfricasTalkingChannel(
            username=settings.at_username,
            api_key=settings.at_api_key.get_secret_value(),
            sender_id=settings.at_sender_id,
            base_url=settings.at_base_url,
        )
    if name == "simulator":
        return SimulatedChannel(network or SimulatedNetwork())
    raise UnknownChannel(f"SMSGATEWAY_CHANNEL={name!r}: use africastalking or simulator")


def open_channels(settings: Settings, network: SimulatedNetwork | None = None) -> list[Channel]:
    """The channel, then the fallback channel if there is one."""
    names = [settings.channel_in_use, *([settings.fallback_channel] if settings.fallback_channel else [])]
    return [open_channel(name, settings, network) for name in names]
