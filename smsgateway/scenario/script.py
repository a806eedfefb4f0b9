"""What may stand in a scenario file? Its shape, checked when it is loaded, with the place of what is wrong."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_DURATION = re.compile(r"\+?(\d+)(s|m|h|d)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Unmet(Exception):
    """An expectation that was not met, or a file that cannot be played."""


def duration(text: str) -> timedelta:
    """`90s`, `+5m`, `6h`, `2d`."""
    match = _DURATION.match(str(text))
    if match is None:
        raise ValueError(f"{text!r} is no length of time; write 90s, 5m, 6h or 2d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ReceiptStep(_Strict):
    """A delivery report about the last message to a phone, in the network's words."""

    to: str
    status: str
    reason: str | None = None


class Screen(_Strict):
    """What the last USSD screen must say."""

    contains: list[str] = []
    lacks: list[str] = []
    ends: bool | None = None


class Expect(_Strict):
    """One expectation."""

    to: str | None = None
    contains: list[str] = []
    lacks: list[str] = []
    within: timedelta | None = None
    klass: str | None = Field(None, alias="class")
    segments_at_most: int | None = None
    none_to: str | None = None
    report: dict[str, Any] | None = None
    referral: dict[str, Any] | None = None
    ussd_screen: Screen | None = None

    @field_validator("contains", "lacks", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("within", mode="before")
    @classmethod
    def _length(cls, value: Any) -> Any:
        return duration(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _says_something(self) -> Expect:
        if not any((self.to, self.none_to, self.report, self.referral, self.ussd_screen)):
            raise ValueError("expect needs one of: to, none_to, report, referral, ussd_screen")
        return self


class Step(_Strict):
    """One line of the story."""

    at: timedelta | None = None
    sender: str | None = Field(None, alias="from")
    sms: str | None = None
    ussd: list[str] | None = None
    drop: bool = False
    receipt: ReceiptStep | None = None
    expect: Expect | None = None

    @field_validator("at", mode="before")
    @classmethod
    def _length(cls, value: Any) -> Any:
        return duration(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_thing(self) -> Step:
        told = [name for name in ("sms", "ussd", "receipt", "expect") if getattr(self, name) is not None]
        if len(told) > 1:
            raise ValueError(f"one thing a step, not {' and '.join(told)}")
        if (self.sms is not None or self.ussd is not None) and not self.sender:
            raise ValueError('say who: from: "+22376000001"')
        return self


class Scenario(_Strict):
    """A whole file."""

    people: str = "demo"
    start: datetime
    steps: list[Step]

    @field_validator("start")
    @classmethod
    def _aware(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("write the start with its zone: 2026-11-23T08:00:00+00:00")
        return value


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file; raises Unmet saying what is wrong where."""
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("start"), datetime):
            raw = re.search(r"^start:\s*(\S+)", path.read_text(encoding="utf-8"), re.M)
            content["start"] = raw[1] if raw else content["start"]
        return Scenario.model_validate(content)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise Unmet(f"{path}: {error}") from error
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise Unmet(f"{path}: " + "; ".join(lines)) from error
