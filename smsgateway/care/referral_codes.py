"""Which code does a referral get? The next of its clinic's scrambled order that nobody there may still write on a form:
codes rest a month after their referral was closed, and are then handed out again."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, select, update

from smsgateway.store.database import Store
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import referrals
from smsgateway.store.write import Tx
from smsgateway.text.codes import referral_codes

AT_ONCE: Final = 500  # rows a transaction: nobody else should wait long for it
_GIVEN = Prepared(
    select(func.count().label("given")).select_from(referrals).where(referrals.c.facility_id == bindparam("facility"))
)
_TAKEN = Prepared(
    select(referrals.c.code).where(
        referrals.c.facility_id == bindparam("facility"), referrals.c.code == bindparam("code"), referrals.c.code_live
    )
)


def next_code(tx: Tx, facility_id: UUID, clinic: str) -> str:
    """The code of a new referral; whoever asks holds the clinic. Raises LookupError when all are in use."""
    (counted,) = tx.ask(_GIVEN, facility=facility_id)
    order = referral_codes(clinic)
    for position in range(counted.given, counted.given + len(order)):
        code = order[position % len(order)]
        if not tx.ask(_TAKEN, facility=facility_id, code=code):
            return code
    raise LookupError(f"all {len(order)} referral codes of a clinic are in use")


def release_codes(store: Store, now: datetime, rest: timedelta) -> int:
    """Let go of the codes of referrals that were closed longer ago than codes rest; how many."""
    released = 0
    while count := store.write(partial(_release, before=now - rest)):
        released += count
    return released


def _release(tx: Tx, before: datetime) -> int:
    rested = (
        select(referrals.c.id)
        .where(referrals.c.code_live, referrals.c.open.is_(False), referrals.c.closed_at < before)
        .limit(AT_ONCE)
    )
    freed = update(referrals).where(referrals.c.id.in_(rested)).values(code_live=False)
    return len(tx.execute(freed.returning(referrals.c.id)).all())
