"""What happens to a count of stock? It is filed under its sender, and whoever must know of an empty shelf is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgateway.care import stock
from smsgateway.care.questions import item_word
from smsgateway.intake.filing import answer_back, file_or_correct
from smsgateway.reading import say
from smsgateway.reading.models import Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx

if TYPE_CHECKING:
    from smsgateway.intake.message import Judged, Message

FLOW = "stock"


def count_stock(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """File what was counted and understood; what was not, or is unlikely, is asked back."""
    member, verdict = message.member, judged.verdict
    left = verdict.answers.get("stock", {})
    if verdict.outcome is Outcome.REJECT or not left:
        return answer_back(tx, message, judged, programme)
    report_id = file_or_correct(tx, message, judged, programme, None).report_id
    stock.counted(tx, stock.Count(report_id, member, left), programme, message.now)
    if verdict.outcome is Outcome.ASK:
        return answer_back(tx, message, judged, programme, report_id)
    items = [f"{item_word(programme, item, member.language)} {count}" for item, count in left.items()]
    return say.text(programme, "stock_noted", member.language, items=items)
