"""Which code does a referral get? The next of its clinic's scrambled order that nobody there may still write on a form:
codes rest a month after their referral was closed, and are then handed out again."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select, update

from smsgateway.store.database import Store
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import facilities, referrals
from smsgateway.store.write import Tx
from smsgateway.text.codes import referral_codes

AT_ONCE: Final = 500  # rows a transaction: nobody else should wait long for it
_TAKEN = Prepared(
    select(referrals.c.code).where(
        referrals.c.facility_id == bindparam("facility"), referrals.c.code == bindparam("code"), referrals.c.code_live
    )
)

_COUNT = Prepared(
    update(facilities)
    .where(facilities.c.id == bindparam("facility"))
    .values(referrals_given=facilities.c.referrals_given + 1)
    .returning(facilities.c.referrals_given)
)


def next_code(tx: Tx, facility_id: UUID, clinic: str) -> str:
    """The code of a new referral; whoever asks holds the clinic. Raises LookupError when all are in use."""
    order = referral_codes(clinic)
    for _ in range(len(order)):
        code = order[_take_number(tx, facility_id) % len(order)]
        if not tx.ask(_TAKEN, facility=facility_id, code=code):
            return code
    raise LookupError(f"all {len(order)} referral codes of a clinic are in use")


def _take_number(tx: Tx, facility_id: UUID) -> int:
    (row,) = tx.ask(_COUNT, facility=facility_id)
    given: int = row.referrals_given
    return given - 1


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
