"""A small site whose service can be stopped, killed between two writes and started again, with phones that go off and
receipts that come late: what a random walk through the life of referrals needs.

Two CHWs of two catchments (one may report for the other), two nurses, a nurse of another clinic, a supervisor, a lead,
three children.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, select

from smsgateway.app import Gateway, build_gateway
from smsgateway.care.history import RUNG
from smsgateway.channels.messages import Incoming, OptOut
from smsgateway.channels.simulator import SimulatedChannel, SimulatedNetwork
from smsgateway.clock import VirtualClock
from smsgateway.due import run_due
from smsgateway.intake.opt_out import take_opt_out
from smsgateway.intake.receipt import take_receipt
from smsgateway.outbox.claim import claim
from smsgateway.outbox.deliver import Lane
from smsgateway.outbox.probing import probe_paused
from smsgateway.outbox.queue import Rank, expire
from smsgateway.outbox.record import sweep_leases
from smsgateway.reading.programme import Programme
from smsgateway.settings import Settings
from smsgateway.store.database import Store
from smsgateway.store.tables import due, faults, inbound, message_log, metadata, outbox, referral_events, referrals
from smsgateway.transfer import import_people

CHW: Final = "+22376000001"
COVER: Final = "+22376000006"
NURSE: Final = "+22376000101"
SECOND: Final = "+22376000102"
ELSEWHERE: Final = "+22376000103"
SUPERVISOR: Final = "+22376000201"
LEAD: Final = "+22376000301"
PEOPLE: Final = (CHW, COVER, NURSE, SECOND, ELSEWHERE, SUPERVISOR, LEAD)
CHILDREN: Final = ("07-4177", "07-138", "06-111")  # as anybody may write them
START: Final = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

_FILES: Final = {
    "facilities.csv": "code,name,kind,parent,timezone,arm\n"
    "ML,Pays,country,,Africa/Bamako,\nS,Site,site,ML,,\nC1,Centre,clinic,S,,\nC2,Autre,clinic,S,,\n",
    "staff.csv": "code,role,name,phones,language,facility,supervisor,catchments,on_duty\n"
    f"L,lead,Lead,{LEAD},fr,S,,,\nSUP,supervisor,Sup,{SUPERVISOR},fr,S,L,,\n"
    f"N1,nurse,Une,{NURSE},fr,C1,,,\nN2,nurse,Deux,{SECOND},en,C1,,,07:30-19:00\n"
    f"N3,nurse,Trois,{ELSEWHERE},fr,C2,,,\n"
    f"A7,chw,Sept,{CHW},fr,C1,SUP,07,\nA6,chw,Six,{COVER},fr,C1,SUP,06,\n",
    "households.csv": "catchment,serial,people,village\n07,12,4,Sogola\n06,10,3,Tiela\n",
    "patients.csv": "catchment,serial,household,sex,birth_date,lmp\n"
    "07,417,12,F,2025-09-10,\n07,13,12,M,2024-01-05,\n06,11,10,F,2024-05-01,\n",
}


class Site:
    """The service and everybody around it."""

    def __init__(self, store: Store, programme: Programme, folder: Path) -> None:
        self.store, self._programme = store, programme
        self.clock = VirtualClock(START)
        self.network = SimulatedNetwork(self.clock)
        self._ids = itertools.count(1)
        for name, content in _FILES.items():
            (folder / name).write_text(content, encoding="utf-8")
        import_people(store, folder, START.date())
        self.restart()

    # ------------------------------------------------------------ the service

    def restart(self) -> None:
        """A new process on the same database."""
        self.gateway: Gateway = build_gateway(Settings(channel="simulator"), self.clock, self.store, self._programme)
        self._lane = Lane(self.store, [SimulatedChannel(self.network)], list(Rank), self.clock, self.gateway.care)

    def settle(self) -> None:
        """Everything that can be done now is done."""
        for _ in range(1_000):
            acted = run_due(self.store, self.clock, self.gateway.due_handlers())
            acted += self.gateway.sms.retry_failed()
            acted += sweep_leases(self.store, self.clock, self.gateway.care)
            probe_paused(self.store, [SimulatedChannel(self.network)], self.clock)
            acted += self._lane.deliver_once()
            acted += self.store.write(lambda tx: expire(tx, self.clock.now()))
            if not acted:
                return
        raise AssertionError("the service found something to do without end")

    def advance(self, by: timedelta) -> None:
        """Time passes, and the service is up."""
        to = self.clock.now() + by
        self.settle()
        while self.clock.now() < to:
            self.clock.set(min(self._next_moment(), to))
            self.settle()

    def outage(self, by: timedelta) -> None:
        """Time passes, and the service is away."""
        self.clock.set(self.clock.now() + by)

    def die_while_sending(self) -> None:
        """A process claims what is next and is never heard of again; the message may have gone or not."""
        self.store.write(lambda tx: claim(tx, list(Rank), 1, self.clock.now(), timedelta(seconds=40)))

    def _next_moment(self) -> datetime:
        now = self.clock.now()
        moments = [row["at"] for row in self.rows(due)]
        for row in self.rows(outbox):
            moments.append(row["lease_until"] or max(row["not_before"], now + timedelta(minutes=15)))
        return min([moment for moment in moments if moment > now], default=now + timedelta(days=1))

    # ------------------------------------------------------------ people

    def text(self, sender: str, words: str, id: str | None = None) -> str:
        """An SMS comes in; gives its id, under which the network may repeat it."""
        identity = id or f"walk-{next(self._ids)}"
        self.gateway.sms.take(Incoming("simulator", identity, sender, "36000", words, None, b""))
        return identity

    def receipt(self, number: int, status: str) -> None:
        """The network reports on the n-th SMS that lay on a phone."""
        text = self.network.texts[number % len(self.network.texts)]
        receipt = self.network.receipt(text.phone, status, text=text)
        take_receipt(self.store, receipt, self.clock, self.gateway.care)

    def opt_out(self, phone: str) -> None:
        take_opt_out(self.store, OptOut("simulator", phone), self.clock)

    # ------------------------------------------------------------ what is written down

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]

    def referrals(self) -> list[dict[str, Any]]:
        return self.rows(referrals)

    def rungs_of(self, referral_id: UUID) -> list[dict[str, Any]]:
        return [row for row in self.rows(due) if row["kind"] == RUNG and row["subject_id"] == referral_id]

    def messages(self) -> Iterator[dict[str, Any]]:
        """Everything queued or sent about any referral."""
        for table in (outbox, message_log):
            yield from (row for row in self.rows(table) if row["referral_id"] is not None)

    def history(self) -> list[dict[str, Any]]:
        """What happened to all referrals, in order."""
        return sorted(self.rows(referral_events), key=lambda row: (row["at"], row["id"]))

    def open_faults(self) -> set[tuple[str, str]]:
        return {(row["kind"], row["subject"]) for row in self.rows(faults) if row["cleared_at"] is None}

    def failed_messages(self) -> list[dict[str, Any]]:
        """What came in and could not be handled."""
        return [row for row in self.rows(inbound) if row["state"] != "handled"]


def empty(store: Store) -> None:
    """No walk finds anything of the one before."""
    store.write(lambda tx: [tx.execute(table.delete()) for table in reversed(metadata.sorted_tables)])
