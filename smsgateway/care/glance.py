"""Is there anything that a report about a patient could touch? One look before three questions, since most touch
nothing: their sender reported nothing about this patient lately, no reminder stands, no unclear word was asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, literal_column, select, union_all

from smsgateway.care import corrections, reminders, unclear
from smsgateway.care.schedules import Schedules
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due, reports
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class Glance:
    """What is there to be asked for. Of what was not looked for, all may be there."""

    reported: bool = True
    reminded: bool = True
    waiting: bool = True


ANYTHING = Glance()


def glance(tx: Tx, staff_id: UUID, patient_id: UUID, flow: str, schedules: Schedules, now: datetime) -> Glance:
    """What a report of this flow by this sender about this patient may find. True in this transaction until it files
    something about them."""
    effects = schedules.effects.get(flow)
    kinds = effects.kinds if effects else ()
    if len(kinds) > 1:
        return ANYTHING
    since = now - corrections.ANSWERED_WITHIN
    rows = tx.ask(_GLANCE, subject=patient_id, staff=staff_id, since=since, kind=kinds[0] if kinds else "")
    found = {row.what for row in rows}
    return Glance(reported="report" in found, reminded="reminder" in found, waiting="question" in found)


def _what(name: str) -> ColumnElement[str]:
    return literal_column(f"'{name}'", String).label("what")


_GLANCE = Prepared(
    union_all(
        select(_what("report")).select_from(reports).where(*corrections.LATELY_ABOUT_PATIENT),
        select(_what("reminder")).select_from(due).where(*reminders.OF_SUBJECT),
        select(_what("question")).select_from(due).where(*unclear.PENDING),
    )
)
