"""What falls due, and who acts on it? One table for everything that happens at a time: ladder rungs, reminders, unclear
reports, ends of sessions. An item is acted on and removed in one transaction, so it happens once, and it happens.

One that cannot be acted on holds nothing up: the others are done, it is tried again later alone, and a human sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.clock import Clock
from smsgateway.store.database import Store, database_time
from smsgateway.store.faults import clear_fault, raise_fault
from smsgateway.store.tables import due
from smsgateway.store.types import new_id
from smsgateway.store.write import StoreUnavailable, Tx

log = structlog.get_logger(__name__)

AT_ONCE: Final = 1_000  # claimed in one transaction
FAULT: Final = "due_failed"
# Pauses before an item that went wrong is tried again; the last is repeated.
LATER: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 300))


@dataclass(frozen=True, slots=True)
class DueItem:
    """Something whose time has come. `detail` is what whoever scheduled it wrote down."""

    id: UUID
    site_id: UUID
    kind: str
    subject_id: UUID
    step: str
    at: datetime
    detail: Mapping[str, Any]
    failures: int


Handler = Callable[[Tx, DueItem, datetime], None]


def schedule(
    tx: Tx, kind: str, subject_id: UUID, step: str, at: datetime, site_id: UUID, detail: Mapping[str, Any]
) -> bool:
    """Have it happen at `at`. False, and nothing changed, when this step of this subject is scheduled already."""
    row = {
        "id": new_id(),
        "site_id": site_id,
        "kind": kind,
        "subject_id": subject_id,
        "step": step,
        "at": at,
        "detail": dict(detail),
        "failures": 0,
    }
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(due)
    statement = insert.values(row).on_conflict_do_nothing(index_elements=["kind", "subject_id", "step"])
    return tx.run(statement.returning(due.c.id)).first() is not None


def cancel(tx: Tx, kind: str, subject_id: UUID, step: str | None = None) -> int:
    """Have it not happen: one step, or all of a subject; how many there were."""
    which = [due.c.kind == kind, due.c.subject_id == subject_id]
    if step is not None:
        which.append(due.c.step == step)
    return len(tx.run(delete(due).where(*which).returning(due.c.id)).all())


def claim_due(tx: Tx, now: datetime, limit: int = AT_ONCE, *, only: UUID | None = None) -> list[DueItem]:
    """What is due, the longest first, held until the transaction ends; what another process holds is passed over.
    Items that went wrong before are given only when asked for by id."""
    which = [due.c.at <= now, due.c.failures == 0 if only is None else due.c.id == only]
    statement = select(due).where(*which).order_by(due.c.at, due.c.id).limit(limit).with_for_update(skip_locked=True)
    return [
        DueItem(row.id, row.site_id, row.kind, row.subject_id, row.step, row.at, row.detail, row.failures)
        for row in tx.execute(statement)
    ]


def run_due(store: Store, clock: Clock, handlers: Mapping[str, Handler]) -> int:
    """Act on what is due now, once; how many items were acted on. Call again at once when that is `AT_ONCE`."""
    try:
        acted = store.write(lambda tx: _act_on(tx, clock, handlers))
    except StoreUnavailable:
        raise
    except Exception:  # noqa: BLE001 - one of many went wrong: which one, shows when each is done alone
        acted = _one_by_one(store, clock, handlers, _waiting(store, clock, failed=False))
    return acted + _one_by_one(store, clock, handlers, _waiting(store, clock, failed=True))


def _act_on(tx: Tx, clock: Clock, handlers: Mapping[str, Handler], only: UUID | None = None) -> int:
    now = _moment(tx, clock)
    items = claim_due(tx, now, only=only)
    for item in items:
        handlers[item.kind](tx, item, now)
    if items:
        tx.execute(delete(due).where(due.c.id.in_([item.id for item in items])))
    for item in items:
        if item.failures:
            clear_fault(tx, FAULT, _name(item), now)
    return len(items)


def _waiting(store: Store, clock: Clock, *, failed: bool) -> Sequence[UUID]:
    """Ids of what is due: that which went wrong before, or the rest."""
    with store.read() as connection:
        now = _moment(Tx(connection), clock)
        which = (due.c.at <= now, due.c.failures > 0 if failed else due.c.failures == 0)
        return connection.scalars(select(due.c.id).where(*which).order_by(due.c.at, due.c.id).limit(AT_ONCE)).all()


def _one_by_one(store: Store, clock: Clock, handlers: Mapping[str, Handler], ids: Sequence[UUID]) -> int:
    acted = 0
    for each in ids:
        try:
            acted += store.write(partial(_act_on, clock=clock, handlers=handlers, only=each))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the others must be acted on
            store.write(partial(_postpone, clock=clock, only=each, error=type(error).__name__))
    return acted


def _postpone(tx: Tx, clock: Clock, only: UUID, error: str) -> None:
    now = _moment(tx, clock)
    for item in claim_due(tx, now, only=only):
        pause = LATER[min(item.failures, len(LATER) - 1)]
        tx.execute(update(due).where(due.c.id == item.id).values(at=now + pause, failures=item.failures + 1))
        raise_fault(tx, FAULT, _name(item), item.site_id, now)
        log.error("due item failed", item=_name(item), error=error, failures=item.failures + 1)


def _name(item: DueItem) -> str:
    return f"{item.kind} {item.step} {item.subject_id}"[:80]


def _moment(tx: Tx, clock: Clock) -> datetime:
    now: datetime = tx.run(select(database_time(tx, clock))).scalar_one()
    return now
