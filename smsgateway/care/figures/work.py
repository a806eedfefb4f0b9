"""What did each CHW do? Homes visited, sick children seen, treated and how soon, messages that had to be put right.

Only filed reports count: not those whose code failed, not those cancelled. The exact numerator and denominator of every
figure are in docs/indicators.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, case, cast, false, func, or_, select, true

from smsgateway.care.figures.periods import Period, day_number
from smsgateway.care.figures.scope import Scope
from smsgateway.store.tables import reports

SICK = "sick_child"
# How long the child had been ill, in whole days, by symptom; the longest known one is the onset.
ONSETS = ("fever_days", "cough_days", "diarrhoea_days")
# Reports about a household or its people that do not say that somebody was met at home.
NOT_FROM_HOME = ("cancel", "moved", "family", "training")


@dataclass(frozen=True, slots=True)
class Work:
    """What was done in a period. `treated` children are those of `sick` who got any treatment; of these the onset was
    today (`same_day`), yesterday (`next_day`), earlier, or not said (`onset_unknown`)."""

    visits: int = 0
    absent: int = 0
    sick: int = 0
    treated: int = 0
    same_day: int = 0
    next_day: int = 0
    onset_unknown: int = 0
    messages: int = 0
    to_correct: int = 0

    @property
    def onset_known(self) -> int:
        """The denominator of both shares of children treated in time."""
        return self.treated - self.onset_unknown

    @property
    def by_next_day(self) -> int:
        """Treated on the day of the first symptom or the day after."""
        return self.same_day + self.next_day

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def total(works: Iterable[Work]) -> Work:
    """All of them together."""
    whole = Work()
    for each in works:
        whole = whole + each
    return whole


def work_by_chw(connection: Connection, scope: Scope, period: Period) -> Mapping[UUID, Work]:
    """The work of everyone in the scope who reported in the period, by the id of the member of staff."""
    found: dict[UUID, Work] = {}
    for query in (_visits(scope, period), _cases(scope, period), _messages(scope, period)):
        for row in connection.execute(query):
            counts = {name: int(value) for name, value in row._mapping.items() if name != "staff_id"}
            found[row.staff_id] = found.get(row.staff_id, Work()) + Work(**counts)
    return found


def reports_filed(connection: Connection, scope: Scope, period: Period) -> int:
    """How many reports of any kind were made in the period and stand."""
    return connection.execute(select(func.count()).where(during(scope, period), filed())).scalar_one()


# ---------------------------------------------------------------- conditions, shared with other figures


def filed() -> ColumnElement[bool]:
    """A report that stands."""
    return reports.c.state == "filed"


def said(name: str) -> ColumnElement[bool]:
    """Whether a report says yes to this answer; one that does not say, does not."""
    return func.coalesce(reports.c.answers[name].as_boolean(), false())


def met_at_home() -> ColumnElement[bool]:
    """A report that shows that the household was met at home: any report about it or its people from there."""
    return and_(
        filed(),
        reports.c.household_id.is_not(None),
        reports.c.flow.not_in(NOT_FROM_HOME),
        ~said("absent"),
        ~said("at_clinic"),
    )


def treated() -> ColumnElement[bool]:
    """A report in which any treatment was given."""
    return func.coalesce(reports.c.answers["treatments"].as_string(), "[]") != "[]"


def nonempty(column: ColumnElement[object]) -> ColumnElement[bool]:
    """Whether a list column holds anything."""
    return cast(column, Text) != "[]"


def during(scope: Scope, period: Period) -> ColumnElement[bool]:
    """Reports of the scope that happened in the period."""
    return and_(
        scope.work(reports.c.staff_id, reports.c.site_id),
        reports.c.happened_at >= period.start,
        reports.c.happened_at < period.end,
    )


def day_of(period: Period) -> ColumnElement[int]:
    """The number of the local day on which a report happened."""
    return day_number(reports.c.happened_at, period)


# ---------------------------------------------------------------- counting


def _visits(scope: Scope, period: Period) -> Select[tuple[UUID, int, int]]:
    """One visit a CHW, household and local day."""
    met = case((met_at_home(), 1), else_=0)
    once = (
        select(reports.c.staff_id, func.max(met).label("met"))
        .where(during(scope, period), filed(), reports.c.household_id.is_not(None), or_(met_at_home(), said("absent")))
        .group_by(reports.c.staff_id, reports.c.household_id, day_of(period))
        .subquery("once")
    )
    return select(
        once.c.staff_id,
        func.sum(once.c.met).label("visits"),
        func.sum(1 - once.c.met).label("absent"),
    ).group_by(once.c.staff_id)


def cases_of(scope: Scope, period: Period) -> Select[tuple[object, ...]]:
    """One row a sick child, CHW and local day: what all the reports about the child on that day say together. A
    visitor without a code is somebody else in every report."""
    child = func.coalesce(reports.c.patient_id, reports.c.id).label("child")
    day = day_of(period).label("n")
    onsets = [func.max(reports.c.answers[name].as_float()).label(name) for name in ONSETS]
    return (
        select(
            reports.c.staff_id,
            child,
            day,
            func.max(case((reports.c.patient_id.is_not(None), 1), else_=0)).label("registered"),
            func.max(case((treated(), 1), else_=0)).label("treated"),
            func.max(case((nonempty(reports.c.danger), 1), else_=0)).label("danger"),
            *onsets,
        )
        .where(during(scope, period), filed(), reports.c.flow == SICK)
        .group_by(reports.c.staff_id, child, day)
    )


def _cases(scope: Scope, period: Period) -> Select[tuple[object, ...]]:
    seen = cases_of(scope, period).subquery("seen")
    onsets = [seen.c[name] for name in ONSETS]
    unknown = and_(true(), *(onset.is_(None) for onset in onsets))
    got = seen.c.treated == 1

    def within(days: int) -> ColumnElement[bool]:
        return and_(~unknown, *(func.coalesce(onset, 0) < days + 1 for onset in onsets))

    return select(
        seen.c.staff_id,
        func.count().label("sick"),
        func.sum(seen.c.treated).label("treated"),
        _number_of(and_(got, within(0))).label("same_day"),
        _number_of(and_(got, within(1), ~within(0))).label("next_day"),
        _number_of(and_(got, unknown)).label("onset_unknown"),
    ).group_by(seen.c.staff_id)


def _messages(scope: Scope, period: Period) -> Select[tuple[UUID, int, int]]:
    """Messages that held a report, and those of them with a word or code that could not be read. Of several sites, one
    that reported to two is one of each."""
    wrong = case((or_(reports.c.state == "unfiled", nonempty(reports.c.unclear)), 1), else_=0)
    each = (
        select(reports.c.staff_id, func.max(wrong).label("wrong"))
        .where(during(scope, period))
        .group_by(reports.c.staff_id, reports.c.inbound_id, *([reports.c.site_id] if scope.whole else []))
        .subquery("each")
    )
    return select(each.c.staff_id, func.count().label("messages"), func.sum(each.c.wrong).label("to_correct")).group_by(
        each.c.staff_id
    )


def _number_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
