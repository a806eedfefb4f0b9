"""Where do the people of `flows/demo/` come from? From here: nobody real, the same files each time.

The people that scenarios, the README and the tests name are written out below; the rest is drawn from a fixed seed.
Change this file, run it, and commit both:

    python -m tests.support.demo_programme flows/demo
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

SEED = 417
TODAY = date(2026, 11, 23)  # the day on which the ages given in the README are right
HEADERS = {
    "facilities.csv": "code,name,kind,parent,timezone,arm",
    "staff.csv": "code,role,name,phones,language,facility,supervisor,catchments,on_duty",
    "households.csv": "catchment,serial,people,village",
    "patients.csv": "catchment,serial,household,sex,birth_date,lmp",
}
Row = tuple[object, ...]
MADE_UP = """\
{day}
Nobody in these files is real. Their dates are right on this day; an import on a later one moves them on by whole
weeks. Take this file out of a copy for real people: it would move their birth dates.
"""

FACILITIES: tuple[Row, ...] = (
    ("ML", "Programme de demonstration", "country", "", "Africa/Bamako", ""),
    ("DELBAN", "District de Delban", "district", "ML", "", ""),
    ("SOGO", "Site de Sogo", "site", "DELBAN", "", "A"),
    ("CSCOM1", "CSCom de Sogola", "clinic", "SOGO", "", ""),
    ("CSCOM2", "CSCom de Merinde", "clinic", "SOGO", "", ""),
)

STAFF: tuple[Row, ...] = (
    ("ADMIN01", "admin", "Solange Tavernec", "+22376000401", "fr", "ML", "", "", ""),
    ("RESP01", "lead", "Edmonde Karivel", "+22376000301", "fr", "SOGO", "", "", ""),
    ("SUP01", "supervisor", "Bastien Orelou", "+22376000201", "fr", "SOGO", "RESP01", "", ""),
    ("INF01", "nurse", "Clarisse Vandoli", "+22376000101", "fr", "CSCOM1", "", "", ""),
    ("INF02", "nurse", "Martial Quennou", "+22376000102", "en", "CSCOM1", "", "", "07:30-19:00"),
    ("INF03", "nurse", "Yvonne Delmarra", "+22376000103", "fr", "CSCOM2", "", "", "07:30-13:00 15:00-22:00"),
    ("ASC01", "chw", "Adele Moribane", "+22376000007", "fr", "CSCOM1", "SUP01", "01", ""),
    ("ASC02", "chw", "Benoit Salvadou", "+22376000002", "bm", "CSCOM1", "SUP01", "02", ""),
    ("ASC03", "chw", "Corinne Tessoua", "+22376000003", "fr", "CSCOM1", "SUP01", "03", ""),
    ("ASC04", "chw", "Didier Lomarec", "+22376000004", "fr", "CSCOM2", "SUP01", "04", ""),
    ("ASC05", "chw", "Estelle Ranvier", "+22376000005", "en", "CSCOM1", "SUP01", "05", ""),
    ("ASC06", "chw", "Fabrice Oudelan", "+22376000006", "fr", "CSCOM1", "SUP01", "06", ""),
    ("ASC07", "chw", "Germaine Bellou", "+22376000001", "fr", "CSCOM1", "SUP01", "07", ""),
    ("ASC08", "chw", "Hubert Nadarou", "+22376000008", "fr", "CSCOM1", "SUP01", "08", ""),
    ("ASC09", "chw", "Irene Castamba", "+22376000009", "bm", "CSCOM1", "SUP01", "09", ""),
    ("ASC10", "chw", "Joachim Perrouna", "+22376000010", "en", "CSCOM1", "SUP01", "10", ""),
    ("ASC11", "chw", "Karine Dolvane", "+22376000011 +22376000021", "fr", "CSCOM1", "SUP01", "11", ""),
    # The catchments 04 and 12 give the same check digits: a bare code of both is ambiguous for this CHW.
    ("ASC12", "chw", "Lucien Merkado", "+22376000012", "fr", "CSCOM2", "SUP01", "04 12", ""),
)

HOUSEHOLDS_07: tuple[Row, ...] = (
    ("07", 10, 4, "Sogola"),
    ("07", 12, 6, "Sogola"),
    ("07", 15, 5, "Nerebou"),
    ("07", 18, 7, "Tiela"),
)

PATIENTS_07: tuple[Row, ...] = (
    ("07", 11, 10, "F", "1981-02-14", ""),  # 45 years
    ("07", 13, 12, "F", "1999-04-02", ""),  # mother of 417
    ("07", 14, 12, "M", "1993-08-19", ""),  # a man of 33 years
    ("07", 16, 15, "F", "2001-06-30", ""),  # gave birth eleven days ago, to 416
    ("07", 17, 15, "F", "2024-05-10", ""),  # 30 months
    ("07", 19, 18, "F", "1997-12-05", "2026-05-11"),  # pregnant, 28 weeks
    ("07", 20, 18, "M", "2026-03-15", ""),  # 8 months
    ("07", 21, 12, "M", "2020-09-01", ""),  # 6 years
    ("07", 22, 18, "F", "2003-10-21", ""),  # mother of 20
    ("07", 23, 18, "M", "", ""),  # birth date unknown
    ("07", 24, 10, "F", "", ""),  # birth date unknown
    ("07", 25, 10, "", "", ""),  # sex and birth date unknown
    ("07", 416, 15, "M", "2026-11-12", ""),  # a newborn of 11 days
    ("07", 417, 12, "F", "2025-09-10", ""),  # 14 months
)

VILLAGES = ("Sogola", "Nerebou", "Tiela", "Merinde", "Kalfara", "Doubani", "Wolona", "Sirabou")
HOUSEHOLDS_A_CATCHMENT = 5


def tables() -> dict[str, list[Row]]:
    """The rows of each file."""
    draw = random.Random(SEED)
    households, patients = list(HOUSEHOLDS_07), list(PATIENTS_07)
    for number in range(1, 13):
        if number == 7:
            continue
        for row in _catchment(draw, f"{number:02d}"):
            (households if len(row) == 4 else patients).append(row)
    return {
        "facilities.csv": list(FACILITIES),
        "staff.csv": list(STAFF),
        "households.csv": sorted(households, key=_place),
        "patients.csv": sorted(patients, key=_place),
    }


def _place(row: Row) -> tuple[str, int]:
    return str(row[0]), int(str(row[1]))


def _catchment(draw: random.Random, catchment: str) -> Iterator[Row]:
    """Households and their people, in the order in which their serials were given."""
    serial = 10
    village = draw.choice(VILLAGES)
    for _ in range(HOUSEHOLDS_A_CATCHMENT):
        household = serial
        members = list(_family(draw))
        yield catchment, household, len(members) + draw.randint(0, 2), village
        for sex, born, lmp in members:
            serial += 1
            yield catchment, serial, household, sex, born, lmp
        serial += 1


def _family(draw: random.Random) -> Iterator[tuple[str, str, str]]:
    """A woman, a man, and one to three children two years apart or more; a pregnancy where the youngest is over two."""
    mother = draw.randint(19, 38)
    youngest = draw.randint(20, 1500)
    pregnant = youngest > 800 and draw.random() < 0.4
    lmp = _day(draw.randint(50, 250)) if pregnant else ""
    yield "F", _day(mother * 365 + draw.randint(0, 364)), lmp
    yield "M", "" if draw.random() < 0.3 else _day((mother + draw.randint(0, 12)) * 365 + draw.randint(0, 364)), ""
    for child in range(draw.randint(1, 3)):
        age = youngest + child * draw.randint(730, 1100)
        if age < (mother - 16) * 365:
            yield draw.choice("FM"), _day(age), ""


def _day(days_ago: int) -> str:
    return (TODAY - timedelta(days=days_ago)).isoformat()


def write(folder: Path) -> None:
    """Write the four files into `folder`, and the day on which they are right."""
    (folder / "made_up_on.txt").write_text(MADE_UP.format(day=TODAY), encoding="utf-8")
    for name, rows in tables().items():
        _table(folder / name, HEADERS[name], rows)


def _table(path: Path, header: str, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main()
