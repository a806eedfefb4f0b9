"""A phone in a USSD session, as the network sends it: the whole transcript with every turn."""

from __future__ import annotations

import itertools

from tests.support.field import CHW, Field

_sessions = itertools.count(1)


class Session:
    """A phone in a USSD session: `enter` sends the transcript with one entry more."""

    def __init__(self, field: Field, phone: str = CHW) -> None:
        self.field, self.phone, self.transcript = field, phone, ""
        self.id = f"session-{next(_sessions)}"
        self.entered = 0
        self.screen = self.send("")

    def send(self, transcript: str) -> str:
        return self.field.gateway.ussd.take(self.field.network.turn(self.id, self.phone, transcript))

    def enter(self, *entries: str) -> str:
        for entry in entries:
            self.transcript = entry if not self.entered else f"{self.transcript}*{entry}"
            self.entered += 1
            self.screen = self.send(self.transcript)
            self.field.settle()
        return self.screen

    def to_the_end(self) -> str:
        """Enter "nothing" until the session ends."""
        for _ in range(20):
            if self.screen.startswith("END"):
                return self.screen
            self.enter("1")
        raise AssertionError(self.screen)
