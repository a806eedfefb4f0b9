"""Does the service do what a story says it does? Plays a scenario file on a virtual clock and an in-memory database.

Steps are inputs (`sms`, `ussd`, `receipt`), expectations (`expect`), or only time (`at`). Time moves from one thing
due to the next, so six hours take no longer than six minutes. The first unmet expectation ends the story and is
named with its step.

An `expect: {to: …}` is met by the first message to that phone which no earlier expectation has used and which fits;
with `within` the story waits so long for it, counted from the last input. `none_to` wants no unused message to that
phone since the last input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from smsgateway.text.codes import code_for
from smsgateway.text.gsm7 import segments
from smsgateway.text.phones import parse_phone

_DURATION = re.compile(r"\+?(\d+)(s|m|h|d)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PLACE = re.compile(r"\{(\d+)/(\d+)\}|\{R(\d+)\}")
_HYPHEN_OF_A_CODE = re.compile(r"(?<=\d)-(?=\d)")


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


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that reached a phone, with when and how."""

    at: datetime
    phone: str
    body: str
    klass: str


class World:
    """What a scenario needs of the service. `smsgateway.app` makes one."""

    def __init__(
        self,
        *,
        advance: Callable[[datetime], None],
        now: Callable[[], datetime],
        text_in: Callable[[str, str], None],
        dial: Callable[[str, str, str], str],
        hang_up: Callable[[str, str, str], None],
        receipt: Callable[[str, str, str | None], None],
        sent: Callable[[], list[Sent]],
        reports: Callable[[], list[Mapping[str, Any]]],
        referrals: Callable[[], list[Mapping[str, Any]]],
    ) -> None:
        self.advance, self.now, self.text_in = advance, now, text_in
        self.dial, self.hang_up, self.receipt = dial, hang_up, receipt
        self.sent, self.reports, self.referrals = sent, reports, referrals


@dataclass
class _Story:
    world: World
    emit: Callable[[dict[str, Any]], None]
    start: datetime
    last_input: datetime
    used: set[int] = field(default_factory=set)
    heard: int = 0
    screen: str = ""
    sessions: int = 0
    emitted: int = 0


def play(scenario: Scenario, world: World, emit: Callable[[dict[str, Any]], None]) -> None:
    """Play every step; raises Unmet at the first expectation that does not hold."""
    story = _Story(world, emit, scenario.start, scenario.start)
    for number, step in enumerate(scenario.steps, 1):
        try:
            _play_step(story, step)
        except Unmet as unmet:
            raise Unmet(f"step {number}: {unmet}") from None
        finally:
            _tell(story)


def _play_step(story: _Story, step: Step) -> None:
    world = story.world
    if step.at is not None:
        moment = story.start + step.at
        if moment < world.now():
            raise Unmet(f"time does not go back: it is already +{world.now() - story.start}")
        world.advance(moment)
    if step.expect is not None:
        _check(story, step.expect)
        return
    if step.sms is not None or step.ussd is not None or step.receipt is not None:
        _tell(story)
        story.last_input, story.heard = world.now(), len(world.sent())
    if step.sms is not None and step.sender is not None:
        text = _filled(story, step.sms)
        story.emit(_line(story, direction="in", channel="sms", **{"from": step.sender}, text=text))
        world.text_in(parse_phone(step.sender), text)
    elif step.ussd is not None and step.sender is not None:
        _dial(story, step.sender, [_filled(story, entry) for entry in step.ussd], step.drop)
    elif step.receipt is not None:
        story.emit(_line(story, direction="in", channel="receipt", **step.receipt.model_dump()))
        world.receipt(parse_phone(step.receipt.to), step.receipt.status, step.receipt.reason)
    world.advance(world.now())


def _dial(story: _Story, sender: str, entries: list[str], drop: bool) -> None:
    """Dial, and enter one thing after the other; the transcript is cumulative, as the network sends it."""
    story.sessions += 1
    session, phone, transcript = f"scenario-{story.sessions}", parse_phone(sender), ""
    for position, entry in enumerate(entries):
        transcript = entry if position < 2 and not transcript else f"{transcript}*{entry}"
        story.emit(_line(story, direction="in", channel="ussd", **{"from": sender}, text=transcript))
        story.screen = story.world.dial(session, phone, transcript)
        story.emit(_line(story, direction="out", channel="ussd", to=sender, text=story.screen))
        story.world.advance(story.world.now())
    if drop:
        story.world.hang_up(session, phone, transcript)


def _check(story: _Story, expect: Expect) -> None:
    if expect.to is not None:
        _check_message(story, expect, parse_phone(expect.to))
    if expect.none_to is not None:
        phone = parse_phone(expect.none_to)
        for position, message in enumerate(story.world.sent()):
            if message.phone == phone and position >= story.heard and position not in story.used:
                raise Unmet(f"nothing was expected to {expect.none_to}, but it got: {message.body}")
    if expect.report is not None:
        _check_fields("report", story.world.reports(), expect.report)
    if expect.referral is not None:
        _check_fields("referral", story.world.referrals(), expect.referral)
    if expect.ussd_screen is not None:
        _check_screen(story, expect.ussd_screen)


def _check_message(story: _Story, expect: Expect, phone: str) -> None:
    deadline = story.last_input + expect.within if expect.within is not None else None
    near_misses: list[str] = []
    for _ in _waiting(story, deadline):
        near_misses = []
        for position, message in enumerate(story.world.sent()):
            if message.phone != phone or position in story.used:
                continue
            if deadline is not None and message.at > deadline:
                continue
            why_not = _misfit(story, expect, message)
            if why_not is None:
                story.used.add(position)
                return
            near_misses.append(f"{message.body!r} ({why_not})")
    raise Unmet(
        f"no message to {expect.to} as expected" + (f"; it got {'; '.join(near_misses)}" if near_misses else "")
    )


def _waiting(story: _Story, deadline: datetime | None) -> Iterator[None]:
    """Look now, and once more when the wait is over."""
    yield
    if deadline is not None and deadline > story.world.now():
        story.world.advance(deadline)
        yield


def _misfit(story: _Story, expect: Expect, message: Sent) -> str | None:
    for wanted in expect.contains:
        if not _says(story, message.body, wanted):
            return f"lacks {wanted!r}"
    for unwanted in expect.lacks:
        if _says(story, message.body, unwanted):
            return f"contains {unwanted!r}"
    if expect.klass is not None and message.klass != expect.klass:
        return f"class {message.klass}"
    count = segments(message.body)
    if expect.segments_at_most is not None and count > expect.segments_at_most:
        return f"{count} segments"
    return None


def _check_fields(what: str, rows: list[Mapping[str, Any]], wanted: Mapping[str, Any]) -> None:
    """Whether the newest report or referral (or an older one of that flow or code) holds what was wanted."""
    named = {key: value for key, value in wanted.items() if key in ("flow", "code")}
    rows = [row for row in rows if all(row.get(key) == value for key, value in named.items())]
    if not rows:
        raise Unmet(f"there is no {what} " + json.dumps(named, ensure_ascii=False))
    newest = rows[-1]
    for key, value in wanted.items():
        found = newest.get(key)
        if isinstance(value, Mapping) and isinstance(found, Mapping):
            wrong = {name: found.get(name) for name, want in value.items() if found.get(name) != want}
            if wrong:
                raise Unmet(f"the {what} has {key} {json.dumps(wrong, default=str, ensure_ascii=False)}")
        elif found != value:
            raise Unmet(f"the {what} has {key} {found!r}, not {value!r}")


def _check_screen(story: _Story, wanted: Screen) -> None:
    for text in wanted.contains:
        if not _says(story, story.screen, text):
            raise Unmet(f"the screen lacks {text!r}: {story.screen!r}")
    for text in wanted.lacks:
        if _says(story, story.screen, text):
            raise Unmet(f"the screen contains {text!r}: {story.screen!r}")
    if wanted.ends is not None and story.screen.startswith("END") != wanted.ends:
        raise Unmet(f"the session {'goes on' if wanted.ends else 'ended'}: {story.screen!r}")


def _says(story: _Story, said: str, text: str) -> bool:
    """Whether `text` is in what was said. A code is the same with and without its hyphen: `417-7` is in `07-4177`."""
    return _HYPHEN_OF_A_CODE.sub("", _filled(story, text)) in _HYPHEN_OF_A_CODE.sub("", said)


def _filled(story: _Story, text: str) -> str:
    """`{07/417}` is the code of serial 417 as its own CHW types it, `{R1}` the first referral opened."""

    def fill(match: re.Match[str]) -> str:
        if match[1] is not None:
            return code_for(match[1], int(match[2]))
        opened = story.world.referrals()
        if int(match[3]) > len(opened):
            raise Unmet(f"{match[0]}: only {len(opened)} referrals were opened so far")
        return str(opened[int(match[3]) - 1]["code"])

    return _PLACE.sub(fill, text)


def _line(story: _Story, **content: Any) -> dict[str, Any]:
    return {"at": story.world.now().isoformat(), **content}


def _tell(story: _Story) -> None:
    """Print what was sent since the last time."""
    messages = story.world.sent()
    for message in messages[story.emitted :]:
        story.emit(
            {
                "at": message.at.isoformat(),
                "direction": "out",
                "channel": "sms",
                "to": message.phone,
                "class": message.klass,
                "segments": segments(message.body),
                "text": message.body,
            }
        )
    story.emitted = len(messages)
