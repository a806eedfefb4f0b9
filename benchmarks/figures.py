"""How long does a supervisor wait for an answer after a year of work? Each question, timed for 18 CHWs and for a site.

Fills an empty database with a year of a programme like the one the service is made for (nine sites, 360 CHWs, 41,400
households, a million reports with their messages, 20,000 referrals), then asks each question as a supervisor and as a
site's lead. Prints the median and the worst of several askings against the 300 ms that each may take. The months that
are over are counted beforehand, as the service does by the hour.

    python -m benchmarks.figures [--reports 1000000] [--sites 9] [--postgresql] [--url URL]

Without an address SQLite gets a new file in the temporary folder; `--postgresql` starts a server of its own.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, insert, select, text

from smsgateway.care.figures import remember_months
from smsgateway.care.people import Member
from smsgateway.care.questions import Asked
from smsgateway.clock import VirtualClock
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme, load_programme
from smsgateway.settings import shipped
from smsgateway.store import tables
from smsgateway.store.database import Store, open_store
from smsgateway.store.schema import upgrade
from smsgateway.store.types import new_id
from tests.support.postgres import running_postgres

CHWS, CHWS_A_SUPERVISOR, HOUSEHOLDS, CHILDREN = 360, 18, 115, 350
NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
AT_ONCE = 5_000
LIMIT_MS = 300
ASKED = 7
FLOWS = ("visit", "sick_child", "follow_up", "pregnancy", "stock", "vaccination")
SHARES = (70, 14, 9, 3, 2, 2)
ITEMS = ("act", "rdt", "ors", "zinc", "amoxicillin")


@dataclass
class Programme9:
    """The register, as far as reports need it."""

    lead: Member
    supervisor: Member
    # Each CHW's id, site, catchment, phone and homes.
    chws: list[tuple[UUID, UUID, UUID, str, list[UUID]]] = field(default_factory=list)
    clinics: dict[UUID, tuple[UUID, UUID]] = field(default_factory=dict)  # of a site, with its nurse


def fill(store: Store, sites: int, reports: int, chance: random.Random) -> Programme9:
    """Write the programme and its year."""
    rows = _Rows(store)
    programme = _register(rows, sites)
    began, step = NOW - YEAR, YEAR / reports
    for number in range(reports):
        _report(rows, programme, began + step * number, chance)
    rows.close()
    with store.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return programme


class _Rows:
    """Rows of several tables, written in bulk."""

    def __init__(self, store: Store) -> None:
        self.store, self.waiting = store, dict[Table, list[dict[str, Any]]]()

    def add(self, table: Table, **row: Any) -> UUID:
        row.setdefault("id", new_id())
        rows = self.waiting.setdefault(table, [])
        rows.append({name: value for name, value in row.items() if name in table.c})
        if len(rows) >= AT_ONCE:
            self.close()
        made: UUID = row["id"]
        return made

    def close(self) -> None:
        with self.store.engine.begin() as connection:
            for table in sorted(self.waiting, key=tables.WRITE_ORDER.__getitem__):
                connection.execute(insert(table), self.waiting[table])
        self.waiting = {}


def _register(rows: _Rows, sites: int) -> Programme9:
    members: dict[Role, Member] = {}
    made: list[tuple[UUID, UUID, UUID, str, list[UUID]]] = []
    clinics = {}
    for site in range(sites):
        site_id = new_id()
        place = {"timezone": "Africa/Bamako", "arm": "AB"[site % 2], "site_id": site_id}
        rows.add(tables.facilities, id=site_id, code=f"S{site}", name=f"S{site}", kind="site", parent_id=None, **place)
        clinic = rows.add(
            tables.facilities, code=f"C{site}", name=f"C{site}", kind="clinic", parent_id=site_id, **place
        )
        clinics[site_id] = clinic, _person(rows, members, Role.NURSE, f"INF{site}", site_id, clinic, None)
        lead = _person(rows, members, Role.LEAD, f"RESP{site}", site_id, site_id, None)
        for number in range(site, CHWS, sites):
            if not len(made) % CHWS_A_SUPERVISOR or number < sites:
                supervisor = _person(rows, members, Role.SUPERVISOR, f"SUP{number}", site_id, site_id, lead)
            made.append(_chw(rows, members, number, site_id, clinic, supervisor))
    return Programme9(members[Role.LEAD], members[Role.SUPERVISOR], made, clinics)


def _person(
    rows: _Rows,
    members: dict[Role, Member],
    role: Role,
    code: str,
    site_id: UUID,
    facility_id: UUID,
    supervisor_id: UUID | None,
) -> UUID:
    person = rows.add(
        tables.staff,
        site_id=site_id,
        code=code,
        role=role.value,
        name=code,
        language="fr",
        facility_id=facility_id,
        supervisor_id=supervisor_id,
        on_duty="",
    )
    members.setdefault(role, Member(person, site_id, code, role, "fr", facility_id, supervisor_id))
    return person


def _chw(
    rows: _Rows, members: dict[Role, Member], number: int, site_id: UUID, clinic: UUID, supervisor: UUID
) -> tuple[UUID, UUID, UUID, str, list[UUID]]:
    chw = _person(rows, members, Role.CHW, f"ASC{number:03d}", site_id, clinic, supervisor)
    phone = f"+223{76_000_000 + number}"
    rows.add(tables.phones, phone=phone, staff_id=chw, site_id=site_id, position=0)
    area = rows.add(tables.catchments, site_id=site_id, number=f"{number:03d}", facility_id=clinic, next_serial=10_000)
    rows.add(
        tables.assignments,
        site_id=site_id,
        catchment_id=area,
        staff_id=chw,
        starts_on=(NOW - 2 * YEAR).date(),
        ends_on=None,
    )
    homes = [
        rows.add(
            tables.households,
            site_id=site_id,
            catchment_id=area,
            serial=serial,
            people=6,
            village="V",
            consent=True,
            registered_at=NOW - 2 * YEAR,
        )
        for serial in range(10, 10 + HOUSEHOLDS)
    ]
    return chw, site_id, area, phone, homes


def _report(rows: _Rows, programme: Programme9, at: datetime, chance: random.Random) -> None:
    chw, site_id, area, phone, homes = chance.choice(programme.chws)
    flow = chance.choices(FLOWS, SHARES)[0]
    home = chance.randrange(len(homes))
    child = None
    if flow not in ("visit", "stock"):
        child = UUID(int=chw.int ^ (chance.randrange(CHILDREN) + 1))
    inbound = rows.add(
        tables.inbound,
        site_id=site_id,
        channel="bench",
        provider_id=str(new_id()),
        sender=phone,
        recipient="36000",
        text="VIS 123",
        raw=b"text=VIS+123",
        sent_at=at,
        arrived_at=at,
        staff_id=chw,
        state="handled",
        attempts=1,
        error=None,
        answer="Bien note",
    )
    danger = ["convulsions"] if flow == "sick_child" and chance.random() < 0.15 else []
    report = rows.add(
        tables.reports,
        site_id=site_id,
        inbound_id=inbound,
        part=0,
        item=0,
        flow=flow,
        flow_version=1,
        channel="sms",
        staff_id=chw,
        catchment_id=area,
        household_id=None if flow == "stock" else homes[home],
        patient_id=child,
        answers=_answers(flow, chance),
        danger=danger,
        unclear=["xyz"] if chance.random() < 0.05 else [],
        state="filed",
        happened_at=at,
        arrived_at=at + timedelta(seconds=5),
    )
    if danger:
        _refer(rows, programme, chw, site_id, phone, report, at, chance)


def _answers(flow: str, chance: random.Random) -> dict[str, Any]:
    if flow == "visit":
        return {"absent": True} if chance.random() < 0.1 else {}
    if flow == "stock":
        return {"stock": {item: chance.choice((0, 6, 12, 20)) for item in ITEMS}}
    if flow != "sick_child":
        return {"outcome": "recovered"} if flow == "follow_up" else {}
    said: dict[str, Any] = {"fever_days": chance.choice((0, 0, 1, 1, 2, 3, None)), "rdt": "positive"}
    if chance.random() < 0.3:
        said["cough_days"] = chance.randrange(4)
    if chance.random() < 0.9:
        said["treatments"] = ["act"]
    return said


def _refer(
    rows: _Rows,
    programme: Programme9,
    chw: UUID,
    site_id: UUID,
    phone: str,
    report: UUID,
    at: datetime,
    chance: random.Random,
) -> None:
    clinic, nurse = programme.clinics[site_id]
    still_open = at > NOW - timedelta(days=2)
    referral = rows.add(
        tables.referrals,
        site_id=site_id,
        code="K7",
        code_live=False,
        facility_id=clinic,
        patient_id=None,
        report_id=report,
        reporter_id=chw,
        reporter_phone=phone,
        urgency="urgent",
        tier=1,
        certain=True,
        danger=["convulsions"],
        brief={"code": "07-4177"},
        state="opened" if still_open else "closed",
        open=still_open,
        state_at=at,
        round=0,
        round_at=at,
        reported_at=at,
        opened_at=at,
        handed_at=at + timedelta(seconds=3),
        closed_at=None if still_open else at + timedelta(hours=30),
    )
    kinds = [] if still_open else [("received", nurse), ("arrived", chance.choice((nurse, chw))), ("outcome", nurse)]
    for minutes, (kind, by) in enumerate((("told", nurse), *kinds), 1):
        rows.add(
            tables.referral_events,
            site_id=site_id,
            referral_id=referral,
            kind=kind,
            at=at + timedelta(minutes=7 * minutes),
            staff_id=by,
            message_id=None,
            inbound_id=None,
            detail={},
        )


# ---------------------------------------------------------------- asking

QUESTIONS: dict[str, Callable[[Asked], list[str]]] = {
    "BILAN": lambda asked: asked.summary(None),
    "BILAN 30": lambda asked: asked.summary(30),
    "BILAN 366": lambda asked: asked.summary(366),
    "ASC 07": lambda asked: asked.one_chw("".join(filter(str.isdigit, asked.scope.chws[0].code))),
    "RETARD": lambda asked: asked.late(),
    "REF": lambda asked: asked.open_referrals(),
    "COUV": lambda asked: asked.coverage(),
    "24H": lambda asked: asked.treated_24h(),
    "STOCK": lambda asked: asked.stockouts(),
}


def ask(store: Store, programme: Programme, asker: Member, question: Callable[[Asked], list[str]]) -> list[float]:
    """Ask several times; the milliseconds each took, with the connection and the asker's scope."""
    taken = []
    for _ in range(ASKED):
        before = time.perf_counter()
        with store.read() as connection:
            question(Asked(connection, asker, programme, NOW))
        taken.append((time.perf_counter() - before) * 1000)
    return taken


def report(store: Store, made: Programme9) -> bool:
    """Print every answer's time; whether all were in time."""
    programme = load_programme(shipped("flows"))
    in_time = True
    for who, asker in (("18 CHWs", made.supervisor), ("a site", made.lead)):
        for name, question in QUESTIONS.items():
            taken = ask(store, programme, asker, question)
            fine = statistics.median(taken) < LIMIT_MS
            in_time &= fine
            print(
                f"{store.dialect:<11} {who:<8} {name:<10} median {statistics.median(taken):6.1f} ms   "
                f"worst {max(taken):6.1f} ms{'' if fine else '   TOO SLOW'}"
            )
    return in_time


def opened(stack: ExitStack, chosen: argparse.Namespace) -> Store:
    url = chosen.url
    if url is None and chosen.postgresql:
        url = stack.enter_context(running_postgres(durable=True)).replace("postgresql://", "postgresql+psycopg://")
    if url is None:
        url = f"sqlite:///{Path(stack.enter_context(tempfile.TemporaryDirectory())) / 'figures.db'}"
    store = open_store(url)
    stack.callback(store.close)
    return store


def found(store: Store) -> Programme9:
    """The askers of a database filled before."""
    members: dict[Role, Member] = {}
    with store.read() as connection:
        for row in connection.execute(select(tables.staff).order_by(tables.staff.c.id)):
            role = Role(row.role)
            members.setdefault(
                role, Member(row.id, row.site_id, row.code, role, "fr", row.facility_id, row.supervisor_id)
            )
    return Programme9(members[Role.LEAD], members[Role.SUPERVISOR])


def filled(store: Store) -> bool:
    with store.read() as connection:
        return bool(connection.scalar(select(func.count()).select_from(tables.staff)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reports", type=int, default=1_000_000)
    parser.add_argument("--sites", type=int, default=9)
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL of its own")
    parser.add_argument("--url", help="a database: an empty one is filled, one filled before is asked again")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        store = opened(stack, chosen)
        upgrade(store.engine)
        before = time.perf_counter()
        made = found(store) if filled(store) else fill(store, chosen.sites, chosen.reports, random.Random(7))
        print(f"{chosen.reports} reports, {CHWS} CHWs at {chosen.sites} sites: {time.perf_counter() - before:.0f} s")
        before = time.perf_counter()
        counted = remember_months(store, VirtualClock(NOW))
        print(f"{counted} months of sites counted for later: {time.perf_counter() - before:.0f} s")
        if not report(store, made):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
