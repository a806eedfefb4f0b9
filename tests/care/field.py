"""A small made-up field for figures: two sites on different clocks, three supervisors, five CHWs, and what happened.

`Field` writes it into a store; `Happening`s are what hypothesis thinks up, `happenings()` its strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import insert

from smsgateway.care.people import Member
from smsgateway.reading.models import Role
from smsgateway.store import tables
from smsgateway.store.database import Store
from smsgateway.store.types import new_id

# Clocks change on 25 October 2026 in Lisbon, and at the last midnight of Thursday 29 October in Cairo.
BEGIN = datetime(2026, 10, 20, tzinfo=UTC)
NOW = datetime(2026, 11, 12, 17, 30, tzinfo=UTC)
ZONES = ("Africa/Bamako", "Europe/Lisbon", "Africa/Cairo", "Asia/Kolkata", "Pacific/Auckland")
FLOWS = (
    *("visit", "sick_child", "follow_up", "pregnancy", "stock", "moved", "death", "birth", "family", "urgent"),
    *("sick_child", "visit", "follow_up"),
)


@dataclass(frozen=True)
class Happening:
    """One report, as hypothesis draws it; numbers choose among what the field has."""

    chw: int
    flow: str
    home: int | None
    child: int | None
    minutes: int
    answers: dict[str, Any]
    state: str = "filed"
    danger: bool = False
    unclear: bool = False
    with_last: bool = False  # part of the same message as the one before
    late_s: int = 4


@dataclass(frozen=True)
class Reminder:
    """A follow-up (or something else) that became late after so many minutes, and ended so many before or after."""

    chw: int
    kind: str
    subject: int
    late: int
    ended: int
    reason: str | None


def happenings(most: int = 40) -> st.SearchStrategy[list[Happening]]:
    """What CHWs did around the days on which clocks change."""
    days = st.one_of(st.none(), st.integers(0, 4))
    said = st.fixed_dictionaries(
        {},
        optional={
            "fever_days": days,
            "cough_days": days,
            "diarrhoea_days": days,
            "treatments": st.sampled_from([["act"], ["ors", "zinc"], []]),
            "absent": st.booleans(),
            "at_clinic": st.just(True),
            "rdt": st.sampled_from(["positive", "negative"]),
        },
    )
    stock = st.fixed_dictionaries(
        {"stock": st.dictionaries(st.sampled_from(["act", "rdt", "ors"]), st.integers(0, 2), min_size=1)}
    )
    # Few moments, many of them at midnights and clock changes, so that things fall together.
    moments = st.one_of(
        st.integers(0, 24 * 24 * 60),
        st.builds(lambda day, minute: day * 1440 + minute, st.integers(0, 22), st.sampled_from([0, 1, 59, 719, 1439])),
    )
    drawn = st.builds(
        Happening,
        chw=st.integers(0, 4),
        flow=st.sampled_from(FLOWS),
        home=st.one_of(st.none(), st.integers(0, 2), st.integers(0, 2)),
        child=st.one_of(st.none(), st.integers(0, 1)),
        minutes=moments,
        answers=said,
        state=st.sampled_from(["filed", "filed", "filed", "unfiled", "cancelled"]),
        danger=st.booleans(),
        unclear=st.booleans(),
        with_last=st.booleans(),
        late_s=st.sampled_from([0, 5, 86_400]),
    )
    counted = st.builds(lambda each, answers: replace(each, answers=answers), drawn, stock)
    return st.lists(drawn.flatmap(lambda each: counted if each.flow == "stock" else st.just(each)), max_size=most)


@dataclass
class Field:
    """Two sites, each with a lead. CHWs 0 and 1, 2 and 3 have the two supervisors of the first; 4 is at the second."""

    zones: tuple[str, str] = ("Africa/Bamako", "Africa/Bamako")
    fates: tuple[str, ...] = ("there",) * 10  # of each CHW's two children: "left", "left later", "died", "void" (home)
    sites: list[UUID] = field(default_factory=lambda: [new_id(), new_id()])
    members: dict[str, Member] = field(default_factory=dict)
    chws: list[UUID] = field(default_factory=list)
    areas: list[UUID] = field(default_factory=list)
    homes: list[list[UUID]] = field(default_factory=list)
    children: list[list[UUID]] = field(default_factory=list)
    clinics: list[UUID] = field(default_factory=list)
    rows: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    tag: str = field(default_factory=lambda: new_id().hex[-6:])

    def __post_init__(self) -> None:
        country = self._add(tables.facilities, code=f"X{self.tag}", name="X", kind="country", site_id=self.sites[0])
        for number, site in enumerate(self.sites):
            place = {"site_id": site, "timezone": self.zones[number], "arm": "AB"[number]}
            self._add(
                tables.facilities,
                id=site,
                code=f"S{number}{self.tag}",
                name="S",
                kind="site",
                parent_id=country,
                **place,
            )
            self.clinics.append(
                self._add(
                    tables.facilities,
                    code=f"C{number}{self.tag}",
                    name="C",
                    kind="clinic",
                    parent_id=site,
                    site_id=site,
                )
            )
            self._person(f"LEAD{number}", Role.LEAD, number, site)
            self._person(f"INF{number}", Role.NURSE, number, self.clinics[number])
        self._person("ADMIN", Role.ADMIN, 0, country)
        for name, at in (("SUP0", 0), ("SUP1", 0), ("SUP2", 1)):
            self._person(name, Role.SUPERVISOR, at, self.sites[at])
        for chw, (at, supervisor) in enumerate([(0, "SUP0"), (0, "SUP0"), (0, "SUP1"), (0, "SUP1"), (1, "SUP2")]):
            self._chw(chw, at, self.members[supervisor].id)

    def _add(self, table: Any, **row: Any) -> UUID:
        row.setdefault("id", new_id())
        self.rows.append((table, {name: value for name, value in row.items() if name in table.c}))
        made: UUID = row["id"]
        return made

    def _person(self, name: str, role: Role, site: int, facility: UUID, supervisor: UUID | None = None) -> UUID:
        code = f"{name}{self.tag}" if role is not Role.CHW else name
        person = self._add(
            tables.staff,
            site_id=self.sites[site],
            code=code,
            role=role.value,
            name=name,
            language="fr",
            facility_id=facility,
            supervisor_id=supervisor,
            on_duty="",
        )
        self.members[name] = Member(person, self.sites[site], code, role, "fr", facility, supervisor)
        return person

    def _chw(self, number: int, site: int, supervisor: UUID) -> None:
        chw = self._person(f"ASC{self.tag}-{number:02d}", Role.CHW, site, self.clinics[site], supervisor)
        self.members[f"ASC{number}"] = self.members[f"ASC{self.tag}-{number:02d}"]
        self.chws.append(chw)
        phone = f"+223{int(self.tag, 16) % 1_000_000:06d}{number:02d}"
        self._add(tables.phones, phone=phone, staff_id=chw, site_id=self.sites[site], position=0)
        number_of_area = f"{int(self.tag, 16) % 10**7:07d}{number:02d}"
        area = self._add(
            tables.catchments,
            site_id=self.sites[site],
            number=number_of_area,
            facility_id=self.clinics[site],
            next_serial=99,
        )
        self.areas.append(area)
        self._add(
            tables.assignments,
            site_id=self.sites[site],
            catchment_id=area,
            staff_id=chw,
            starts_on=date(2026, 1, 1),
            ends_on=None,
        )
        # The last household is registered in the middle of it all.
        began = [BEGIN - timedelta(days=90), BEGIN - timedelta(days=90), BEGIN + timedelta(days=15)]
        self.homes.append(
            [
                self._add(
                    tables.households,
                    site_id=self.sites[site],
                    catchment_id=area,
                    serial=10 + n,
                    people=5,
                    village="V",
                    consent=True,
                    registered_at=at,
                )
                for n, at in enumerate(began)
            ]
        )
        self.children.append(
            [
                self._add(
                    tables.patients,
                    site_id=self.sites[site],
                    catchment_id=area,
                    serial=20 + n,
                    household_id=self.homes[-1][n],
                    sex="F",
                    born_from=date(2025, 5, 1),
                    born_to=date(2025, 5, 1),
                    lmp=None,
                    registered_at=BEGIN,
                    left_on={"left": date(2026, 11, 1), "left later": date(2026, 11, 20)}.get(
                        self.fates[number * 2 + n]
                    ),
                    died_on=date(2026, 11, 1) if self.fates[number * 2 + n] == "died" else None,
                )
                for n in range(2)
            ]
        )
        for n in range(2):
            self._add(
                tables.codes,
                catchment_id=area,
                serial=10 + n,
                site_id=self.sites[site],
                kind="household",
                subject_id=self.homes[-1][n],
                void=self.fates[number * 2 + n] == "void",
            )

    def happened(self, some: Sequence[Happening]) -> None:
        """Report it all. The reports of one message have its sender and its moment."""
        message, last = new_id(), some[0] if some else None
        for part, each in enumerate(some):
            if last is not None and each.with_last:
                each = replace(each, chw=last.chw, minutes=last.minutes)
            else:
                message, last = new_id(), each
            self.report(each, message, part)

    def report(self, each: Happening, message: UUID | None = None, part: int = 0) -> UUID:
        """One report."""
        site = 1 if each.chw == 4 else 0
        child = None if each.child is None or each.flow == "visit" else self.children[each.chw][each.child]
        home = None if each.home is None else self.homes[each.chw][each.home]
        at = BEGIN + timedelta(minutes=each.minutes)
        filed = each.state != "unfiled"
        return self._add(
            tables.reports,
            site_id=self.sites[site],
            inbound_id=message or new_id(),
            part=part,
            item=0,
            flow=each.flow,
            flow_version=1,
            channel="sms",
            staff_id=self.chws[each.chw],
            catchment_id=self.areas[each.chw],
            household_id=home if filed and each.flow != "stock" else None,
            patient_id=child if filed and each.flow != "stock" else None,
            answers=each.answers,
            danger=["convulsions"] if each.danger else [],
            unclear=["xyz"] if each.unclear else [],
            state=each.state,
            happened_at=at,
            arrived_at=at + timedelta(seconds=each.late_s),
        )

    def remind(self, each: Reminder) -> None:
        """A reminder: waiting, or ended for a reason."""
        late = BEGIN + timedelta(minutes=each.late)
        row = {
            "site_id": self.sites[1 if each.chw == 4 else 0],
            "kind": each.kind,
            "subject_id": self.children[each.chw][0] if each.subject == 0 else new_id(),
            "step": f"24h:{new_id()}",
            "owner_id": self.areas[each.chw],
            "starts_at": late - timedelta(hours=12),
            "late_at": late,
            "told_at": None,
            "detail": {},
        }
        if each.reason is None:
            pointless = late + timedelta(minutes=each.ended)
            self._add(tables.due, **row, at=pointless, failures=0, rank=1)
        else:
            ended = late + timedelta(minutes=each.ended)
            self._add(
                tables.due_log, **row, pointless_at=late + timedelta(hours=12), ended_at=ended, reason=each.reason
            )

    def away(self, chw: int, first: date, last: date) -> None:
        """A CHW's leave."""
        self._add(
            tables.leaves,
            site_id=self.sites[0],
            staff_id=self.chws[chw],
            cover_id=None,
            starts_on=first,
            ends_on=last,
            report_id=None,
        )

    def refer(self, chw: int, opened_at: datetime, *, urgency: str = "urgent", state: str = "opened") -> UUID:
        """A referral one of the CHWs made."""
        site = 1 if chw == 4 else 0
        closed = state in ("closed", "died", "cancelled")
        return self._add(
            tables.referrals,
            site_id=self.sites[site],
            code="K7",
            code_live=False,
            facility_id=self.clinics[site],
            patient_id=None,
            report_id=None,
            reporter_id=self.chws[chw],
            reporter_phone="+22376000001",
            urgency=urgency,
            tier=1,
            certain=True,
            danger=["convulsions"],
            brief={"code": "07-4177"},
            state=state,
            open=not closed,
            state_at=opened_at,
            round=0,
            round_at=opened_at,
            reported_at=opened_at,
            opened_at=opened_at,
            handed_at=None,
            closed_at=None,
        )

    def event(self, referral: UUID, kind: str, by: str, at: datetime) -> None:
        """What somebody said of a referral."""
        self._add(
            tables.referral_events,
            site_id=self.members[by].site_id,
            referral_id=referral,
            kind=kind,
            at=at,
            staff_id=self.members[by].id,
            message_id=None,
            inbound_id=None,
            detail={},
        )

    def write(self, store: Store) -> Field:
        """Put it into the store, parents first."""
        by_table: dict[Any, list[dict[str, Any]]] = {}
        for table, row in self.rows:
            by_table.setdefault(table, []).append(row)
        self.rows = []

        def work(tx: Any) -> None:
            for table in sorted(by_table, key=tables.WRITE_ORDER.__getitem__):
                rows = by_table[table]
                names = {name for row in rows for name in row}  # rows written in bulk name the same columns
                tx.execute(insert(table), [{name: row.get(name) for name in names} for row in rows])

        store.write(work)
        return self
