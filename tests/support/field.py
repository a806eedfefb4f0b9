"""The field in a test's hands: the demo programme's people and their phones, on either database, on a virtual clock.

Nothing is replaced but the network: what a phone texts goes through intake, what is queued goes through a lane.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, create_engine, select, text, update

from smsgateway.channels.messages import Incoming, OptOut
from smsgateway.clock import VirtualClock
from smsgateway.intake.opt_out import take_opt_out
from smsgateway.reading.programme import Programme
from smsgateway.settings import Settings
from smsgateway.simulation import Simulation
from smsgateway.store.database import Store
from smsgateway.store.tables import faults, inbound, outbox, referral_events, referrals, reports, staff

# Who is who in flows/demo.
CHW = "+22376000001"  # Germaine, of catchment 07, clinic of Sogola
OTHER_CHW = "+22376000006"  # Fabrice, of catchment 06, same clinic and supervisor
TWO_CATCHMENTS = "+22376000012"  # Lucien, of 04 and 12, clinic of Merinde
ENGLISH_CHW = "+22376000005"
NURSE = "+22376000101"  # always on duty at Sogola
SECOND_NURSE = "+22376000102"  # by day
MERINDE_NURSE = "+22376000103"
SUPERVISOR = "+22376000201"
LEAD = "+22376000301"
STRANGER = "+22366000999"
STAFF = (CHW, OTHER_CHW, TWO_CATCHMENTS, ENGLISH_CHW, NURSE, SECOND_NURSE, SUPERVISOR, LEAD)

GIRL = "4177"  # 14 months, of household 123 at Sogola
BOY = "205"  # 8 months, of household 180 at Tiela
HOUSEHOLD = "123"
START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday


class Field:
    """What a test does and sees. `text` takes an SMS as a channel decoded it; `phone` is what lies on a phone."""

    def __init__(self, store: Store, programme: Programme, **settings: Any) -> None:
        chosen = Settings(channel="simulator", **settings)
        self.simulation = Simulation(chosen, START, chosen.flows / "demo", store=store, programme=programme)
        self.store, self.gateway, self.network = store, self.simulation.gateway, self.simulation.network
        self._ids = itertools.count(1)

    @property
    def clock(self) -> VirtualClock:
        return self.simulation.clock

    # ------------------------------------------------------------ what people do

    def take(self, sender: str, text: str, *, id: str | None = None, sent_at: datetime | None = None) -> None:
        """An SMS reaches us; nothing is sent yet."""
        identity = id or f"field-{next(self._ids)}"
        raw = f"id={identity}".encode()
        self.gateway.sms.take(Incoming("simulator", identity, sender, "36000", text, sent_at, raw))

    def text(self, sender: str, text: str, **how: Any) -> None:
        """An SMS reaches us, and all that follows at once happens."""
        self.take(sender, text, **how)
        self.simulation.settle()

    def opt_out(self, phone: str) -> None:
        take_opt_out(self.store, OptOut("simulator", phone), self.clock)

    def pass_time(self, **by: float) -> None:
        """Let time pass, with everything that falls due on the way."""
        self.simulation.advance(self.clock.now() + timedelta(**by))

    def settle(self) -> None:
        self.simulation.settle()

    # ------------------------------------------------------------ what is seen

    def phone(self, phone: str) -> list[str]:
        """The SMS on a phone, oldest first."""
        return [text.body for text in self.network.texts_to(phone)]

    def last(self, phone: str) -> str:
        """The newest SMS on a phone."""
        assert self.phone(phone), f"nothing was sent to {phone}"
        return self.phone(phone)[-1]

    def everything_sent(self) -> list[tuple[str, str]]:
        return [(text.phone, text.body) for text in self.network.texts]

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]

    def reports(self) -> list[dict[str, Any]]:
        return self.rows(reports)

    def referrals(self) -> list[dict[str, Any]]:
        return self.rows(referrals)

    def referral(self) -> dict[str, Any]:
        """The only referral there is."""
        (only,) = self.referrals()
        return only

    def history(self) -> list[str]:
        """What happened to referrals, in order."""
        return [row["kind"] for row in self.rows(referral_events)]

    def messages(self) -> list[dict[str, Any]]:
        """What came in."""
        return self.rows(inbound)

    def queued(self) -> list[dict[str, Any]]:
        return self.rows(outbox)

    def faults(self) -> list[str]:
        """The kinds of the open faults."""
        return [row["kind"] for row in self.rows(faults) if row["cleared_at"] is None]

    # ------------------------------------------------------------ what the programme changes, what goes wrong

    def change_staff(self, code: str, **values: Any) -> None:
        self.store.write(lambda tx: tx.execute(update(staff).where(staff.c.code == code).values(values)))
        self.gateway.directory.forget()

    def staff(self, code: str) -> Mapping[str, Any]:
        return next(row for row in self.rows(staff) if row["code"] == code)

    @contextmanager
    def refusing(self, table: str) -> Iterator[None]:
        """The database refuses every row for a table, as it would one too large or against a constraint; of `inbound`
        only messages that would count as handled."""
        for statement in _REFUSE[self.store.dialect].format(table=table, when=_WHEN.get(table, "")).split(";;"):
            self._execute(statement)
        try:
            yield
        finally:
            on_table = f" ON {table}" if self.store.dialect == "postgresql" else ""
            self._execute(f"DROP TRIGGER refuse_{table}{on_table}")

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """Nothing large can be written: SQLite's disk is full, PostgreSQL takes no connections."""
        if self.store.dialect == "sqlite":
            self._execute("PRAGMA max_page_count = 1")  # SQLite makes of it the number of pages there are
            yield
            self._execute("PRAGMA max_page_count = 1000000")
            return
        with create_engine(self.store.engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT").connect() as c:
            name = self.store.engine.url.database
            c.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            c.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"), {"n": name})
            yield
            c.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))

    def _execute(self, statement: str) -> None:
        self.store.write(lambda tx: tx.execute(text(statement)))


_WHEN = {"inbound": "WHEN (NEW.state = 'handled')"}
_REFUSE = {
    "sqlite": "CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} {when} BEGIN SELECT RAISE(ABORT, 'refused'); END",
    "postgresql": """
        CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$
        BEGIN RAISE EXCEPTION 'refused'; END $$ LANGUAGE plpgsql
        ;; CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} FOR EACH ROW {when} EXECUTE FUNCTION refuse()
    """,
}
