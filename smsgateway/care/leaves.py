"""Who is away, and who takes over? `CONGE 3 ASC05`: three days, and the reminders go to ASC05 meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, literal, select

from smsgateway.care.zones import day_of
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import assignments, leaves, staff
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx


def leave_taken(
    tx: Tx, report_id: UUID, site_id: UUID, staff_id: UUID, answers: Mapping[str, Any], happened_at: datetime
) -> None:
    """Away from today for so many days. A second one replaces what is left of the first."""
    today = day_of(tx, staff_id, happened_at)
    days = int(answers.get("days") or 0)
    tx.execute(delete(leaves).where(leaves.c.staff_id == staff_id, leaves.c.ends_on >= today))
    if days < 1:
        return
    tx.insert(
        leaves,
        {
            "id": new_id(),
            "site_id": site_id,
            "staff_id": staff_id,
            "cover_id": colleague(tx, site_id, str(answers.get("chw") or ""), besides=staff_id),
            "starts_on": today,
            "ends_on": today + timedelta(days=days - 1),
            "report_id": report_id,
        },
    )


def leave_taken_back(tx: Tx, report_id: UUID) -> None:
    """The leave was reported by mistake."""
    tx.execute(delete(leaves).where(leaves.c.report_id == report_id))


def covers(tx: Tx, staff_id: UUID, catchment_id: UUID, at: datetime) -> bool:
    """Whether this person covers there for somebody away on that day."""
    return bool(tx.ask(_COVERS, staff=staff_id, catchment=catchment_id, day=day_of(tx, staff_id, at)))


_COVERS = Prepared(
    select(literal(1).label("found"))
    .select_from(leaves.join(assignments, assignments.c.staff_id == leaves.c.staff_id))
    .where(
        leaves.c.cover_id == bindparam("staff"),
        leaves.c.starts_on <= bindparam("day"),
        leaves.c.ends_on >= bindparam("day"),
        assignments.c.catchment_id == bindparam("catchment"),
    )
)
_CHWS = Prepared(select(staff.c.id, staff.c.code).where(staff.c.site_id == bindparam("site"), staff.c.role == "chw"))


def colleague(tx: Tx, site_id: UUID, said: str, *, besides: UUID | None = None) -> UUID | None:
    """The CHW of a site whom somebody means by ASC07, 07 or 7; None when it is nobody."""
    wanted = "".join(filter(str.isdigit, said)).lstrip("0")
    if not wanted:
        return None
    for row in tx.ask(_CHWS, site=site_id):
        if "".join(filter(str.isdigit, row.code)).lstrip("0") == wanted and row.id != besides:
            found: UUID = row.id
            return found
    return None
