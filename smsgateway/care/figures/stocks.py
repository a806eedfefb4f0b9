"""What is left on each CHW's shelf, by their latest count of each item, and since when is what is missing missing?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select

from smsgateway.care.figures.scope import Scope
from smsgateway.care.figures.work import filed
from smsgateway.store.tables import reports

STOCK = "stock"
COUNTS_LAST = timedelta(days=90)  # an older count says nothing about today's shelf


@dataclass(frozen=True, slots=True)
class Level:
    """One item at one CHW: the latest count, when it was made, and since which count it has been zero."""

    staff_id: UUID
    item: str
    count: int
    counted_at: datetime
    out_since: datetime | None


def stock_levels(connection: Connection, scope: Scope, now: datetime) -> list[Level]:
    """The level of every item that the scope's CHWs counted in the last 90 days."""
    rows = connection.execute(_counts(scope, now - COUNTS_LAST, now)).all()
    return levels((row.staff_id, row.happened_at, row.answers) for row in rows)


def levels(counts: Iterable[tuple[UUID, datetime, Any]]) -> list[Level]:
    """The levels that follow from stock reports, the oldest first."""
    found: dict[tuple[UUID, str], Level] = {}
    for staff_id, at, answers in counts:
        for item, count in (answers.get("stock") or {}).items():
            before = found.get((staff_id, item))
            since = (before.out_since if before and before.out_since else at) if count == 0 else None
            found[staff_id, item] = Level(staff_id, item, count, at, since)
    return list(found.values())


def empty_shelves(found: Iterable[Level]) -> list[Level]:
    """What has run out, the longest first."""
    out = [level for level in found if level.out_since is not None]
    return sorted(out, key=lambda level: (level.out_since, str(level.staff_id), level.item))


def _counts(scope: Scope, start: datetime, until: datetime) -> Select[Any]:
    return (
        select(reports.c.staff_id, reports.c.happened_at, reports.c.answers)
        .where(
            reports.c.staff_id.in_([chw.id for chw in scope.chws]),
            reports.c.flow == STOCK,
            filed(),
            reports.c.happened_at >= start,
            reports.c.happened_at <= until,
        )
        .order_by(reports.c.happened_at, reports.c.id)
    )
