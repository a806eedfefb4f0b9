"""How is a report kept? One row for each report of a message, under the person or household it is about, with the
version of the flow it was read with. A report whose code failed is kept unfiled: never under the wrong patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from smsgateway.care.people import Located, Member
from smsgateway.reading.models import Part
from smsgateway.store.tables import reports
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a report came from: message, sender, moment. `part` is its place in the message."""

    inbound_id: UUID
    part: int
    member: Member
    channel: str
    happened_at: datetime
    arrived_at: datetime


def file_report(
    tx: Tx,
    origin: Origin,
    *,
    flow: str,
    flow_version: int,
    answers: Mapping[str, Any],
    danger: Iterable[str],
    unclear: Iterable[str],
    place: Located | None,
    filed: bool,
    item: int = 0,
    again: UUID | None = None,
) -> UUID:
    """Keep one report and give its id. `again`: the one that was kept when its session had said less."""
    report_id = again or new_id()
    catchment = place.catchment if place else None
    said = {
        "site_id": catchment.site_id if catchment else origin.member.site_id,
        "catchment_id": catchment.id if catchment else None,
        "household_id": place.household_id if place and filed else None,
        "patient_id": place.patient_id if place and filed else None,
        "answers": dict(answers),
        "danger": list(danger),
        "unclear": list(unclear),
        "state": "filed" if filed else "unfiled",
    }
    if again is not None:
        tx.execute(update(reports).where(reports.c.id == again).values(said))
        return again
    sent = {
        "id": report_id,
        "inbound_id": origin.inbound_id,
        "part": origin.part,
        "item": item,
        "flow": flow,
        "flow_version": flow_version,
        "channel": origin.channel,
        "staff_id": origin.member.id,
        "happened_at": origin.happened_at,
        "arrived_at": origin.arrived_at,
    }
    tx.insert(reports, sent | said)
    return report_id


def fingerprint(staff_id: UUID, parts: Iterable[Part]) -> str:
    """What a message reports, however it was typed: the same sender, people and content give the same one."""
    content = [
        [
            part.flow,
            [str(code) for code in part.codes],
            part.referral,
            sorted(part.answers.items(), key=lambda answer: answer[0]),
            sorted(part.signs),
            sorted(part.unclear),
        ]
        for part in parts
    ]
    return hashlib.blake2b(json.dumps([staff_id, content], default=str).encode(), digest_size=16).hexdigest()


def of_message(tx: Tx, inbound_id: UUID) -> list[UUID]:
    """The reports one message gave."""
    return list(tx.execute(select(reports.c.id).where(reports.c.inbound_id == inbound_id)).scalars())


def still_stands(tx: Tx, inbound_id: UUID) -> bool:
    """Whether nothing of what a message reported was taken back or replaced since."""
    states = tx.execute(select(reports.c.state).where(reports.c.inbound_id == inbound_id)).scalars().all()
    return not {"cancelled", "replaced"} & set(states)
