"""Which day does a report mean? The one it says, or the day it was sent; never one still to come."""

from __future__ import annotations

from datetime import date, timedelta

from smsgateway.care import pregnancies
from smsgateway.intake.message import Judged

LATEST_WITHOUT_YEAR = timedelta(days=180)  # 22/12 said in November is rather a slip than last year's


def day_said(judged: Judged, today: date) -> date | None:
    """The day a report says, or the day it was sent; None when the day it says is still to come, or half a year away
    from any that can be meant."""
    said = judged.verdict.answers.get("date")
    if not said:
        return today
    day = pregnancies.past_day(str(said), today)
    is_guess = day is not None and len(str(said)) <= 5 and today - day > LATEST_WITHOUT_YEAR
    return None if is_guess else day
