"""How does every process learn that staff, phones or assignments are no longer what it remembers? By a number that goes
up, in the transaction of the change."""

from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.store.tables import revisions
from smsgateway.store.write import Tx


def register_changed(tx: Tx) -> None:
    """Tell every process, once this is committed."""
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(revisions)
    tx.execute(
        insert.values(name="register", number=1).on_conflict_do_update(
            index_elements=["name"], set_={"number": revisions.c.number + 1}
        )
    )
