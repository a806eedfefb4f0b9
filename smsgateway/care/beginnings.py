"""How do reminders begin? By a report, by hand (the follow-up a nurse asks for), and with an entry in the register.

What is counted from a birth or a last period is reckoned in days of the place; what follows a treatment, in hours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from smsgateway.care import sites
from smsgateway.care.filed import FiledReport
from smsgateway.care.reminders import Subject, open_of, plan
from smsgateway.care.schedules import Schedule, Schedules
from smsgateway.store.tables import patients
from smsgateway.store.write import Tx

BIRTH_KNOWN_WITHIN: Final = timedelta(days=45)
MONTHS_OF_PREGNANCY: Final = 30.4375  # days, for a pregnancy told in months


def begin_from_report(tx: Tx, report: FiledReport, starting: Sequence[Schedule], now: datetime) -> None:
    """What a report begins: written in bulk with the report itself."""
    if report.patient_id is None or report.catchment_id is None or report.code is None:
        return
    subject = Subject(report.patient_id, report.site_id, report.catchment_id, report.code)
    detail = {"report": str(report.report_id), "staff_id": str(report.staff_id)}
    place: sites.Place | None = None
    for schedule in starting:
        anchor: datetime | date | None = report.happened_at
        zone: tzinfo | None = report.happened_at.tzinfo
        if schedule.counted_from != "report" or schedule.where is not None:
            place = place or sites.place_of(tx, report.site_id)
            zone = place.zone
            if not schedule.applies_in(place.codes):
                continue
        if schedule.counted_from == "birth":
            anchor = _day_said(report, "date", zone)
        elif schedule.counted_from == "last_period":
            anchor = last_period(report.answers, _local_day(report.happened_at, zone))
        if anchor is None or zone is None:
            continue
        begun = detail if isinstance(anchor, datetime) else {**detail, "from": anchor.isoformat()}
        plan(tx, schedule, subject, anchor, zone, now, mark=report.report_id.hex, detail=begun)


def begin(
    tx: Tx,
    schedules: Schedules,
    name: str,
    subject: Subject,
    at: datetime,
    now: datetime,
    *,
    mark: str,
    detail: Mapping[str, Any] | None = None,
    told_at: datetime | None = None,
) -> int:
    """Begin a schedule that is asked for by hand: the follow-up a nurse wants, a home visit after a refusal. `at` is
    when it is due, `mark` (at most 36 characters: a referral's or report's id) tells it from another; asked for again
    under the same mark, nothing changes. How many reminders there are."""
    schedule = schedules.named[name]
    standing = open_of(tx, subject.id, (schedule.kind,))
    if any(each.schedule == name and each.step.split(":")[1:2] == [mark] for each in standing):
        return 0
    assert at.tzinfo is not None
    return plan(tx, schedule, subject, at, at.tzinfo, now, mark=mark, detail=detail, told_at=told_at)


def begin_for_patient(
    tx: Tx,
    schedules: Schedules,
    name: str,
    patient_id: UUID,
    at: datetime,
    now: datetime,
    *,
    mark: str,
    told_at: datetime | None = None,
) -> int:
    """As `begin`, for somebody of the register."""
    subject = subject_of(tx, patient_id)
    return 0 if subject is None else begin(tx, schedules, name, subject, at, now, mark=mark, told_at=told_at)


def subject_of(tx: Tx, patient_id: UUID) -> Subject | None:
    """A person of the register as reminders call them."""
    row = tx.execute(sites.SUBJECTS.where(patients.c.id == patient_id)).first()
    return None if row is None else sites.subject(row)


def registered(tx: Tx, patient_id: UUID, schedules: Schedules, now: datetime) -> int:
    """What begins when a child enters the register: the vaccines of their country, counted from the birth. Of one that
    is older only what is not late yet: nobody knows what it was given before. How many reminders there are."""
    row = tx.execute(sites.SUBJECTS.where(patients.c.id == patient_id)).one()
    return _from_birth(tx, sites.subject(row), _birth_date(row.born_from, row.born_to), schedules, now, {})


def plan_from_register(
    tx: Tx, patient_ids: Sequence[UUID], known: Mapping[str, Collection[UUID]], schedules: Schedules, now: datetime
) -> None:
    """What follows from what an import says of these people: vaccines from the birth, contacts from the last period.
    `known`: by kind, those for whom it was planned before."""
    places: dict[UUID, sites.Place] = {}
    for row in tx.execute(sites.SUBJECTS.where(patients.c.id.in_(list(patient_ids)))).all():
        subject = sites.subject(row)
        if row.id not in known["vaccine"]:
            _from_birth(tx, subject, _birth_date(row.born_from, row.born_to), schedules, now, places)
        if row.lmp is not None and row.id not in known["antenatal"]:
            place = places.get(row.site_id) or places.setdefault(row.site_id, sites.place_of(tx, row.site_id))
            for schedule in schedules.from_last_period(place.codes):
                plan(tx, schedule, subject, row.lmp, place.zone, now, detail={"from": row.lmp.isoformat()})


def _birth_date(born_from: date | None, born_to: date | None) -> date | None:
    """The latest day it can have been, where a month or so is known: reminded late rather than early."""
    known = born_from is not None and born_to is not None and born_to - born_from <= BIRTH_KNOWN_WITHIN
    return born_to if known else None


def _from_birth(
    tx: Tx, subject: Subject, born: date | None, schedules: Schedules, now: datetime, places: dict[UUID, sites.Place]
) -> int:
    if born is None:
        return 0
    place = places.get(subject.site_id) or places.setdefault(subject.site_id, sites.place_of(tx, subject.site_id))
    return sum(
        plan(
            tx,
            schedule,
            subject,
            born,
            place.zone,
            now,
            detail={"from": born.isoformat()},
            wanted=lambda times: times.late_at > now,
        )
        for schedule in schedules.from_birth(place.codes)
        if _young_enough(schedule, born, now)
    )


def _young_enough(schedule: Schedule, born: date, now: datetime) -> bool:
    return born + max(step.pointless.roughly() for step in schedule.steps) > now.date()


def last_period(answers: Mapping[str, Any], today: date) -> date | None:
    """The first day of the last period, as said, or counted back from weeks or months of pregnancy."""
    if answers.get("lmp"):
        return _past_day(str(answers["lmp"]), today)
    if answers.get("gestation_weeks"):
        return today - timedelta(weeks=int(answers["gestation_weeks"]))
    if answers.get("gestation_months"):
        return today - timedelta(days=round(MONTHS_OF_PREGNANCY * int(answers["gestation_months"])))
    return None


def _day_said(report: FiledReport, name: str, zone: tzinfo | None) -> date:
    """The day a report says, else the day it was sent."""
    today = _local_day(report.happened_at, zone)
    said = report.answers.get(name)
    return _past_day(str(said), today) or today if said else today


def _past_day(said: str, today: date) -> date | None:
    """`2026-11-22`, or `11-22`: the last such day; None when there is none."""
    try:
        if len(said) > 5:
            return date.fromisoformat(said)
        day = date.fromisoformat(f"{today.year}-{said}")
        return day if day <= today else day.replace(year=today.year - 1)
    except ValueError:
        return None


def _local_day(moment: datetime, zone: tzinfo | None) -> date:
    return moment.astimezone(zone).date()
