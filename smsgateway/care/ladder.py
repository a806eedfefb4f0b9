"""Who is told next? A referral climbs from person to person until a human answers.

Items of `due` only wake it up; what happens then is decided from how the referral stands, so that a tick that was
missed, doubled or late does no harm. There is exactly one such item for every open referral.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from smsgateway.care import calls
from smsgateway.care.climbing import NOT_SENT, Words, climb_past, settle_faults, tell_not_to_wait, tell_under
from smsgateway.care.history import RUNG, change, find, hold, named, record
from smsgateway.care.hours import within
from smsgateway.care.people import Recipient
from smsgateway.care.rungs import FIRST, HAND_OVER, LAPSED, TRANSFER_OVER, ladders_of
from smsgateway.care.scene import Scene, scene
from smsgateway.care.states import Event, after
from smsgateway.care.telling import queued_about
from smsgateway.care.timetable import Step, Wait
from smsgateway.due import DueItem, Handler, cancel, schedule
from smsgateway.outbox.queue import withdraw
from smsgateway.reading.programme import Programme
from smsgateway.store.faults import raise_fault
from smsgateway.store.write import Tx

ON_TIME: Final = timedelta(seconds=60)  # what is acted on later than this was missed: the service was away
_CLOSINGS: Final = frozenset({TRANSFER_OVER, LAPSED})


def alert(view: Scene, words: Words, *, hold_until: datetime | None = None) -> Recipient | None:
    """Tell those who are told at once, or whoever can be told instead; gives the first of them. From now on the ladder
    watches."""
    tier = view.ladder.tier(view.referral.urgency, view.referral.tier)
    night = not within(view.now, view.ladders.day, view.clinic.zone)
    people = view.posts.holders(tier.climb(night).first)
    for person in people:
        tell_under(view, person, words(person), FIRST, hold_until=hold_until)
    first = people[0] if people else climb_past(view, FIRST, words)
    if view.referral.round > 1:
        cancel(view.tx, RUNG, view.referral.id)
    starts = hold_until or view.now
    _wake(view, HAND_OVER, starts + view.ladders.hand_over_within)
    return first


def _wake(view: Scene, step: str, at: datetime) -> None:
    schedule(view.tx, RUNG, view.referral.id, step, at, view.referral.site_id, {})


def wake_next(view: Scene) -> None:
    """Have the referral woken when its next rung is due, and only then. One that is late waits for answers that may be
    queued at the network; so does each that follows a late one, since they go one by one."""
    cancel(view.tx, RUNG, view.referral.id)
    step = view.next() if view.referral.open else None
    if step is not None:
        late = step.at <= view.now
        _wake(view, step.rung.rung, view.now + view.ladders.wait_for_answers if late else step.at)


# ---------------------------------------------------------------- when it is woken


def rungs(programme: Programme, started_at: datetime) -> Mapping[str, Handler]:
    """What is done when something about a referral falls due; `started_at`: when this process began."""

    def act(tx: Tx, item: DueItem, now: datetime) -> None:
        reach(tx, item, programme, now, started_at)

    return {RUNG: act}


def reach(tx: Tx, item: DueItem, programme: Programme, now: datetime, started_at: datetime | None = None) -> None:
    """Something is due about a referral. `started_at`: when this process began; just after it, as after any gap,
    answers may still be on their way."""
    ladders = ladders_of(programme)
    resume = _resumes(item, now, started_at, ladders.wait_for_answers)
    if resume is not None:
        cancel(tx, RUNG, item.subject_id, item.step)
        schedule(tx, RUNG, item.subject_id, item.step, resume, item.site_id, {"waited": True})
        return
    referral = hold(tx, item.subject_id)
    if not referral.open:
        cancel(tx, RUNG, referral.id)
        return
    view = scene(tx, referral, programme, now)
    if referral.counted_from is None and not _starts_counting(view):
        return
    view = scene(tx, find(tx, referral.id), programme, now, clinic=view.clinic, past=view.past)
    step = view.next()
    if step is not None and step.at <= now:
        view = climb(view, step)
    wake_next(view)


def _resumes(item: DueItem, now: datetime, started_at: datetime | None, wait: timedelta) -> datetime | None:
    """When to look again, if the service was away when this was due; None to act now. Nothing waits twice."""
    if item.detail.get("waited"):
        return None
    if now - item.at > ON_TIME:
        return now + wait
    if started_at is not None and item.at < started_at + wait and now < started_at + wait:
        return started_at + wait
    return None


def _starts_counting(view: Scene) -> bool:
    """The network has not taken the alert. As long as it is queued that is a fault, and watched; when it failed, rungs
    count from the report, so that somebody is tried again. Whether they may."""
    queued = queued_about(view.tx, view.referral)
    if not queued:
        change(view.tx, view.referral, counted_from=view.referral.round_at)
        return True
    looks = view.now
    if all(each.not_before > view.now and not each.tried for each in queued):
        looks = min(each.not_before for each in queued)  # held back: until the person's hours, or the session's end
    else:
        raise_fault(view.tx, NOT_SENT, str(view.referral.id), view.referral.site_id, view.now)
    cancel(view.tx, RUNG, view.referral.id)
    _wake(view, HAND_OVER, looks + view.ladders.hand_over_within)
    return False


def climb(view: Scene, step: Step) -> Scene:
    """Reach one rung: tell whoever holds its posts, or the next different person where there is nobody."""
    record(view.tx, view.referral, RUNG, view.now, rung=named(step.rung.rung, view.referral.round))
    if step.rung.rung in _CLOSINGS:
        return _end(view, step)
    people = view.posts.holders(step.rung.tell)
    for person in people:
        text = calls.rung_text(view.programme, person, view.referral, step.wait, view.waited)
        tell_under(view, person, text, step.rung.rung, urgent=step.rung.urgent)
    told = people[0] if people else climb_past(view, step.rung.rung, words_of(view, step.wait), urgent=step.rung.urgent)
    tell_not_to_wait(view, step.rung, told)
    return scene(view.tx, view.referral, view.programme, view.now, clinic=view.clinic)


def words_of(view: Scene, wait: Wait) -> Words:
    return lambda person: calls.rung_text(view.programme, person, view.referral, wait, view.waited)


def _end(view: Scene, step: Step) -> Scene:
    """Nobody said what became of the person, and nobody will: closed, without an outcome."""
    if step.rung.rung == TRANSFER_OVER:
        for person in view.posts.holders(step.rung.tell):
            waited = view.now - view.referral.state_at
            text = calls.rung_text(view.programme, person, view.referral, step.wait, waited)
            tell_under(view, person, text, TRANSFER_OVER, urgent=False)
    else:
        withdraw(view.tx, view.now, referral_id=view.referral.id, reason=LAPSED)
    state = after(view.referral.state, Event.LAPSED)
    record(view.tx, view.referral, Event.LAPSED.value, view.now)
    settle_faults(view.tx, view.referral, view.now)
    closed = change(view.tx, view.referral, state=state.value, open=False, state_at=view.now, closed_at=view.now)
    return scene(view.tx, closed, view.programme, view.now, clinic=view.clinic, past=view.past)
