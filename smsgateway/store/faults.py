"""What must a human look at? Faults: one row a kind and subject, open until somebody or something clears it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.store.prepared import Prepared
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
    tx.ask(_CLEAR, fault=kind, about=subject, now=now)


_CLEAR = Prepared(
    update(faults)
    .where(faults.c.kind == bindparam("fault"), faults.c.subject == bindparam("about"), faults.c.cleared_at.is_(None))
    .values(cleared_at=bindparam("now"))
)
