"""Who is told of a rung, and who instead when nobody of it can be reached? The next different person: never somebody
who heard of it already, never who sent the report. When nobody is left that is a fault somebody must see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from smsgateway.care import calls
from smsgateway.care.history import LOST, Referral, named, past_of, record
from smsgateway.care.people import Recipient
from smsgateway.care.rungs import FIRST, LAST, Post, Rung
from smsgateway.care.scene import Scene
from smsgateway.care.telling import tell, was_lost
from smsgateway.care.timetable import Wait, rungs_above, wait_of
from smsgateway.store.faults import clear_fault, raise_fault
from smsgateway.store.write import Tx

NOBODY: Final = "nobody_reachable"
NOT_SENT: Final = "alert_not_sent"
DONT_WAIT: Final = "dont_wait"
AGAIN: Final = "again:"  # one more message about an alert, with what caused it
SAID: Final = "said:"  # an answer that somebody must act on, with the event it is
ALERTS: Final = (FIRST, LAST, DONT_WAIT)  # messages of an alert that are no rungs of the ladder

Words = Callable[[Recipient], str]


def tell_under(
    view: Scene, person: Recipient, text: str, rung: str, *, urgent: bool = True, hold_until: datetime | None = None
) -> None:
    """Tell a person under a rung, once; once more, if that message was lost and the rung is reached again."""
    for each in (rung, rung + LOST):
        written = each if rung.startswith(AGAIN) else named(each, view.referral.round)
        queued = tell(
            view.tx,
            view.referral,
            person,
            text,
            view.now,
            view.clinic.zone,
            rung=written,
            urgent=urgent,
            hold_until=hold_until,
        )
        if queued or not was_lost(view.tx, view.referral, person.staff_id, written):
            return


def tell_not_to_wait(view: Scene, rung: Rung, told: Recipient | None) -> None:
    """The clinic is silent: the CHW must not sit and wait for it, and may call whoever is told now."""
    for reporter in view.posts.reporter() if rung.dont_wait else ():
        text = calls.dont_wait(
            view.programme, reporter.language, view.referral, view.waited, told.phone if told else None
        )
        tell_under(view, reporter, text, DONT_WAIT)


def climb_past(view: Scene, failed: str, words: Words, *, urgent: bool = True) -> Recipient | None:
    """Nobody of this rung can be reached: tell the next different person, under the rung they stand on. Nobody left is
    a fault that somebody must see."""
    wait = wait_of(view.table(), failed)
    tried = _tried(view, failed, wait)
    for rung, post in _posts_above(view, failed):
        for person in view.posts.holding(post):
            if person.staff_id in tried:
                continue
            tell_under(view, person, words(person), rung.rung if rung else left_over(failed, wait), urgent=urgent)
            if rung:
                tell_not_to_wait(view, rung, person)
            return person
    raise_fault(view.tx, NOBODY, str(view.referral.id), view.referral.site_id, view.now)
    record(view.tx, view.referral, NOBODY, view.now, rung=failed)
    return None


def left_over(failed: str, wait: Wait | None) -> str:
    """The rung of whoever is left when no rung above has anybody."""
    if failed.startswith((AGAIN, SAID)):
        return failed
    return LAST if wait is Wait.ANSWER or wait is None else f"{LAST}_{wait.value}"


def _posts_above(view: Scene, failed: str) -> Sequence[tuple[Rung | None, Post]]:
    """Whom to try, each with their rung: those above this one that serve the same wait, then whoever is left. One more
    message about an alert goes the way of the alert, without being a rung."""
    if failed.startswith(AGAIN):
        climbing = [Post.NURSE, *(post for rung in rungs_above(view.table(), FIRST) for post in rung.tell)]
        return [(None, post) for post in (*climbing, *view.ladder.last_resort)]
    above = [(rung, post) for rung in rungs_above(view.table(), failed) for post in rung.tell]
    return [
        *((rung, post) for rung, post in above if post is not Post.REPORTER),
        *((None, post) for post in view.ladder.last_resort),
    ]


def _tried(view: Scene, failed: str, wait: Wait | None) -> frozenset[UUID]:
    """Who has been told of this already. An alert seeks somebody who has not heard of it at all; a question somebody
    other than whom it could not reach."""
    past = past_of(view.tx, view.referral)
    if failed.startswith((AGAIN, SAID)):
        return past.told_of(view.written({failed}) | {failed})
    mine = {step.rung.rung for step in view.table() if step.wait is wait} | {failed, left_over(failed, wait)}
    if wait is Wait.ANSWER:
        mine.add(FIRST)
    return past.told_of(view.written(mine))


def settle_faults(tx: Tx, referral: Referral, now: datetime) -> None:
    """Somebody answered, or nobody needs to any more."""
    for kind in (NOBODY, NOT_SENT):
        clear_fault(tx, kind, str(referral.id), now)
