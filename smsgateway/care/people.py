"""Who is texting, and whom is a report about? The register, asked by phone and by code.

Staff change rarely and are kept in memory, dropped within a second of a change in any process (`revisions`). Patients
are asked for in the transaction that files the report: never the wrong patient, not even for a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, func, literal, or_, select

from smsgateway.care.hours import zone_named
from smsgateway.care.zones import WORKPLACE, timezone_of
from smsgateway.reading.models import Age, Code, CodeFacts, CodeState, Person, Role
from smsgateway.store.prepared import Prepared, Question
from smsgateway.store.tables import (
    assignments,
    catchments,
    codes,
    households,
    patients,
    phones,
    revisions,
    staff,
)
from smsgateway.store.write import Tx
from smsgateway.text import codes as check_digits

REVISION_CHECKED_EVERY_S = 1.0
PREGNANCY_AT_MOST = timedelta(weeks=45)  # after that an unreported birth is likelier than a pregnancy
MOVES_AT_MOST = 20
AFTER_BIRTH = timedelta(weeks=6)  # the signs of a woman after birth are those of these weeks


@dataclass(frozen=True, slots=True)
class Catchment:
    """A numbered area with its clinic."""

    id: UUID
    number: str
    facility_id: UUID
    site_id: UUID


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff as the service needs to know them. `catchments` are those a bare code is looked for in: a
    CHW's own, a nurse's clinic's, a supervisor's CHWs'."""

    id: UUID
    site_id: UUID
    code: str
    role: Role
    language: str
    facility_id: UUID | None
    supervisor_id: UUID | None
    catchments: tuple[Catchment, ...] = ()
    timezone: str | None = None

    def day(self, moment: datetime) -> date:
        """The day it is then where this person works."""
        return moment.astimezone(zone_named(self.timezone)).date()


@dataclass(frozen=True, slots=True)
class Located:
    """One typed code: what judging needs (`facts`), and where a report about it is filed."""

    facts: CodeFacts
    catchment: Catchment | None = None
    patient_id: UUID | None = None
    household_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Early:
    """What is asked about a phone before it is looked up, and what the directory remembered then."""

    members: dict[str, tuple[date | None, Member | None]]
    questions: list[Question]


class Directory:
    """Staff by phone, remembered. What a transaction looked up is remembered once it is committed; and in a dictionary
    that is thrown away whole when something changed, so that nothing looked up before is remembered after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: dict[str, tuple[date | None, Member | None]] = {}  # as they are on that day of theirs
        self._zones: dict[UUID, str | None] = {}  # of facilities
        self._revision = -1
        self._day: date | None = None
        self._checked = float("-inf")

    def asks(self, phone: str | None) -> Early:
        """What `who` will ask about a phone first, to be asked with other things: nothing, or one question."""
        known = phone is None or phone in self._members
        return Early(self._members, [] if known else [(_MEMBER, {"phone": phone})])

    def who(
        self, tx: Tx, phone: str, now: datetime, early: Early | None = None, answers: Sequence[list[Any]] = ()
    ) -> Member | None:
        """Whose phone this is now; None for a stranger. `answers`: to what was asked `early`. They count only while
        nothing has been forgotten since: what they say may be what changed."""
        self._forget_what_changed(tx, now.date())
        members = self._members
        known = members.get(phone)
        if known is not None and (known[1] is None or known[1].day(now) == known[0]):
            return known[1]
        still = early is not None and early.members is members and answers
        rows = answers[0] if still else tx.ask(_MEMBER, phone=phone)
        member = _member(rows, self._timezone(tx, rows[0].workplace), now) if rows else None
        if member is not None and member.role is not Role.CHW:
            reach = tx.execute(_REACH[member.role], {"staff": member.id, "today": member.day(now)}).all()
            member = replace(member, catchments=tuple(_catchment(row) for row in reach))
        tx.after_commit(partial(members.__setitem__, phone, (member.day(now) if member else None, member)))
        return member

    def _timezone(self, tx: Tx, workplace: UUID) -> str | None:
        zones = self._zones
        if workplace in zones:
            return zones[workplace]
        zone: str | None = tx.ask(_TIMEZONE, place=workplace)[0].timezone
        tx.after_commit(partial(zones.__setitem__, workplace, zone))
        return zone

    def forget(self) -> None:
        """Ask the database again from now on."""
        with self._lock:
            self._members, self._zones = {}, {}

    def _forget_what_changed(self, tx: Tx, today: date) -> None:
        moment = time.monotonic()
        if moment - self._checked < REVISION_CHECKED_EVERY_S and today == self._day:
            return
        self._checked = moment
        found = tx.ask(_REVISION)  # not under the lock: others in this thread may go on meanwhile
        revision = found[0].number if found else 0
        with self._lock:
            if revision != self._revision or today != self._day:
                self._day, self._members, self._zones = today, {}, {}
                # What this transaction sees may be its own and never be committed: another's change might then bear
                # the same number.
                tx.after_commit(partial(setattr, self, "_revision", revision))


_TIMEZONE = Prepared(select(timezone_of(bindparam("place", type_=staff.c.site_id.type)).label("timezone")))
_REVISION = Prepared(select(revisions.c.number).where(revisions.c.name == "register"))
_CURRENT = and_(
    assignments.c.starts_on <= bindparam("today"),
    or_(assignments.c.ends_on.is_(None), assignments.c.ends_on >= bindparam("today")),
)
_CATCHMENT_COLUMNS = (
    catchments.c.id.label("catchment_id"),
    catchments.c.number,
    catchments.c.facility_id.label("clinic_id"),
    catchments.c.site_id.label("catchment_site_id"),
)
_MEMBER = Prepared(
    select(
        staff.c.id,
        staff.c.site_id,
        staff.c.code,
        staff.c.role,
        staff.c.language,
        staff.c.facility_id,
        staff.c.supervisor_id,
        WORKPLACE.label("workplace"),
        assignments.c.starts_on,
        assignments.c.ends_on,
        *_CATCHMENT_COLUMNS,
    )
    .select_from(
        phones.join(staff, staff.c.id == phones.c.staff_id)
        .outerjoin(assignments, assignments.c.staff_id == staff.c.id)
        .outerjoin(catchments, catchments.c.id == assignments.c.catchment_id)
    )
    .where(phones.c.phone == bindparam("phone"))
    .order_by(catchments.c.number)
)
_ASSIGNED = select(*_CATCHMENT_COLUMNS).select_from(
    catchments.join(assignments, assignments.c.catchment_id == catchments.c.id).join(
        staff, staff.c.id == assignments.c.staff_id
    )
)
_OF_HER_CLINIC = (
    select(*_CATCHMENT_COLUMNS)
    .select_from(catchments.join(staff, staff.c.facility_id == catchments.c.facility_id))
    .where(staff.c.id == bindparam("staff"))
    .order_by(catchments.c.number)
)
_OF_THEIR_CHWS = (
    _ASSIGNED.where(_CURRENT, staff.c.supervisor_id == bindparam("staff")).order_by(catchments.c.number).distinct()
)
_OF_THEIR_SITE = (
    select(*_CATCHMENT_COLUMNS)
    .select_from(catchments.join(staff, staff.c.site_id == catchments.c.site_id))
    .where(staff.c.id == bindparam("staff"))
    .order_by(catchments.c.number)
)
_REACH = {
    Role.NURSE: _OF_HER_CLINIC,
    Role.SUPERVISOR: _OF_THEIR_CHWS,
    Role.LEAD: _OF_THEIR_SITE,
    Role.ADMIN: _OF_THEIR_SITE,
}


def _member(rows: Iterable[Any], timezone: str | None, now: datetime) -> Member | None:
    """With the catchments they are assigned to on this day of theirs."""
    today = now.astimezone(zone_named(timezone)).date()
    member: Member | None = None
    for row in rows:
        is_current = row.catchment_id is not None and row.starts_on <= today <= (row.ends_on or today)
        known = (_catchment(row),) if is_current else ()
        if member is None:
            member = Member(
                id=row.id,
                site_id=row.site_id,
                code=row.code,
                role=Role(row.role),
                language=row.language,
                facility_id=row.facility_id,
                supervisor_id=row.supervisor_id,
                catchments=known,
                timezone=timezone,
            )
        else:
            member = replace(member, catchments=member.catchments + known)
    return member


def _catchment(row: Any) -> Catchment:
    return Catchment(row.catchment_id, row.number, row.clinic_id, row.catchment_site_id)


# ---------------------------------------------------------------- codes


def locate(tx: Tx, code: Code, own: tuple[Catchment, ...], today: date) -> Located:
    """Find whom a typed code belongs to: among the sender's own catchments, or in the one written with it."""
    if code.catchment is not None:
        written = catchment_numbered(tx, code.catchment)
        own = () if written is None else (written,)
    found = [
        located
        for catchment in own
        if check_digits.is_valid(catchment.number, code.digits)
        and (located := _resolve(tx, code, catchment, today)) is not None
    ]
    if len(found) == 1:
        return found[0]
    if found:
        return Located(CodeFacts(code, CodeState.AMBIGUOUS, near=tuple(_full(f) for f in found)))
    return Located(CodeFacts(code, CodeState.FAILED, near=_near(tx, code, own)))


def _full(located: Located) -> str:
    assert located.catchment is not None
    return check_digits.shown_full(located.catchment.number, located.facts.code.digits)


def catchment_numbered(tx: Tx, number: str) -> Catchment | None:
    """A catchment by its number, with or without leading zeros."""
    row = tx.run(_CATCHMENT, {"number": number, "bare": number.lstrip("0") or "0"}).first()
    return None if row is None else _catchment(row)


def site_of_catchment(tx: Tx, number: str) -> UUID | None:
    """The site of a catchment by its number, None when there is none."""
    found = catchment_numbered(tx, number)
    return None if found is None else found.site_id


def _resolve(tx: Tx, code: Code, catchment: Catchment, today: date) -> Located | None:
    rows = tx.ask(_CODE, catchment=catchment.id, serial=int(code.digits[:-1]))
    if not rows:
        return None
    (row,) = rows
    now: str | None = None
    if row.now_catchment_id is not None:
        catchment, now = _lives_now(tx, row.now_catchment_id, row.now_serial)
    state = CodeState.FOUND if now is None else CodeState.MOVED
    if row.kind == "household":
        return Located(CodeFacts(code, state, now=now), catchment, household_id=row.subject_id)
    person = person_from(row, catchment.number, code.digits, today, village=row.village)
    return Located(CodeFacts(code, state, person=person, now=now), catchment, row.subject_id, row.household_id)


def person_from(row: Any, catchment: str, code: str, today: date, *, village: str | None = None) -> Person:
    """Somebody as they are on that day, from a row with `PERSON_COLUMNS`."""
    return Person(
        code=check_digits.shown(code),
        catchment=catchment,
        sex=row.sex,
        age=age_on(today, row.born_from, row.born_to),
        pregnant=is_pregnant(row, today),
        postpartum=gave_birth_lately(row, today),
        village=village,
        died=row.died_on is not None,
        left=row.left_on is not None,
    )


def _lives_now(tx: Tx, catchment_id: UUID, serial: int) -> tuple[Catchment, str]:
    """The newest code of somebody who moved, and its catchment; some move more than once."""
    for _ in range(MOVES_AT_MOST):
        (row,) = tx.ask(_CODE, catchment=catchment_id, serial=serial)
        if row.now_catchment_id is None:
            break
        catchment_id, serial = row.now_catchment_id, row.now_serial
    found = _catchment(tx.run(_CATCHMENT_BY_ID, {"id": catchment_id}).one())
    return found, check_digits.shown_full(found.number, check_digits.code_for(found.number, serial))


def is_pregnant(row: Any, today: date) -> bool:
    """Whether a pregnancy is under way: none that has ended since its last period, and none longer than they last."""
    if row.lmp is None or today - row.lmp > PREGNANCY_AT_MOST:
        return False
    return all(ended is None or ended < row.lmp for ended in (row.delivered_on, row.pregnancy_lost_on))


def gave_birth_lately(row: Any, today: date) -> bool:
    """Whether a birth, or a loss, was so short a while ago that its dangers are not over."""
    ended = (row.delivered_on, row.pregnancy_lost_on)
    return any(day is not None and today - day <= AFTER_BIRTH for day in ended) and not is_pregnant(row, today)


def age_on(today: date, born_from: date | None, born_to: date | None) -> Age | None:
    """The age in days on `today` of someone born between two dates, None when no birth date is known."""
    if born_from is None or born_to is None:
        return None
    return Age(youngest=max(0, (today - born_to).days), oldest=max(0, (today - born_from).days))


def _near(tx: Tx, code: Code, own: tuple[Catchment, ...]) -> tuple[str, ...]:
    """Existing codes one slip away, at most three: for "did you mean …?"."""
    found: list[str] = []
    for catchment in own[:3]:
        candidates = {int(digits[:-1]): digits for digits in check_digits.near(catchment.number, code.digits)}
        if candidates:
            existing = tx.run(_EXISTING.where(codes.c.serial.in_(candidates)), {"catchment": catchment.id})
            found += [_as_asked(code, catchment, candidates[serial]) for serial in existing.scalars()]
    return tuple(found[:3])


def _as_asked(code: Code, catchment: Catchment, digits: str) -> str:
    """A near code as the sender must write it: with its catchment where they wrote one."""
    return check_digits.shown_full(catchment.number, digits) if code.catchment else check_digits.shown(digits)


PERSON_COLUMNS = tuple(
    patients.c[name]
    for name in ("sex", "born_from", "born_to", "lmp", "delivered_on", "pregnancy_lost_on", "died_on", "left_on")
)
_CATCHMENT = select(*_CATCHMENT_COLUMNS).where(
    or_(catchments.c.number == bindparam("number"), func.ltrim(catchments.c.number, "0") == bindparam("bare"))
)
_CATCHMENT_BY_ID = select(*_CATCHMENT_COLUMNS).where(catchments.c.id == bindparam("id"))
_CODE = Prepared(
    select(
        codes.c.kind,
        codes.c.subject_id,
        codes.c.now_catchment_id,
        codes.c.now_serial,
        patients.c.household_id,
        *PERSON_COLUMNS,
        households.c.village,
    )
    .select_from(
        codes.outerjoin(patients, patients.c.id == codes.c.subject_id).outerjoin(
            households, households.c.id == func.coalesce(patients.c.household_id, codes.c.subject_id)
        )
    )
    .where(codes.c.catchment_id == bindparam("catchment"), codes.c.serial == bindparam("serial"), ~codes.c.void)
)
_EXISTING = select(codes.c.serial).where(codes.c.catchment_id == bindparam("catchment"), ~codes.c.void)


# ---------------------------------------------------------------- who can be told


@dataclass(frozen=True, slots=True)
class Recipient:
    """Someone to text: the first phone of a member of staff."""

    staff_id: UUID
    site_id: UUID
    role: Role
    phone: str
    language: str
    on_duty: str
    timezone: str | None


_RECIPIENT = (
    select(
        staff.c.id.label("staff_id"),
        staff.c.site_id,
        staff.c.role,
        phones.c.phone,
        staff.c.language,
        staff.c.on_duty,
        timezone_of(WORKPLACE).label("timezone"),
    )
    .select_from(staff.join(phones, and_(phones.c.staff_id == staff.c.id, phones.c.position == 0)))
    .order_by(staff.c.code)
)


_NURSES = Prepared(
    _RECIPIENT.where(staff.c.facility_id == bindparam("facility"), staff.c.role == literal(Role.NURSE.value))
)
_ONE = Prepared(_RECIPIENT.where(staff.c.id == bindparam("staff")))
_chw = staff.alias("chw")
_SUPERVISOR = Prepared(
    _RECIPIENT.where(
        staff.c.id == select(_chw.c.supervisor_id).where(_chw.c.id == bindparam("staff")).scalar_subquery()
    )
)


def nurses_of(tx: Tx, facility_id: UUID) -> list[Recipient]:
    """The nurses of a clinic, in the order of their codes."""
    return _recipients(tx.ask(_NURSES, facility=facility_id))


def member_as_recipient(tx: Tx, staff_id: UUID) -> Recipient | None:
    """How to reach one member of staff; None when they have no phone."""
    found = _recipients(tx.ask(_ONE, staff=staff_id))
    return found[0] if found else None


def supervisor_of(tx: Tx, staff_id: UUID) -> Recipient | None:
    """The supervisor of a member of staff."""
    found = _recipients(tx.ask(_SUPERVISOR, staff=staff_id))
    return found[0] if found else None


def leads_of(tx: Tx, site_id: UUID | None) -> list[Recipient]:
    """The leads of a site; of every site when it is not known which."""
    query = _RECIPIENT.where(staff.c.role == Role.LEAD.value)
    return _recipients(tx.run(query if site_id is None else query.where(staff.c.site_id == site_id)).all())


def _recipients(rows: Iterable[Any]) -> list[Recipient]:
    return [Recipient(r.staff_id, r.site_id, Role(r.role), r.phone, r.language, r.on_duty, r.timezone) for r in rows]
