"""What becomes of a reminder that nobody acted on in time? It is taken off its list and leaves its reason: told and not
done, or never told at all, which somebody should look into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from smsgateway.care.beginnings import begin_for_patient
from smsgateway.care.calendar import next_round
from smsgateway.care.reminders import End, Open, log_row
from smsgateway.care.schedule_file import ABOUT_PATIENTS, ABOUT_STAFF
from smsgateway.care.schedules import Schedules
from smsgateway.care.team import Mate, mates
from smsgateway.care.workdays import Hours
from smsgateway.due import Batch, DueItem, Handler
from smsgateway.store.tables import due_log
from smsgateway.store.write import Tx

FOLLOW_UP: Final = "follow_up"
LATE_START: Final = timedelta(minutes=15)  # so late, something comes after an outage
# Visits that a referral asks for are told on their morning in words of their own, and then stand on the list.
VISITS: Final = {"refused": "home_visit", "counter_referral": "counter_referral"}


def expiries(schedules: Schedules, visits: Handler | None = None) -> Mapping[str, Batch]:
    """What is done with reminders that have become pointless. `visits` tells of a visit that a referral asked for on
    its morning."""
    act = partial(_expire, schedules=schedules, visits=visits)
    return dict.fromkeys((*ABOUT_PATIENTS, *ABOUT_STAFF), Batch(act))


def _expire(
    tx: Tx, items: Sequence[DueItem], now: datetime, schedules: Schedules, visits: Handler | None
) -> dict[UUID, datetime]:
    over = [reminder for item in items if (reminder := _reminder(item)) is not None]
    for each in over:
        tx.insert(due_log, log_row(each, End.EXPIRED if each.told_at else End.MISSED, each.at))
    next_round(tx, schedules, over, now)
    asked_for = [item for item in items if item.owner_id is None]
    return {} if visits is None else _tell_of_visits(tx, asked_for, now, schedules, visits)


def _tell_of_visits(
    tx: Tx, items: Sequence[DueItem], now: datetime, schedules: Schedules, visits: Handler
) -> dict[UUID, datetime]:
    """Within the hours of who goes; after an outage that ended at night, in the morning. A refused referral is open and
    knows no day of rest."""
    goes = {item.id: UUID(item.detail["staff_id"]) for item in items if item.detail.get("staff_id")}
    people = {mate.id: mate for mate in mates(tx, set(goes.values()), schedules.day)} if goes else {}
    again: dict[UUID, datetime] = {}
    for item in items:
        mate = people.get(goes.get(item.id, item.id))
        hours = _hours_for(mate, item) if mate is not None else None
        if hours is not None and hours.now_open(now) is None:
            again[item.id] = hours.next_morning(now)
            continue
        if now - item.at <= LATE_START or hours is None:
            visits(tx, item, now)
            _stands_on_the_list(tx, item, schedules, now, told_at=now)
        elif item.detail.get("patient_id"):  # after an outage it is told with all the rest, in one message
            _stands_on_the_list(tx, item, schedules, now, told_at=None)
        else:  # of somebody without code no list can tell
            again[item.id] = hours.next_morning(now)
    return again


def _hours_for(mate: Mate, item: DueItem) -> Hours:
    return mate.hours.every_day() if item.detail.get("why") == "refused" else mate.hours


def _stands_on_the_list(
    tx: Tx, item: DueItem, schedules: Schedules, now: datetime, *, told_at: datetime | None
) -> None:
    """Until it is done it is told with the rest of the day's list."""
    name, patient = VISITS.get(str(item.detail.get("why"))), item.detail.get("patient_id")
    if name is not None and patient:
        mark = str(item.detail.get("referral_id", item.id)).replace("-", "")
        begin_for_patient(tx, schedules, name, UUID(patient), item.at, now, mark=mark, told_at=told_at)


def _reminder(item: DueItem) -> Open | None:
    if item.owner_id is None or item.starts_at is None or item.late_at is None:
        return None
    return Open(
        id=item.id,
        site_id=item.site_id,
        kind=item.kind,
        subject_id=item.subject_id,
        step=item.step,
        at=item.at,
        owner_id=item.owner_id,
        starts_at=item.starts_at,
        late_at=item.late_at,
        told_at=item.told_at,
        detail=item.detail,
    )
