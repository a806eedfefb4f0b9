"""How fast does a morning's work become digests, and does an urgent referral wait meanwhile?

Fills an empty database with a national programme (40,000 CHWs, a million reminders on their lists, each with its
morning at half past six), then prints

- what an idle poll over all of it costs,
- how many reminders a second are turned into digests, nothing else running,
- the same in a worker that also sends, with urgent reports coming in all the while: how long each takes until a
  stand-in provider in another process has it.

    python -m benchmarks.reminders [--items 1000000] [--chws 40000] [--postgresql] [--url URL]

Without an address SQLite gets a new file in the temporary folder; `--postgresql` starts a durable server of its own.
Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from pydantic import SecretStr
from sqlalchemy import Table, delete, func, select, text, update

from smsgateway.app import Gateway, build_gateway, open_channel
from smsgateway.care.recall import MORNING
from smsgateway.channels.messages import Incoming
from smsgateway.channels.standin import StandIn
from smsgateway.due import LATER_RANK, run_due
from smsgateway.settings import Settings
from smsgateway.store import tables
from smsgateway.store.database import Store, open_store
from smsgateway.store.inserts import insert_many
from smsgateway.store.schema import upgrade
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for
from smsgateway.worker import Worker
from tests.support.postgres import running_postgres

TODAY = date(2026, 11, 24)
MORNING_AT = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
SITES, CHWS_A_CLINIC, CHWS_A_SUPERVISOR, HOUSEHOLDS = 9, 100, 18, 10
AT_ONCE = 5_000
PER_SECOND = {"sqlite": 20_000, "postgresql": 8_000}
IDLE_MS, URGENT_MS = 2.0, 1_000.0
API_KEY = "atsk_stand_in"


class ShiftedClock:
    """The time of day that the benchmark is about, running at the pace of the real one."""

    def __init__(self, start: datetime) -> None:
        self._start, self._began = start, time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)


# ---------------------------------------------------------------- a national programme


@dataclass(frozen=True, slots=True)
class Sender:
    """A CHW who sends urgent reports, and the code of a child."""

    phone: str
    catchment: str
    code: str

    @property
    def full_code(self) -> str:
        return f"{self.catchment}-{self.code}"


def fill(store: Store, chws: int, items: int) -> list[Sender]:
    """Write the register and the reminders; gives some CHWs to report."""
    rows: dict[Table, list[dict[str, Any]]] = {}

    def flush() -> None:
        full = dict(rows)
        rows.clear()
        for table in sorted(full, key=tables.WRITE_ORDER.__getitem__):
            store.write(partial(_insert, table=table, rows=full[table]))

    country = new_id()
    add_place = tables.facilities
    rows[add_place] = [_place(country, country, "ML", "country", None, "Africa/Bamako")]
    senders: list[Sender] = []
    site = clinic = supervisor = country
    for number in range(chws):
        if number % -(-chws // SITES) == 0:
            site = new_id()
            rows.setdefault(add_place, []).append(_place(site, site, f"S{number}", "site", country, "Africa/Bamako"))
        if number % CHWS_A_CLINIC == 0:
            clinic = new_id()
            place = _place(clinic, site, f"C{number}", "clinic", site, "Africa/Bamako")
            rows.setdefault(add_place, []).append(place)
            _person(rows, site, clinic, None, "nurse", f"INF{number}", f"+2236{number:07d}")
        if number % CHWS_A_SUPERVISOR == 0:
            supervisor = _person(rows, site, clinic, None, "supervisor", f"SUP{number}", f"+2235{number:07d}")
        phone = f"+2237{number:07d}"
        chw = _person(rows, site, clinic, supervisor, "chw", f"ASC{number:05d}", phone)
        area = new_id()
        name = f"{number + 1:05d}"
        rows.setdefault(tables.catchments, []).append(
            {"id": area, "site_id": site, "number": name, "facility_id": clinic, "next_serial": 100}
        )
        rows.setdefault(tables.assignments, []).append(
            {
                "id": new_id(),
                "site_id": site,
                "catchment_id": area,
                "staff_id": chw,
                "starts_on": date(2026, 1, 1),
                "ends_on": None,
            }
        )
        homes = [_household(rows, site, area, 10 + each) for each in range(HOUSEHOLDS)]
        if number % max(1, chws // 400) == 0:
            senders.append(Sender(phone, name, _child(rows, site, area, homes[0], name)))
        _reminders(rows, site, area, chw, name, items // chws + (number < items % chws))
        if len(rows[tables.due]) >= AT_ONCE:
            flush()
    flush()
    store.write(lambda tx: tx.run(text("ANALYZE")))
    return senders


def _insert(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_many(tx.connection, table, rows)


def _place(id: UUID, site: UUID, code: str, kind: str, parent: UUID | None, zone: str) -> dict[str, Any]:
    return {
        "id": id,
        "site_id": site,
        "code": code,
        "name": code,
        "kind": kind,
        "parent_id": parent,
        "timezone": zone,
        "arm": None,
    }


def _person(
    rows: dict[Table, list[dict[str, Any]]],
    site: UUID,
    clinic: UUID,
    supervisor: UUID | None,
    role: str,
    code: str,
    phone: str,
) -> UUID:
    id = new_id()
    rows.setdefault(tables.staff, []).append(
        {
            "id": id,
            "site_id": site,
            "code": code,
            "role": role,
            "name": code,
            "language": "fr",
            "facility_id": clinic,
            "supervisor_id": supervisor,
            "on_duty": "",
        }
    )
    rows.setdefault(tables.phones, []).append({"phone": phone, "staff_id": id, "site_id": site, "position": 0})
    return id


def _household(rows: dict[Table, list[dict[str, Any]]], site: UUID, area: UUID, serial: int) -> UUID:
    id = new_id()
    rows.setdefault(tables.households, []).append(
        {
            "id": id,
            "site_id": site,
            "catchment_id": area,
            "serial": serial,
            "people": 6,
            "village": "Sogola",
            "consent": True,
            "registered_at": MORNING_AT - timedelta(days=90),
        }
    )
    return id


def _child(rows: dict[Table, list[dict[str, Any]]], site: UUID, area: UUID, home: UUID, number: str) -> str:
    id, serial = new_id(), 50
    born = TODAY - timedelta(days=900)
    rows.setdefault(tables.patients, []).append(
        {
            "id": id,
            "site_id": site,
            "catchment_id": area,
            "serial": serial,
            "household_id": home,
            "sex": "F",
            "born_from": born,
            "born_to": born,
            "lmp": None,
            "registered_at": MORNING_AT - timedelta(days=90),
        }
    )
    rows.setdefault(tables.codes, []).append(
        {"catchment_id": area, "serial": serial, "site_id": site, "kind": "patient", "subject_id": id}
    )
    return code_for(number, serial)


def _reminders(
    rows: dict[Table, list[dict[str, Any]]], site: UUID, area: UUID, chw: UUID, number: str, count: int
) -> None:
    """The CHW's morning, and what stands on the list: follow-ups of children treated in the last three days."""
    due = rows.setdefault(tables.due, [])
    due.append(_item(site, MORNING, chw, "day", MORNING_AT, None, None, {}))
    for each in range(count):
        starts = MORNING_AT - timedelta(hours=each % 30)
        report = new_id()
        detail = {"code": code_for(number, 60 + each), "report": str(report), "staff_id": str(chw)}
        step = f"treated:{report.hex}:{('24h', '48h', '72h')[each % 3]}"
        due.append(_item(site, "follow_up", new_id(), step, starts + timedelta(days=2), area, starts, detail))


def _item(
    site: UUID,
    kind: str,
    subject: UUID,
    step: str,
    at: datetime,
    owner: UUID | None,
    starts: datetime | None,
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "site_id": site,
        "kind": kind,
        "subject_id": subject,
        "step": step,
        "at": at,
        "detail": detail,
        "failures": 0,
        "rank": LATER_RANK,
        "owner_id": owner,
        "starts_at": starts,
        "late_at": starts + timedelta(hours=12) if starts else None,
        "told_at": None,
    }


# ---------------------------------------------------------------- what is measured


def idle_poll(gateway: Gateway) -> list[float]:
    """Milliseconds of polls that find nothing due among all that will be."""
    handlers = gateway.due_handlers()
    taken = []
    for _ in range(300):
        began = time.perf_counter()
        assert run_due(gateway.store, gateway.clock, handlers) == 0
        taken.append(1_000 * (time.perf_counter() - began))
    return sorted(taken)


def alone(gateway: Gateway, items: int) -> float:
    """Reminders a second, nothing else running."""
    handlers = gateway.due_handlers()
    began = time.perf_counter()
    while run_due(gateway.store, gateway.clock, handlers):
        pass
    seconds = time.perf_counter() - began
    with gateway.store.read() as connection:
        told = connection.scalar(select(func.count()).where(tables.due.c.told_at.is_not(None)))
    assert told == items, f"{told} of {items} were told"
    return items / seconds


def again(store: Store) -> None:
    """Everything as before the morning."""
    store.write(lambda tx: tx.run(delete(tables.outbox)))
    store.write(lambda tx: tx.run(update(tables.due).values(told_at=None)))
    store.write(lambda tx: tx.run(update(tables.due).where(tables.due.c.kind == MORNING).values(at=MORNING_AT)))
    store.write(lambda tx: tx.run(text("ANALYZE")))


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Urgent reports during the morning: milliseconds from taking each in to the provider having it."""

    per_second: float
    urgent: Sequence[float]


def with_urgent_reports(gateway: Gateway, settings: Settings, senders: Sequence[Sender], items: int) -> Meanwhile:
    """The whole worker at work, an urgent report every tenth of a second."""
    sent: dict[str, float] = {}
    with provider() as (url, ask):
        channel = open_channel("africastalking", settings.model_copy(update={"at_base_url": url}))
        worker = Worker(
            gateway.store,
            [channel],
            gateway.clock,
            gateway.care,
            rate=settings.rate,
            due_handlers=gateway.due_handlers(),
        )
        began = time.perf_counter()
        worker.start()
        number = 0
        while (left := _mornings_left(gateway)) and number < len(senders):
            sender = senders[number]
            sent[sender.full_code] = time.monotonic()
            gateway.sms.take(_report(sender, number))
            number += 1
            time.sleep(max(0.0, sent[sender.full_code] + 0.1 - time.monotonic()))
        while left:
            time.sleep(0.05)
            left = _mornings_left(gateway)
        seconds = time.perf_counter() - began
        deadline = time.monotonic() + 20
        while len(arrived := ask()) < number and time.monotonic() < deadline:
            time.sleep(0.2)
        worker.stop()
    waited = sorted(1_000 * (arrived.get(code, float("inf")) - at) for code, at in sent.items())
    return Meanwhile(items / seconds, waited)


def _mornings_left(gateway: Gateway) -> bool:
    due = tables.due.c
    with gateway.store.read() as connection:
        query = select(due.id).where(due.rank == LATER_RANK, due.at <= MORNING_AT).limit(1)
        return connection.execute(query).first() is not None


def _report(sender: Sender, number: int) -> Incoming:
    identity = f"urgent-{number}"
    return Incoming("africastalking", identity, sender.phone, "36000", f"MAL {sender.code} CONVULSION", None, b"")


@contextmanager
def provider() -> Iterator[tuple[str, Any]]:
    """A stand-in provider in a process of its own; gives its address, and a function that tells when each child's alert
    came, by the code that stands in it."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_provide, args=(theirs,), daemon=True)
    process.start()
    url = ours.recv()

    def ask() -> dict[str, float]:
        ours.send("arrived")
        arrived: dict[str, float] = ours.recv()
        return arrived

    try:
        yield url, ask
    finally:
        ours.send("stop")
        process.join(10)


def _provide(pipe: Connection) -> None:
    with StandIn(api_key=API_KEY) as standin:
        pipe.send(standin.url)
        while pipe.recv() == "arrived":
            arrived: dict[str, float] = {}
            for sending in standin.received:
                if sending.message.startswith("URGENT"):
                    code = sending.message.split(",")[1].strip(" .")
                    arrived.setdefault(code, sending.monotonic)
            pipe.send(arrived)


# ---------------------------------------------------------------- the run


def run(url: str, chws: int, items: int) -> bool:
    """Measure on the database at `url`; whether every target was met."""
    settings = Settings(
        database_url=url, channel="africastalking", at_username="sandbox", at_api_key=SecretStr(API_KEY), rate=200.0
    )
    store = open_store(settings.database_url)
    upgrade(store.engine)
    began = time.perf_counter()
    senders = fill(store, chws, items)
    print(f"{store.dialect}: {items} reminders of {chws} CHWs written in {time.perf_counter() - began:.0f} s")
    before = build_gateway(settings, ShiftedClock(MORNING_AT - timedelta(minutes=5)), store)
    polls = idle_poll(before)
    print(f"  idle poll: median {statistics.median(polls):.2f} ms, p99 {polls[-3]:.2f} ms (target {IDLE_MS} ms)")
    speed = alone(build_gateway(settings, ShiftedClock(MORNING_AT), store), items)
    target = PER_SECOND[store.dialect]
    print(f"  digests, nothing else running: {speed:.0f} reminders/s (target {target})")
    again(store)
    meanwhile = with_urgent_reports(build_gateway(settings, ShiftedClock(MORNING_AT), store), settings, senders, items)
    urgent = meanwhile.urgent
    p99 = urgent[max(0, -(-99 * len(urgent) // 100) - 1)]
    print(f"  digests while sending and taking urgent reports in: {meanwhile.per_second:.0f} reminders/s")
    print(
        f"  {len(urgent)} urgent reports to the provider: median {statistics.median(urgent):.0f} ms,"
        f" p99 {p99:.0f} ms, worst {urgent[-1]:.0f} ms (target p99 {URGENT_MS:.0f} ms)"
    )
    store.close()
    return statistics.median(polls) < IDLE_MS and speed >= target and p99 < URGENT_MS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--chws", type=int, default=40_000)
    parser.add_argument("--url")
    parser.add_argument("--postgresql", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with ExitStack() as stack:
        url = given.url
        if url is None and given.postgresql:
            url = stack.enter_context(running_postgres(durable=True))
        elif url is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = f"sqlite:///{Path(folder) / 'reminders.db'}"
        sys.exit(0 if run(url, given.chws, given.items) else 1)


if __name__ == "__main__":
    main()
