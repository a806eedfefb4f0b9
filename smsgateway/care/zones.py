"""What day is it there? The time zone of a place is its own, or that of the nearest place above it: one way for whoever
is told, whoever reports, and the clinic."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, func, select

from smsgateway.care.hours import zone_named
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import facilities, staff
from smsgateway.store.write import Tx

_place, _above, _higher, _highest = (facilities.alias(name) for name in ("z_place", "z_above", "z_higher", "z_highest"))

# Where a member of staff works; who belongs to a site as a whole, at the site.
WORKPLACE: Final = func.coalesce(staff.c.facility_id, staff.c.site_id)


def timezone_of(place_id: ColumnElement[Any]) -> ScalarSelect[Any]:
    """The name of a place's zone, as a column of a query; NULL when no place above it has one."""
    levels = (_place, _above, _higher, _highest)  # clinic, site, district, country
    return (
        select(func.coalesce(*(level.c.timezone for level in levels)))
        .select_from(
            _place.outerjoin(_above, _above.c.id == _place.c.parent_id)
            .outerjoin(_higher, _higher.c.id == _above.c.parent_id)
            .outerjoin(_highest, _highest.c.id == _higher.c.parent_id)
        )
        .where(_place.c.id == place_id)
        .scalar_subquery()
    )


_OF_STAFF = Prepared(select(timezone_of(WORKPLACE).label("timezone")).where(staff.c.id == bindparam("staff")))


def day_of(tx: Tx, staff_id: UUID, moment: datetime) -> date:
    """The day it is then where somebody works."""
    rows = tx.ask(_OF_STAFF, staff=staff_id)
    return moment.astimezone(zone_named(rows[0].timezone if rows else None)).date()
