"""What must a human look at? Faults: one row a kind and subject, open until somebody or something clears it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.store.tables import faults
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx


def raise_fault(tx: Tx, kind: str, subject: str, site_id: UUID | None, now: datetime) -> None:
    """Make it visible; raising it again while it is open changes nothing, after it was cleared it opens anew."""
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(faults)
    row = {"id": new_id(), "kind": kind, "subject": subject, "site_id": site_id, "at": now, "cleared_at": None}
    statement = insert.values(row).on_conflict_do_update(
        index_elements=["kind", "subject"],
        set_={"at": now, "cleared_at": None},
        where=faults.c.cleared_at.is_not(None),
    )
    tx.execute(statement)


def clear_fault(tx: Tx, kind: str, subject: str, now: datetime) -> None:
    """It was dealt with."""
    tx.execute(
        update(faults)
        .where(faults.c.kind == kind, faults.c.subject == subject, faults.c.cleared_at.is_(None))
        .values(cleared_at=now)
    )
