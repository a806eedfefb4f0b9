"""Who is told next? A referral climbs from person to person until a human answers.

Items of `due` only wake it up; what happens then is decided from how the referral stands, so that a tick that was
missed, doubled or late does no harm. There is exactly one such item for every open referral. The person who sent the
report is never the fallback, nobody is told the same rung twice, and when nobody is left that is a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from smsgateway.care import calls
from smsgateway.care.history import RUNG, Past, Referral, change, find, hold, named, past_of, record, unnamed
from smsgateway.care.hours import within
from smsgateway.care.people import Recipient
from smsgateway.care.posts import Clinic, Posts, clinic_of
from smsgateway.care.rungs import FIRST, HAND_OVER, LAPSED, LAST, TRANSFER_OVER, Ladder, Ladders, Post, Rung, ladders_of
from smsgateway.care.states import Event, after
from smsgateway.care.telling import may_have_heard, queued_until, tell
from smsgateway.care.timetable import WAITS, Standing, Step, Wait, next_step, rungs_above, timetable, wait_of
from smsgateway.due import DueItem, Handler, cancel, schedule
from smsgateway.outbox.aftercare import SentMessage
from smsgateway.outbox.queue import withdraw
from smsgateway.reading.programme import Programme
from smsgateway.store.faults import clear_fault, raise_fault
from smsgateway.store.write import Tx

NOBODY: Final = "nobody_reachable"
NOT_SENT: Final = "alert_not_sent"
DONT_WAIT: Final = "dont_wait"
AGAIN: Final = "again:"
ALERTS: Final = (FIRST, LAST, DONT_WAIT)  # messages of an alert that are no rungs of the ladder
ON_TIME: Final = timedelta(seconds=60)  # what is acted on later than this was missed: the service was away
_CLOSINGS: Final = frozenset({TRANSFER_OVER, LAPSED})

Words = Callable[[Recipient], str]


@dataclass(frozen=True, slots=True)
class Scene:
    """One referral at one moment, with all that a decision about it needs."""

    tx: Tx
    programme: Programme
    ladders: Ladders
    clinic: Clinic
    ladder: Ladder
    referral: Referral
    past: Past
    posts: Posts
    now: datetime

    @property
    def standing(self) -> Standing:
        referral = self.referral
        return Standing(
            state=referral.state,
            urgency=referral.urgency,
            tier=referral.tier,
            since=referral.counted_from or referral.round_at,
            settled=referral.state_at,
            climbed=self.past.climbed_in(referral.round),
        )

    @property
    def waited(self) -> timedelta:
        """How long the person has waited, since the danger was reported."""
        return self.now - self.referral.round_at

    def table(self) -> list[Step]:
        return timetable(self.ladders, self.ladder, self.standing, self.clinic.zone)

    def next(self) -> Step | None:
        return next_step(self.ladders, self.ladder, self.standing, self.clinic.zone)


def scene(
    tx: Tx,
    referral: Referral,
    programme: Programme,
    now: datetime,
    *,
    clinic: Clinic | None = None,
    past: Past | None = None,
) -> Scene:
    """Look at a referral; what is known already may be given."""
    ladders = ladders_of(programme)
    clinic = clinic or clinic_of(tx, referral.facility_id)
    past = past or past_of(tx, referral)
    posts = Posts(tx, ladders, referral, past.reporters, now)
    return Scene(tx, programme, ladders, clinic, ladders.of_site(clinic.site), referral, past, posts, now)


# ---------------------------------------------------------------- the alert


def alert(view: Scene, words: Words, *, hold_until: datetime | None = None) -> Recipient | None:
    """Tell those who are told at once, or whoever can be told instead; gives the first of them. From now on the ladder
    watches."""
    tier = view.ladder.tier(view.referral.urgency, view.referral.tier)
    night = not within(view.now, view.ladders.day, view.clinic.zone)
    people = view.posts.holders(tier.climb(night).first)
    for person in people:
        _tell(view, person, words(person), FIRST, hold_until=hold_until)
    first = people[0] if people else climb_past(view, FIRST, words)
    cancel(view.tx, RUNG, view.referral.id)
    starts = hold_until or view.now
    _wake(view, HAND_OVER, starts + view.ladders.hand_over_within)
    return first


def _tell(
    view: Scene, person: Recipient, text: str, rung: str, *, urgent: bool = True, hold_until: datetime | None = None
) -> None:
    tell(
        view.tx,
        view.referral,
        person,
        text,
        view.now,
        view.clinic.zone,
        rung=rung if rung.startswith(AGAIN) else named(rung, view.referral.round),
        urgent=urgent,
        hold_until=hold_until,
    )


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
    queued = queued_until(view.tx, view.referral)
    if queued is None:
        change(view.tx, view.referral, counted_from=view.referral.round_at)
        return True
    if queued <= view.now:
        raise_fault(view.tx, NOT_SENT, str(view.referral.id), view.referral.site_id, view.now)
    cancel(view.tx, RUNG, view.referral.id)
    _wake(view, HAND_OVER, max(queued, view.now) + view.ladders.hand_over_within)
    return False


def climb(view: Scene, step: Step) -> Scene:
    """Reach one rung: tell whoever holds its posts, or the next different person where there is nobody."""
    record(view.tx, view.referral, RUNG, view.now, rung=named(step.rung.rung, view.referral.round))
    if step.rung.rung in _CLOSINGS:
        return _end(view, step)
    people = view.posts.holders(step.rung.tell)
    for person in people:
        text = calls.rung_text(view.programme, person, view.referral, step.wait, view.waited)
        _tell(view, person, text, step.rung.rung, urgent=step.rung.urgent)
    told = people[0] if people else climb_past(view, step.rung.rung, _words(view, step.wait), urgent=step.rung.urgent)
    _tell_not_to_wait(view, step.rung, told)
    return scene(view.tx, view.referral, view.programme, view.now, clinic=view.clinic)


def _words(view: Scene, wait: Wait) -> Words:
    return lambda person: calls.rung_text(view.programme, person, view.referral, wait, view.waited)


def _tell_not_to_wait(view: Scene, rung: Rung, told: Recipient | None) -> None:
    """The clinic is silent: the CHW must not sit and wait for it, and may call whoever is told now."""
    for reporter in view.posts.reporter() if rung.dont_wait else ():
        text = calls.dont_wait(
            view.programme, reporter.language, view.referral, view.waited, told.phone if told else None
        )
        _tell(view, reporter, text, DONT_WAIT)


def _end(view: Scene, step: Step) -> Scene:
    """Nobody said what became of the person, and nobody will: closed, without an outcome."""
    if step.rung.rung == TRANSFER_OVER:
        for person in view.posts.holders(step.rung.tell):
            waited = view.now - view.referral.state_at
            text = calls.rung_text(view.programme, person, view.referral, step.wait, waited)
            _tell(view, person, text, TRANSFER_OVER, urgent=False)
    else:
        withdraw(view.tx, view.now, referral_id=view.referral.id, reason=LAPSED)
    state = after(view.referral.state, Event.LAPSED)
    record(view.tx, view.referral, Event.LAPSED.value, view.now)
    settle_faults(view.tx, view.referral, view.now)
    closed = change(view.tx, view.referral, state=state.value, open=False, state_at=view.now, closed_at=view.now)
    return scene(view.tx, closed, view.programme, view.now, clinic=view.clinic, past=view.past)


def settle_faults(tx: Tx, referral: Referral, now: datetime) -> None:
    """Somebody answered, or nobody needs to any more."""
    for kind in (NOBODY, NOT_SENT):
        clear_fault(tx, kind, str(referral.id), now)


# ---------------------------------------------------------------- when a message did not arrive


def handed_over(tx: Tx, message: SentMessage, programme: Programme, now: datetime) -> None:
    """The network took a message. The first alert of a round starts its clock."""
    assert message.referral_id is not None
    seen = find(tx, message.referral_id)
    if seen.handed_at is not None and (seen.counted_from is not None or not _starts_clock(seen, message.rung)):
        return
    referral = hold(tx, message.referral_id)
    if referral.handed_at is None:
        referral = change(tx, referral, handed_at=now)
    if referral.counted_from is None and referral.open and _starts_clock(referral, message.rung):
        clear_fault(tx, NOT_SENT, str(referral.id), now)
        wake_next(scene(tx, change(tx, referral, counted_from=now), programme, now))


def _starts_clock(referral: Referral, written: str | None) -> bool:
    rung, number = unnamed(written or "")
    return number == referral.round and not rung.startswith(AGAIN) and rung != DONT_WAIT


def undelivered(tx: Tx, message: SentMessage, reason: str, programme: Programme, now: datetime) -> None:
    """A message about a referral did not reach its person. When none of its rung, or of a higher one, did, the next
    different person is told now."""
    assert message.referral_id is not None
    referral = hold(tx, message.referral_id)
    written = message.rung or ""
    record(tx, referral, "undelivered", now, staff_id=message.staff_id, reason=reason, rung=written)
    rung, number = unnamed(written)
    if not referral.open or rung == DONT_WAIT:
        return
    view = scene(tx, referral, programme, now)
    if rung.startswith(AGAIN):
        if not may_have_heard(tx, referral, frozenset({written})):
            climb_past(view, rung, lambda person: calls.alert(programme, person.language, referral, again=True))
        return
    table = view.table()
    wait = wait_of(table, rung)
    if number != referral.round or wait is None or referral.state not in WAITS[wait]:
        return
    higher = {rung, _left_over(rung, wait), *(above.rung for above in rungs_above(table, rung))}
    if not may_have_heard(tx, referral, frozenset(named(each, number) for each in higher)):
        urgent = next((step.rung.urgent for step in table if step.rung.rung == rung), True)
        climb_past(view, rung, _words(view, wait), urgent=urgent)


def climb_past(view: Scene, failed: str, words: Words, *, urgent: bool = True) -> Recipient | None:
    """Nobody of this rung can be reached: tell the next different person, under the rung they stand on. Nobody left is
    a fault that somebody must see."""
    wait = wait_of(view.table(), failed)
    tried = _tried(view, failed, wait)
    for rung, post in _posts_above(view, failed):
        for person in view.posts.holding(post):
            if person.staff_id in tried:
                continue
            _tell(view, person, words(person), rung.rung if rung else _left_over(failed, wait), urgent=urgent)
            if rung:
                _tell_not_to_wait(view, rung, person)
            return person
    raise_fault(view.tx, NOBODY, str(view.referral.id), view.referral.site_id, view.now)
    record(view.tx, view.referral, NOBODY, view.now, rung=failed)
    return None


def _left_over(failed: str, wait: Wait | None) -> str:
    """The rung of whoever is left when no rung above has anybody."""
    if failed.startswith(AGAIN):
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
    if failed.startswith(AGAIN):
        return past.told_of(frozenset({failed}))
    mine = {step.rung.rung for step in view.table() if step.wait is wait} | {failed, _left_over(failed, wait)}
    if wait is Wait.ANSWER:
        mine.add(FIRST)
    return past.told_of(frozenset(named(each, view.referral.round) for each in mine))
