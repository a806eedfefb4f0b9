"""What is a referral, and what happened to it so far? Its row, and the events that are its history.

Whoever changes a referral holds it first: messages, then due items, then the row, in this order everywhere, so that an
answer, a receipt and a tick that meet wait for each other instead of failing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal, select, update

from smsgateway.care.states import State
from smsgateway.reading.models import Role
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due, outbox, referral_events, referrals
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx

RUNG: Final = "rung"  # the kind of due items that are rungs
LOST: Final = "~"  # behind a rung under which this person's first message was lost
_REPORTS: Final = frozenset({"opened", "joined", "repeated"})


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral as it stands. `brief` is what messages say of it (see `wording`), `danger` every sign reported."""

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
    open: bool
    state_at: datetime
    round: int
    round_at: datetime
    counted_from: datetime | None
    opened_at: datetime
    handed_at: datetime | None
    received_at: datetime | None
    arrived_at: datetime | None
    chw_arrived_at: datetime | None
    outcome: str | None
    outcome_by: Role | None

    @property
    def urgent(self) -> bool:
        return self.urgency == "urgent"


COLUMNS: Final = tuple(referrals.c[each.name] for each in fields(Referral))


def referral_from(row: Any) -> Referral:
    """From a row with `COLUMNS`."""
    values = dict(zip((column.name for column in COLUMNS), row, strict=True))
    said_by = Role(values["outcome_by"]) if values["outcome_by"] else None
    known = {"danger": tuple(values["danger"]), "state": State(values["state"]), "outcome_by": said_by}
    return Referral(**{**values, **known})


def find(tx: Tx, referral_id: UUID) -> Referral:
    """As it stands, for looking only."""
    (row,) = tx.ask(_FIND, referral=referral_id)
    return referral_from(row)


_FIND: Final = Prepared(select(*COLUMNS).where(referrals.c.id == bindparam("referral")))
_HOLD: Final = Prepared(select(*COLUMNS).where(referrals.c.id == bindparam("referral")).with_for_update())
_HOLD_DUE: Final = Prepared(
    select(due.c.id).where(due.c.kind == literal(RUNG), due.c.subject_id == bindparam("referral")).with_for_update()
)


def hold(tx: Tx, referral_id: UUID, *, messages: bool = False) -> Referral:
    """As it stands, and nobody else changes it until this transaction ends; with `messages`, what is queued for it
    neither."""
    if messages:
        tx.execute(select(outbox.c.id).where(outbox.c.referral_id == referral_id).with_for_update())
    tx.ask(_HOLD_DUE, referral=referral_id)
    (row,) = tx.ask(_HOLD, referral=referral_id)
    return referral_from(row)


def change(tx: Tx, referral: Referral, **values: Any) -> Referral:
    """Write what changed, and give the referral as it is then. Columns that are no part of `Referral` may be named."""
    if not values:
        return referral
    written = {**values, "danger": list(values["danger"])} if "danger" in values else values
    tx.ask(_change(tuple(written)), referral=referral.id, **{f"new_{name}": value for name, value in written.items()})
    known = {each.name for each in fields(Referral)}
    return replace(referral, **{name: value for name, value in values.items() if name in known})


@lru_cache(maxsize=128)
def _change(names: tuple[str, ...]) -> Prepared:
    new = {name: bindparam(f"new_{name}", type_=referrals.c[name].type) for name in names}
    return Prepared(update(referrals).where(referrals.c.id == bindparam("referral")).values(new))


# ---------------------------------------------------------------- history


@dataclass(frozen=True, slots=True)
class Past:
    """What the history says: who reported, who was told under which rung, which rungs were reached, and whether the
    clinic itself has answered since the last danger report. Rungs carry their round (see `named`)."""

    reporters: frozenset[UUID] = frozenset()
    told: frozenset[tuple[str, UUID]] = frozenset()
    climbed: frozenset[str] = frozenset()
    clinic_answered: bool = False

    def climbed_in(self, number: int) -> frozenset[str]:
        """The rungs reached in this round, by their plain names."""
        return frozenset(plain for plain, in_round in map(unnamed, self.climbed) if in_round == number)

    def told_of(self, rungs: frozenset[str]) -> frozenset[UUID]:
        """Who was told under any of these."""
        return frozenset(person for rung, person in self.told if rung in rungs)


_EVENTS = Prepared(
    select(referral_events.c.kind, referral_events.c.staff_id, referral_events.c.detail)
    .where(referral_events.c.referral_id == bindparam("referral"))
    .order_by(referral_events.c.at, referral_events.c.id)
)


def past_of(tx: Tx, referral: Referral) -> Past:
    """The history of a referral so far."""
    reporters: set[UUID] = {referral.reporter_id} if referral.reporter_id else set()
    told: set[tuple[str, UUID]] = set()
    climbed: set[str] = set()
    clinic_answered = False
    for event in tx.ask(_EVENTS, referral=referral.id):
        if event.kind in _REPORTS and event.staff_id:
            reporters.add(event.staff_id)
        elif event.kind == "told":
            told.add((event.detail["rung"], event.staff_id))
        elif event.kind == RUNG:
            climbed.add(event.detail["rung"])
        elif event.kind == "received" and event.detail.get("role") == Role.NURSE.value:
            clinic_answered = True
        elif event.kind == "worsened":
            clinic_answered = False
    return Past(frozenset(reporters), frozenset(told), frozenset(climbed), clinic_answered)


def named(rung: str, number: int) -> str:
    """A rung as it is written down: the ladder may be climbed more than once."""
    return rung if number == 1 else f"{rung}#{number}"


def unnamed(written: str) -> tuple[str, int]:
    """The rung and its round."""
    rung, _, number = written.partition("#")
    return rung, int(number or 1)


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
