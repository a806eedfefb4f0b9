"""What if a sender says more about the same person, or something else? A correction replaces the report it corrects and
holds all that stands: nothing that was said is lost, nothing is counted twice, and the answer says what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, bindparam, select, update

from smsgateway.care import changes, followups
from smsgateway.reading.programme import Programme
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import asked, referrals, reports
from smsgateway.store.write import Tx

AMENDED_WITHIN: Final = timedelta(hours=1)  # later the same sender speaks of something new
ANSWERED_WITHIN: Final = timedelta(hours=12)  # a question may be answered as long as a report counts as the same
_ADDED_UP: Final = frozenset({"vaccines", "prevention"})  # a second message adds to these; other values it replaces


@dataclass(frozen=True, slots=True)
class Standing:
    """A report of this sender that a new one about the same person or household corrects."""

    id: UUID
    inbound_id: UUID
    part: int
    answers: Mapping[str, Any]
    danger: tuple[str, ...]
    unclear: tuple[str, ...]
    happened_at: datetime
    arrived_at: datetime
    patient_id: UUID | None
    asked: bool  # something was asked back, and is not answered

    @property
    def is_clear(self) -> bool:
        return not (self.asked or self.unclear)


@dataclass(frozen=True, slots=True)
class Merged:
    """All that stands after a correction, and what it changed: answers that are new or other than before, and what
    they were."""

    answers: Mapping[str, Any]
    danger: tuple[str, ...]
    changed: Mapping[str, Any]
    before: Mapping[str, Any]


_COLUMNS = (
    reports.c.id,
    reports.c.inbound_id,
    reports.c.part,
    reports.c.answers,
    reports.c.danger,
    reports.c.unclear,
    reports.c.happened_at,
    reports.c.arrived_at,
    reports.c.patient_id,
    reports.c.flow,
    asked.c.at.label("asked_at"),
)
_REPORTS = reports.outerjoin(asked, and_(asked.c.inbound_id == reports.c.inbound_id, asked.c.part == reports.c.part))
# Which flow is looked at afterwards: SQLite plans a statement anew whenever a parameter might name a partial index.
_BY_SENDER = (
    reports.c.staff_id == bindparam("staff"),
    reports.c.arrived_at >= bindparam("since"),
    reports.c.state == "filed",
)
LATELY_ABOUT_PATIENT: Final = (reports.c.patient_id == bindparam("subject"), *_BY_SENDER)
_OF_PATIENT = Prepared(
    select(*_COLUMNS).select_from(_REPORTS).where(*LATELY_ABOUT_PATIENT).order_by(reports.c.arrived_at.desc())
)
_OF_HOUSEHOLD = Prepared(
    select(*_COLUMNS)
    .select_from(_REPORTS)
    .where(reports.c.household_id == bindparam("subject"), reports.c.patient_id.is_(None), *_BY_SENDER)
    .order_by(reports.c.arrived_at.desc())
)


def standing(
    tx: Tx,
    staff_id: UUID,
    flow: str,
    patient_id: UUID | None,
    household_id: UUID | None,
    now: datetime,
    *,
    itself: UUID | None = None,
) -> Standing | None:
    """The report that a new one of this flow about them corrects: one of the last hour, or one that asked something
    and has waited for the answer not longer than half a day. `itself`: the new one, if it is kept already."""
    if patient_id is not None:
        rows = tx.ask(_OF_PATIENT, subject=patient_id, staff=staff_id, since=now - ANSWERED_WITHIN)
    elif household_id is not None:
        rows = tx.ask(_OF_HOUSEHOLD, subject=household_id, staff=staff_id, since=now - ANSWERED_WITHIN)
    else:
        return None
    others = [row for row in rows if row.flow == flow and row.id != itself]
    if not others:
        return None
    found = _standing(others[0])
    return found if found.asked or now - found.arrived_at <= AMENDED_WITHIN else None


def said_clearly_since(tx: Tx, staff_id: UUID, patient_id: UUID, happened_at: datetime) -> bool:
    """Whether this sender has reported about this person later than that, and clearly: messages may overtake each
    other on their way here."""
    rows = tx.execute(_LATER, {"staff": staff_id, "subject": patient_id, "since": happened_at})
    return any(_standing(row).is_clear for row in rows)


_LATER = (
    select(*_COLUMNS)
    .select_from(_REPORTS)
    .where(
        reports.c.patient_id == bindparam("subject"),
        reports.c.staff_id == bindparam("staff"),
        reports.c.happened_at > bindparam("since"),
        reports.c.state == "filed",
    )
)


def report(tx: Tx, report_id: UUID) -> Standing | None:
    """A report by its id, unless it no longer stands."""
    stands = reports.c.state.in_(("filed", "unfiled"))
    row = tx.execute(select(*_COLUMNS).select_from(_REPORTS).where(reports.c.id == report_id, stands)).first()
    return None if row is None else _standing(row)


def replaced_by(tx: Tx, report_id: UUID, staff_id: UUID, now: datetime) -> Standing | None:
    """What a report of this sender that is kept already has corrected."""
    query = (
        select(*_COLUMNS)
        .select_from(_REPORTS)
        .where(
            reports.c.staff_id == staff_id,
            reports.c.arrived_at >= now - 2 * ANSWERED_WITHIN,
            reports.c.replaced_by == report_id,
        )
    )
    row = tx.execute(query.order_by(reports.c.arrived_at.desc()).limit(1)).first()
    return None if row is None else _standing(row)


def repeated(tx: Tx, report_id: UUID, of: UUID) -> None:
    """What a session filed while it went on turned out to be the same again as what stands: that counts."""
    tx.execute(update(reports).where(reports.c.id == report_id).values(state="replaced", replaced_by=of))
    tx.execute(update(referrals).where(referrals.c.report_id == report_id).values(report_id=of))


def _standing(row: Any) -> Standing:
    return Standing(
        row.id,
        row.inbound_id,
        row.part,
        row.answers,
        tuple(row.danger),
        tuple(row.unclear),
        row.happened_at,
        row.arrived_at,
        row.patient_id,
        asked=row.asked_at is not None,
    )


def merged(old: Standing, answers: Mapping[str, Any], danger: Iterable[str], programme: Programme) -> Merged:
    """The old report with what the new one says: a value named again is the new one, another stays. A sign that came
    from a value goes with it."""
    said = {name: value for name, value in answers.items() if name != "signs"}
    whole = {**old.answers, **{name: _with(old.answers, name, value) for name, value in said.items()}}
    signs = _that_stand(old.answers.get("signs", ()), said, programme) | dict.fromkeys(answers.get("signs", ()))
    whole.pop("signs", None)
    if signs:
        whole["signs"] = list(signs)
    changed = {name: whole[name] for name in said if whole[name] != old.answers.get(name)}
    return Merged(
        answers=whole,
        danger=tuple(dict.fromkeys((*danger, *_that_stand(old.danger, said, programme)))),
        changed=changed,
        before={name: old.answers[name] for name in changed if name in old.answers},
    )


def merged_under(newer: Standing, answers: Mapping[str, Any], danger: Iterable[str], programme: Programme) -> Merged:
    """An older report that reached us after its correction: what it alone says is added, what was corrected stays."""
    older = replace(newer, answers=answers, danger=tuple(danger))
    whole = merged(older, newer.answers, newer.danger, programme)
    added = {
        name: value for name, value in whole.answers.items() if name != "signs" and value != newer.answers.get(name)
    }
    before = {name: newer.answers[name] for name in added if name in newer.answers}
    return replace(whole, changed=added, before=before)


def _with(before: Mapping[str, Any], name: str, value: Any) -> Any:
    if name in _ADDED_UP:
        return list(dict.fromkeys([*before.get(name, ()), *value]))
    if isinstance(value, Mapping):
        return {**before.get(name, {}), **value}
    return before[name] if value is None and name in before else value  # FIEVRE without days takes nothing back


def _that_stand(signs: Iterable[str], said: Mapping[str, Any], programme: Programme) -> dict[str, None]:
    """The signs of the old report that nothing said now decides anew."""
    decided = {
        rule.sign
        for rule in programme.rules
        if rule.sign and any(said.get(name) is not None for name in rule.when.fields & said.keys())
    }
    return dict.fromkeys(sign for sign in signs if sign not in decided)


def replace_by(tx: Tx, old: Standing, new_report: UUID, now: datetime) -> None:
    """The old report stands no longer; what followed from it follows from the new one. To be called before
    `followups.reported`, which begins the reminders anew."""
    tx.execute(update(reports).where(reports.c.id == old.id).values(state="replaced", replaced_by=new_report))
    tx.execute(update(referrals).where(referrals.c.report_id == old.id).values(report_id=new_report))
    followups.cancelled(tx, old.id, now)
    changes.inherit(tx, old.id, new_report)


def adopt(tx: Tx, old: Standing, patient_id: UUID) -> None:
    """Whom a danger report was about was not known, and now is: its open referral is this patient's, unless they have
    another one."""
    standing_one = select(referrals.c.id).where(referrals.c.patient_id == patient_id, referrals.c.open)
    if tx.execute(standing_one).first() is None:
        tx.execute(
            update(referrals)
            .where(referrals.c.report_id == old.id, referrals.c.open, referrals.c.patient_id.is_(None))
            .values(patient_id=patient_id)
        )


def open_referral(tx: Tx, report_id: UUID) -> str | None:
    """The code of the referral that a corrected report had opened, while it is open."""
    query = select(referrals.c.code).where(referrals.c.report_id == report_id, referrals.c.open)
    return tx.execute(query).scalar()


def reported_since(tx: Tx, staff_id: UUID, inbound_id: UUID, at: datetime) -> bool:
    """Whether this sender has sent another report since a message (ids are made in the order of arrival)."""
    query = select(reports.c.id).where(
        reports.c.staff_id == staff_id, reports.c.arrived_at >= at, reports.c.inbound_id > inbound_id
    )
    return tx.execute(query.limit(1)).first() is not None
