"""How does a colleague hear what can wait? Who covers for whom, a death to ask about, somebody who moved in, empty
shelves: once, within the hours of whoever reads it and on their working days, as digests come.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from smsgateway.care.hours import zone_named
from smsgateway.care.people import Recipient
from smsgateway.care.schedules import schedules_of
from smsgateway.care.workdays import hours_of
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx


def send_word(
    tx: Tx, person: Recipient, text: str, programme: Programme, now: datetime, *, once: str, lasts: timedelta
) -> None:
    """Queue it for their next open hour. `once` tells it from any other word, so that it is said once; it is not worth
    sending any more when `lasts` have gone by since then."""
    hours = hours_of(person.on_duty, zone_named(person.timezone), schedules_of(programme).day)
    opening = hours.next_open(now)
    enqueue(
        tx,
        Draft(
            phone=person.phone,
            body=text,
            rank=Rank.REMINDER,
            site_id=person.site_id,
            staff_id=person.staff_id,
            key=once[:120],
            not_before=opening,
            expires_at=opening + lasts,
        ),
        now,
    )
