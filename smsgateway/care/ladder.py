"""Who is told next? An urgent referral climbs from person to person until a human answers.

Today's ladder: the nurse on duty at the clinic, then the reporter's supervisor, then the site's lead, then the clinic's
other nurses. The person who sent the report is never the fallback, nobody is told the same rung twice, and when
nobody is left that is a fault somebody can see.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from smsgateway.care.hours import on_duty, zone_named
from smsgateway.care.people import Recipient, leads_of, nurses_of, supervisor_of
from smsgateway.store.tables import opt_outs
from smsgateway.store.write import Tx


def next_person(
    tx: Tx, facility_id: UUID, site_id: UUID, reporter_id: UUID | None, told: Collection[UUID], now: datetime
) -> Recipient | None:
    """The first person of the ladder who has not been told, is not the reporter and has not opted out."""
    for person in _in_order(tx, facility_id, site_id, reporter_id, now):
        if person.staff_id not in told and person.staff_id != reporter_id and not _opted_out(tx, person.phone):
            return person
    return None


def _in_order(tx: Tx, facility_id: UUID, site_id: UUID, reporter_id: UUID | None, now: datetime) -> Iterator[Recipient]:
    nurses = nurses_of(tx, facility_id)
    yield from [nurse for nurse in nurses if on_duty(now, nurse.on_duty, zone_named(nurse.timezone))][:1]
    if reporter_id is not None and (supervisor := supervisor_of(tx, reporter_id)) is not None:
        yield supervisor
    yield from leads_of(tx, site_id)
    yield from nurses


def _opted_out(tx: Tx, phone: str) -> bool:
    return tx.run(select(opt_outs.c.phone).where(opt_outs.c.phone == phone)).first() is not None
