"""Which questions wait for an answer from this sender? What was asked is kept with the words it was asked about, so
that OUI, NON, cm or a code alone can be read in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select

from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import asked
from smsgateway.store.write import Tx

LASTS: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Asking:
    """One question: its key, the token it is about as it was typed, and what was suggested (codes as shown)."""

    key: str
    about: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Open:
    """The questions about one report. `text`: the words of the report; `report_id` is None when nothing was filed."""

    inbound_id: UUID
    part: int
    report_id: UUID | None
    flow: str | None
    subject: str | None
    text: str
    questions: tuple[Asking, ...]
    at: datetime


def ask(tx: Tx, question: Open, staff_id: UUID, site_id: UUID) -> None:
    """Keep what was asked; what nobody answered in half a day is dropped."""
    tx.run(delete(asked).where(asked.c.staff_id == staff_id, asked.c.at <= question.at - LASTS))
    tx.insert(
        asked,
        {
            "inbound_id": question.inbound_id,
            "part": question.part,
            "site_id": site_id,
            "staff_id": staff_id,
            "report_id": question.report_id,
            "flow": question.flow,
            "subject": question.subject,
            "text": question.text,
            "questions": [[each.key, each.about, list(each.near)] for each in question.questions],
            "at": question.at,
        },
    )


_OPEN = Prepared(
    select(
        asked.c.inbound_id,
        asked.c.part,
        asked.c.report_id,
        asked.c.flow,
        asked.c.subject,
        asked.c.text,
        asked.c.questions,
        asked.c.at,
    )
    .where(asked.c.staff_id == bindparam("staff"), asked.c.at > bindparam("since"))
    .order_by(asked.c.at.desc(), asked.c.part)
)


def waiting(tx: Tx, staff_id: UUID, now: datetime) -> Sequence[Open]:
    """What this sender was asked and has not answered, the newest first."""
    return [_open(row) for row in tx.ask(_OPEN, staff=staff_id, since=now - LASTS)]


def is_waiting(tx: Tx, inbound_id: UUID) -> bool:
    """Whether something was asked back about a message, and is not answered."""
    return tx.execute(select(asked.c.part).where(asked.c.inbound_id == inbound_id).limit(1)).first() is not None


def answered(tx: Tx, inbound_id: UUID, part: int) -> None:
    """The questions about this report are no more."""
    tx.execute(delete(asked).where(asked.c.inbound_id == inbound_id, asked.c.part == part))


def _open(row: Any) -> Open:
    questions = tuple(Asking(key, about, tuple(near)) for key, about, near in row.questions)
    return Open(row.inbound_id, row.part, row.report_id, row.flow, row.subject, row.text, questions, row.at)
