"""What does the database know already? Its places and staff in memory, its households and patients asked by catchment.

Places and staff are few (45,000 rows in a national programme) and compared as a whole when the import is written: had
they changed since the files were checked, the check would be worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from smsgateway.store.tables import assignments, catchments, codes, facilities, phones, staff


@dataclass(frozen=True, slots=True)
class KnownFacility:
    id: UUID
    site_id: UUID
    code: str
    kind: str
    parent: str | None
    timezone: str | None


@dataclass(frozen=True, slots=True)
class KnownMember:
    id: UUID
    site_id: UUID
    code: str
    role: str
    facility: str | None
    supervisor: str | None
    phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownCatchment:
    id: UUID
    site_id: UUID
    number: str
    facility: str


@dataclass(frozen=True, slots=True)
class KnownAssignment:
    """An assignment without an announced end, or a cover that still lasts or is still to come."""

    id: UUID
    catchment: str
    staff: str
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True)
class Known:
    """Places and staff by code, catchments by number."""

    facilities: dict[str, KnownFacility]
    staff: dict[str, KnownMember]
    catchments: dict[str, KnownCatchment]
    assignments: tuple[KnownAssignment, ...]


NOTHING_KNOWN = Known({}, {}, {}, ())


def read_known(connection: Connection, today: date) -> Known:
    """All the database knows of places and staff on `today`."""
    return Known(
        {each.code: each for each in _facilities(connection)},
        {each.code: each for each in _staff(connection)},
        {each.number: each for each in _catchments(connection)},
        tuple(_assignments(connection, today)),
    )


def _facilities(connection: Connection) -> list[KnownFacility]:
    above = facilities.alias("above")
    columns = facilities.c
    query = select(
        columns.id, columns.site_id, columns.code, columns.kind, above.c.code.label("parent"), columns.timezone
    ).select_from(facilities.outerjoin(above, above.c.id == columns.parent_id))
    return [KnownFacility(*row) for row in connection.execute(query)]


def _staff(connection: Connection) -> list[KnownMember]:
    owned: dict[UUID, list[str]] = {}
    for owner, phone in connection.execute(
        select(phones.c.staff_id, phones.c.phone).order_by(phones.c.staff_id, phones.c.position)
    ):
        owned.setdefault(owner, []).append(phone)
    above = staff.alias("above")
    columns = staff.c
    query = select(
        columns.id,
        columns.site_id,
        columns.code,
        columns.role,
        facilities.c.code.label("facility"),
        above.c.code.label("supervisor"),
    ).select_from(
        staff.outerjoin(facilities, facilities.c.id == columns.facility_id).outerjoin(
            above, above.c.id == columns.supervisor_id
        )
    )
    return [KnownMember(*row, tuple(owned.get(row.id, ()))) for row in connection.execute(query)]


def _catchments(connection: Connection) -> list[KnownCatchment]:
    query = select(catchments.c.id, catchments.c.site_id, catchments.c.number, facilities.c.code).join(
        facilities, facilities.c.id == catchments.c.facility_id
    )
    return [KnownCatchment(*row) for row in connection.execute(query)]


def _assignments(connection: Connection, today: date) -> list[KnownAssignment]:
    query = (
        select(assignments.c.id, catchments.c.number, staff.c.code, assignments.c.starts_on, assignments.c.ends_on)
        .join(catchments, catchments.c.id == assignments.c.catchment_id)
        .join(staff, staff.c.id == assignments.c.staff_id)
        .where(func.coalesce(assignments.c.ends_on, today) >= today)
        .order_by(assignments.c.id)
    )
    return [KnownAssignment(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class KnownCode:
    """Who has a serial: `kind` is household or patient; `moved` when the person has another code by now."""

    kind: str
    moved: bool


def read_codes(connection: Connection, catchment_id: UUID) -> dict[int, KnownCode]:
    """Every serial of a catchment that was ever given out."""
    query = select(codes.c.serial, codes.c.kind, codes.c.now_catchment_id).where(codes.c.catchment_id == catchment_id)
    return {serial: KnownCode(kind, now is not None) for serial, kind, now in connection.execute(query)}
