"""What does `smsgateway read` answer? One JSON object a message: the contract of DESIGN.md section 6.

It needs no database. Without a register a code is taken as typed, or checked against the sender's catchment when that
is given, and a given age stands for what the register would know. It answers any object, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from smsgateway.reading.judge import judge
from smsgateway.reading.models import (
    Age,
    Code,
    CodeFacts,
    CodeState,
    Decision,
    Facts,
    Part,
    Person,
    Reading,
    Role,
    Verdict,
)
from smsgateway.reading.programme import Programme
from smsgateway.reading.say import reply_text
from smsgateway.reading.sms import read
from smsgateway.text.codes import is_valid

_OLDEST_MONTHS = 1500.0
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAYS_PER_MONTH = 30.4375


class Register(Protocol):
    """Who has which code, where that is known."""

    def lookup(self, code: Code, sender_catchments: Sequence[str]) -> CodeFacts:
        """A typed code as its sender means it, with near codes when nobody has it."""
        ...


def read_line(line: Mapping[str, Any], programme: Programme, register: Register | None = None) -> dict[str, Any]:
    """Read one `--stdin` object: `{"text": …, "as": …, "chw": …?, "age_months": …?}`. Whatever is missing or cannot
    be understood in it counts as not given."""
    raw = line.get("text")
    text = raw if isinstance(raw, str) else "" if raw is None else str(raw)
    role = role_of(line.get("as"))
    catchment = catchment_of(line.get("chw"))
    reading = read(text, role, programme, catchment)
    age = age_of(line.get("age_months"))
    language = reading.language or "fr"
    facts = [facts_of(part, role, language, catchment, age, register) for part in reading.parts]
    return to_json(reading, judge(reading, facts, _EPOCH, programme), facts, programme)


def role_of(value: Any) -> Role:
    """The role a line names; a CHW when it names none, unknown when it names none of ours."""
    if value is None or value == "":
        return Role.CHW
    try:
        return Role(str(value).strip().lower())
    except ValueError:
        return Role.UNKNOWN


def catchment_of(value: Any) -> str | None:
    """The catchment number in "07", 7 or "ASC07"."""
    if value is None or isinstance(value, bool):
        return None
    found = re.search(r"[0-9]{1,6}", str(value)[:40])
    return found[0] if found else None


def age_of(value: Any) -> Age | None:
    """The age a line gives in months, as days. A whole number is that many full months, youngest plausible."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        months = float(value)
    except (ValueError, OverflowError):
        return None
    if not 0 <= months <= _OLDEST_MONTHS:  # also refuses nan
        return None
    days = months * _DAYS_PER_MONTH
    if months == int(months):
        return Age(-int(-days // 1), int((months + 1) * _DAYS_PER_MONTH))
    return Age(int(days), int(days))


def facts_of(
    part: Part, role: Role, language: str, catchment: str | None, age: Age | None, register: Register | None
) -> Facts:
    """What is known before judging a part, from the register or from the line alone."""
    person = Person(age=age) if age is not None else None
    if register is not None:
        own = (catchment,) if catchment else ()
        codes = tuple(register.lookup(code, own) for code in part.codes)
        known = next((code.person for code in codes if code.person), None)
        if known is not None and known.age is not None:
            person = None
    else:
        codes = tuple(CodeFacts(code, _state(code, catchment)) for code in part.codes)
    return Facts(role=role, language=language, codes=codes, person=person)


def _state(code: Code, catchment: str | None) -> CodeState:
    home = code.catchment or catchment
    if home is None:
        return CodeState.UNCHECKED if code.digits[0] != "0" and len(code.digits) <= 7 else CodeState.FAILED
    return CodeState.FOUND if is_valid(home, code.digits) else CodeState.FAILED


def to_json(reading: Reading, decision: Decision, facts: Sequence[Facts], programme: Programme) -> dict[str, Any]:
    """The answer: the most urgent report at the top, with the danger of all; `reports` when there are several."""
    reports = [_one(verdict, known, programme) for verdict, known in zip(decision.verdicts, facts, strict=True)]
    if len(reports) == 1:
        return reports[0]
    leading = dict(reports[decision.verdicts.index(decision.leading)])
    danger = {sign: None for report in reports for sign in report["danger"]}
    order = programme.signs
    leading["danger"] = sorted(danger, key=lambda sign: (order[sign].tier or 9, order[sign].rank))
    leading["reports"] = reports
    return leading


def _one(verdict: Verdict, facts: Facts, programme: Programme) -> dict[str, Any]:
    near = {str(code.code): code.near for code in facts.codes if code.near}
    return {
        "flow": verdict.part.flow,
        "subject": verdict.subject,
        "answers": dict(verdict.answers),
        "danger": list(verdict.danger),
        "corrected": [{"from": correction.said, "to": correction.read} for correction in verdict.part.corrected],
        "unclear": list(verdict.unclear),
        "outcome": str(verdict.outcome),
        "reply": reply_text(programme, verdict, facts.language, role=facts.role, near=near),
    }
