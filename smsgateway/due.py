"""What falls due, and who acts on it? One table for everything that happens at a time: ladder rungs, reminders, unclear
reports, ends of sessions. An item is acted on and removed in one transaction, so it happens once, and it happens.

What somebody waits for (rank 0) goes before what can wait its turn (rank 1: reminders, digests), of which one round
does one batch: however much has gathered, nothing urgent and no other writer stands behind it for long. One that cannot
be acted on holds nothing up: the others are done, it is tried again later alone, and a human sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, TextClause, bindparam, delete, literal_column, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.clock import Clock, SystemClock
from smsgateway.store.database import Store, database_time
from smsgateway.store.faults import clear_fault, raise_fault
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due
from smsgateway.store.types import new_id
from smsgateway.store.write import StoreUnavailable, Tx

log = structlog.get_logger(__name__)

AT_ONCE: Final = 1_000  # claimed in one transaction
RANKS: Final = (0, 1)
LATER_RANK: Final = 1
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
    owner_id: UUID | None = None
    starts_at: datetime | None = None
    late_at: datetime | None = None
    told_at: datetime | None = None


Handler = Callable[[Tx, DueItem, datetime], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """A handler of items of one kind together, at most `at_once` in a transaction. `act` gives the ids of those that
    come again, each with its next moment; the others are done with."""

    act: Callable[[Tx, Sequence[DueItem], datetime], Mapping[UUID, datetime]]
    at_once: int = AT_ONCE


Handlers = Mapping[str, Handler | Batch]


def schedule(
    tx: Tx, kind: str, subject_id: UUID, step: str, at: datetime, site_id: UUID, detail: Mapping[str, Any]
) -> bool:
    """Have it happen at `at`. False, and nothing changed, when this step of this subject is scheduled already."""
    added = tx.ask(
        _SCHEDULE,
        id=new_id(),
        site_id=site_id,
        kind=kind,
        subject_id=subject_id,
        step=step,
        at=at,
        detail=dict(detail),
        failures=0,
    )
    return bool(added)


def cancel(tx: Tx, kind: str, subject_id: UUID, step: str | None = None) -> int:
    """Have it not happen: one step, or all of a subject; how many there were."""
    if step is None:
        return len(tx.ask(_CANCEL_ALL, kind=kind, subject=subject_id))
    return len(tx.ask(_CANCEL, kind=kind, subject=subject_id, step=step))


_COLUMNS: Final = ("id", "site_id", "kind", "subject_id", "step", "at", "detail", "failures")
_SCHEDULE = Prepared(
    *(
        dialect.insert(due)
        .values({name: bindparam(name) for name in _COLUMNS})
        .on_conflict_do_nothing(index_elements=["kind", "subject_id", "step"])
        .returning(due.c.id)
        for dialect in (sqlite, postgresql)
    )
)
_OF_SUBJECT = (due.c.kind == bindparam("kind"), due.c.subject_id == bindparam("subject"))
_CANCEL_ALL = Prepared(delete(due).where(*_OF_SUBJECT).returning(due.c.id))
_CANCEL = Prepared(delete(due).where(*_OF_SUBJECT, due.c.step == bindparam("step")).returning(due.c.id))


def claim_due(
    tx: Tx,
    now: datetime,
    limit: int = AT_ONCE,
    *,
    rank: int | None = None,
    kind: str | None = None,
    only: UUID | None = None,
) -> list[DueItem]:
    """What is due (of a rank, of a kind), the longest first, held until the transaction ends; what another process
    holds is passed over. Items that went wrong before are given only when asked for by id."""
    which = [due.c.at <= now, due.c.failures == 0 if only is None else due.c.id == only]
    if rank is not None:
        which.append(due.c.rank == rank)
    if kind is not None:
        which.append(due.c.kind == kind)
    # A whole country's mornings are due at the same moment: to put them in order of their ids, too, all would be read.
    order = (due.c.at,) if kind is not None else (due.c.at, due.c.id)
    statement = select(*_ITEM).where(*which).order_by(*order).limit(limit).with_for_update(skip_locked=True)
    return [DueItem(**row._mapping) for row in tx.execute(statement)]


_ITEM: Final = tuple(due.c[field.name] for field in fields(DueItem))


def run_due(store: Store, clock: Clock, handlers: Handlers) -> int:
    """Act on what is due now: all that somebody waits for, up to `AT_ONCE`, and one batch of the rest. Gives how many
    items were acted on; call again at once until that is none."""
    acted = 0
    for rank in _ranks_due(store, clock):
        try:
            acted += store.write(partial(_act_on, clock=clock, handlers=handlers, rank=rank))
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - one of many went wrong: which one, shows when each is done alone
            acted += _one_by_one(store, clock, handlers, _waiting(store, clock, rank, failed=False))
        acted += _one_by_one(store, clock, handlers, _waiting(store, clock, rank, failed=True))
    return acted


def _ranks_due(store: Store, clock: Clock) -> list[int]:
    """The ranks of which anything is due, found without holding up a writer."""
    with store.read() as connection:
        now = _moment(Tx(connection), clock)
        return [rank for rank in RANKS if _FIRST_DUE(connection, rank=rank, now=now)]


_FIRST_DUE: Final = Prepared(
    select(due.c.id).where(due.c.rank == bindparam("rank"), due.c.at <= bindparam("now")).limit(1)
)


def _act_on(tx: Tx, clock: Clock, handlers: Handlers, rank: int | None = None, only: UUID | None = None) -> int:
    now = _moment(tx, clock)
    kind, limit = _next_batch(tx, now, handlers) if rank == LATER_RANK else (None, AT_ONCE)
    items = claim_due(tx, now, limit, rank=rank, kind=kind, only=only)
    again = _handled(tx, items, handlers, now)
    done = [item.id for item in items if item.id not in again]
    if done:
        tx.execute(delete(due).where(due.c.id.in_(done)))
    if again:
        tx.execute(_AGAIN, [{"item": item, "next": at} for item, at in again.items()])
    for item in items:
        if item.failures:
            clear_fault(tx, FAULT, _name(item), now)
    return len(items)


_AGAIN: Final = update(due).where(due.c.id == bindparam("item")).values(at=bindparam("next"), failures=0)


def _next_batch(tx: Tx, now: datetime, handlers: Handlers) -> tuple[str | None, int]:
    """The kind that has waited longest among what can wait, and how many of it go into one transaction."""
    which = (due.c.rank == LATER_RANK, due.c.at <= now, due.c.failures == 0)
    kind = tx.execute(select(due.c.kind).where(*which).order_by(due.c.at).limit(1)).scalar()
    handler = handlers.get(kind or "")
    return kind, handler.at_once if isinstance(handler, Batch) else AT_ONCE


def _handled(tx: Tx, items: Sequence[DueItem], handlers: Handlers, now: datetime) -> dict[UUID, datetime]:
    together: dict[str, list[DueItem]] = {}
    for item in items:
        handler = handlers[item.kind]
        if isinstance(handler, Batch):
            together.setdefault(item.kind, []).append(item)
        else:
            handler(tx, item, now)
    again: dict[UUID, datetime] = {}
    for kind, some in together.items():
        batch = handlers[kind]
        assert isinstance(batch, Batch)
        again |= batch.act(tx, some, now)
    return again


def _waiting(store: Store, clock: Clock, rank: int, *, failed: bool) -> Sequence[UUID]:
    """Ids of what is due of a rank: that which went wrong before, or the rest."""
    with store.read() as connection:
        now = _moment(Tx(connection), clock)
        return [row.id for row in (_FAILED if failed else _REST)(connection, rank=rank, now=now)]


def _ids(*which: ColumnElement[bool] | TextClause) -> Prepared:
    query = select(due.c.id).where(*which, due.c.at <= bindparam("now"))
    return Prepared(query.order_by(due.c.at, due.c.id).limit(AT_ONCE))


# Written so that both databases take the small index of what failed, and not that of everything due: as text, since a
# Boolean would be compared with 1 on SQLite, and no index is for that.
_FAILED: Final = _ids(due.c.rank + literal_column("0") == bindparam("rank"), text("failures > 0"))
_REST: Final = _ids(due.c.rank == bindparam("rank"), due.c.failures == 0)


def _one_by_one(store: Store, clock: Clock, handlers: Handlers, ids: Sequence[UUID]) -> int:
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
    if tx.dialect != "postgresql" or not isinstance(clock, SystemClock):
        return clock.now()
    now: datetime = tx.run(select(database_time(tx, clock))).scalar_one()
    return now
