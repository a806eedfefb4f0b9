"""How many households were visited as often as they should be? By catchment, whoever went there.

A household counts with one visit a local day, and any report that shows it was met at home is a visit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, exists, func, not_, or_, select

from smsgateway.care.figures.periods import Period
from smsgateway.care.figures.scope import Scope
from smsgateway.care.figures.work import day_of, met_at_home
from smsgateway.store.tables import catchments, codes, households, patients, reports


@dataclass(frozen=True, slots=True)
class Covered:
    """A catchment's households in a period: those registered by its end and still there, and those visited often
    enough."""

    catchment: str
    households: int
    visited: int


def coverage(connection: Connection, scope: Scope, period: Period, wanted: int) -> list[Covered]:
    """Each catchment of the scope that has households, by number."""
    often = (
        select(reports.c.household_id)
        .where(
            reports.c.site_id.in_(scope.sites),  # a household's reports are filed at its own site
            reports.c.happened_at >= period.start,
            reports.c.happened_at < period.end,
            met_at_home(),
        )
        .group_by(reports.c.household_id)
        .having(func.count(day_of(period).distinct()) >= wanted)
        .subquery("often")
    )
    query = (
        select(catchments.c.number, func.count().label("households"), func.count(often.c.household_id).label("visited"))
        .select_from(
            households.join(catchments, catchments.c.id == households.c.catchment_id).outerjoin(
                often, often.c.household_id == households.c.id
            )
        )
        .where(
            scope.area(households.c.catchment_id, households.c.site_id),
            households.c.registered_at < period.end,
            still_there(period.last),
        )
        .group_by(catchments.c.number)
        .order_by(catchments.c.number)
    )
    return [Covered(*row) for row in connection.execute(query)]


def still_there(day: date) -> ColumnElement[bool]:
    """Whether a household is to be visited on a day: not one that was registered by mistake, nor one of whom somebody
    left the area and nobody is left."""
    members = patients.c.household_id == households.c.id
    gone = and_(patients.c.left_on.is_not(None), patients.c.left_on <= day)
    mistaken = exists().where(
        codes.c.catchment_id == households.c.catchment_id, codes.c.serial == households.c.serial, codes.c.void
    )
    somebody_left = exists().where(members, gone)
    somebody_stays = exists().where(members, not_(gone), patients.c.died_on.is_(None))
    return and_(not_(mistaken), or_(not_(somebody_left), somebody_stays))
