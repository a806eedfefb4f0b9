"""How do made-up people stay as old as they were made? A folder of theirs says on which day its dates are right, and an
import moves all of them on by whole weeks: a girl of 14 months stays one, no pregnancy lasts for years, and the files
mean the same for a week. No folder of real people has such a file; the import says so when it moves anything.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from smsgateway.transfer.faults import Faults

MADE_UP_ON = "made_up_on.txt"  # its first line is the day
_STEP = timedelta(weeks=1)


def moved_on(folder: Path, today: date, faults: Faults | None = None) -> timedelta:
    """By how much the dates of this folder move when they are read on `today`; nothing where people are real."""
    path = folder / MADE_UP_ON
    if not path.is_file():
        return timedelta(0)
    first, *_ = path.read_text(encoding="utf-8").splitlines() or [""]
    try:
        made = date.fromisoformat(first.strip())
    except ValueError:
        if faults is not None:
            faults.add(MADE_UP_ON, 1, "write the day on which the dates are right (2026-11-23), or remove the file")
        return timedelta(0)
    return max(0, (today - made) // _STEP) * _STEP
