"""What follows when a message about a referral was taken by the network, or did not reach its person?

Rungs count from the first alert that was taken. When none of a rung's messages arrived, nor any of a higher one, the
next different person is told now.
"""

from __future__ import annotations

from datetime import datetime

from smsgateway.care import calls, news
from smsgateway.care.climbing import AGAIN, DONT_WAIT, NOT_SENT, SAID, Words, climb_past, left_over
from smsgateway.care.history import LOST, Referral, change, find, hold, record, unnamed
from smsgateway.care.ladder import wake_next, words_of
from smsgateway.care.scene import Scene, scene
from smsgateway.care.states import Event
from smsgateway.care.telling import may_have_heard
from smsgateway.care.timetable import WAITS, rungs_above, wait_of
from smsgateway.outbox.aftercare import SentMessage
from smsgateway.reading.programme import Programme
from smsgateway.store.faults import clear_fault
from smsgateway.store.write import Tx


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
    return number == referral.round and not rung.startswith((AGAIN, SAID)) and rung != DONT_WAIT


def undelivered(tx: Tx, message: SentMessage, reason: str, programme: Programme, now: datetime) -> None:
    """A message about a referral did not reach its person. When none of its rung, or of a higher one, did, the next
    different person is told now."""
    assert message.referral_id is not None
    referral = hold(tx, message.referral_id)
    written = message.rung or ""
    record(tx, referral, "undelivered", now, staff_id=message.staff_id, reason=reason, rung=written)
    rung, number = unnamed(written)
    rung = rung.removesuffix(LOST)
    if not referral.open or rung == DONT_WAIT:
        return
    view = scene(tx, referral, programme, now)
    if rung.startswith((AGAIN, SAID)):
        if not may_have_heard(tx, referral, frozenset({written})):
            climb_past(view, rung, _words_alone(view, rung))
        return
    table = view.table()
    wait = wait_of(table, rung)
    if number != referral.round or wait is None or referral.state not in WAITS[wait]:
        return
    higher = {rung, left_over(rung, wait), *(above.rung for above in rungs_above(table, rung))}
    if not may_have_heard(tx, referral, view.written(higher)):
        urgent = next((step.rung.urgent for step in table if step.rung.rung == rung), True)
        climb_past(view, rung, words_of(view, wait), urgent=urgent)


def _words_alone(view: Scene, rung: str) -> Words:
    """What a message says that is no rung of the ladder."""
    if rung.startswith(SAID):
        event = Event(rung.removeprefix(SAID))
        return lambda person: news.words(view, event, person)
    return lambda person: calls.alert(view.programme, person.language, view.referral, again=True)
