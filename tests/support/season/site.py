"""Which site is it? So many CHWs with a hundred households each, their clinics, supervisors and lead: nobody real, and
the same from the same seed. Written as programme files and imported like any other.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from smsgateway.text.codes import code_for

CHWS_A_SUPERVISOR, CHWS_A_CLINIC = 18, 12


@dataclass
class Person:
    """Somebody of a household, by the code their CHW types."""

    code: str
    household: str
    sex: str
    born: date
    lmp: date | None = None

    def is_child(self, today: date) -> bool:
        return timedelta(days=61) < today - self.born < timedelta(days=5 * 365)


@dataclass
class Area:
    """A CHW's catchment."""

    number: str
    chw: str
    phone: str
    households: list[str] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    def children(self, today: date) -> list[Person]:
        return [person for person in self.people if person.is_child(today)]


@dataclass(frozen=True)
class Site:
    """Everybody with a phone, and the areas."""

    zone: str
    areas: Sequence[Area]
    nurses: Sequence[str]
    supervisors: Sequence[str]
    lead: str


def make_site(chws: int, households: int, zone: str, today: date, seed: int) -> Site:
    """A site of so many CHWs and households."""
    draw = random.Random(seed)
    areas = [_area(number, households // chws, today, draw) for number in range(1, chws + 1)]
    clinics = range(-(-chws // CHWS_A_CLINIC))
    return Site(
        zone=zone,
        areas=areas,
        nurses=[f"+2236{clinic:05d}{n:02d}" for clinic in clinics for n in (1, 2)],
        supervisors=[f"+2235{n:07d}" for n in range(-(-chws // CHWS_A_SUPERVISOR))],
        lead="+22350009999",
    )


def _area(number: int, households: int, today: date, draw: random.Random) -> Area:
    area = Area(f"{number:02d}", f"ASC{number:02d}", f"+2237{number:07d}")
    serial = 10
    for _ in range(households):
        home = code_for(area.number, serial)
        area.households.append(home)
        for sex, born, lmp in _family(today, draw):
            serial += 1
            area.people.append(Person(code_for(area.number, serial), home, sex, born, lmp))
        serial += 1
    return area


def _family(today: date, draw: random.Random) -> Iterator[tuple[str, date, date | None]]:
    """A mother, pregnant now and then, and up to three children."""
    mother = today - timedelta(days=draw.randint(18 * 365, 42 * 365))
    youngest = draw.randint(5, 1500)
    pregnant = today - timedelta(days=draw.randint(60, 250)) if youngest > 700 and draw.random() < 0.25 else None
    yield "F", mother, pregnant
    for child in range(draw.randint(1, 3)):
        yield draw.choice("FM"), today - timedelta(days=youngest + child * draw.randint(600, 900)), None


def write_files(site: Site, folder: Path) -> None:
    """The four programme files."""
    clinics = [f"C{clinic}" for clinic in range(len(site.nurses) // 2)]
    places: list[Sequence[object]] = [
        ("ML", "Country", "country", "", site.zone, ""),
        ("S1", "Site", "site", "ML", "", ""),
        *((clinic, clinic, "clinic", "S1", "", "") for clinic in clinics),
    ]
    people: list[Sequence[object]] = [("LEAD", "lead", "Lead", site.lead, "fr", "S1", "", "", "")]
    people += [
        (f"SUP{n}", "supervisor", f"Sup {n}", phone, "fr", "S1", "LEAD", "", "")
        for n, phone in enumerate(site.supervisors)
    ]
    people += [
        (f"INF{n}", "nurse", f"Inf {n}", phone, "fr", clinics[n // 2], "", "", "" if n % 2 == 0 else "07:30-19:00")
        for n, phone in enumerate(site.nurses)
    ]
    people += [
        (
            *(area.chw, "chw", f"Asc {n}", area.phone, "fr", clinics[n // CHWS_A_CLINIC]),
            *(f"SUP{n // CHWS_A_SUPERVISOR}", area.number, ""),
        )
        for n, area in enumerate(site.areas)
    ]
    _write(folder, "facilities", "code,name,kind,parent,timezone,arm", places)
    _write(folder, "staff", "code,role,name,phones,language,facility,supervisor,catchments,on_duty", people)
    _write(
        folder,
        "households",
        "catchment,serial,people,village",
        [(area.number, int(home[:-1]), 5, "Village") for area in site.areas for home in area.households],
    )
    _write(
        folder,
        "patients",
        "catchment,serial,household,sex,birth_date,lmp",
        [
            (area.number, int(each.code[:-1]), int(each.household[:-1]), each.sex, each.born, each.lmp or "")
            for area in site.areas
            for each in area.people
        ],
    )


def _write(folder: Path, name: str, header: str, rows: Sequence[Sequence[object]]) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
