"""What does a report do to the reminders? It begins some, fulfils some, ends some, in its own transaction.

Intake calls `reported` for every report that was filed. One whose flow `flows/schedules.yaml` does not name costs
nothing; what others begin is written in bulk with the report. A death or a move ends every reminder about the person at
once, and takes their code out of digests that were made and not yet sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal, or_, select, update

from smsgateway.care.beginnings import begin_from_report, subject_of
from smsgateway.care.births import newborns_of
from smsgateway.care.calendar import next_round
from smsgateway.care.changes import said_by
from smsgateway.care.filed import FiledReport
from smsgateway.care.leaves import colleague, covers, leave_taken, leave_taken_back
from smsgateway.care.recall import recall
from smsgateway.care.reminders import End, Open, Subject, end, open_of, reopen
from smsgateway.care.schedule_file import ABOUT_PATIENTS, ABOUT_STAFF
from smsgateway.care.schedules import Effect, Effects, Schedule, Schedules
from smsgateway.care.visits import no_more_visits
from smsgateway.due import LATER_RANK
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due, due_log, patients, reports
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx

VISITS_AFTER_BIRTH: Final = timedelta(weeks=9)  # none is made later
DEATHS: Final = ("death", "follow_up")  # the flows that may say that somebody died
ARRIVED_LATE: Final = timedelta(minutes=30)  # a report so long under way may be about what was given up meanwhile


# ---------------------------------------------------------------- a report


def reported(tx: Tx, report: FiledReport, schedules: Schedules, now: datetime, *, reminded: bool = True) -> None:
    """Everything a filed report means for reminders. `reminded`: whether any may stand about whom it is about."""
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
    done = _settle(tx, report, subject_id, effects, values, starting, now, reminded=reminded)
    next_round(tx, schedules, done, now)
    if starting:
        begin_from_report(tx, report, starting, now)


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
    *,
    reminded: bool,
) -> list[Open]:
    """Fulfil, end and replace what stands; gives what was fulfilled."""
    kinds = {each.schedule.kind for each in (*effects.fulfils, *effects.ends)} | {each.kind for each in starting}
    standing = open_of(tx, subject_id, sorted(kinds)) if reminded else []
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
    return effect is not None and reminder.starts_at - effect.early <= happened_at < reminder.at


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
    for row in tx.ask(_GIVEN_UP, subject=subject_id, happened_at=report.happened_at):
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


_GIVEN_UP = Prepared(
    select(due_log.c.id, due_log.c.step, due_log.c.starts_at).where(
        due_log.c.subject_id == bindparam("subject"),
        or_(due_log.c.reason == literal(End.EXPIRED.value), due_log.c.reason == literal(End.MISSED.value)),
        due_log.c.pointless_at > bindparam("happened_at"),
    )
)


def _of_the_mother(tx: Tx, report: FiledReport) -> list[Open]:
    """A postnatal report with the newborn's code counts for the visits planned under the mother's."""
    mother = tx.run(select(patients.c.mother_id).where(patients.c.id == report.patient_id)).scalar()
    return [] if mother is None else open_of(tx, mother, ("postnatal",))


# ---------------------------------------------------------------- taken back, gone, moved


def cancelled(tx: Tx, report_id: UUID, now: datetime) -> None:
    """A report was taken back: what it began is no more, what it fulfilled stands again, a leave is not taken."""
    row = tx.execute(
        select(reports.c.patient_id, reports.c.staff_id, reports.c.flow, reports.c.site_id, reports.c.answers).where(
            reports.c.id == report_id
        )
    ).one()
    subjects = {each for each in (row.patient_id, row.staff_id) if each is not None}
    if row.flow in DEATHS and row.patient_id is not None:
        children = select(patients.c.id).where(patients.c.mother_id == row.patient_id)
        subjects |= set(tx.execute(children).scalars())
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
    no_more_visits(tx, patient_id, reason, now, report_id=report_id)
    if reason is End.DEATH:
        _go_to_the_newborn(tx, patient_id, standing, now, report_id)
    subject = subject_of(tx, patient_id)
    if subject is not None:
        recall(tx, subject.owner_id, {subject.code}, now, reason.value)
    return len(standing)


def _go_to_the_newborn(
    tx: Tx, mother_id: UUID, standing: Sequence[Open], now: datetime, report_id: UUID | None
) -> None:
    """The visits after a birth are for the child, too: when the mother dies they are made to the newborn, under its own
    code."""
    left = [each for each in standing if each.kind == "postnatal"]
    if not left:
        return
    born = newborns_of(tx, mother_id, now.date() - VISITS_AFTER_BIRTH)
    query = select(patients.c.id).where(patients.c.id.in_([each.id for each in born]), patients.c.died_on.is_(None))
    alive = set(tx.execute(query).scalars())
    for newborn in (each for each in born if each.id in alive):
        for each in left:
            begun = {"report": str(report_id)} if report_id else {}
            row = {name: getattr(each, name) for name in ("site_id", "kind", "step", "at", "owner_id")}
            times = {"starts_at": each.starts_at, "late_at": each.late_at, "told_at": None}
            detail = {**each.detail, **begun, "code": newborn.code}
            about = {"id": new_id(), "subject_id": newborn.id, "detail": detail}
            tx.insert(due, {**row, **about, **times, "failures": 0, "rank": LATER_RANK})


def gone_before(tx: Tx, patient_id: UUID, now: datetime) -> None:
    """A report was taken back that had ended reminders of somebody who has died, or left, since: that ends them."""
    row = tx.execute(select(patients.c.died_on, patients.c.left_on).where(patients.c.id == patient_id)).one()
    for column, reason in (("died_on", End.DEATH), ("left_on", End.MOVED)):
        if getattr(row, column) is not None:
            person_gone(tx, patient_id, now, reason, report_id=said_by(tx, patient_id, column))


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
