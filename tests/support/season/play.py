"""How does a season pass? People act and answer at moments of their own; between them the service does what is due.

While the service is down nothing reaches it. The network repeats a message for twelve hours and then loses it, as
Africa's Talking does; a phone that is off gets its messages when it is on again.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from smsgateway.channels.messages import Incoming
from smsgateway.channels.simulator import PhoneText
from smsgateway.intake.receipt import take_receipt
from smsgateway.reading.programme import Programme
from smsgateway.settings import Settings
from smsgateway.simulation import Simulation
from tests.support.season.site import Site, write_files

REPEATED_FOR = timedelta(hours=12)


@dataclass
class Outage:
    """The service is away from one moment to another."""

    start: datetime
    end: datetime


@dataclass
class Season:
    """A running season. `read` is called for each SMS when its reader sees it."""

    simulation: Simulation
    outage: Outage
    read: Callable[[PhoneText], None] = lambda _: None
    is_off: Callable[[str, datetime], datetime | None] = lambda _phone, _at: None
    _agenda: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _unheard: list[Incoming] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    sent_in: int = 0

    @property
    def now(self) -> datetime:
        return self.simulation.clock.now()

    def at(self, moment: datetime, act: Callable[[], None]) -> None:
        """Have somebody do something then."""
        heapq.heappush(self._agenda, (max(moment, self.now), next(self._order), act))

    def text_in(self, phone: str, text: str) -> None:
        """Somebody sends an SMS."""
        self.sent_in += 1
        incoming = self.simulation.network.text_in(phone, text)
        if self.outage.start <= self.now < self.outage.end:
            self._unheard.append(incoming)
            return
        self.simulation.gateway.sms.take(incoming)
        self.simulation.settle()

    def heard(self, text: PhoneText) -> None:
        """An SMS is handed over: it is on the phone at once, or when that is on again; the network reports which."""
        on_again = self.is_off(text.phone, text.at)
        seen = on_again or text.at + timedelta(seconds=20)
        self.at(seen, lambda: self.read(text))
        if text.urgent:
            status = "Success" if on_again is None else "AbsentSubscriber"
            self.at(text.at + timedelta(seconds=10 if on_again is None else 60), lambda: self._receipt(text, status))

    def _receipt(self, text: PhoneText, status: str) -> None:
        if self.outage.start <= self.now < self.outage.end:
            return  # the network reports once
        gateway = self.simulation.gateway
        receipt = self.simulation.network.receipt(text.phone, status, text=text)
        take_receipt(gateway.store, receipt, self.simulation.clock, gateway.care)
        self.simulation.settle()

    def play(self, until: datetime) -> None:
        """Let everything happen up to that moment."""
        self.at(self.outage.end, self._back)
        while self._agenda and self._agenda[0][0] <= until:
            moment, _, act = heapq.heappop(self._agenda)
            self._pass(moment)
            act()
        self._pass(until)

    def _pass(self, moment: datetime) -> None:
        """Time passes; the service sees it only while it is there."""
        if self.now < self.outage.start:
            self.simulation.advance(min(moment, self.outage.start))
        if self.now < min(moment, self.outage.end):
            self.simulation.clock.set(min(moment, self.outage.end))
        if self.now < moment:
            self.simulation.advance(moment)

    def _back(self) -> None:
        """The service is there again: the network delivers what it still has."""
        for incoming in self._unheard:
            sent = incoming.sent_at
            if sent is not None and self.now - sent <= REPEATED_FOR:
                self.simulation.gateway.sms.take(replace(incoming))
            else:
                self.lost.append(incoming.text)
        self._unheard.clear()
        self.simulation.settle()


def open_season(
    site: Site, folder: Path, start: datetime, outage: Outage, programme: Programme | None = None
) -> Season:
    """Import the site and begin."""
    write_files(site, folder)
    seasons: list[Season] = []
    settings = Settings(channel="simulator", timezone=site.zone)
    simulation = Simulation(settings, start, folder, lambda text: seasons[0].heard(text), programme=programme)
    seasons.append(Season(simulation, outage))
    simulation.settle()
    return seasons[0]
