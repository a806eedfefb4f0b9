"""Which households wait for a visit? Worked out from the visits that were made: no household has a row of its own.

Each is visited so often a period (twice, from the 26th to the 25th where the programme says so). It waits when its last
visit is longer ago than that pace allows, or when what is left of the period would become too short for the visits it
still lacks.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select

from smsgateway.care.customs import Customs
from smsgateway.care.figures.coverage import still_there
from smsgateway.care.figures.periods import Period, day_number, local_day, period_of
from smsgateway.care.figures.work import met_at_home
from smsgateway.store.tables import catchments, households, reports
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for

LOOKED_BACK: Final = timedelta(days=62)  # a household not seen for two periods is simply one of the longest unvisited


@dataclass(frozen=True, slots=True)
class Behind:
    """A household that waits: the number of its catchment, its code as digits, and when it was visited last (or
    registered, if never)."""

    catchment: str
    code: str
    last_visit: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """How a programme goes its rounds on one day: pure."""

    period: Period
    wanted: int
    today: date

    @property
    def every(self) -> int:
        """Days from one visit to the next."""
        return ((self.period.last - self.period.first).days + 1) // self.wanted

    def waits(self, last_visit: date | None, visits: int) -> bool:
        """Whether a household with so many visits in this period, the last one then, waits for another."""
        lacking = self.wanted - visits
        if last_visit is None:
            return True
        ago = (self.today - last_visit).days
        if lacking <= 0 or ago < max(1, self.every // 3):
            return False
        left = (self.period.last - self.today).days + 1
        return ago >= self.every or 2 * left < (2 * lacking - 1) * self.every


def households_behind(
    tx: Tx, catchment_ids: Collection[UUID], customs: Customs, zone: ZoneInfo, now: datetime
) -> list[Behind]:
    """The households of these catchments that wait, whoever visited them: those still there, as COUV counts them."""
    if not catchment_ids:
        return []
    period = period_of(now, customs.period_starts_on, zone)
    pace = Pace(period, customs.visits_wanted, local_day(now, zone))
    since = min(period.start, now - LOOKED_BACK)
    in_period = case((reports.c.happened_at >= period.start, day_number(reports.c.happened_at, period)))
    query = (
        select(
            catchments.c.number,
            households.c.serial,
            households.c.registered_at,
            func.max(reports.c.happened_at).label("last_visit"),
            func.count(in_period.distinct()).label("visits"),
        )
        .select_from(
            households.join(catchments, catchments.c.id == households.c.catchment_id).outerjoin(
                reports,
                and_(reports.c.household_id == households.c.id, reports.c.arrived_at >= since, met_at_home()),
            )
        )
        .where(households.c.catchment_id.in_(list(catchment_ids)), still_there(pace.today))
        .group_by(households.c.id, catchments.c.number)
    )
    found = []
    for row in tx.execute(query):
        number, serial, registered, last, visits = tuple(row)
        if pace.waits(local_day(last, zone) if last else None, visits):
            found.append(Behind(number, code_for(number, serial), last or registered))
    return found
