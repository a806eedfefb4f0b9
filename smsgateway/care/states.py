"""What may become of a referral? The state machine as a table: every event names the states it moves from and where to.

An event that does not apply in the present state changes nothing and is kept in the history all the same: answers come
twice, late and in any order. `open` states still need somebody; the others are the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OPENED = "opened"
    RECEIVED = "received"  # somebody answered: the person is expected
    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"  # stays open: somebody must look
    REFUSED = "refused"  # the family refuses: stays open, home visit next morning
    TRANSFERRED = "transferred"  # sent on to a hospital: open 72 h
    CLOSED = "closed"  # an outcome was reported, or none within a month
    DIED = "died"
    CANCELLED = "cancelled"


class Event(StrEnum):
    RECEIVED = "received"
    ARRIVED = "arrived"
    ABSENT = "absent"
    REFUSED = "refused"
    TRANSFERRED = "transferred"
    OUTCOME = "outcome"
    DIED = "died"
    CANCELLED = "cancelled"
    WORSENED = "worsened"  # a new danger report on a referral that had been answered: it waits for an answer again
    LAPSED = "lapsed"  # nobody said what became of the person
    LEFT = "left"  # noted on the way
    NO_TRANSPORT = "no_transport"  # noted on the way


OPEN = frozenset({State.OPENED, State.RECEIVED, State.ARRIVED, State.NOT_ARRIVED, State.REFUSED, State.TRANSFERRED})
# States in which the person has not been seen at the clinic.
UNSEEN = frozenset({State.OPENED, State.RECEIVED, State.NOT_ARRIVED, State.REFUSED})


@dataclass(frozen=True, slots=True)
class Move:
    """From any of these states to that one; `to` None: noted there, and nothing moves."""

    frm: frozenset[State]
    to: State | None


MOVES: dict[Event, Move] = {
    Event.RECEIVED: Move(frozenset({State.OPENED}), State.RECEIVED),
    Event.ARRIVED: Move(UNSEEN, State.ARRIVED),
    Event.ABSENT: Move(frozenset({State.OPENED, State.RECEIVED}), State.NOT_ARRIVED),
    Event.REFUSED: Move(OPEN - {State.REFUSED, State.TRANSFERRED}, State.REFUSED),
    Event.TRANSFERRED: Move(OPEN - {State.TRANSFERRED}, State.TRANSFERRED),
    Event.OUTCOME: Move(OPEN, State.CLOSED),
    # A child that was admitted, sent on or sent home may still die, and the CHW must know.
    Event.DIED: Move(OPEN | {State.CLOSED}, State.DIED),
    Event.CANCELLED: Move(UNSEEN, State.CANCELLED),
    Event.WORSENED: Move(OPEN - {State.OPENED}, State.OPENED),
    Event.LAPSED: Move(OPEN, State.CLOSED),
    Event.LEFT: Move(UNSEEN, None),
    Event.NO_TRANSPORT: Move(UNSEEN, None),
}


def applies(state: State, event: Event) -> bool:
    """Whether the event means anything in this state."""
    return state in MOVES[event].frm


def after(state: State, event: Event) -> State:
    """The state that follows; the same one when the event does not apply, or moves nothing."""
    move = MOVES[event]
    return move.to if state in move.frm and move.to is not None else state


_ENDS_WITH: Mapping[str, Event] = {
    "transferred": Event.TRANSFERRED,
    "died": Event.DIED,
    "refused": Event.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said: `outcome` an outcome id, `words` what the nurse writes to the CHW, `follow_up_days` when she wants
    the person seen again."""

    event: Event
    outcome: str | None = None
    words: str | None = None
    follow_up_days: int | None = None


def of_outcome(outcome: str, words: str | None = None, follow_up_days: int | None = None) -> Answer:
    """The answer that an outcome is."""
    return Answer(_ENDS_WITH.get(outcome, Event.OUTCOME), outcome, words, follow_up_days)
