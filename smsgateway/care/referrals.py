"""How does a danger sign become somebody's business, and stay it until they answer?

A referral is opened with its first urgent message in the report's own transaction. A patient has at most one open
referral: a second danger report joins it. What could not be delivered comes back here and goes to the next person.
Everything that happens to a referral is an event of its history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from smsgateway.care import wording
from smsgateway.care.hours import DAY, next_opening, zone_named
from smsgateway.care.ladder import next_person
from smsgateway.care.people import Member, Recipient, member_as_recipient, supervisor_of
from smsgateway.care.states import OPEN, Event, State, after
from smsgateway.outbox.queue import Draft, Rank, enqueue, withdraw
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme
from smsgateway.store.database import lock_key
from smsgateway.store.faults import raise_fault
from smsgateway.store.tables import facilities, referral_events, referrals, reports
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.text.codes import referral_codes


@dataclass(frozen=True, slots=True)
class Case:
    """What a report asks to be told about. `brief` is what the messages say (see `wording`): who, what, by whom."""

    site_id: UUID
    facility_id: UUID
    patient_id: UUID | None
    report_id: UUID | None
    reporter_id: UUID | None
    reporter_phone: str
    urgent: bool
    tier: int
    certain: bool
    danger: tuple[str, ...]
    brief: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral as it stands."""

    id: UUID
    site_id: UUID
    code: str
    facility_id: UUID
    patient_id: UUID | None
    reporter_id: UUID | None
    reporter_phone: str
    urgency: str
    tier: int
    certain: bool
    danger: tuple[str, ...]
    brief: Mapping[str, Any]
    state: State
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a case: its referral, whether it joined one already open, and who was told, if anybody."""

    referral: Referral
    joined: bool
    told: Recipient | None


# ---------------------------------------------------------------- opening


def open_or_join(tx: Tx, case: Case, programme: Programme, now: datetime) -> Opened:
    """Open a referral, or join the patient's open one, and queue the first message about it."""
    lock_key(tx, f"clinic:{case.facility_id}")  # one at a time: codes are handed out in turn, one open a patient
    standing = _open_of_patient(tx, case.patient_id)
    if standing is not None:
        return _join(tx, standing, case, programme, now)
    referral = Referral(
        id=new_id(),
        site_id=case.site_id,
        code=_next_code(tx, case.facility_id),
        facility_id=case.facility_id,
        patient_id=case.patient_id,
        reporter_id=case.reporter_id,
        reporter_phone=case.reporter_phone,
        urgency="urgent" if case.urgent else "routine",
        tier=case.tier,
        certain=case.certain,
        danger=case.danger,
        brief=case.brief,
        state=State.OPENED,
        opened_at=now,
    )
    _insert(tx, referral, case.report_id)
    record(tx, referral, "opened", now, report=str(case.report_id), danger=list(case.danger))
    return Opened(referral, False, tell_next(tx, referral, programme, now, rung="first"))


def _insert(tx: Tx, referral: Referral, report_id: UUID | None) -> None:
    tx.execute(
        referrals.insert(),
        {
            "id": referral.id,
            "site_id": referral.site_id,
            "code": referral.code,
            "code_live": True,
            "facility_id": referral.facility_id,
            "patient_id": referral.patient_id,
            "report_id": report_id,
            "reporter_id": referral.reporter_id,
            "reporter_phone": referral.reporter_phone,
            "urgency": referral.urgency,
            "tier": referral.tier,
            "certain": referral.certain,
            "danger": list(referral.danger),
            "brief": dict(referral.brief),
            "state": referral.state.value,
            "open": True,
            "state_at": referral.opened_at,
            "round": 1,
            "round_at": referral.opened_at,
            "reported_at": referral.opened_at,
            "opened_at": referral.opened_at,
        },
    )


def _next_code(tx: Tx, facility_id: UUID) -> str:
    """The next code of the clinic's scrambled order that no live referral there holds."""
    given = tx.execute(
        select(func.count()).select_from(referrals).where(referrals.c.facility_id == facility_id)
    ).scalar_one()
    live = set(
        tx.run(select(referrals.c.code).where(referrals.c.facility_id == facility_id, referrals.c.code_live)).scalars()
    )
    clinic = tx.run(select(facilities.c.code).where(facilities.c.id == facility_id)).scalar_one()
    order = referral_codes(clinic)
    for position in range(given, given + len(order)):
        code = order[position % len(order)]
        if code not in live:
            return code
    raise LookupError(f"all {len(order)} referral codes of a clinic are in use")


def _join(tx: Tx, standing: Referral, case: Case, programme: Programme, now: datetime) -> Opened:
    """A second danger report on the same person: it says what is new, and the nurse is texted again."""
    new = tuple(sign for sign in case.danger if sign not in standing.danger)
    joined = replace(
        standing,
        danger=standing.danger + new,
        tier=min(standing.tier, case.tier),
        certain=standing.certain or case.certain,
        urgency="urgent" if case.urgent else standing.urgency,
        brief=dict(case.brief),
    )
    tx.execute(
        update(referrals)
        .where(referrals.c.id == standing.id)
        .values(
            danger=list(joined.danger),
            tier=joined.tier,
            certain=joined.certain,
            urgency=joined.urgency,
            brief=dict(joined.brief),
        )
    )
    record(tx, joined, "joined", now, report=str(case.report_id), new=list(new))
    return Opened(joined, True, _tell_first_again(tx, joined, programme, now, rung=_again(case.report_id)))


def _again(cause: UUID | None) -> str:
    """The rung of a message sent once more because of a report or message: 38 of the 40 characters there are."""
    return f"again:{cause.hex if cause else ''}"


def tell_again(tx: Tx, report_id: UUID, inbound_id: UUID, programme: Programme, now: datetime) -> None:
    """The very same report came again: if its referral is open, its first recipient gets the message again."""
    patient_id = tx.execute(select(reports.c.patient_id).where(reports.c.id == report_id)).scalar()
    referral = _open_of_patient(tx, patient_id) or _open_from_report(tx, report_id)
    if referral is not None:
        record(tx, referral, "repeated", now, inbound_id=inbound_id)
        _tell_first_again(tx, referral, programme, now, rung=_again(inbound_id))


def _tell_first_again(
    tx: Tx, referral: Referral, programme: Programme, now: datetime, *, rung: str
) -> Recipient | None:
    first = _next_untold(tx, referral, set(), now)
    if first is not None:
        text = wording.referral_alert(
            programme, first.language, referral.code, referral.brief, referral.certain, again=True
        )
        tell(tx, referral, first, text, now, rung=rung)
    return first


# ---------------------------------------------------------------- telling


def tell_next(tx: Tx, referral: Referral, programme: Programme, now: datetime, *, rung: str) -> Recipient | None:
    """Text the next person of the ladder who was not told yet; nobody left is a fault."""
    person = _next_untold(tx, referral, told(tx, referral.id), now)
    if person is None:
        raise_fault(tx, "nobody_reachable", str(referral.id), referral.site_id, now)
        record(tx, referral, "nobody_reachable", now)
        return None
    text = wording.referral_alert(programme, person.language, referral.code, referral.brief, referral.certain)
    tell(tx, referral, person, text, now, rung=rung)
    return person


def _next_untold(tx: Tx, referral: Referral, told_already: set[UUID], now: datetime) -> Recipient | None:
    return next_person(tx, referral.facility_id, referral.site_id, referral.reporter_id, told_already, now)


def tell(tx: Tx, referral: Referral, person: Recipient, text: str, now: datetime, *, rung: str) -> None:
    """Queue a message about a referral, once a rung and person. A routine one waits for the person's hours."""
    urgent = referral.urgency == "urgent"
    message_id = enqueue(
        tx,
        Draft(
            phone=person.phone,
            body=text,
            rank=Rank.URGENT if urgent else Rank.REMINDER,
            site_id=referral.site_id,
            staff_id=person.staff_id,
            referral_id=referral.id,
            rung=rung,
            key=f"referral:{referral.id.hex}:{rung}:{person.staff_id.hex}",
            not_before=None if urgent else next_opening(now, DAY, zone_named(person.timezone)),
        ),
        now,
    )
    if message_id is not None:
        record(tx, referral, "told", now, staff_id=person.staff_id, message_id=message_id, rung=rung)


def told(tx: Tx, referral_id: UUID) -> set[UUID]:
    """Who has been told of a referral so far."""
    query = select(referral_events.c.staff_id).where(
        referral_events.c.referral_id == referral_id, referral_events.c.kind == "told"
    )
    return set(tx.execute(query).scalars())


def undelivered(
    tx: Tx, referral_id: UUID, staff_id: UUID | None, reason: str, programme: Programme, now: datetime
) -> None:
    """A message about this referral did not reach its person: the next different person is told, unless somebody
    answered in the meantime."""
    referral = by_id(tx, referral_id)
    record(tx, referral, "undelivered", now, staff_id=staff_id, reason=reason)
    if referral.state is State.OPENED:
        tell_next(tx, referral, programme, now, rung="fallback")


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer applied: the referral as it was before, and its state now. `moved` is False for a second or late
    answer, which changes nothing."""

    referral: Referral
    state: State
    moved: bool


_MOMENT = {Event.RECEIVED: "received_at", Event.ARRIVED: "arrived_at"}


def answer(
    tx: Tx, referral: Referral, event: Event, member: Member, inbound_id: UUID, programme: Programme, now: datetime
) -> Answered:
    """Apply an answer to a referral: move its state, keep the history, quieten queued rungs, tell the reporter."""
    state = after(referral.state, event)
    moved = state is not referral.state
    record(tx, referral, event.value, now, staff_id=member.id, inbound_id=inbound_id, moved=moved)
    if not moved:
        return Answered(referral, state, False)
    values: dict[str, Any] = {"state": state.value, "open": state in OPEN}
    if event in _MOMENT:
        values[_MOMENT[event]] = now
    if state not in OPEN:
        values["closed_at"] = now
    tx.execute(update(referrals).where(referrals.c.id == referral.id).values(values))
    withdraw(tx, now, referral_id=referral.id, reason=event.value)
    _tell_reporter(tx, referral, event, member, programme, now)
    if event is Event.ABSENT:
        _tell_supervisor(tx, referral, event, member, programme, now)
    return Answered(referral, state, True)


def _tell_reporter(tx: Tx, referral: Referral, event: Event, by: Member, programme: Programme, now: datetime) -> None:
    """The CHW learns what became of the child they sent; nobody is told what they just said themselves."""
    if referral.reporter_id is None or referral.reporter_id == by.id:
        return
    reporter = member_as_recipient(tx, referral.reporter_id)
    if reporter is not None:
        text = wording.referral_news(programme, reporter.language, event.value, referral.code, referral.brief)
        _inform(tx, referral, reporter, replace(reporter, phone=referral.reporter_phone).phone, text, event, now)


def _tell_supervisor(tx: Tx, referral: Referral, event: Event, by: Member, programme: Programme, now: datetime) -> None:
    supervisor = supervisor_of(tx, referral.reporter_id) if referral.reporter_id else None
    if supervisor is not None and supervisor.staff_id != by.id:
        text = wording.referral_news(programme, supervisor.language, event.value, referral.code, referral.brief)
        _inform(tx, referral, supervisor, supervisor.phone, text, event, now)


def _inform(tx: Tx, referral: Referral, person: Recipient, phone: str, text: str, event: Event, now: datetime) -> None:
    enqueue(
        tx,
        Draft(
            phone=phone,
            body=text,
            rank=Rank.URGENT if event is Event.ABSENT and referral.urgency == "urgent" else Rank.REPLY,
            site_id=referral.site_id,
            staff_id=person.staff_id,
            key=f"referral:{referral.id}:{event.value}:{person.staff_id}",
        ),
        now,
    )


# ---------------------------------------------------------------- finding

_COLUMNS = [
    referrals.c[name]
    for name in (
        *("id", "site_id", "code", "facility_id", "patient_id", "reporter_id", "reporter_phone", "urgency", "tier"),
        *("certain", "danger", "brief", "state", "opened_at"),
    )
]


def _referral(row: Any) -> Referral:
    values = dict(row._mapping)
    return Referral(**{**values, "danger": tuple(values["danger"]), "state": State(values["state"])})


def by_id(tx: Tx, referral_id: UUID) -> Referral:
    return _referral(tx.execute(select(*_COLUMNS).where(referrals.c.id == referral_id)).one())


def _open_of_patient(tx: Tx, patient_id: UUID | None) -> Referral | None:
    if patient_id is None:
        return None
    row = tx.execute(select(*_COLUMNS).where(referrals.c.patient_id == patient_id, referrals.c.open)).first()
    return None if row is None else _referral(row)


def _open_from_report(tx: Tx, report_id: UUID) -> Referral | None:
    row = tx.execute(select(*_COLUMNS).where(referrals.c.report_id == report_id, referrals.c.open)).first()
    return None if row is None else _referral(row)


def concerning(tx: Tx, member: Member, code: str | None, states: Sequence[State]) -> list[Referral]:
    """The referrals an answer of this member may mean, newest first: by its live code, or, without one, those open in
    one of `states`. A nurse answers for her clinic, a CHW for what they reported, others for what they were told of."""
    query = select(*_COLUMNS).order_by(referrals.c.opened_at.desc()).limit(20)
    if code is not None:
        query = query.where(referrals.c.code == code, referrals.c.code_live)
    else:
        query = query.where(referrals.c.state.in_([state.value for state in states]))
    if member.role is Role.NURSE and member.facility_id is not None:
        query = query.where(referrals.c.facility_id == member.facility_id)
    elif member.role is Role.CHW:
        query = query.where(referrals.c.reporter_id == member.id)
    else:
        heard = select(referral_events.c.referral_id).where(
            referral_events.c.staff_id == member.id, referral_events.c.kind == "told"
        )
        query = query.where(referrals.c.site_id == member.site_id, referrals.c.id.in_(heard))
    return [_referral(row) for row in tx.execute(query)]


def record(
    tx: Tx,
    referral: Referral,
    kind: str,
    now: datetime,
    *,
    staff_id: UUID | None = None,
    message_id: UUID | None = None,
    inbound_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Add an event to a referral's history."""
    tx.insert(
        referral_events,
        {
            "id": new_id(),
            "site_id": referral.site_id,
            "referral_id": referral.id,
            "kind": kind,
            "at": now,
            "staff_id": staff_id,
            "message_id": message_id,
            "inbound_id": inbound_id,
            "detail": detail,
        },
    )


def handed_over(tx: Tx, referral_id: UUID, now: datetime) -> None:
    """The first message about it was taken by the provider."""
    tx.execute(
        update(referrals).where(referrals.c.id == referral_id, referrals.c.handed_at.is_(None)).values(handed_at=now)
    )


def delivered(tx: Tx, referral_id: UUID, now: datetime) -> None:
    """The first message about it is on a handset."""
    tx.execute(
        update(referrals)
        .where(referrals.c.id == referral_id, referrals.c.delivered_at.is_(None))
        .values(delivered_at=now)
    )
