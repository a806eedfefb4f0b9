"""What happens to a count of stock? It is filed under its sender, and whoever must know of an empty shelf is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgateway.care import stock, wording
from smsgateway.care.filed import filed_report
from smsgateway.care.followups import reported
from smsgateway.care.questions import item_word
from smsgateway.care.reports import file_report
from smsgateway.care.schedules import schedules_of
from smsgateway.reading import say
from smsgateway.reading.models import Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx

if TYPE_CHECKING:
    from smsgateway.intake.message import Judged, Message

FLOW = "stock"


def count_stock(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """File a count that was understood; one that was not, or is unlikely, is asked back."""
    member, verdict = message.member, judged.verdict
    left = verdict.answers.get("stock", {})
    if verdict.outcome is not Outcome.ACCEPT or not left:
        return wording.report_answer(programme, verdict, member.language, member.role)
    report_id = file_report(
        tx,
        message.origin(judged.number),
        flow=FLOW,
        flow_version=programme.flows[FLOW].version,
        answers=verdict.answers,
        danger=verdict.danger,
        unclear=verdict.unclear,
        place=None,
        filed=True,
    )
    report = filed_report(report_id, message.origin(judged.number), FLOW, verdict.answers, verdict.danger, None)
    reported(tx, report, schedules_of(programme), message.now)
    stock.counted(tx, stock.Count(report_id, member, left), programme, message.now)
    items = [f"{item_word(programme, item, member.language)} {count}" for item, count in left.items()]
    return say.text(programme, "stock_noted", member.language, items=items)
