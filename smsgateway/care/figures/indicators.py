"""What does a programme report? Every indicator of a period as numerator and denominator, for a site or one CHW.

`apart` is what must be shown beside and never added in: unknown onset, arrivals that only the CHW reports, alerts
nobody answered. docs/indicators.md defines each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from smsgateway.care.customs import Customs
from smsgateway.care.figures import iccm
from smsgateway.care.figures.coverage import coverage
from smsgateway.care.figures.lateness import followed_up
from smsgateway.care.figures.periods import Period, local_day
from smsgateway.care.figures.referred import referred
from smsgateway.care.figures.scope import Scope
from smsgateway.care.figures.stocks import STOCK
from smsgateway.care.figures.work import during, filed, total, work_by_chw
from smsgateway.store.tables import reports

SUPERVISION, ONE_TO_ONE = "supervision", "one_to_one"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One figure: `numerator` of `denominator`, and what is kept apart from both."""

    id: str
    numerator: float | None
    denominator: float
    apart: int = 0


def indicators(
    connection: Connection, scope: Scope, period: Period, customs: Customs, now: datetime
) -> list[Indicator]:
    """Every indicator of the scope in the period."""
    return [
        *_treated(connection, scope, period),
        *_covered(connection, scope, period, customs),
        *_followed(connection, scope, period, now),
        *_referred(connection, scope, period),
        *_supplied(connection, scope, period, customs),
        _supervised(connection, scope, period),
        *(Indicator(code, *of) for code, of in iccm.counted(iccm.cases(connection, scope, period)).items()),
    ]


def chw_months(scope: Scope, period: Period) -> float:
    """CHWs times the months of the period."""
    return round(len(scope.chws) * ((period.last - period.first).days + 1) / iccm.MONTH_DAYS, 2)


def _treated(connection: Connection, scope: Scope, period: Period) -> Iterator[Indicator]:
    work = total(work_by_chw(connection, scope, period).values())
    yield Indicator("treated_24h_same_day", work.same_day, work.onset_known, work.onset_unknown)
    yield Indicator("treated_24h_next_day", work.by_next_day, work.onset_known, work.onset_unknown)
    yield Indicator("home_visits", work.visits, chw_months(scope, period), work.absent)
    yield Indicator("sms_error", work.to_correct, work.messages)


def _covered(connection: Connection, scope: Scope, period: Period, customs: Customs) -> Iterator[Indicator]:
    found = coverage(connection, scope, period, customs.visits_wanted)
    yield Indicator("household_coverage", sum(each.visited for each in found), sum(each.households for each in found))


def _followed(connection: Connection, scope: Scope, period: Period, now: datetime) -> Iterator[Indicator]:
    found = followed_up(connection, scope, period, now)
    yield Indicator("followup_rate", found.on_time, found.due)


def _referred(connection: Connection, scope: Scope, period: Period) -> Iterator[Indicator]:
    found = referred(connection, scope, period)
    yield Indicator("referral_completion_urgent", found.urgent_confirmed, found.urgent, found.urgent_said)
    yield Indicator("referral_completion_routine", found.routine_confirmed, found.routine, found.routine_said)
    answered = len(found.acknowledged)
    yield Indicator("ref_ack_time_median_min", found.within(0.5), answered, found.urgent - answered)
    yield Indicator("ref_ack_time_p90_min", found.within(0.9), answered, found.urgent - answered)


def _supplied(connection: Connection, scope: Scope, period: Period, customs: Customs) -> Iterator[Indicator]:
    query = select(reports.c.staff_id, reports.c.happened_at, reports.c.answers).where(
        during(scope, period), filed(), reports.c.flow == STOCK
    )
    chws = {chw.id for chw in scope.chws}
    counted, out, weeks = set(), set(), set()
    for report in connection.execute(query):
        if report.staff_id in chws:
            left = report.answers.get("stock") or {}
            counted.add(report.staff_id)
            weeks.add((report.staff_id, (local_day(report.happened_at, period.zone) - period.first).days // 7))
            if any(left.get(item) == 0 for item in customs.stock.key_items):
                out.add(report.staff_id)
    expected = len(chws) * (((period.last - period.first) + timedelta(days=1)).days // 7)
    whole_weeks = {week for week in weeks if week[1] < expected // max(1, len(chws))}
    yield Indicator("stockout", len(counted - out), len(counted))
    yield Indicator("timeliness", len(whole_weeks), expected)


def _supervised(connection: Connection, scope: Scope, period: Period) -> Indicator:
    """CHWs who had their one-to-one talk. The supervision report names the CHW by number; it is filed at the site."""
    query = select(reports.c.answers).where(
        reports.c.site_id.in_(scope.sites),
        reports.c.happened_at >= period.start,
        reports.c.happened_at < period.end,
        filed(),
        reports.c.flow == SUPERVISION,
    )
    seen = set()
    for answers in connection.execute(query).scalars():
        chw = scope.named(str(answers.get("chw", "")))
        if chw is not None and ONE_TO_ONE in (answers.get("steps") or ()):
            seen.add(chw.id)
    return Indicator("supervision", len(seen), len(scope.chws))
