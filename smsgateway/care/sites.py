"""Where in the world is a site? Its time zone, and the places it lies in, whose rules hold there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from smsgateway.care.hours import zone_named
from smsgateway.care.reminders import Subject
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import catchments, facilities, patients
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for


@dataclass(frozen=True, slots=True)
class Place:
    """A facility as schedules need to know it: its zone, its own code and those of all places above it."""

    zone: ZoneInfo
    codes: frozenset[str]


_FACILITY = Prepared(
    select(facilities.c.code, facilities.c.parent_id, facilities.c.timezone).where(
        facilities.c.id == bindparam("facility")
    )
)
SUBJECTS = select(
    patients.c.id,
    patients.c.site_id,
    patients.c.catchment_id,
    patients.c.serial,
    catchments.c.number,
    patients.c.born_from,
    patients.c.born_to,
    patients.c.lmp,
).select_from(patients.join(catchments, catchments.c.id == patients.c.catchment_id))


def place_of(tx: Tx, facility_id: UUID | None) -> Place:
    """Where a facility is; the zone is its own or that of the nearest place above it."""
    codes: list[str] = []
    zone: str | None = None
    while facility_id is not None and len(codes) < 10:
        found = tx.ask(_FACILITY, facility=facility_id)
        if not found:
            break
        (row,) = found
        codes.append(row.code)
        zone = zone or row.timezone
        facility_id = row.parent_id
    return Place(zone_named(zone), frozenset(codes))


def subject(row: Any) -> Subject:
    """A person of the register, from a row of `SUBJECTS`."""
    return Subject(row.id, row.site_id, row.catchment_id, code_for(row.number, row.serial))
