"""What is in each exported table? Reports, referrals, messages and indicators, by site and by the site's local days.

People are codes: a CHW's, a household's, a patient's. No name is in any table, and no phone number or message text
unless asked for, since a message may say both. Words that could not be read are only counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, and_, func, select

from smsgateway.care.customs import Customs
from smsgateway.care.figures.indicators import indicators
from smsgateway.care.figures.periods import Period, local_day, periods_between
from smsgateway.care.figures.scope import Place, site_scope
from smsgateway.export.writers import Column, Kind
from smsgateway.outbox.queue import Rank
from smsgateway.store import tables
from smsgateway.text.codes import code_for, shown_full

TEXT, WHOLE, REAL, FLAG, DAY, MOMENT = (
    Kind.TEXT,
    Kind.WHOLE,
    Kind.REAL,
    Kind.FLAG,
    Kind.DAY,
    Kind.MOMENT,
)
# Answers that get a column of their own; all of them are in `answers` as JSON too.
ANSWERS = {
    "fever_days": WHOLE,
    "cough_days": WHOLE,
    "diarrhoea_days": WHOLE,
    "muac_mm": WHOLE,
    "temperature_c": REAL,
    "breaths_per_min": WHOLE,
    "weight_kg": REAL,
    "rdt": TEXT,
    "outcome": TEXT,
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is exported: a site with its arm, and the local days; `customs` and `now` decide the indicators."""

    site: Place
    period: Period
    customs: Customs
    now: datetime


Rows = Callable[[Connection, Chosen], Iterator[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Exported:
    """A table: its columns, and its rows for one site."""

    name: str
    columns: Sequence[Column]
    rows: Rows


def _columns(*written: str, **others: Kind) -> list[Column]:
    return [Column(name, others.get(name, TEXT)) for name in written]


def _within(moment: Any, site_id: Any, chosen: Chosen) -> Any:
    return and_(site_id == chosen.site.id, moment >= chosen.period.start, moment < chosen.period.end)


def _codes(connection: Connection, chosen: Chosen) -> Callable[[UUID | None], str | None]:
    """The codes of the staff of the whole programme: a CHW may report at a site that is not their own."""
    known = {row.id: row.code for row in connection.execute(select(tables.staff.c.id, tables.staff.c.code))}
    return lambda staff_id: known.get(staff_id) if staff_id else None


def _shown(number: str | None, serial: int | None) -> str | None:
    """A household's or patient's code with its catchment: "07-4177"."""
    return None if number is None or serial is None else shown_full(number, code_for(number, serial))


# ---------------------------------------------------------------- reports

REPORT_COLUMNS = [
    *_columns("report_id", "message_id", "site", "arm", "chw", "catchment", "household", "patient", "flow"),
    *_columns(
        "flow_version",
        "channel",
        "state",
        "day",
        "happened_at",
        "arrived_at",
        flow_version=WHOLE,
        day=DAY,
        happened_at=MOMENT,
        arrived_at=MOMENT,
    ),
    *(Column(name, kind) for name, kind in ANSWERS.items()),
    *_columns("treatments", "danger", "unread_words", "answers", unread_words=WHOLE),
]


def reports(connection: Connection, chosen: Chosen) -> Iterator[tuple[Any, ...]]:
    """Every report, cancelled and unfiled ones with their state."""
    code_of = _codes(connection, chosen)
    area, of_home, of_child = (tables.catchments.alias(name) for name in ("area", "of_home", "of_child"))
    home, child, report = tables.households, tables.patients, tables.reports
    query = (
        select(
            report,
            area.c.number.label("area_number"),
            of_home.c.number.label("home_number"),
            home.c.serial.label("home_serial"),
            of_child.c.number.label("child_number"),
            child.c.serial.label("child_serial"),
        )
        .select_from(
            report.outerjoin(area, area.c.id == report.c.catchment_id)
            .outerjoin(home, home.c.id == report.c.household_id)
            .outerjoin(of_home, of_home.c.id == home.c.catchment_id)
            .outerjoin(child, child.c.id == report.c.patient_id)
            .outerjoin(of_child, of_child.c.id == child.c.catchment_id)
        )
        .where(_within(report.c.happened_at, report.c.site_id, chosen))
        .order_by(report.c.happened_at, report.c.id)
    )
    for row in connection.execute(query):
        yield (
            *(str(row.id), str(row.inbound_id), chosen.site.code, chosen.site.arm, code_of(row.staff_id)),
            *(row.area_number, _shown(row.home_number, row.home_serial), _shown(row.child_number, row.child_serial)),
            *(row.flow, row.flow_version, row.channel, row.state, local_day(row.happened_at, chosen.period.zone)),
            *(row.happened_at, row.arrived_at),
            *(_answer(row.answers.get(name), kind) for name, kind in ANSWERS.items()),
            *(" ".join(row.answers.get("treatments") or ()), " ".join(row.danger), len(row.unclear)),
            json.dumps(row.answers, ensure_ascii=False, sort_keys=True),
        )


def _answer(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    return {WHOLE: int, REAL: float}.get(kind, str)(value)


# ---------------------------------------------------------------- referrals

TIMES = (
    *("reported_at", "opened_at", "handed_at", "delivered_at", "received_at", "left_at", "arrived_at"),
    *("chw_arrived_at", "outcome_at", "closed_at"),
)
REFERRAL_COLUMNS = [
    *_columns("referral_id", "site", "arm", "clinic", "code", "chw", "patient", "urgency", "tier", "certain", "danger",
              "state", "outcome", "outcome_by", "day", "onset_on", tier=WHOLE, certain=FLAG, day=DAY, onset_on=DAY),
    *(Column(name, MOMENT) for name in TIMES),
    Column("chw_phone", personal=True),
]  # fmt: skip


def referrals(connection: Connection, chosen: Chosen) -> Iterator[tuple[Any, ...]]:
    """Every referral with its moments: `arrived_at` is the clinic's word, `chw_arrived_at` the CHW's, and
    `outcome_by` the role of whoever told the outcome."""
    code_of = _codes(connection, chosen)
    referral, child = tables.referrals, tables.patients
    query = (
        select(
            referral,
            tables.facilities.c.code.label("clinic"),
            tables.catchments.c.number.label("child_number"),
            child.c.serial.label("child_serial"),
        )
        .select_from(
            referral.join(tables.facilities, tables.facilities.c.id == referral.c.facility_id)
            .outerjoin(child, child.c.id == referral.c.patient_id)
            .outerjoin(tables.catchments, tables.catchments.c.id == child.c.catchment_id)
        )
        .where(_within(referral.c.opened_at, referral.c.site_id, chosen))
        .order_by(referral.c.opened_at, referral.c.id)
    )
    for row in connection.execute(query):
        yield (
            *(str(row.id), chosen.site.code, chosen.site.arm, row.clinic, row.code, code_of(row.reporter_id)),
            *(_shown(row.child_number, row.child_serial), row.urgency, row.tier, row.certain, " ".join(row.danger)),
            *(row.state, row.outcome, row.outcome_by, local_day(row.opened_at, chosen.period.zone), row.onset_on),
            *(getattr(row, name) for name in TIMES),
            row.reporter_phone,
        )


# ---------------------------------------------------------------- messages

MESSAGE_COLUMNS = [
    *_columns("message_id", "direction", "site", "arm", "staff", "class", "channel", "status", "reason", "attempts",
              "segments", "cost", "day", "created_at", "settled_at", "delivered_at", attempts=WHOLE, segments=WHOLE,
              day=DAY, created_at=MOMENT, settled_at=MOMENT, delivered_at=MOMENT),
    *_columns("referral_id"),
    Column("phone", personal=True),
    Column("text", personal=True),
]  # fmt: skip
WAITING = "waiting"


def messages(connection: Connection, chosen: Chosen) -> Iterator[tuple[Any, ...]]:
    """What came in, what went out, and what waits to go."""
    code_of = _codes(connection, chosen)
    place = (chosen.site.code, chosen.site.arm)
    zone = chosen.period.zone
    for row in _of(connection, tables.inbound, tables.inbound.c.arrived_at, chosen):
        yield (
            *(str(row.id), "in", *place, code_of(row.staff_id), None, row.channel, row.state, row.error, row.attempts),
            *(None, None, local_day(row.arrived_at, zone), row.arrived_at, None, None, None, row.sender, row.text),
        )
    for table in (tables.message_log, tables.outbox):
        logged = table is tables.message_log
        for row in _of(connection, table, table.c.created_at, chosen):
            yield (
                *(str(row.id), "out", *place, code_of(row.staff_id), Rank(row.rank).name.lower(), row.channel),
                *(row.status if logged else WAITING, row.reason, row.attempts, row.segments),
                *(row.cost if logged else None, local_day(row.created_at, zone), row.created_at),
                *((row.settled_at, row.delivered_at) if logged else (None, None)),
                *(row.referral_id and str(row.referral_id), row.phone, row.body),
            )


def _of(connection: Connection, table: Table, moment: Any, chosen: Chosen) -> Iterator[Any]:
    query = select(table).where(_within(moment, table.c.site_id, chosen)).order_by(moment, table.c.id)
    yield from connection.execute(query)


# ---------------------------------------------------------------- indicators

INDICATOR_COLUMNS = _columns(
    "indicator", "first_day", "last_day", "site", "arm", "numerator", "denominator", "apart",
    first_day=DAY, last_day=DAY, numerator=REAL, denominator=REAL, apart=WHOLE,
)  # fmt: skip


def site_indicators(connection: Connection, chosen: Chosen) -> Iterator[tuple[Any, ...]]:
    """Each indicator of the site, by the programme's periods."""
    for period in periods_of(chosen):
        scope = site_scope(connection, [chosen.site.id], period.zone, chosen.now)
        for each in indicators(connection, scope, period, chosen.customs, chosen.now):
            yield _indicator(each, period, chosen.site.code, chosen.site.arm)


def arm_indicators(connection: Connection, arm: str, several: Sequence[Chosen]) -> Iterator[tuple[Any, ...]]:
    """Each indicator of all sites of a trial arm together; they keep one clock."""
    first = several[0]
    for period in periods_of(first):
        scope = site_scope(connection, [each.site.id for each in several], period.zone, first.now)
        for each in indicators(connection, scope, period, first.customs, first.now):
            yield _indicator(each, period, None, arm)


def periods_of(chosen: Chosen) -> list[Period]:
    """The programme's periods within the days chosen; the outer ones may be cut."""
    period = chosen.period
    return periods_between(period.first, period.last, chosen.customs.period_starts_on, period.zone)


def _indicator(each: Any, period: Period, site: str | None, arm: str | None) -> tuple[Any, ...]:
    return each.id, period.first, period.last, site, arm, each.numerator, each.denominator, each.apart


EXPORTED = (
    Exported("reports", REPORT_COLUMNS, reports),
    Exported("referrals", REFERRAL_COLUMNS, referrals),
    Exported("messages", MESSAGE_COLUMNS, messages),
    Exported("indicators", INDICATOR_COLUMNS, site_indicators),
)
COUNTED = (
    (tables.reports, tables.reports.c.happened_at),
    (tables.referrals, tables.referrals.c.opened_at),
    (tables.inbound, tables.inbound.c.arrived_at),
    (tables.message_log, tables.message_log.c.created_at),
    (tables.outbox, tables.outbox.c.created_at),
)


def count(connection: Connection, chosen: Chosen) -> int:
    """How many rows of reports, referrals and messages there are."""
    return sum(
        connection.scalar(select(func.count()).where(_within(moment, table.c.site_id, chosen))) or 0
        for table, moment in COUNTED
    )
