"""How is a question answered? From the figures, in the transaction of the message that asks; nothing is filed, and the
pages that did not fit are kept for `SUITE`, for the asker alone and for a day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.care import wording
from smsgateway.care.people import Member
from smsgateway.care.questions import Asked
from smsgateway.reading import say
from smsgateway.reading.models import Outcome, Verdict
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import answer_pages
from smsgateway.store.write import Tx

if TYPE_CHECKING:
    from smsgateway.intake.message import Judged, Message

PAGES_LAST = timedelta(hours=24)

ANSWERS: Mapping[str, Callable[[Asked, Verdict], list[str]]] = {
    "summary": lambda asked, verdict: asked.summary(verdict.answers.get("days")),
    "one_chw": lambda asked, verdict: asked.one_chw(str(verdict.answers["chw"])),
    "late": lambda asked, _: asked.late(),
    "open_referrals": lambda asked, _: asked.open_referrals(),
    "coverage": lambda asked, _: asked.coverage(),
    "treated_24h": lambda asked, _: asked.treated_24h(),
    "stockouts": lambda asked, _: asked.stockouts(),
}
MORE = "more"
QUESTIONS = frozenset({*ANSWERS, MORE})


def answer_question(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """The first page of the answer, or the next one of the last answer."""
    member, verdict = message.member, judged.verdict
    if verdict.outcome is not Outcome.ACCEPT:
        return wording.report_answer(programme, verdict, member.language, member.role)
    if judged.part.flow == MORE:
        return _next_page(tx, member, programme, message.now)
    tx.flush()  # what the same message, or one before it in this transaction, reported counts
    first, *others = ANSWERS[judged.part.flow or ""](Asked(tx.connection, member, programme, message.now), verdict)
    _keep(tx, member, others, message.now)
    return first


def _next_page(tx: Tx, member: Member, programme: Programme, now: datetime) -> str:
    query = select(answer_pages.c.pages).where(
        answer_pages.c.staff_id == member.id, answer_pages.c.at > now - PAGES_LAST
    )
    kept: list[str] = tx.execute(query).scalar() or []
    if not kept:
        return say.text(programme, "more_none", member.language)
    _keep(tx, member, kept[1:], now)
    return kept[0]


def _keep(tx: Tx, member: Member, pages: Sequence[str], now: datetime) -> None:
    """Keep these pages for the asker instead of the earlier ones."""
    if not pages:
        tx.run(delete(answer_pages).where(answer_pages.c.staff_id == member.id))
        return
    row = {"staff_id": member.id, "site_id": member.site_id, "pages": list(pages), "at": now}
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(answer_pages)
    tx.run(
        insert.values(row).on_conflict_do_update(
            index_elements=["staff_id"], set_={"pages": row["pages"], "at": row["at"]}
        )
    )
