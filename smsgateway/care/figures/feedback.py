"""What does a supervisor bring to a one-to-one visit? The four figures of one CHW that the two of them talk about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from smsgateway.care.figures.lateness import FollowedUp, followed_up
from smsgateway.care.figures.periods import Period, last_days
from smsgateway.care.figures.scope import Chw, Scope, chw_scope
from smsgateway.care.figures.work import Work, work_by_chw

FEEDBACK_DAYS = 30  # supervision is monthly


@dataclass(frozen=True, slots=True)
class Feedback:
    """One CHW's month: visits, children treated in time, follow-ups on time, messages that needed correction."""

    chw: Chw
    period: Period
    work: Work
    followed: FollowedUp


def feedback(connection: Connection, chw_id: UUID, now: datetime) -> Feedback:
    """The figures of the last 30 days, texted before each supervision visit."""
    scope = chw_scope(connection, chw_id, now)
    return feedback_in(connection, scope, last_days(now, FEEDBACK_DAYS, scope.zone), now)


def feedback_in(connection: Connection, scope: Scope, period: Period, now: datetime) -> Feedback:
    """The figures of the only CHW of a scope in a period."""
    (chw,) = scope.chws
    work = work_by_chw(connection, scope, period).get(chw.id, Work())
    return Feedback(chw, period, work, followed_up(connection, scope, period, now))
