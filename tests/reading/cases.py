"""Messages as they arrive, read the way `smsgateway read` reads them: what the tests of reading share."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from smsgateway.reading.answer import facts_of, read_line
from smsgateway.reading.judge import judge
from smsgateway.reading.models import Decision, Role
from smsgateway.reading.programme import Programme, load_programme
from smsgateway.reading.sms import read

FLOWS = Path(__file__).parents[2] / "flows"

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

# Codes of catchment 07, as code_for makes them: two children, two households.
GIRL, BOY = "4177", "5237"
HOME, OTHER_HOME, THIRD_HOME = "123", "151", "180"


@cache
def programme() -> Programme:
    """The programme of the repository's own flow files."""
    return load_programme(FLOWS)


def heard(text: str, role: str = "chw", age_months: object = None, chw: object = "07") -> dict[str, Any]:
    """The answer to one message; without an age nobody knows it."""
    line: dict[str, Any] = {"text": text, "as": role, "chw": chw}
    if age_months is not None:
        line["age_months"] = age_months
    return read_line(line, programme())


def decided(text: str, role: Role = Role.CHW, catchment: str | None = "07") -> Decision:
    """The decision on one message, nothing being known of anybody."""
    reading = read(text, role, programme(), catchment)
    facts = [facts_of(part, role, "fr", catchment, None, None) for part in reading.parts]
    return judge(reading, facts, NOON, programme())


def said(answer: dict[str, Any]) -> dict[str, Any]:
    """What was answered, without what follows from it."""
    return {name: value for name, value in answer["answers"].items() if name not in ("signs", "age_days")}
