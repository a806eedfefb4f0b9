"""How does a story happen? Step by step: inputs (`sms`, `ussd`, `receipt`), expectations, or only time (`at`).

Time moves from one thing due to the next, so six hours take no longer than six minutes. The first unmet expectation
ends the story and is named with its step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smsgateway.scenario.expectations import check
from smsgateway.scenario.script import Scenario, Step, Unmet
from smsgateway.scenario.world import Story, World
from smsgateway.text.phones import parse_phone


def play(scenario: Scenario, world: World, emit: Callable[[dict[str, Any]], None]) -> None:
    """Play every step; raises Unmet at the first expectation that does not hold."""
    story = Story(world, emit, scenario.start, scenario.start)
    for number, step in enumerate(scenario.steps, 1):
        try:
            _play_step(story, step)
        except Unmet as unmet:
            raise Unmet(f"step {number}: {unmet}") from None
        finally:
            story.print_sent()


def _play_step(story: Story, step: Step) -> None:
    world = story.world
    if step.at is not None:
        moment = story.start + step.at
        if moment < world.now():
            raise Unmet(f"time does not go back: it is already +{world.now() - story.start}")
        world.advance(moment)
    if step.expect is not None:
        check(story, step.expect)
        return
    if step.sms is not None or step.ussd is not None or step.receipt is not None:
        story.print_sent()
        story.last_input, story.heard = world.now(), len(world.sent())
    if step.sms is not None and step.sender is not None:
        text = story.filled(step.sms)
        story.print(direction="in", channel="sms", **{"from": step.sender}, text=text)
        world.text_in(parse_phone(step.sender), text)
    elif step.ussd is not None and step.sender is not None:
        _dial(story, step.sender, [story.filled(entry) for entry in step.ussd], step.drop)
    elif step.receipt is not None:
        story.print(direction="in", channel="receipt", **step.receipt.model_dump())
        world.receipt(parse_phone(step.receipt.to), step.receipt.status, step.receipt.reason)
    world.advance(world.now())


def _dial(story: Story, sender: str, entries: list[str], drop: bool) -> None:
    """Dial, and enter one thing after the other; the transcript is cumulative, as the network sends it."""
    story.sessions += 1
    session, phone, transcript = f"scenario-{story.sessions}", parse_phone(sender), ""
    for position, entry in enumerate(entries):
        transcript = entry if position < 2 and not transcript else f"{transcript}*{entry}"
        story.print(direction="in", channel="ussd", **{"from": sender}, text=transcript)
        story.screen = story.world.dial(session, phone, transcript)
        story.print(direction="out", channel="ussd", to=sender, text=story.screen)
        story.world.advance(story.world.now())
    if drop:
        story.world.hang_up(session, phone, transcript)
