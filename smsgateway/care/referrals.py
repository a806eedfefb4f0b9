"""How does a danger sign become somebody's business? A referral is opened with its alert in the report's own
transaction, or joins the one that is open: a patient has at most one.

What a second report says that is new goes out as the second message. If the alert had been answered already, it waits
for an answer again: nobody who got worse is taken for the one the nurse has dealt with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from smsgateway.care import calls, ladder, wording
from smsgateway.care.climbing import AGAIN, Words, climb_past
from smsgateway.care.history import COLUMNS, Past, Referral, change, hold, past_of, record, referral_from
from smsgateway.care.people import Recipient
from smsgateway.care.posts import Clinic, clinic_of
from smsgateway.care.referral_codes import next_code
from smsgateway.care.rungs import Post
from smsgateway.care.scene import scene
from smsgateway.care.states import Event, State, after
from smsgateway.care.telling import tell
from smsgateway.outbox.queue import withdraw
from smsgateway.reading.programme import Programme
from smsgateway.store.database import lock_key
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import referrals, reports
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx

ONE_CALL: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Case:
    """What a report asks to be told about. `brief` is what the messages say (see `wording`): who, what, by whom.
    `reported_at`: when it was texted, if that was before it reached us; `hold_until`: the alert does not go before."""

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
    reported_at: datetime | None = None
    hold_until: datetime | None = None
    cause: UUID | None = None  # what a second message is sent for, once each; the report unless said


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a case: its referral, whether it joined one already open, and who was told, if anybody."""

    referral: Referral
    joined: bool
    told: Recipient | None


def open_or_join(tx: Tx, case: Case, programme: Programme, now: datetime) -> Opened:
    """Open a referral, or join the patient's open one, and queue the alert."""
    lock_clinics(tx, [case.facility_id])
    standing = open_of_patient(tx, case.patient_id) or _open_call(tx, case, now)
    if standing is not None:
        return _join(tx, hold(tx, standing.id), case, programme, now)
    clinic = clinic_of(tx, case.facility_id)
    referral = _insert(tx, case, clinic, now)
    record(
        tx, referral, "opened", now, staff_id=case.reporter_id, report=_hex(case.report_id), danger=list(case.danger)
    )
    view = scene(tx, referral, programme, now, clinic=clinic, past=_reported_by(case.reporter_id))

    def words(person: Recipient) -> str:
        return wording.referral_alert(programme, person.language, referral.code, referral.brief, referral.certain)

    return Opened(referral, False, ladder.alert(view, words, hold_until=case.hold_until))


def lock_clinics(tx: Tx, facility_ids: Iterable[UUID]) -> None:
    """Hold the clinics' places until the transaction ends: codes are handed out in turn, one is open a patient. A
    message about several clinics takes them all at once and in one order, or two such messages stop each other."""
    for facility_id in sorted(facility_ids):
        lock_key(tx, f"clinic:{facility_id}")


def _insert(tx: Tx, case: Case, clinic: Clinic, now: datetime) -> Referral:
    reported_at = case.reported_at or now
    row = {
        "id": new_id(),
        "site_id": case.site_id,
        "code": next_code(tx, case.facility_id, clinic.code),
        "code_live": True,
        "facility_id": case.facility_id,
        "patient_id": case.patient_id,
        "report_id": case.report_id,
        "reporter_id": case.reporter_id,
        "reporter_phone": case.reporter_phone,
        "urgency": "urgent" if case.urgent else "routine",
        "tier": case.tier,
        "certain": case.certain,
        "danger": list(case.danger),
        "brief": dict(case.brief),
        "state": State.OPENED.value,
        "open": True,
        "state_at": now,
        "round": 1,
        "round_at": now,
        "counted_from": None,
        "onset_on": _onset(case, reported_at, clinic.zone),
        "reported_at": reported_at,
        "opened_at": now,
        "handed_at": None,
        "received_at": None,
        "arrived_at": None,
        "chw_arrived_at": None,
        "outcome": None,
        "outcome_by": None,
    }
    tx.insert(referrals, row)
    return referral_from([row[column.name] for column in COLUMNS])


def _onset(case: Case, reported_at: datetime, zone: tzinfo) -> date | None:
    """The day of the first symptom: as many days before the report as the longest of them lasts."""
    answers = case.brief.get("answers", {})
    days = [value for name, value in answers.items() if name.endswith("_days") and isinstance(value, int)]
    return reported_at.astimezone(zone).date() - timedelta(days=max(days)) if days else None


def _reported_by(staff_id: UUID | None) -> Past:
    return Past(reporters=frozenset({staff_id} if staff_id else ()))


def _hex(report_id: UUID | None) -> str:
    return report_id.hex if report_id else ""


def open_of_patient(tx: Tx, patient_id: UUID | None) -> Referral | None:
    """Their open referral; there is at most one."""
    if patient_id is None:
        return None
    rows = tx.ask(_OPEN, patient=patient_id)
    return referral_from(rows[0]) if rows else None


_OPEN = Prepared(select(*COLUMNS).where(referrals.c.patient_id == bindparam("patient"), referrals.c.open))


def _open_call(tx: Tx, case: Case, now: datetime) -> Referral | None:
    """The call this CHW already waits for: what nobody could read, of nobody in particular, is asked in one call."""
    if case.certain or case.patient_id is not None:
        return None
    query = select(*COLUMNS).where(
        referrals.c.reporter_id == case.reporter_id,
        referrals.c.facility_id == case.facility_id,
        referrals.c.patient_id.is_(None),
        referrals.c.certain.is_(False),
        referrals.c.open,
        referrals.c.round_at > now - ONE_CALL,
    )
    row = tx.execute(query.order_by(referrals.c.opened_at.desc()).limit(1)).first()
    return None if row is None else referral_from(row)


def open_from_report(tx: Tx, report_id: UUID) -> Referral | None:
    """The open referral that this report opened; one that it joined is the person's."""
    row = tx.execute(select(*COLUMNS).where(referrals.c.report_id == report_id, referrals.c.open)).first()
    return None if row is None else referral_from(row)


# ---------------------------------------------------------------- the second message


def _join(tx: Tx, standing: Referral, case: Case, programme: Programme, now: datetime) -> Opened:
    """A second report on the same person: everything known is kept, what is new is said."""
    new = tuple(sign for sign in case.danger if sign not in standing.danger)
    again = _waits_again(standing, case, new)
    referral = change(
        tx,
        standing,
        danger=standing.danger + new,
        tier=min(standing.tier, case.tier) if case.certain else standing.tier,
        certain=standing.certain or case.certain,
        urgency="urgent" if case.urgent else standing.urgency,
        brief=together(standing.brief, case.brief) if case.certain else dict(standing.brief),
    )
    record(tx, referral, "joined", now, staff_id=case.reporter_id, report=_hex(case.report_id), new=list(new))
    quote = None if case.certain else str(case.brief.get("quote") or "") or None

    def words(person: Recipient) -> str:
        return calls.alert(programme, person.language, referral, again=True, new=new, quote=quote)

    if again:
        referral = _next_round(tx, referral, now)
        view = scene(tx, referral, programme, now, past=past_of(tx, referral))
        return Opened(referral, True, ladder.alert(view, words, hold_until=case.hold_until))
    return Opened(referral, True, _tell_again(tx, referral, programme, now, case.cause or case.report_id, words))


def _waits_again(standing: Referral, case: Case, new: Sequence[str]) -> bool:
    """Whether the ladder is climbed anew: what comes is graver than what is being climbed for, or the alert had been
    answered and this is not what the answer was about."""
    if not case.urgent:
        return False
    if not standing.urgent or (case.certain and case.tier < standing.tier):
        return True
    if standing.state is State.OPENED:
        return False
    return bool(new) or standing.state is not State.RECEIVED


def _next_round(tx: Tx, referral: Referral, now: datetime) -> Referral:
    withdraw(tx, now, referral_id=referral.id, reason=Event.WORSENED.value)
    record(tx, referral, Event.WORSENED.value, now)
    state = after(referral.state, Event.WORSENED)
    return change(tx, referral, state=state, state_at=now, round=referral.round + 1, round_at=now, counted_from=None)


def together(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What is known after both: the newer word counts, nothing known is lost."""
    known = {**old, **{name: value for name, value in new.items() if value not in (None, "", [], {})}}
    for name in ("danger", "signs"):
        known[name] = list(dict.fromkeys([*old.get(name, ()), *new.get(name, ())]))
    known["answers"] = {**old.get("answers", {}), **new.get("answers", {})}
    return known


def is_over(tx: Tx, report_ids: Sequence[UUID]) -> bool:
    """Whether what these reports alerted about has ended since: the same words are a new danger then, not a
    repetition."""
    told = tx.execute(select(reports.c.patient_id, reports.c.danger).where(reports.c.id.in_(report_ids))).all()
    in_danger = [row.patient_id for row in told if row.danger and row.patient_id]
    about = or_(referrals.c.report_id.in_(report_ids), referrals.c.patient_id.in_(in_danger))
    still_open = tx.execute(select(referrals.c.open).where(about)).scalars().all()
    return bool(still_open) and not any(still_open)


def tell_again(tx: Tx, report_id: UUID, inbound_id: UUID, programme: Programme, now: datetime) -> None:
    """The very same report came again: if its referral is open, its nurse gets the message again."""
    patient_id = tx.execute(select(reports.c.patient_id).where(reports.c.id == report_id)).scalar()
    found = open_of_patient(tx, patient_id) or open_from_report(tx, report_id)
    if found is None:
        return
    referral = hold(tx, found.id)
    record(tx, referral, "repeated", now, inbound_id=inbound_id)
    _tell_again(
        tx,
        referral,
        programme,
        now,
        inbound_id,
        lambda person: calls.alert(programme, person.language, referral, again=True),
    )


def _tell_again(
    tx: Tx, referral: Referral, programme: Programme, now: datetime, report_id: UUID | None, words: Words
) -> Recipient | None:
    """One more message about the same alert, to the nurse on duty or whoever can be told."""
    view = scene(tx, referral, programme, now)
    rung = f"{AGAIN}{_hex(report_id)}"
    for nurse in view.posts.holding(Post.NURSE):
        tell(tx, referral, nurse, words(nurse), now, view.clinic.zone, rung=rung)
        return nurse
    return climb_past(view, rung, words)
