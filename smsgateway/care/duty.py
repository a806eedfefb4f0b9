"""Who is on duty at a clinic? What a nurse texted last (GARDE, RELEVE) counts for a day; before and after it the duty
hours she was registered with.

An order, never a gap: whoever took the duty last comes first, then those whose hours it is, then everybody else. A
clinic whose nurses all went off duty still has a first nurse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.care.hours import on_duty, zone_named
from smsgateway.care.people import Member, Recipient, nurses_of
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import duty, staff
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class Said:
    """What a nurse texted last."""

    on_duty: bool
    at: datetime


def take_or_leave(tx: Tx, member: Member, on: bool, now: datetime) -> None:
    """She takes the duty, or hands it over."""
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(duty)
    row = {"staff_id": member.id, "site_id": member.site_id, "on_duty": on, "at": now}
    tx.execute(
        insert.values(row).on_conflict_do_update(
            index_elements=["staff_id"], set_={"on_duty": on, "at": now, "site_id": member.site_id}
        )
    )


def nurses_by_duty(tx: Tx, facility_id: UUID, lasts: timedelta, now: datetime) -> list[Recipient]:
    """The nurses of a clinic, who is to be told first first."""
    return in_order(nurses_of(tx, facility_id), _said(tx, facility_id, now - lasts), now)


def is_on_duty(nurse: Recipient, said: Said | None, now: datetime) -> bool:
    """By what she said, else by her hours."""
    return said.on_duty if said is not None else on_duty(now, nurse.on_duty, zone_named(nurse.timezone))


def in_order(nurses: list[Recipient], said: Mapping[UUID, Said], now: datetime) -> list[Recipient]:
    """Pure: those who took the duty, the latest first; those on duty by their hours; the rest."""

    def place(nurse: Recipient) -> tuple[int, float]:
        words = said.get(nurse.staff_id)
        if words is not None and words.on_duty:
            return 0, -words.at.timestamp()
        return (1, 0.0) if is_on_duty(nurse, words, now) else (2, 0.0)

    return sorted(nurses, key=place)


def on_duty_now(tx: Tx, facility_id: UUID, lasts: timedelta, now: datetime) -> list[Recipient]:
    """The nurses of a clinic who are on duty, in order."""
    said = _said(tx, facility_id, now - lasts)
    return [
        nurse
        for nurse in in_order(nurses_of(tx, facility_id), said, now)
        if is_on_duty(nurse, said.get(nurse.staff_id), now)
    ]


_SAID = Prepared(
    select(duty.c.staff_id, duty.c.on_duty, duty.c.at)
    .select_from(staff.join(duty, duty.c.staff_id == staff.c.id))
    .where(staff.c.facility_id == bindparam("facility"), duty.c.at > bindparam("since"))
)


def _said(tx: Tx, facility_id: UUID, since: datetime) -> dict[UUID, Said]:
    """What who works at a clinic said last, by person."""
    rows = tx.ask(_SAID, facility=facility_id, since=since)
    return {row.staff_id: Said(row.on_duty, row.at) for row in rows}
