"""All numbers of the service: what was done, when, and what became of it. Every function takes a connection only to
read from it (a request's own, a replica's), a scope (whose work) and a period (which local days), and never writes.

`docs/indicators.md` has the exact numerator and denominator of each figure.
"""

from smsgateway.care.figures.coverage import Covered, coverage
from smsgateway.care.figures.feedback import Feedback, feedback
from smsgateway.care.figures.lateness import (
    FollowedUp,
    Silent,
    followed_up,
    overdue_follow_ups,
    silent_chws,
)
from smsgateway.care.figures.months import remember_months, total_work
from smsgateway.care.figures.periods import Period, last_days, period_of, week_before
from smsgateway.care.figures.referred import OpenReferral, Referred, open_in, open_referrals, referred
from smsgateway.care.figures.scope import Chw, Scope, chw_scope, scope_of, site_scope, supervisor_scope
from smsgateway.care.figures.stocks import Level, empty_shelves, stock_levels
from smsgateway.care.figures.work import Work, reports_filed, total, work_by_chw

__all__ = [
    "Chw",
    "Covered",
    "Feedback",
    "FollowedUp",
    "Level",
    "OpenReferral",
    "Period",
    "Referred",
    "Scope",
    "Silent",
    "Work",
    "chw_scope",
    "coverage",
    "empty_shelves",
    "feedback",
    "followed_up",
    "last_days",
    "open_in",
    "open_referrals",
    "overdue_follow_ups",
    "period_of",
    "referred",
    "remember_months",
    "reports_filed",
    "scope_of",
    "silent_chws",
    "site_scope",
    "stock_levels",
    "supervisor_scope",
    "total",
    "total_work",
    "week_before",
    "work_by_chw",
]
