"""Is an expectation of a story met? Each check raises Unmet saying what was found instead.

An `expect: {to: …}` is met by the first message to that phone which no earlier expectation has used and which fits;
with `within` the story waits so long for it, counted from the last input. `none_to` wants no unused message to that
phone since the last input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from smsgateway.scenario.script import Expect, Screen, Unmet
from smsgateway.scenario.world import Sent, Story
from smsgateway.text.gsm7 import segments
from smsgateway.text.phones import parse_phone


def check(story: Story, expect: Expect) -> None:
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


def _check_message(story: Story, expect: Expect, phone: str) -> None:
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


def _waiting(story: Story, deadline: datetime | None) -> Iterator[None]:
    """Look now, and once more when the wait is over."""
    yield
    if deadline is not None and deadline > story.world.now():
        story.world.advance(deadline)
        yield


def _misfit(story: Story, expect: Expect, message: Sent) -> str | None:
    for wanted in expect.contains:
        if not story.says(message.body, wanted):
            return f"lacks {wanted!r}"
    for unwanted in expect.lacks:
        if story.says(message.body, unwanted):
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


def _check_screen(story: Story, wanted: Screen) -> None:
    for text in wanted.contains:
        if not story.says(story.screen, text):
            raise Unmet(f"the screen lacks {text!r}: {story.screen!r}")
    for text in wanted.lacks:
        if story.says(story.screen, text):
            raise Unmet(f"the screen contains {text!r}: {story.screen!r}")
    if wanted.ends is not None and story.screen.startswith("END") != wanted.ends:
        raise Unmet(f"the session {'goes on' if wanted.ends else 'ended'}: {story.screen!r}")
