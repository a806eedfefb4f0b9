"""What is a reminder, and how does it end? A row of `due` on somebody's list, and later one of `due_log` with a reason.

`at` is when it becomes pointless: until then digests tell it, and nothing else needs to happen. So it is written once
when it is planned and once when it ends, however long it was on a list. None ever goes without leaving a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update

from smsgateway.care.schedule_file import Length
from smsgateway.care.schedules import Schedule, Step
from smsgateway.due import LATER_RANK
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due, due_log
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx


class End(StrEnum):
    """Why a reminder is no more."""

    FULFILLED = "fulfilled"
    COVERED = "covered"  # fulfilled by who covers for the CHW away
    ENDED = "ended"  # not needed any more: recovered, the child is born
    REPLACED = "replaced"  # the same began anew
    DEATH = "death"
    MOVED = "moved"
    CORRECTION = "correction"  # what began it was taken back
    EXPIRED = "expired"  # told, and never done
    MISSED = "missed"  # never told: an outage, or nobody there to tell


# The ends that a report brings about, and that its correction takes back.
BROUGHT: Final = (End.FULFILLED, End.COVERED, End.ENDED, End.REPLACED, End.DEATH, End.MOVED)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom reminders are about, where, and on whose list they stand (a catchment's, or one person's). `code` is what a
    digest calls them."""

    id: UUID
    site_id: UUID
    owner_id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class Open:
    """A reminder as it stands."""

    id: UUID
    site_id: UUID
    kind: str
    subject_id: UUID
    step: str
    at: datetime
    owner_id: UUID
    starts_at: datetime
    late_at: datetime
    told_at: datetime | None
    detail: Mapping[str, Any]

    @property
    def schedule(self) -> str:
        return self.step.partition(":")[0]

    @property
    def report(self) -> str | None:
        """The id of the report that began it."""
        begun: str | None = self.detail.get("report")
        return begun


@dataclass(frozen=True, slots=True)
class Window:
    """When a reminder is due, late and pointless."""

    starts_at: datetime
    late_at: datetime
    pointless_at: datetime


# ---------------------------------------------------------------- when


def window(step: Step, anchor: datetime | date, zone: tzinfo) -> Window:
    """The window of a step counted from a moment, or from the beginning of a local day."""
    starts, late, pointless = (_after(anchor, length, zone) for length in (step.due, step.late, step.pointless))
    return Window(starts, late, pointless)


def known_since(times: Window, now: datetime) -> Window:
    """A window that had begun before anybody could know of it (a pregnancy reported in its seventh month): it is not
    late from the start."""
    if times.starts_at >= now:
        return times
    late = max(times.late_at, now + (times.late_at - times.starts_at))
    return Window(times.starts_at, min(late, times.pointless_at), times.pointless_at)


def _after(anchor: datetime | date, length: Length, zone: tzinfo) -> datetime:
    if isinstance(anchor, datetime):
        return anchor + length.rest
    day = _months_later(anchor, length.months) + timedelta(days=length.rest.days)
    return datetime.combine(day, time(), zone).astimezone(UTC) + timedelta(seconds=length.rest.seconds)


def _months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


# ---------------------------------------------------------------- beginning


def plan(
    tx: Tx,
    schedule: Schedule,
    subject: Subject,
    anchor: datetime | date,
    zone: tzinfo,
    now: datetime,
    *,
    mark: str | None = None,
    detail: Mapping[str, Any] | None = None,
    told_at: datetime | None = None,
    wanted: Callable[[Window], bool] = lambda _: True,
) -> int:
    """Begin a schedule for somebody: each step that is not pointless yet, in one bulk insert with whatever else the
    transaction inserts. `mark` (the report that began it) tells this time from another; `told_at`: it was told
    already. How many there are."""
    planned = 0
    for step in schedule.steps:
        times = window(step, anchor, zone)
        if times.pointless_at <= now or not wanted(times):
            continue
        planned_row = row(schedule, step, subject, known_since(times, now), mark=mark, detail=detail or {})
        tx.insert(due, {**planned_row, "told_at": told_at})
        planned += 1
    return planned


def row(
    schedule: Schedule,
    step: Step,
    subject: Subject,
    times: Window,
    *,
    mark: str | None = None,
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    """The row of `due` that is a reminder."""
    said: dict[str, Any] = {"code": subject.code, **detail}
    if step.vaccines:
        said["vaccines"] = list(step.vaccines)
    return {
        "id": new_id(),
        "site_id": subject.site_id,
        "kind": schedule.kind,
        "subject_id": subject.id,
        "step": ":".join(part for part in (schedule.name, mark, step.id) if part),
        "at": times.pointless_at,
        "detail": said,
        "failures": 0,
        "rank": LATER_RANK,
        "owner_id": subject.owner_id,
        "starts_at": times.starts_at,
        "late_at": times.late_at,
        "told_at": None,
    }


# ---------------------------------------------------------------- standing


_COLUMNS = tuple(due.c[name] for name in Open.__dataclass_fields__)
OF_SUBJECT: Final = (
    due.c.kind == bindparam("kind"),
    due.c.subject_id == bindparam("subject"),
    due.c.owner_id.is_not(None),
)
_OF_SUBJECT = Prepared(select(*_COLUMNS).where(*OF_SUBJECT))


def open_of(tx: Tx, subject_id: UUID, kinds: Iterable[str]) -> list[Open]:
    """The reminders of these kinds about somebody, the earliest first."""
    rows = (found for kind in kinds for found in tx.ask(_OF_SUBJECT, kind=kind, subject=subject_id))
    return sorted((Open(*found) for found in rows), key=lambda each: each.starts_at)


# ---------------------------------------------------------------- ending


def end(
    tx: Tx,
    reminders: Sequence[Open],
    reason: End,
    at: datetime,
    *,
    report_id: UUID | None = None,
    staff_id: UUID | None = None,
) -> None:
    """Take reminders off their list and write down why; `at` is when what ended them happened."""
    if not reminders:
        return
    tx.run(delete(due).where(due.c.id.in_([each.id for each in reminders])))
    for each in reminders:
        tx.insert(due_log, log_row(each, reason, at, report_id=report_id, staff_id=staff_id))


def log_row(
    each: Open, reason: End, at: datetime, *, report_id: UUID | None = None, staff_id: UUID | None = None
) -> dict[str, Any]:
    """The row of `due_log` of a reminder that ended."""
    return {
        "id": each.id,
        "site_id": each.site_id,
        "kind": each.kind,
        "subject_id": each.subject_id,
        "step": each.step,
        "owner_id": each.owner_id,
        "starts_at": each.starts_at,
        "late_at": each.late_at,
        "pointless_at": each.at,
        "told_at": each.told_at,
        "ended_at": at,
        "reason": reason.value,
        "report_id": report_id,
        "staff_id": staff_id,
        "detail": dict(each.detail),
    }


def reopen(tx: Tx, subjects: Iterable[UUID], report_id: UUID, now: datetime) -> int:
    """What this report had ended stands again, as far as it is not pointless by now; how many there are."""
    which = (
        due_log.c.subject_id.in_(list(subjects)),
        due_log.c.report_id == report_id,
        due_log.c.reason.in_([reason.value for reason in BROUGHT]),
    )
    back = tx.execute(select(due_log).where(*which, due_log.c.pointless_at > now)).all()
    tx.execute(delete(due_log).where(due_log.c.id.in_([each.id for each in back])))
    tx.execute(update(due_log).where(*which).values(reason=End.EXPIRED.value, report_id=None, staff_id=None))
    for each in back:
        tx.insert(due, _standing_again(each))
    return len(back)


def _standing_again(ended: Any) -> dict[str, Any]:
    """The row of `due` of a reminder as it was; a visit that a referral asked for, on nobody's list, waits for its
    morning again."""
    kept = {name: ended._mapping[name] for name in ("id", "site_id", "kind", "subject_id", "step", "detail")}
    if ended.owner_id is None:
        nowhere = dict.fromkeys(("owner_id", "starts_at", "late_at", "told_at"))
        return {**kept, "at": ended.starts_at, "failures": 0, "rank": 0, **nowhere}
    times = {name: ended._mapping[name] for name in ("owner_id", "starts_at", "late_at", "told_at")}
    return {**kept, "at": ended.pointless_at, "failures": 0, "rank": LATER_RANK, **times}
