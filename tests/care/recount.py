"""The slow recount: every figure again, in plain Python over all rows of the database, written from docs/indicators.md
and sharing no code with the figures it checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from smsgateway.store import tables
from smsgateway.store.database import Store

Rows = list[Any]


def everything(store: Store, table: Any) -> Rows:
    with store.read() as connection:
        return list(connection.execute(select(table)))


def day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


class Recount:
    """Counts over what one asker may see: `mine` says whether a report is theirs."""

    def __init__(self, store: Store, mine: Callable[[Any], bool], zone: str, first: date, last: date) -> None:
        self.all_reports = everything(store, tables.reports)
        self.zone, self.first, self.last = zone, first, last
        self.mine = [each for each in self.all_reports if mine(each) and self.within(each)]
        self.store = store

    def within(self, report: Any) -> bool:
        return self.first <= day(report.happened_at, self.zone) <= self.last

    # ------------------------------------------------------------ homes

    @staticmethod
    def from_home(report: Any) -> bool:
        return (
            report.state == "filed"
            and report.household_id is not None
            and report.flow not in ("cancel", "moved", "family", "training")
            and not report.answers.get("absent")
            and not report.answers.get("at_clinic")
        )

    def visits(self) -> int:
        return len(
            {(r.staff_id, r.household_id, day(r.happened_at, self.zone)) for r in self.mine if self.from_home(r)}
        )

    def absences(self) -> int:
        met = {(r.staff_id, r.household_id, day(r.happened_at, self.zone)) for r in self.mine if self.from_home(r)}
        missed = {
            (r.staff_id, r.household_id, day(r.happened_at, self.zone))
            for r in self.mine
            if r.state == "filed" and r.household_id is not None and r.answers.get("absent")
        }
        return len(missed - met)

    def coverage(self, areas: Iterable[UUID], wanted: int) -> dict[str, tuple[int, int]]:
        numbers = {row.id: row.number for row in everything(self.store, tables.catchments)}
        visited: dict[UUID, set[date]] = defaultdict(set)
        for report in self.all_reports:
            if self.from_home(report) and self.within(report):
                visited[report.household_id].add(day(report.happened_at, self.zone))
        found: dict[str, tuple[int, int]] = {}
        void = {(row.catchment_id, row.serial) for row in everything(self.store, tables.codes) if row.void}
        people: dict[UUID, list[Any]] = defaultdict(list)
        for person in everything(self.store, tables.patients):
            people[person.household_id].append(person)
        for home in everything(self.store, tables.households):
            left = [each for each in people[home.id] if each.left_on is not None and each.left_on <= self.last]
            stay = [each for each in people[home.id] if each not in left and each.died_on is None]
            if (home.catchment_id, home.serial) in void or (left and not stay):
                continue
            if home.catchment_id in set(areas) and day(home.registered_at, self.zone) <= self.last:
                households, often = found.get(numbers[home.catchment_id], (0, 0))
                found[numbers[home.catchment_id]] = households + 1, often + (len(visited[home.id]) >= wanted)
        return found

    # ------------------------------------------------------------ sick children

    def cases(self, reports: Rows | None = None) -> dict[Any, Rows]:
        found: dict[Any, Rows] = defaultdict(list)
        for report in self.mine if reports is None else reports:
            if report.flow == "sick_child" and report.state == "filed":
                child = report.patient_id or report.id
                found[report.staff_id, child, day(report.happened_at, self.zone)].append(report)
        return found

    def sick(self) -> tuple[int, int, int, int, int]:
        """Sick, treated, the same day, the next day, onset unknown."""
        cases = list(self.cases().values())
        treated = [case for case in cases if any(report.answers.get("treatments") for report in case)]
        onsets = [self.onset(case) for case in treated]
        return len(cases), len(treated), onsets.count(0), onsets.count(1), onsets.count(None)

    @staticmethod
    def onset(case: Rows) -> int | None:
        told = [
            report.answers[name]
            for report in case
            for name in ("fever_days", "cough_days", "diarrhoea_days")
            if report.answers.get(name) is not None
        ]
        return max(told, default=None)

    def messages(self, by_site: bool) -> tuple[int, int]:
        found: dict[Any, Rows] = defaultdict(list)
        for report in self.mine:
            found[report.staff_id, report.inbound_id, report.site_id if by_site else None].append(report)
        wrong = [m for m in found.values() if any(r.state == "unfiled" or r.unclear for r in m)]
        return len(found), len(wrong)

    # ------------------------------------------------------------ follow-ups

    def followed_up(self, areas: Collection[UUID], now: datetime) -> tuple[int, int]:
        """Due, and on time."""
        due = on_time = 0
        for each in [*everything(self.store, tables.due), *everything(self.store, tables.due_log)]:
            reason = getattr(each, "reason", "waiting")
            over = (
                each.owner_id in areas
                and each.late_at < now
                and self.first <= day(each.late_at, self.zone) <= self.last
            )
            if each.kind != "follow_up" or not over:
                continue
            if reason in ("waiting", "fulfilled", "covered", "expired", "missed"):
                due += 1
                on_time += reason in ("fulfilled", "covered") and each.ended_at <= each.late_at
        return due, on_time

    def overdue(self, areas: Mapping[UUID, str], now: datetime) -> dict[str, int]:
        """People late to be seen again, by the CHW's code."""
        late: dict[str, set[UUID]] = defaultdict(set)
        for each in everything(self.store, tables.due):
            if each.kind == "follow_up" and each.owner_id in areas and each.late_at <= now < each.at:
                late[areas[each.owner_id]].add(each.subject_id)
        return {code: len(people) for code, people in late.items()}

    # ------------------------------------------------------------ stock

    def out_of_stock(self, chws: Iterable[UUID]) -> dict[tuple[UUID, str], datetime]:
        """What is out at whom, since when."""
        found: dict[tuple[UUID, str], datetime] = {}
        whose = set(chws)
        counts = [r for r in self.all_reports if r.flow == "stock" and r.state == "filed" and r.staff_id in whose]
        for report in sorted(counts, key=lambda each: (each.happened_at, each.id)):
            for item, left in report.answers["stock"].items():
                if left:
                    found.pop((report.staff_id, item), None)
                else:
                    found.setdefault((report.staff_id, item), report.happened_at)
        return found
