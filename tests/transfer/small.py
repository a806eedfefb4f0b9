"""A programme small enough to read: one site, two clinics, two CHWs, two households, three patients."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select

from smsgateway.store.database import Store
from smsgateway.store.tables import assignments, catchments, phones, staff
from smsgateway.transfer import ImportRefused, Summary, import_people

TODAY = date(2026, 11, 23)

FACILITIES = """\
code,name,kind,parent,timezone,arm
ML,Pays,country,,Africa/Bamako,
S1,Site,site,ML,,A
C1,Clinique une,clinic,S1,,
C2,Clinique deux,clinic,S1,,
"""
STAFF = """\
code,role,name,phones,language,facility,supervisor,catchments,on_duty
SUP1,supervisor,Un Superviseur,+22376000201,fr,S1,,,
INF1,nurse,Une Infirmiere,+22376000101,fr,C1,,,07:30-19:00
INF2,nurse,Deux Infirmiere,+22376000102,fr,C2,,,
ASC07,chw,Une Agente,+22376000001 +22376000021,fr,C1,SUP1,07,
ASC08,chw,Un Agent,76000008,bm,C2,SUP1,08,
"""
HOUSEHOLDS = """\
catchment,serial,people,village
07,12,6,Sogola
07,15,,
"""
PATIENTS = """\
catchment,serial,household,sex,birth_date,lmp
07,13,12,F,1999-04-02,2026-05-11
07,417,12,F,2025-09-10,
07,16,15,,,
"""


def folder(
    path: Path,
    *,
    facilities: str | None = FACILITIES,
    staff: str | None = STAFF,
    households: str | None = HOUSEHOLDS,
    patients: str | None = PATIENTS,
) -> Path:
    """The small programme in a folder, with some files other than usual, or (None) not there."""
    path.mkdir(exist_ok=True)
    files = {"facilities": facilities, "staff": staff, "households": households, "patients": patients}
    for name, text in files.items():
        file = path / f"{name}.csv"
        file.unlink(missing_ok=True)
        if text is not None:
            file.write_text(text, encoding="utf-8")
    return path


def bring_in(store: Store, path: Path, today: date = TODAY) -> Summary:
    return import_people(store, path, today)


def refused(store: Store, path: Path, today: date = TODAY) -> list[str]:
    """The lines with which an import is refused."""
    try:
        import_people(store, path, today)
    except ImportRefused as refusal:
        return refusal.lines
    raise AssertionError("the import was not refused")


def ask(store: Store, query: Select[Any]) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def who_has(store: Store, number: str) -> list[tuple[Any, ...]]:
    """(staff code, first day, last day) of everyone who looks or looked after a catchment, oldest first."""
    query = (
        select(staff.c.code, assignments.c.starts_on, assignments.c.ends_on)
        .join(assignments, assignments.c.staff_id == staff.c.id)
        .join(catchments, catchments.c.id == assignments.c.catchment_id)
        .where(catchments.c.number == number)
        .order_by(assignments.c.starts_on, staff.c.code)
    )
    return ask(store, query)


def phones_of(store: Store, code: str) -> list[str]:
    """The phones of a member of staff, the one we text first."""
    query = (
        select(phones.c.phone, phones.c.position)
        .join(staff, staff.c.id == phones.c.staff_id)
        .where(staff.c.code == code)
        .order_by(phones.c.position)
    )
    rows = ask(store, query)
    assert [row[1] for row in rows] == list(range(len(rows)))
    return [row[0] for row in rows]
