"""What does a supervisor know before she sits down with a CHW? On each working morning one CHW's figures, of those she
has still to supervise this period: eighteen CHWs fit into a month, and no morning brings a flood.

The CHW whose visit is late comes first. Each is briefed once a round, whoever does the visit and whenever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update

from smsgateway.care.figures import feedback
from smsgateway.care.questions import feedback_text
from smsgateway.care.schedules import Schedules, schedules_of
from smsgateway.care.team import Mate, mates
from smsgateway.due import Batch, DueItem
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading import say
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import due
from smsgateway.store.write import Tx

BRIEFING: Final = "briefing"  # of a supervisor, every working morning
SUPERVISION: Final = "supervision"
BRIEFED: Final = "briefed"  # in the detail of a supervision that was prepared
SUPERVISORS_AT_ONCE: Final = 20
MORNING_LASTS: Final = timedelta(hours=3)  # later, after an outage, tomorrow is soon enough


def briefings(programme: Programme) -> Mapping[str, Batch]:
    """What is done on a supervisor's mornings."""
    schedules = schedules_of(programme)

    def act(tx: Tx, items: Sequence[DueItem], now: datetime) -> Mapping[UUID, datetime]:
        return brief(tx, items, programme, schedules, now)

    return {BRIEFING: Batch(act, SUPERVISORS_AT_ONCE)}


def brief(
    tx: Tx, items: Sequence[DueItem], programme: Programme, schedules: Schedules, now: datetime
) -> Mapping[UUID, datetime]:
    """Text each of these supervisors the figures of the CHW to see next; each item comes again the next morning."""
    people = {mate.id: mate for mate in mates(tx, [item.subject_id for item in items], schedules.day)}
    again: dict[UUID, datetime] = {}
    for item in items:
        mate = people.get(item.subject_id)
        if mate is None:
            continue  # a supervisor no more
        again[item.id] = mate.hours.next_morning(now)
        if now - item.at < MORNING_LASTS and mate.hours.now_open(now) is not None:
            _brief(tx, mate, programme, now)
    return again


def _brief(tx: Tx, mate: Mate, programme: Programme, now: datetime) -> None:
    visit = _next_visit(tx, mate.id, now)
    opening = mate.hours.now_open(now)
    if visit is None or opening is None or mate.phone is None:
        return
    tx.flush()
    figures = feedback_text(programme, mate.language, feedback(tx.connection, visit.subject_id, now))
    draft = Draft(
        phone=mate.phone,
        body=say.text(programme, "briefing", mate.language, figures=figures),
        rank=Rank.REMINDER,
        site_id=mate.site_id,
        staff_id=mate.id,
        key=f"{BRIEFING}:{visit.id}",
        expires_at=opening.end,
    )
    enqueue(tx, draft, now)
    tx.execute(update(due).where(due.c.id == visit.id).values(detail={**visit.detail, BRIEFED: now.date().isoformat()}))


def _next_visit(tx: Tx, supervisor_id: UUID, now: datetime) -> Any:
    """The supervision to prepare next: of those begun and neither done nor prepared, the one that is late first."""
    waiting = (
        select(due.c.id, due.c.subject_id, due.c.detail)
        .where(due.c.kind == SUPERVISION, due.c.owner_id == supervisor_id, due.c.starts_at <= now, due.c.at > now)
        .order_by(due.c.late_at, due.c.id)
    )
    return next((row for row in tx.execute(waiting) if BRIEFED not in row.detail), None)
