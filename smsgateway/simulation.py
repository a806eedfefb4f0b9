"""How can the whole service run in one thread, on a clock that only moves when told? For scenarios, the demo's first
conversation and tests: the same intake, care and outbox, an in-memory database, simulated phones, no threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, literal, select

from smsgateway.app import Gateway, build_gateway
from smsgateway.channels.simulator import PhoneText, SimulatedChannel, SimulatedNetwork
from smsgateway.clock import VirtualClock
from smsgateway.due import run_due
from smsgateway.intake.receipt import take_receipt
from smsgateway.outbox.deliver import Lane
from smsgateway.outbox.probing import probe_paused
from smsgateway.outbox.queue import Rank, expire
from smsgateway.reading.programme import Programme
from smsgateway.scenario import Sent, Unmet, World, load_scenario, play
from smsgateway.settings import Settings
from smsgateway.store.database import Store, open_store
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import FAILED, channel_states, due, inbound, message_log, outbox, referrals, reports
from smsgateway.transfer import ImportRefused, import_people

LONGEST_STEP = timedelta(hours=1)  # nothing is due for longer only when nothing is due at all
ROUNDS_AT_MOST = 10_000


_SOONEST = (
    Prepared(select(due.c.at.label("moment")).where(due.c.rank == literal(0)).order_by(due.c.at).limit(1)),
    Prepared(select(due.c.at.label("moment")).where(due.c.rank == literal(1)).order_by(due.c.at).limit(1)),
    Prepared(select(func.min(outbox.c.not_before).label("moment")).where(outbox.c.not_before > bindparam("now"))),
)
_ANY_FAILED = Prepared(select(inbound.c.id).where(FAILED).limit(1))
_ANY_WAITING = Prepared(select(outbox.c.id).where(outbox.c.not_before <= bindparam("now")).limit(1))
_PAUSED = Prepared(select(func.max(channel_states.c.paused_until).label("moment")))


class Simulation:
    """The service, its phones and its clock, driven by hand. `store`: an empty database, in memory unless given."""

    def __init__(
        self,
        settings: Settings,
        start: datetime,
        people: Path,
        listener: Callable[[PhoneText], None] | None = None,
        *,
        store: Store | None = None,
        programme: Programme | None = None,
    ) -> None:
        self.clock = VirtualClock(start)
        self.network = SimulatedNetwork(self.clock, listener)
        store = store or open_store("sqlite://")
        import_people(store, people, start.date())
        self.gateway: Gateway = build_gateway(settings, self.clock, store, programme)
        self._channel = SimulatedChannel(self.network)
        self._lane = Lane(store, [self._channel], list(Rank), self.clock, self.gateway.care)

    def settle(self) -> None:
        """Do everything that can be done now: send, act on what is due, send what came of it."""
        for _ in range(ROUNDS_AT_MOST):
            acted = self.gateway.enrol() + run_due(self.gateway.store, self.clock, self.gateway.due_handlers())
            acted += self.gateway.sms.retry_failed()
            acted += probe_paused(self.gateway.store, [self._channel], self.clock)
            acted += self._lane.deliver_once()
            acted += self.gateway.store.write(lambda tx: expire(tx, self.clock.now()))
            if not acted:
                return
        raise RuntimeError("the service found something to do without end")

    def advance(self, to: datetime) -> None:
        """Move the clock to `to`, stopping wherever something falls due."""
        self.settle()
        while self.clock.now() < to:
            self.clock.set(min(self._next_moment(), to))
            self.settle()

    def _next_moment(self) -> datetime:
        now = self.clock.now()
        with self.gateway.store.read() as connection:
            moments = [row.moment for query in _SOONEST for row in query(connection, now=now)]
            failed, waiting = (_ANY_FAILED(connection), _ANY_WAITING(connection, now=now))
            paused = next((row.moment for row in _PAUSED(connection)), None)
        later = [moment for moment in moments if moment is not None and moment > now]
        if failed or waiting:  # tried again when the channel is probed, else at moments a few seconds apart at most
            probed = paused is not None and paused > now and not failed
            later.append(paused if probed else now + timedelta(seconds=5))
        soonest_of_all: datetime = min([*later, now + LONGEST_STEP])
        return soonest_of_all

    def rows(self, table: Any, *columns: ColumnElement[Any], order: ColumnElement[Any]) -> list[Mapping[str, Any]]:
        """Rows of a table, in order, for looking at."""
        with self.gateway.store.read() as connection:
            return [dict(row._mapping) for row in connection.execute(select(*columns).order_by(order))]

    def world(self) -> World:
        """This simulation as a scenario sees it."""
        gateway = self.gateway

        def receipt(phone: str, status: str, reason: str | None) -> None:
            try:
                taken = self.network.receipt(phone, status, reason)
            except LookupError as error:
                raise Unmet(str(error)) from None
            take_receipt(gateway.store, taken, self.clock, gateway.care)

        def dial(session: str, phone: str, transcript: str) -> str:
            return gateway.ussd.take(self.network.turn(session, phone, transcript))

        return World(
            advance=self.advance,
            now=self.clock.now,
            text_in=lambda phone, text: gateway.sms.take(self.network.text_in(phone, text)),
            dial=dial,
            hang_up=lambda _session, _phone, _transcript: None,
            receipt=receipt,
            sent=self._sent,
            reports=lambda: self.rows(
                reports, reports.c.flow, reports.c.answers, reports.c.danger, reports.c.state, order=reports.c.id
            ),
            referrals=lambda: self.rows(
                referrals,
                *(referrals.c[name] for name in ("code", "state", "urgency", "tier", "certain", "danger")),
                order=referrals.c.id,
            ),
        )

    def _sent(self) -> list[Sent]:
        """What reached the phones, each with its class."""
        ranks: dict[UUID, int] = {}
        with self.gateway.store.read() as connection:
            for table in (outbox, message_log):
                ranks.update((row.id, row.rank) for row in connection.execute(select(table.c.id, table.c.rank)))
        return [
            Sent(text.at, text.phone, text.body, Rank(ranks[text.message_id]).name.lower())
            for text in self.network.texts
        ]


def run_scenario(
    path: Path, settings: Settings, emit: Callable[[dict[str, Any]], None], programme: Programme | None = None
) -> None:
    """Play one scenario file; raises Unmet at the first expectation that does not hold. The programme is loaded from
    the settings unless it is given."""
    scenario = load_scenario(path)
    people = settings.flows / "demo" if scenario.people == "demo" else path.parent / scenario.people
    try:
        simulation = Simulation(settings, scenario.start, people, programme=programme)
    except (ImportRefused, OSError) as error:
        raise Unmet(f"people: {error}") from error
    play(scenario, simulation.world(), emit)
