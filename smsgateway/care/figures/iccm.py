"""What was found and done in sick children? The indicators of the WHO/DHIS2 iCCM package (CHIS) that texted reports can
answer, as a table of two conditions each: who is counted (denominator) and who of them fits (numerator).

A case is one child on one local day, all reports of one CHW about it taken together. Sources and limits are in
docs/indicators.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from smsgateway.care.figures.periods import Period, local_day
from smsgateway.care.figures.scope import Scope
from smsgateway.care.figures.work import SICK, during, filed
from smsgateway.store.tables import patients, referral_events, referrals, reports

MONTH_DAYS = 30.4375
RED_MM = 115  # WHO: MUAC below 115 mm at 6-59 months is severe
FEVER_C = 37.5  # axillary, from 2 months; WHO DAK CCC


@dataclass
class Case:
    """What is known of one sick child on one day."""

    told: dict[str, Any] = field(default_factory=dict)
    signs: set[str] = field(default_factory=set)  # urgent ones and those treated at home
    danger: bool = False
    given: set[str] = field(default_factory=set)
    referred: bool = False
    age_days: int | None = None

    def months(self, low: int, high: int) -> bool:
        """Whether the child is from `low` to `high` months old, both included; not when the age is unknown."""
        return self.age_days is not None and low <= int(self.age_days / MONTH_DAYS) <= high

    def has(self, name: str) -> bool:
        return name in self.told

    def add(self, report: Any, referred: bool, on: date) -> None:
        """Take one more report of the day into account."""
        answers = report.answers
        self.told |= answers
        self.signs |= {*report.danger, *answers.get("signs", ())}
        self.danger |= bool(report.danger)
        self.given |= set(answers.get("treatments") or ())
        self.referred |= referred or answers.get("outcome") == "referred"
        if report.born_to is not None:
            self.age_days = max(0, (on - report.born_to).days)
        elif answers.get("age_days"):
            self.age_days = answers["age_days"][0]


Test = Callable[[Case], bool]


def _fever(case: Case) -> bool:
    temperature = case.told.get("temperature_c")
    return case.has("fever_days") or "fever" in case.signs or (temperature is not None and temperature >= FEVER_C)


def _tested(case: Case) -> bool:
    return case.told.get("rdt") in ("positive", "negative")


def _malaria(case: Case) -> bool:
    return case.told.get("rdt") == "positive"


def _breathing(case: Case) -> bool:
    return bool(case.signs & {"fast_breathing", "chest_indrawing"})


def _cough(case: Case) -> bool:
    return case.has("cough_days") or case.has("breaths_per_min") or _breathing(case)


def _measured(case: Case) -> bool:
    return case.months(6, 59) and (case.has("muac_mm") or case.has("muac_colour") or "oedema_feet" in case.signs)


def _severe(case: Case) -> bool:
    muac = case.told.get("muac_mm")
    red = case.told.get("muac_colour") == "red" or (muac is not None and muac < RED_MM)
    return red or "oedema_feet" in case.signs


def _diarrhoea(case: Case) -> bool:
    return case.has("diarrhoea_days")


# code: (denominator, numerator among it)
INDICATORS: Mapping[str, tuple[Test, Test]] = {
    "CH052a": (lambda case: case.danger, lambda case: case.referred),
    "CH052b": (lambda case: True, lambda case: case.danger),
    "CH063": (_measured, _severe),
    "CH070": (_diarrhoea, lambda case: bool(case.given & {"ors", "zinc"})),
    "CH071": (_cough, _breathing),
    "CH072": (_breathing, lambda case: "amoxicillin" in case.given),
    "CH119": (_fever, _tested),
    "CH121": (_tested, _malaria),
    "CH122": (_malaria, lambda case: "act" in case.given),
    "CH123": (lambda case: _malaria(case) and case.danger, lambda case: case.referred),
    "CH124": (lambda case: "rectal_artesunate" in case.given, lambda case: case.referred),
}


def counted(cases: Iterable[Case]) -> dict[str, tuple[int, int]]:
    """(numerator, denominator) of each indicator."""
    found = dict.fromkeys(INDICATORS, (0, 0))
    for case in cases:
        for code, (among, fits) in INDICATORS.items():
            if among(case):
                numerator, denominator = found[code]
                found[code] = numerator + fits(case), denominator + 1
    return found


def cases(connection: Connection, scope: Scope, period: Period) -> list[Case]:
    """Every case of the scope in the period."""
    referred = _referred_reports(connection, scope, period)
    query = (
        select(
            reports.c.id,
            reports.c.staff_id,
            reports.c.patient_id,
            reports.c.happened_at,
            reports.c.answers,
            reports.c.danger,
            patients.c.born_to,
        )
        .select_from(reports.outerjoin(patients, patients.c.id == reports.c.patient_id))
        .where(during(scope, period), filed(), reports.c.flow == SICK)
        .order_by(reports.c.happened_at, reports.c.id)
    )
    found: dict[tuple[UUID, UUID, date], Case] = {}
    for report in connection.execute(query):
        on = local_day(report.happened_at, period.zone)
        key = (report.staff_id, report.patient_id or report.id, on)
        found.setdefault(key, Case()).add(report, report.id in referred, on)
    return list(found.values())


def _referred_reports(connection: Connection, scope: Scope, period: Period) -> set[UUID]:
    """The reports from which a referral that was not cancelled was opened, or which joined one already open."""
    standing = (scope.work(referrals.c.reporter_id, referrals.c.site_id), referrals.c.state != "cancelled")
    opened = select(referrals.c.report_id).where(
        *standing, referrals.c.opened_at >= period.start, referrals.c.report_id.is_not(None)
    )
    joined = (
        select(referral_events.c.detail)
        .join(referrals, referrals.c.id == referral_events.c.referral_id)
        .where(*standing, referral_events.c.kind == "joined", referral_events.c.at >= period.start)
    )
    found = set(connection.execute(opened).scalars())
    found |= {UUID(detail["report"]) for detail in connection.execute(joined).scalars()}
    replaced = (
        select(reports.c.id, reports.c.replaced_by)
        .where(during(scope, period), reports.c.replaced_by.is_not(None))
        .order_by(reports.c.arrived_at)
    )
    for report in connection.execute(replaced):
        if report.id in found:  # its correction says all that stands
            found.add(report.replaced_by)
    return found
