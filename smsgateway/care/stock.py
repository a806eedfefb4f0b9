"""Who learns that a shelf is empty? The CHW's supervisor, once, within her hours; and again every week that it lasts.

An item that is low is told at most once a week. A nurse whose clinic has run out tells its CHWs. What is told rests on
the latest count that stands: a cancelled one, or a new one, ends the reminding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from smsgateway.care.customs import StockCustoms, customs_of
from smsgateway.care.expiry import LATE_START
from smsgateway.care.figures import Level, chw_scope, empty_shelves, stock_levels
from smsgateway.care.people import Member, Recipient, member_as_recipient, supervisor_of
from smsgateway.care.questions import item_word
from smsgateway.care.word import send_word
from smsgateway.due import Batch, DueItem, cancel, schedule
from smsgateway.reading import say
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import staff
from smsgateway.store.write import Tx

OUT = "stock_out"  # of a CHW, a step an item: due when it is to be told again
LOW = "stock_low"  # the same, due when it may be told again
WAITS = timedelta(days=2)  # a message about stock that could not be sent for so long is not sent


@dataclass(frozen=True, slots=True)
class Count:
    """A stock report: what is left, by item."""

    report_id: UUID
    member: Member
    left: Mapping[str, int]


def counted(tx: Tx, count: Count, programme: Programme, now: datetime) -> None:
    """Tell whoever must know of what has run out or run low since the count before."""
    if count.member.role is Role.NURSE:
        _clinic_out(tx, count, programme, now)
        return
    customs = customs_of(programme).stock
    out, low = _newly(tx, count, customs, now)
    if out or low:
        _tell_supervisor(tx, count, out, low, programme, now)


def _newly(tx: Tx, count: Count, customs: StockCustoms, now: datetime) -> tuple[list[str], list[str]]:
    """The items that are out, and those that are low, and were not when last counted."""
    again = _later(now, customs)
    out, low = [], []
    for item, left in count.left.items():
        if left == 0 and _noted(tx, OUT, count.member, item, again):
            out.append(item)
        if left > 0:
            cancel(tx, OUT, count.member.id, item)
        if 0 < left <= customs.low.get(item, 0):
            if _noted(tx, LOW, count.member, item, again):
                low.append(item)
        else:
            cancel(tx, LOW, count.member.id, item)
    return out, low


def _noted(tx: Tx, kind: str, member: Member, item: str, again: datetime) -> bool:
    return schedule(tx, kind, member.id, item, again, member.site_id, {})


# ---------------------------------------------------------------- what lasts


def lasting(programme: Programme) -> Mapping[str, Batch]:
    """What is done when the time has come to tell again, by kind of due item."""

    def still_out(tx: Tx, items: Sequence[DueItem], now: datetime) -> Mapping[UUID, datetime]:
        return tell_again(tx, items, programme, now)

    def may_be_told(_tx: Tx, _items: Sequence[DueItem], _now: datetime) -> Mapping[UUID, datetime]:
        return {}

    return {OUT: Batch(still_out), LOW: Batch(may_be_told)}


def tell_again(tx: Tx, items: Sequence[DueItem], programme: Programme, now: datetime) -> Mapping[UUID, datetime]:
    """Tell each supervisor once of what is still out at her CHWs, by their latest counts; gives when each item comes
    again. What is out no longer is forgotten. After an outage other things come first: tomorrow is soon enough."""
    tx.flush()
    shelves: dict[UUID, list[Level]] = {}
    lasting_items: list[DueItem] = []
    late = {item.id for item in items if now - item.at > LATE_START}
    for chw_id, some in _by_subject([item for item in items if item.id not in late]).items():
        levels = stock_levels(tx.connection, chw_scope(tx.connection, chw_id, now), now)
        steps = {item.step: item for item in some}
        out = [level for level in empty_shelves(levels) if level.item in steps]
        lasting_items += [steps[level.item] for level in out]
        if out:
            shelves[chw_id] = out
    _tell_supervisors(tx, shelves, programme, now)
    next_time = _later(now, customs_of(programme).stock)
    tomorrow = _start_of_day(now + timedelta(days=1))
    return {item.id: next_time for item in lasting_items} | dict.fromkeys(late, tomorrow)


def _by_subject(items: Sequence[DueItem]) -> Mapping[UUID, list[DueItem]]:
    found: dict[UUID, list[DueItem]] = {}
    for item in items:
        found.setdefault(item.subject_id, []).append(item)
    return found


def _later(now: datetime, customs: StockCustoms) -> datetime:
    """When to tell again: at the start of a day, so that all that is out at one supervisor's CHWs is one message."""
    return _start_of_day(now + timedelta(days=customs.again_after_days))


def _start_of_day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _tell_supervisors(tx: Tx, shelves: Mapping[UUID, list[Level]], programme: Programme, now: datetime) -> None:
    told: dict[UUID, tuple[Recipient, list[str]]] = {}
    for chw_id, levels in shelves.items():
        supervisor = supervisor_of(tx, chw_id)
        if supervisor is not None:
            out = [_since(programme, supervisor.language, level, now) for level in levels]
            line = f"{_code_of(tx, chw_id)} {', '.join(out)}"
            told.setdefault(supervisor.staff_id, (supervisor, []))[1].append(line)
    for supervisor, lines in told.values():
        text = say.text(programme, "stock_lasts", supervisor.language, shelves=sorted(lines))
        once = f"stock:{supervisor.staff_id}:{now:%Y-%m-%dT%H:%M}"
        send_word(tx, supervisor, text, programme, now, once=once, lasts=WAITS)


def _since(programme: Programme, language: str, level: Level, now: datetime) -> str:
    days = (now - level.out_since).days if level.out_since else 0
    return say.text(
        programme, "stockout_item", language, item=item_word(programme, level.item, language), days=days or None
    )


# ---------------------------------------------------------------- telling


def _tell_supervisor(
    tx: Tx, count: Count, out: Sequence[str], low: Sequence[str], programme: Programme, now: datetime
) -> None:
    supervisor = supervisor_of(tx, count.member.id)
    if supervisor is None:
        return
    text = say.text(
        programme,
        "stock_told",
        supervisor.language,
        chw=count.member.code,
        out=[item_word(programme, item, supervisor.language) for item in out] or None,
        low=[f"{item_word(programme, item, supervisor.language)} {count.left[item]}" for item in low] or None,
    )
    send_word(tx, supervisor, text, programme, now, once=f"stock:{count.report_id}", lasts=WAITS)


def _clinic_out(tx: Tx, count: Count, programme: Programme, now: datetime) -> None:
    """The clinic's CHWs learn what it has run out of: they need not walk there for it."""
    out = [item for item, left in count.left.items() if left == 0]
    if not out or count.member.facility_id is None:
        return
    chws = select(staff.c.id).where(staff.c.facility_id == count.member.facility_id, staff.c.role == Role.CHW.value)
    for chw_id in tx.run(chws.order_by(staff.c.code)).scalars().all():
        chw = member_as_recipient(tx, chw_id)
        if chw is not None:
            words = [item_word(programme, item, chw.language) for item in out]
            text = say.text(programme, "stock_clinic_out", chw.language, out=words)
            send_word(tx, chw, text, programme, now, once=f"stock:{count.report_id}:{chw_id}", lasts=WAITS)


def _code_of(tx: Tx, staff_id: UUID) -> str:
    code: str = tx.run(select(staff.c.code).where(staff.c.id == staff_id)).scalar_one()
    return code
