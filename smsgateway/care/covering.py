"""Who answers for a catchment while its CHW is away? The colleague named, by an assignment that ends with the leave:
the codes of the catchment are then theirs too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.care.changes import added
from smsgateway.care.people import Catchment, Member
from smsgateway.store.revisions import register_changed
from smsgateway.store.tables import assignments, leaves, register_changes
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx


def cover(
    tx: Tx, catchments: Sequence[Catchment], cover_id: UUID, first: date, last: date, report_id: UUID, now: datetime
) -> None:
    """Assign the catchments to who covers, from a day to a day, both included."""
    for catchment in catchments:
        row = {
            "id": new_id(),
            "site_id": catchment.site_id,
            "catchment_id": catchment.id,
            "staff_id": cover_id,
            "starts_on": first,
            "ends_on": last,
        }
        insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(assignments)
        statement = insert.values(row).on_conflict_do_update(
            index_elements=["catchment_id", "staff_id", "starts_on"],
            set_={"ends_on": last},
            where=assignments.c.ends_on.is_not(None),  # who has the catchment anyway keeps it
        )
        made = tx.execute(statement.returning(assignments.c.id)).scalar()
        if made is not None:
            added(tx, assignments, made, catchment.site_id, report_id, now)
    register_changed(tx)


def back(tx: Tx, member: Member, today: date) -> None:
    """Whoever covers for this CHW does so no more, from today on."""
    away = select(leaves.c.report_id).where(leaves.c.staff_id == member.id, leaves.c.ends_on >= today)
    covering = select(register_changes.c.row_id).where(
        register_changes.c.report_id.in_(away), register_changes.c.what == assignments.name
    )
    yesterday = today - timedelta(days=1)
    tx.execute(
        update(assignments)
        .where(assignments.c.id.in_(covering), assignments.c.ends_on >= today)
        .values(ends_on=yesterday)
    )
    register_changed(tx)


def own_catchments(tx: Tx, member: Member, today: date) -> list[Catchment]:
    """Those a CHW has for good, without the ones covered for somebody else."""
    lasting = select(assignments.c.catchment_id).where(
        assignments.c.staff_id == member.id, assignments.c.starts_on <= today, assignments.c.ends_on.is_(None)
    )
    ids = set(tx.run(lasting).scalars())
    return [catchment for catchment in member.catchments if catchment.id in ids]
