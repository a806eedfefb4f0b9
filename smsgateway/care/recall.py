"""How does a digest that is made and not yet sent forget somebody? It is taken back, and made anew without them."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CompoundSelect, or_, select, update

from smsgateway.outbox.queue import Rank, log_row, take_out
from smsgateway.store.tables import assignments, due, leaves, message_log, outbox, staff
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown

MORNING: Final = "morning"
EVENING: Final = "evening"
VISIT: Final = "visit"  # a visit that a referral asked for, told in words of its own
_DIGESTS: Final = (MORNING, EVENING)


def recall(tx: Tx, owner_id: UUID, codes: Collection[str], now: datetime, reason: str) -> int:
    """Take back waiting digests that name one of these people (their codes as digits) of the list `owner_id`, and what
    sends a CHW to them; how many there were. One that is being handed over this moment cannot be stopped."""
    waiting = tx.execute(
        select(outbox.c.id, outbox.c.staff_id, outbox.c.created_at, outbox.c.body, outbox.c.rung).where(
            outbox.c.rank == int(Rank.REMINDER),
            outbox.c.rung.in_((*_DIGESTS, VISIT)),
            outbox.c.lease.is_(None),
            outbox.c.staff_id.in_(_readers(owner_id)),
        )
    ).all()
    named = re.compile("|".join(form for code in codes for form in _forms(code)))
    taken = 0
    for each in waiting:
        if not named.search(each.body):
            continue
        for row in take_out(tx, outbox.c.id == each.id):
            tx.insert(message_log, log_row(row, now, status="withdrawn", reason=reason))
            taken += 1
        if each.rung in _DIGESTS:
            _make_again(tx, each.staff_id, each.rung, each.created_at, now)
    return taken


def _forms(code: str) -> tuple[str, str]:
    """417-7 within the catchment, 07-4177 from outside: as patterns."""
    return rf"(?<!\d){re.escape(shown(code))}(?!\d)", rf"(?<=\d)-{re.escape(code)}(?!\d)"


def _readers(owner_id: UUID) -> CompoundSelect[Any]:
    """Whoever may have this list in a digest: its CHWs, who covers for them, their supervisors."""
    chws = select(assignments.c.staff_id).where(assignments.c.catchment_id == owner_id)
    covering = select(leaves.c.cover_id).where(leaves.c.staff_id.in_(chws), leaves.c.cover_id.is_not(None))
    above = select(staff.c.supervisor_id).where(staff.c.id.in_(chws), staff.c.supervisor_id.is_not(None))
    return chws.union(covering, above)


def _make_again(tx: Tx, staff_id: UUID, digest: str, made_at: datetime, now: datetime) -> None:
    """What it told counts as not told, and its turn comes at once."""
    theirs = select(assignments.c.catchment_id).where(assignments.c.staff_id == staff_id)
    if digest == MORNING:
        tx.execute(
            update(due)
            .where(or_(due.c.owner_id.in_(theirs), due.c.owner_id == staff_id), due.c.told_at == made_at)
            .values(told_at=None)
        )
    tx.execute(
        update(due).where(due.c.kind == digest, due.c.subject_id == staff_id, due.c.failures == 0).values(at=now)
    )
