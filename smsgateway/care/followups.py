"""What does a report do to the reminders? It begins some, fulfils some, ends some, in its own transaction.

Intake calls `reported` for every report that was filed. One whose flow `flows/schedules.yaml` does not name costs
nothing; what others begin is written in bulk with the report. A death or a move ends every reminder about the person at
once, and takes their code out of digests that were made and not yet sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update

from smsgateway.care import sites
from smsgateway.care.calendar import next_round
from smsgateway.care.leaves import colleague, covers, leave_taken, leave_taken_back
from smsgateway.care.people import Located
from smsgateway.care.recall import recall
from smsgateway.care.reminders import End, Open, Subject, end, open_of, plan, reopen
from smsgateway.care.reports import Origin
from smsgateway.care.schedules import ABOUT_PATIENTS, ABOUT_STAFF, Effect, Effects, Schedule, Schedules
from smsgateway.reading.models import CodeState
from smsgateway.store.tables import due, due_log, patients, reports
from smsgateway.store.write import Tx

ARRIVED_LATE: Final = timedelta(minutes=30)  # a report so long under way may be about what was given up meanwhile
BIRTH_KNOWN_WITHIN: Final = timedelta(days=45)
MONTHS_OF_PREGNANCY: Final = 30.4375  # days, for a pregnancy told in months


@dataclass(frozen=True, slots=True)
class FiledReport:
    """A report as it was filed. `code` is the person's, as their own CHW types it (digits); None for whom nobody knows
    a code."""

    report_id: UUID
    flow: str
    answers: Mapping[str, Any]
    danger: Sequence[str]
    happened_at: datetime
    site_id: UUID
    staff_id: UUID
    catchment_id: UUID | None
    household_id: UUID | None
    patient_id: UUID | None
    code: str | None


def filed_report(
    report_id: UUID,
    origin: Origin,
    flow: str,
    answers: Mapping[str, Any],
    danger: Sequence[str],
    place: Located | None,
) -> FiledReport:
    """A report that was filed just now, from what filed it."""
    catchment = place.catchment if place else None
    return FiledReport(
        report_id=report_id,
        flow=flow,
        answers=answers,
        danger=danger,
        happened_at=origin.happened_at,
        site_id=catchment.site_id if catchment else origin.member.site_id,
        staff_id=origin.member.id,
        catchment_id=catchment.id if catchment else None,
        household_id=place.household_id if place else None,
        patient_id=place.patient_id if place else None,
        code=_code_now(place) if place else None,
    )


def _code_now(place: Located) -> str:
    """The person's code as digits; of somebody who moved, the new one."""
    if place.facts.state is CodeState.MOVED and place.facts.now:
        return place.facts.now.partition("-")[2]
    return place.facts.code.digits


# ---------------------------------------------------------------- a report


def reported(tx: Tx, report: FiledReport, schedules: Schedules, now: datetime) -> None:
    """Everything a filed report means for reminders."""
    if report.flow == "away":
        leave_taken(tx, report.report_id, report.site_id, report.staff_id, report.answers, report.happened_at)
    effects = schedules.effects.get(report.flow)
    if effects is None:
        return
    values = _values(report)
    if _gone(tx, report, effects, values, now):
        return
    subject_id = _subject_of(tx, report)
    if subject_id is None:
        return
    starting = [each.schedule for each in effects.starts if each.holds(values)]
    done = _settle(tx, report, subject_id, effects, values, starting, now)
    next_round(tx, schedules, done, now)
    if starting:
        _begin(tx, report, starting, now)


def _values(report: FiledReport) -> dict[str, Any]:
    signs = [*report.danger, *report.answers.get("signs", ())]
    return {**report.answers, "signs": signs, "urgent": bool(report.danger), "months": None, "days": None}


def _subject_of(tx: Tx, report: FiledReport) -> UUID | None:
    """Whose reminders a report is about: the patient's, or, of what comes round by the calendar, the CHW's."""
    if report.flow == "supervision":
        return colleague(tx, report.site_id, str(report.answers.get("chw", "")))
    return report.staff_id if report.flow == "stock" else report.patient_id


def _settle(
    tx: Tx,
    report: FiledReport,
    subject_id: UUID,
    effects: Effects,
    values: Mapping[str, Any],
    starting: Sequence[Schedule],
    now: datetime,
) -> list[Open]:
    """Fulfil, end and replace what stands; gives what was fulfilled."""
    kinds = {each.schedule.kind for each in (*effects.fulfils, *effects.ends)} | {each.kind for each in starting}
    standing = open_of(tx, subject_id, sorted(kinds))
    if not standing and report.flow == "postnatal":
        standing = _of_the_mother(tx, report)
    fulfils = {each.schedule.name: each for each in effects.fulfils if each.holds(values)}
    ends = {each.schedule.name for each in effects.ends if each.holds(values)}
    replaced = {each.name for each in starting}
    done = [each for each in standing if _counts_for(each, fulfils.get(each.schedule), report.happened_at)]
    done = _vaccinated(tx, done, report)
    over = [each for each in standing if each.schedule in ends and each not in done]
    anew = [each for each in standing if each.schedule in replaced and each not in done and each not in over]
    by = {"report_id": report.report_id, "staff_id": report.staff_id}
    if done:
        end(tx, done, _fulfilled_as(tx, report, done), report.happened_at, **by)
    end(tx, over, End.ENDED, report.happened_at, **by)
    end(tx, anew, End.REPLACED, report.happened_at, **by)
    if fulfils and now - report.happened_at > ARRIVED_LATE:
        _fulfil_what_was_given_up(tx, report, subject_id, fulfils)
    return done


def _counts_for(reminder: Open, effect: Effect | None, happened_at: datetime) -> bool:
    return effect is not None and reminder.starts_at - effect.early <= happened_at


def _vaccinated(tx: Tx, done: list[Open], report: FiledReport) -> list[Open]:
    """A vaccine visit is done when all its vaccines were given; until then it stands for those that are left."""
    given = set(report.answers.get("vaccines", ()))
    complete = []
    for each in done:
        left = [vaccine for vaccine in each.detail.get("vaccines", ()) if vaccine not in given]
        if not left:
            complete.append(each)
        elif len(left) < len(each.detail["vaccines"]):
            detail = {**each.detail, "vaccines": left}
            tx.run(update(due).where(due.c.id == each.id).values(detail=detail))
    return complete


def _fulfilled_as(tx: Tx, report: FiledReport, done: Sequence[Open]) -> End:
    area = done[0].owner_id
    return End.COVERED if covers(tx, report.staff_id, area, report.happened_at) else End.FULFILLED


def _fulfil_what_was_given_up(tx: Tx, report: FiledReport, subject_id: UUID, fulfils: Mapping[str, Effect]) -> None:
    """The report was under way while its reminder ran out: what happened in time was done in time."""
    given_up = tx.execute(
        select(due_log.c.id, due_log.c.step, due_log.c.starts_at, due_log.c.pointless_at).where(
            due_log.c.subject_id == subject_id,
            due_log.c.reason.in_([End.EXPIRED.value, End.MISSED.value]),
            due_log.c.pointless_at > report.happened_at,
        )
    ).all()
    for row in given_up:
        effect = fulfils.get(row.step.partition(":")[0])
        if effect is not None and row.starts_at - effect.early <= report.happened_at:
            tx.run(
                update(due_log)
                .where(due_log.c.id == row.id)
                .values(
                    reason=End.FULFILLED.value,
                    ended_at=report.happened_at,
                    report_id=report.report_id,
                    staff_id=report.staff_id,
                )
            )


def _of_the_mother(tx: Tx, report: FiledReport) -> list[Open]:
    """A postnatal report with the newborn's code counts for the visits planned under the mother's: those of the woman
    of this household who gave birth on the day this child was born."""
    if report.household_id is None or report.patient_id is None:
        return []
    family = tx.run(
        select(patients.c.id, patients.c.born_from).where(patients.c.household_id == report.household_id)
    ).all()
    born = next((each.born_from for each in family if each.id == report.patient_id), None)
    if born is None:
        return []
    return [
        each
        for person in family
        for each in open_of(tx, person.id, ("postnatal",))
        if abs(date.fromisoformat(each.detail["from"]) - born) <= timedelta(days=1)
    ]


# ---------------------------------------------------------------- beginning


def _begin(tx: Tx, report: FiledReport, starting: Sequence[Schedule], now: datetime) -> None:
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


# ---------------------------------------------------------------- taken back, gone, moved


def cancelled(tx: Tx, report_id: UUID, now: datetime) -> None:
    """A report was taken back: what it began is no more, what it fulfilled stands again, a leave is not taken."""
    row = tx.execute(
        select(reports.c.patient_id, reports.c.staff_id, reports.c.flow, reports.c.site_id, reports.c.answers).where(
            reports.c.id == report_id
        )
    ).one()
    subjects = {each for each in (row.patient_id, row.staff_id) if each is not None}
    if row.flow == "supervision":
        subjects |= {found for found in [colleague(tx, row.site_id, str(row.answers.get("chw", "")))] if found}
    begun = [
        each
        for subject in subjects
        for each in open_of(tx, subject, (*ABOUT_PATIENTS, *ABOUT_STAFF))
        if each.report == str(report_id)
    ]
    end(tx, begun, End.CORRECTION, now, report_id=report_id)
    reopen(tx, subjects, report_id, now)
    if row.flow == "away":
        leave_taken_back(tx, report_id)


def person_gone(tx: Tx, patient_id: UUID, now: datetime, reason: End, *, report_id: UUID | None = None) -> int:
    """Nobody is to be reminded of this person any more, not even by a digest that is made and not yet sent; how many
    reminders there were."""
    standing = open_of(tx, patient_id, ABOUT_PATIENTS)
    end(tx, standing, reason, now, report_id=report_id)
    for owner in {each.owner_id for each in standing}:
        recall(tx, owner, {str(each.detail["code"]) for each in standing}, now, reason.value)
    return len(standing)


def moved(tx: Tx, patient_id: UUID, subject: Subject, now: datetime) -> int:
    """A person has a new home and code in the programme: their reminders go to the new catchment's list."""
    standing = open_of(tx, patient_id, ABOUT_PATIENTS)
    for each in standing:
        tx.run(
            update(due)
            .where(due.c.id == each.id)
            .values(owner_id=subject.owner_id, site_id=subject.site_id, detail={**each.detail, "code": subject.code})
        )
    for owner in {each.owner_id for each in standing} - {subject.owner_id}:
        recall(tx, owner, {str(each.detail["code"]) for each in standing}, now, End.MOVED.value)
    return len(standing)


def _gone(tx: Tx, report: FiledReport, effects: Effects, values: Mapping[str, Any], now: datetime) -> bool:
    leaving = next((each for each in effects.gone if each.holds(values)), None)
    if leaving is None:
        return False
    people: Iterable[UUID] = [report.patient_id] if report.patient_id else _of_household(tx, report.household_id)
    for person in people:
        person_gone(tx, person, now, End(leaving.reason), report_id=report.report_id)
    return True


def _of_household(tx: Tx, household_id: UUID | None) -> list[UUID]:
    if household_id is None:
        return []
    return list(tx.execute(select(patients.c.id).where(patients.c.household_id == household_id)).scalars())
