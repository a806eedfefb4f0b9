"""What became of the referrals? Who was seen at the clinic by the clinic's own word, whom only the CHW says arrived,
how long the nurse took to answer, and which are open now.

A nurse's word and a CHW's are never counted as one: the first is a confirmation, the second is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from smsgateway.care.figures.periods import Period
from smsgateway.care.figures.scope import Scope
from smsgateway.reading.models import Role
from smsgateway.store.tables import referral_events, referrals, staff

# What a nurse can only say of somebody she has before her. A death may have come on the way.
SEEN_THERE = ("arrived", "outcome", "transferred")
# Any of these from a nurse shows that the alert was read.
ANSWERED = (*SEEN_THERE, "received", "seen", "absent", "refused", "died")


@dataclass(frozen=True, slots=True)
class Referred:
    """A period's referrals that were not cancelled. `confirmed`: the clinic says the person was there; `said`: only
    the CHW does. `acknowledged`: minutes from the alert's hand-over to the nurse's first answer, shortest first."""

    urgent: int = 0
    urgent_confirmed: int = 0
    urgent_said: int = 0
    routine: int = 0
    routine_confirmed: int = 0
    routine_said: int = 0
    acknowledged: tuple[float, ...] = ()

    def within(self, share: float) -> float | None:
        """The minutes within which this share of the answered alerts was answered (nearest rank): 0.5 is the median."""
        if not self.acknowledged:
            return None
        return self.acknowledged[max(0, ceil(share * len(self.acknowledged)) - 1)]


def referred(connection: Connection, scope: Scope, period: Period) -> Referred:
    """The referrals opened in the period by the scope's CHWs, or at its sites."""
    rows = connection.execute(_opened(scope, period)).all()
    minutes = sorted(
        (row.answered_at - (row.handed_at or row.opened_at)) / timedelta(minutes=1)
        for row in rows
        if row.urgency == "urgent" and row.answered_at is not None
    )

    def count(urgency: str, *, confirmed: bool | None = None) -> int:
        return sum(
            row.urgency == urgency
            and (confirmed is None or (bool(row.confirmed) if confirmed else bool(row.said) and not row.confirmed))
            for row in rows
        )

    return Referred(
        urgent=count("urgent"),
        urgent_confirmed=count("urgent", confirmed=True),
        urgent_said=count("urgent", confirmed=False),
        routine=count("routine"),
        routine_confirmed=count("routine", confirmed=True),
        routine_said=count("routine", confirmed=False),
        acknowledged=tuple(minutes),
    )


def _opened(scope: Scope, period: Period) -> Any:
    nurse = staff.c.role == Role.NURSE.value
    events = (
        select(
            referral_events.c.referral_id,
            func.max(_flag(nurse, SEEN_THERE)).label("confirmed"),
            func.max(_flag(staff.c.role == Role.CHW.value, ("arrived",))).label("said"),
            func.min(case((and_(nurse, referral_events.c.kind.in_(ANSWERED)), referral_events.c.at))).label(
                "answered_at"
            ),
        )
        .join(staff, staff.c.id == referral_events.c.staff_id)
        .join(referrals, referrals.c.id == referral_events.c.referral_id)
        .where(_within(scope, period), referral_events.c.kind.in_(ANSWERED))
        .group_by(referral_events.c.referral_id)
        .subquery("said")
    )
    return (
        select(
            referrals.c.urgency,
            referrals.c.opened_at,
            referrals.c.handed_at,
            events.c.confirmed,
            events.c.said,
            events.c.answered_at,
        )
        .outerjoin(events, events.c.referral_id == referrals.c.id)
        .where(_within(scope, period))
    )


def _flag(who: ColumnElement[bool], kinds: Sequence[str]) -> ColumnElement[int]:
    return case((and_(who, referral_events.c.kind.in_(kinds)), 1), else_=0)


def _within(scope: Scope, period: Period) -> ColumnElement[bool]:
    return and_(
        scope.work(referrals.c.reporter_id, referrals.c.site_id),
        referrals.c.opened_at >= period.start,
        referrals.c.opened_at < period.end,
        referrals.c.state != "cancelled",
    )


# ---------------------------------------------------------------- open now


@dataclass(frozen=True, slots=True)
class OpenReferral:
    """A referral somebody still has to see to."""

    code: str
    state: str
    urgency: str
    tier: int
    danger: tuple[str, ...]
    opened_at: datetime
    reporter_id: UUID | None
    brief: Mapping[str, Any]


def open_referrals(connection: Connection, which: ColumnElement[bool]) -> list[OpenReferral]:
    """Open referrals, the most urgent first, then the oldest. `which` is a scope's condition or a clinic's."""
    columns = (referrals.c[name] for name in OpenReferral.__dataclass_fields__)
    query = (
        select(*columns)
        .where(referrals.c.open, which)
        .order_by(referrals.c.urgency.desc(), referrals.c.tier, referrals.c.opened_at, referrals.c.code)
    )
    return [OpenReferral(**{**row._mapping, "danger": tuple(row.danger)}) for row in connection.execute(query)]


def open_in(scope: Scope) -> ColumnElement[bool]:
    """The condition of a referral that the scope's asker should see to."""
    return scope.work(referrals.c.reporter_id, referrals.c.site_id)
