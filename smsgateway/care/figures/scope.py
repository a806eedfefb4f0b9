"""Whose work may somebody ask about? A supervisor about the CHWs who have her as their supervisor, a site's lead about
the site, an administrator about the sites below his own place. Nobody ever about others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, or_, select

from smsgateway.care.figures.periods import local_day
from smsgateway.care.hours import zone_named
from smsgateway.care.people import Member
from smsgateway.reading.models import Role
from smsgateway.store.tables import assignments, catchments, facilities, staff


@dataclass(frozen=True, slots=True)
class Chw:
    """A CHW as figures name them: by code, never by name. `catchments` are those they look after today."""

    id: UUID
    code: str
    numbers: tuple[str, ...] = ()
    catchments: tuple[UUID, ...] = ()
    sites: tuple[UUID, ...] = ()  # of the catchments


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted: the work of these CHWs, or, when `whole`, all that was reported at these sites. `sites` are
    always those where the CHWs' catchments lie; `zone` says where days begin."""

    chws: tuple[Chw, ...]
    sites: tuple[UUID, ...]
    whole: bool
    zone: ZoneInfo

    def work(self, staff_id: Column[Any], site_id: Column[Any]) -> ColumnElement[bool]:
        """The condition that a row of work, done by `staff_id` at `site_id`, is within the scope."""
        return site_id.in_(self.sites) if self.whole else staff_id.in_([chw.id for chw in self.chws])

    def area(self, catchment_id: Column[Any], site_id: Column[Any]) -> ColumnElement[bool]:
        """The condition that a household or patient is within the scope."""
        if self.whole:
            return site_id.in_(self.sites)
        return catchment_id.in_(self.lists())

    def lists(self) -> Select[tuple[UUID]] | list[UUID]:
        """The lists of reminders within the scope: a list is a catchment's."""
        if self.whole:
            return select(catchments.c.id).where(catchments.c.site_id.in_(self.sites))
        return [area for chw in self.chws for area in chw.catchments]

    def only(self, chw: Chw) -> Scope:
        """One of its CHWs alone."""
        return Scope((chw,), chw.sites, False, self.zone)

    def named(self, number: str) -> Chw | None:
        """The CHW somebody means by a number: that of their code (7 and 07 are ASC07), else of their catchment."""
        wanted = number.lstrip("0")
        for chw in self.chws:
            if _digits(chw.code) == wanted:
                return chw
        return next((chw for chw in self.chws if wanted in {each.lstrip("0") for each in chw.numbers}), None)

    def code_of(self, staff_id: UUID) -> str:
        return next((chw.code for chw in self.chws if chw.id == staff_id), "?")

    def code_of_list(self, catchment_id: UUID) -> str:
        """The CHW who looks after a catchment; the first by code where several do."""
        return next((chw.code for chw in self.chws if catchment_id in chw.catchments), "?")


def _digits(code: str) -> str:
    """The number at the end of a code, without leading zeros: "ASC07" gives "7"."""
    kept = ""
    for letter in reversed(code):
        if not letter.isdigit():
            break
        kept = letter + kept
    return kept.lstrip("0")


def scope_of(connection: Connection, member: Member, now: datetime) -> Scope:
    """What this member may ask about."""
    places = _places(connection)
    zone = zone_named(timezone_of(member.facility_id or member.site_id, places))
    if member.role is Role.SUPERVISOR:
        return supervisor_scope(connection, member.id, zone, now)
    if member.role in (Role.LEAD, Role.ADMIN):
        return site_scope(connection, _sites_below(member.facility_id or member.site_id, places), zone, now)
    return Scope((), (), False, zone)


def supervisor_scope(connection: Connection, supervisor_id: UUID, zone: ZoneInfo, now: datetime) -> Scope:
    """The work of the CHWs whom somebody supervises."""
    chws = _chws(connection, staff.c.supervisor_id == supervisor_id, now, zone)
    return Scope(chws, _sites_of(chws), False, zone)


def site_scope(connection: Connection, sites: Iterable[UUID], zone: ZoneInfo, now: datetime) -> Scope:
    """All that is reported at these sites."""
    sites = tuple(sites)
    return Scope(_chws(connection, staff.c.site_id.in_(sites), now, zone), sites, True, zone)


def chw_scope(connection: Connection, chw_id: UUID, now: datetime) -> Scope:
    """One CHW's work, on the days of their own place."""
    row = connection.execute(select(staff.c.facility_id, staff.c.site_id).where(staff.c.id == chw_id)).one()
    zone = zone_named(timezone_of(row.facility_id or row.site_id, _places(connection)))
    chws = _chws(connection, staff.c.id == chw_id, now, zone)
    return Scope(chws, _sites_of(chws), False, zone)


def _sites_of(chws: Iterable[Chw]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(site for chw in chws for site in chw.sites))


def _chws(connection: Connection, which: ColumnElement[bool], now: datetime, zone: ZoneInfo) -> tuple[Chw, ...]:
    today = local_day(now, zone)
    current = and_(
        assignments.c.staff_id == staff.c.id,
        assignments.c.starts_on <= today,
        or_(assignments.c.ends_on.is_(None), assignments.c.ends_on >= today),
    )
    query = (
        select(
            staff.c.id,
            staff.c.code,
            catchments.c.id.label("catchment_id"),
            catchments.c.number,
            catchments.c.site_id.label("catchment_site_id"),
        )
        .select_from(
            staff.outerjoin(assignments, current).outerjoin(catchments, catchments.c.id == assignments.c.catchment_id)
        )
        .where(which, staff.c.role == Role.CHW.value)
        .order_by(staff.c.code, catchments.c.number)
    )
    found: dict[UUID, Chw] = {}
    for row in connection.execute(query):
        chw = found.get(row.id, Chw(row.id, row.code))
        if row.catchment_id is not None:
            chw = replace(
                chw,
                numbers=(*chw.numbers, row.number),
                catchments=(*chw.catchments, row.catchment_id),
                sites=(*chw.sites, row.catchment_site_id),
            )
        found[row.id] = chw
    return tuple(found.values())


# ---------------------------------------------------------------- places


@dataclass(frozen=True, slots=True)
class Place:
    """A facility: what it is, what it lies in."""

    id: UUID
    code: str
    kind: str
    parent_id: UUID | None
    timezone: str | None
    arm: str | None


def _places(connection: Connection) -> Mapping[UUID, Place]:
    query = select(*(facilities.c[name] for name in ("id", "code", "kind", "parent_id", "timezone", "arm")))
    return {row.id: Place(*row) for row in connection.execute(query)}


def sites(connection: Connection) -> list[tuple[Place, ZoneInfo]]:
    """Every site with its zone, by code."""
    places = _places(connection)
    found = sorted((place for place in places.values() if place.kind == "site"), key=lambda place: place.code)
    return [(place, zone_named(timezone_of(place.id, places))) for place in found]


def timezone_of(place_id: UUID | None, places: Mapping[UUID, Place]) -> str | None:
    """The zone of a place: its own, or the nearest one above it."""
    while place_id is not None and (place := places.get(place_id)) is not None:
        if place.timezone:
            return place.timezone
        place_id = place.parent_id
    return None


def _sites_below(place_id: UUID, places: Mapping[UUID, Place]) -> list[UUID]:
    """The sites a place is or contains; that of a clinic is the one it lies in."""
    place: Place | None = places.get(place_id)
    if place is not None and place.kind == "clinic":
        return [place.parent_id] if place.parent_id else []

    def within(each: Place | None) -> bool:
        while each is not None:
            if each.id == place_id:
                return True
            each = places.get(each.parent_id) if each.parent_id else None
        return False

    return sorted(each.id for each in places.values() if each.kind == "site" and within(each))
