"""What does a USSD code show? For now, in the sender's language, that menus are not there yet and that SMS is."""

from __future__ import annotations

from smsgateway.care import wording
from smsgateway.care.people import Directory
from smsgateway.channels.messages import Turn
from smsgateway.clock import Clock
from smsgateway.reading.programme import Programme


def take_turn(programme: Programme, directory: Directory, clock: Clock, language: str, turn: Turn) -> str:
    """The screen for one turn, with its CON or END."""
    member = directory.who(turn.phone, clock.now().date())
    return "END " + wording.ussd_soon(programme, member.language if member else language)
