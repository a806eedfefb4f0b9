"""Whom does a USSD screen offer? A CHW's people of today, due follow-ups first; a nurse's open referrals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select

from smsgateway.care.people import Member, age_on, locate
from smsgateway.care.wording import verdict_of
from smsgateway.reading import say
from smsgateway.reading.models import Code, CodeState, Person, Role
from smsgateway.reading.programme import Programme
from smsgateway.reading.ussd import Somebody
from smsgateway.store.tables import catchments, due, households, patients, referral_events, referrals
from smsgateway.store.write import Tx
from smsgateway.text.codes import code_for, parse_code, parse_referral, shown, shown_full

OFFERED_AT_MOST = 20
TODAY = timedelta(hours=12)
_KNOWN = frozenset({CodeState.FOUND, CodeState.MOVED})


def choices_of(tx: Tx, member: Member, kind: str, programme: Programme, now: datetime) -> Sequence[Somebody]:
    """Whom to choose from on a screen that asks for a patient, a household or a referral; or which area."""
    if kind == "referral":
        return _referrals(tx, member, programme)
    own = [catchment.id for catchment in member.catchments]
    if not own or member.role is not Role.CHW:
        return ()
    if kind == "area":
        return [Somebody(f"ZONE {catchment.number}", f"Zone {catchment.number}") for catchment in member.catchments]
    if kind == "household":
        return [_household(row, member) for row in tx.execute(_households(own))]
    return [_patient(row, member, programme, now) for row in tx.execute(_patients(own, now))]


def group_of(tx: Tx, member: Member, code: str, now: datetime) -> str | None:
    """The group whose signs are asked for somebody; "" when the code is known and the group is not, None when the code
    is not known."""
    if parse_referral(code) is not None:
        return ""
    parsed = parse_code(code)
    if parsed is None:
        return None
    located = locate(tx, Code(parsed[1], parsed[0]), member.catchments, member.day(now))
    if located.facts.state not in _KNOWN:
        return None
    return _group(located.facts.person)


def _group(person: Person | None) -> str:
    if person is None:
        return ""
    if person.age is not None and person.age.youngest < 61:
        return "newborn"
    if person.pregnant:
        return "pregnancy"
    if person.postpartum:
        return "postpartum"
    return "child" if person.age is not None and person.age.youngest < 15 * 365 else ""


def _patients(own: Sequence[Any], now: datetime) -> Select[Any]:
    """The CHW's patients: those with a reminder of today on the list first, the latest before the others, then the
    youngest."""
    first_due = (
        select(due.c.subject_id, func.min(due.c.late_at).label("at"))
        .where(due.c.owner_id.in_(own), due.c.starts_at < now + TODAY, due.c.at > now)
        .group_by(due.c.subject_id)
        .subquery("first_due")
    )
    return (
        select(
            catchments.c.number,
            patients.c.serial,
            patients.c.sex,
            patients.c.born_from,
            patients.c.born_to,
            first_due.c.at,
        )
        .select_from(
            patients.join(catchments, catchments.c.id == patients.c.catchment_id).outerjoin(
                first_due, first_due.c.subject_id == patients.c.id
            )
        )
        .where(patients.c.catchment_id.in_(own))
        .order_by(
            case((first_due.c.at.is_(None), 1), else_=0), first_due.c.at, patients.c.born_from.desc(), patients.c.serial
        )
        .limit(OFFERED_AT_MOST)
    )


def _patient(row: Any, member: Member, programme: Programme, now: datetime) -> Somebody:
    person = Person(sex=row.sex, age=age_on(member.day(now), row.born_from, row.born_to))
    typed, label = _code(row, member)
    return Somebody(typed, f"{label} {say.who(programme, person, member.language)}".strip())


def _code(row: Any, member: Member) -> tuple[str, str]:
    """A code as it is texted and as it is shown: with its catchment where the sender has several."""
    code = code_for(row.number, row.serial)
    return (
        (code, shown(code)) if len(member.catchments) == 1 else (f"{row.number}-{code}", shown_full(row.number, code))
    )


def _households(own: Sequence[Any]) -> Select[Any]:
    return (
        select(catchments.c.number, households.c.serial, households.c.village, households.c.people)
        .join(catchments, catchments.c.id == households.c.catchment_id)
        .where(households.c.catchment_id.in_(own))
        .order_by(catchments.c.number, households.c.serial)
        .limit(OFFERED_AT_MOST)
    )


def _household(row: Any, member: Member) -> Somebody:
    typed, label = _code(row, member)
    return Somebody(typed, f"{label} {row.village or ''}".strip())


def _referrals(tx: Tx, member: Member, programme: Programme) -> list[Somebody]:
    query = (
        select(referrals.c.code, referrals.c.brief)
        .where(referrals.c.open)
        .order_by(referrals.c.opened_at.desc())
        .limit(OFFERED_AT_MOST)
    )
    if member.role is Role.NURSE and member.facility_id is not None:
        query = query.where(referrals.c.facility_id == member.facility_id)
    elif member.role is Role.CHW:
        query = query.where(referrals.c.reporter_id == member.id)
    else:
        heard = select(referral_events.c.referral_id).where(
            referral_events.c.staff_id == member.id, referral_events.c.kind == "told"
        )
        query = query.where(referrals.c.site_id == member.site_id, referrals.c.id.in_(heard))
    return [
        Somebody(row.code, f"{row.code} {say.who(programme, verdict_of(row.brief).person, member.language)}".strip())
        for row in tx.execute(query)
    ]
