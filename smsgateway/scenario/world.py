"""What does a scenario need of the service, and how far has its story come?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smsgateway.scenario.script import Unmet
from smsgateway.text.codes import code_for
from smsgateway.text.gsm7 import segments

_PLACE = re.compile(r"\{(\d+)/(\d+)\}|\{R(\d+)\}")
_HYPHEN_OF_A_CODE = re.compile(r"(?<=\d)-(?=\d)")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that reached a phone, with when and how."""

    at: datetime
    phone: str
    body: str
    klass: str


@dataclass(frozen=True, slots=True)
class World:
    """The service as a scenario sees it; `smsgateway.simulation` makes one. Phones are E.164."""

    advance: Callable[[datetime], None]  # let time pass, with all that falls due on the way
    now: Callable[[], datetime]
    text_in: Callable[[str, str], None]  # phone, text
    dial: Callable[[str, str, str], str]  # session, phone, transcript: gives the screen
    hang_up: Callable[[str, str, str], None]
    receipt: Callable[[str, str, str | None], None]  # phone, the network's word, its reason
    sent: Callable[[], list[Sent]]
    reports: Callable[[], list[Mapping[str, Any]]]
    referrals: Callable[[], list[Mapping[str, Any]]]


@dataclass
class Story:
    """A scenario under way: which messages met an expectation already, and where the story stands."""

    world: World
    emit: Callable[[dict[str, Any]], None]
    start: datetime
    last_input: datetime
    used: set[int] = field(default_factory=set)
    heard: int = 0  # how many messages had been sent before the last input
    screen: str = ""
    sessions: int = 0
    told: int = 0  # how many messages were printed

    def filled(self, text: str) -> str:
        """`{07/417}` is the code of serial 417 as its own CHW types it, `{R1}` the first referral opened."""

        def fill(match: re.Match[str]) -> str:
            if match[1] is not None:
                return code_for(match[1], int(match[2]))
            opened = self.world.referrals()
            if not 0 < int(match[3]) <= len(opened):
                raise Unmet(f"{match[0]}: {len(opened)} referrals were opened so far")
            return str(opened[int(match[3]) - 1]["code"])

        return _PLACE.sub(fill, text)

    def says(self, said: str, text: str) -> bool:
        """Whether `text` is in what was said. A code is the same with and without its hyphen: `417-7` is in
        `07-4177`."""
        return _HYPHEN_OF_A_CODE.sub("", self.filled(text)) in _HYPHEN_OF_A_CODE.sub("", said)

    def print(self, **content: Any) -> None:
        """One line of what happens, with its virtual time."""
        self.emit({"at": self.world.now().isoformat(), **content})

    def print_sent(self) -> None:
        """What was sent since the last time."""
        messages = self.world.sent()
        for message in messages[self.told :]:
            self.emit(
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
        self.told = len(messages)
