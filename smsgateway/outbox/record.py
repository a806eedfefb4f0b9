"""How is the outcome of a hand-over written down? Fenced by the lease, in one transaction with what follows from it:
the message settled or back in the queue, reports that came early, the channel slowed or paused, care told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import String, bindparam, func, null, or_, select, update

from smsgateway.channels.messages import Fate, Handover
from smsgateway.clock import Clock
from smsgateway.outbox.aftercare import AfterCare, NoCare, sent_message
from smsgateway.outbox.bell import ring_after_commit
from smsgateway.outbox.claim import Claimed, claimed_from, take_out_held
from smsgateway.outbox.fates import Again, Settled, decide
from smsgateway.outbox.pauses import passed, pause
from smsgateway.outbox.queue import Rank, log_row, moment, take_out
from smsgateway.outbox.rates import slow_down
from smsgateway.outbox.receipts import ID_AT_MOST, About, adopt_parked, apply_parked, lock_id, remember_handover
from smsgateway.store.database import Store
from smsgateway.store.faults import raise_fault
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import message_log, outbox
from smsgateway.store.types import UTCDateTime
from smsgateway.store.write import StoreUnavailable, Tx
from smsgateway.text.phones import masked

log = structlog.get_logger(__name__)

OPTED_OUT: Final = "opted_out"
LEASE_ENDED: Final = "lease_ended"
CARE_FAULT: Final = "aftercare_failed"
# No lease is this long: one that seems to be was given before a clock went back.
NO_LEASE_LASTS: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A message that was claimed, the channel it was given to, and what came of it. `troubled`: the channel has been
    paused and nothing passed since, so passing is news."""

    message: Claimed
    channel: str
    handover: Handover
    troubled: bool = False


def record(store: Store, outcomes: Sequence[Outcome], clock: Clock, care: AfterCare) -> None:
    """Write down what became of the messages of one request. If care cannot deal with its part, the outcome is
    recorded all the same, since a message that is never settled would be sent again, and a human sees the fault."""

    def together(tx: Tx) -> None:
        now = moment(tx, clock)
        for outcome in outcomes:
            _record_one(tx, outcome, care, now)

    try:
        store.write(together)
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever care stumbled over, the outcome is kept
        if len(outcomes) > 1:
            for outcome in outcomes:
                record(store, [outcome], clock, care)
            return
        log.error("aftercare failed", message_id=str(outcomes[0].message.id), error=type(error).__name__)
        store.write(lambda tx: _record_without_care(tx, outcomes[0], clock))


def _record_without_care(tx: Tx, outcome: Outcome, clock: Clock) -> None:
    now = moment(tx, clock)
    raise_fault(tx, CARE_FAULT, str(outcome.message.id), None, now)
    _record_one(tx, outcome, NoCare(), now)


def _record_one(tx: Tx, outcome: Outcome, care: AfterCare, now: datetime) -> None:
    message, handover, channel = outcome.message, outcome.handover, outcome.channel
    about = About(message.id, message.created_at)
    provider_id = handover.provider_id and handover.provider_id[:ID_AT_MOST]
    if provider_id:
        lock_id(tx, channel, provider_id)
    verdict = decide(message.rank, message.attempts, message.doubtful, handover, message.id)
    if isinstance(verdict, Settled):
        ours = settle(tx, outcome, verdict, care, now)
    else:
        ours = _put_back(tx, outcome, verdict, now)
    if provider_id:
        remember_handover(tx, channel, provider_id, message.phone, about, now)
        if not ours:
            _name_in_log(tx, about, provider_id)
    if provider_id or message.doubtful:
        apply_parked(tx, about, care, now)
    if not provider_id and handover.fate is Fate.UNKNOWN and ours:
        adopt_parked(tx, message.phone, about, care, now)
    _channel_consequences(tx, outcome, now)
    _say(outcome, verdict, ours)


def settle(tx: Tx, outcome: Outcome, verdict: Settled, care: AfterCare, now: datetime) -> bool:
    """Move the message to the log and tell care; False when its lease is no longer ours."""
    message, handover = outcome.message, outcome.handover
    row = take_out_held(tx, message)
    if row is None:
        return False
    if outcome.channel:
        row |= {"channel": outcome.channel, "attempts": message.attempts + 1}
    tx.insert(
        message_log,
        log_row(
            row,
            now,
            status=verdict.status,
            reason=verdict.reason,
            provider_id=handover.provider_id,
            cost=handover.cost,
            returned=verdict.returned,
        ),
    )
    if verdict.status == "handed_over":
        care.handed_over(tx, sent_message(row), now)
        if message.rank is Rank.URGENT:
            ring_after_commit(tx, False)  # the answer to the same report waits for this
    if verdict.returned:
        care.undelivered(tx, sent_message(row), verdict.reason or verdict.status, now)
    return True


def _put_back(tx: Tx, outcome: Outcome, verdict: Again, now: datetime) -> bool:
    """Back to the queue, unless somebody took it back while it was being handed over; False when it is not ours."""
    message = outcome.message
    back = tx.ask(
        _PUT_BACK,
        message=message.id,
        token=message.lease,
        given_to=outcome.channel or None,
        why=(verdict.reason or "")[:80],
        doubt=verdict.doubtful,
        tries=message.attempts + verdict.counts,
        again_at=now + verdict.after if verdict.after else None,
    )
    if any(row.withdrawn is not None for row in back):
        for row in take_out(tx, outbox.c.id == message.id):
            tx.insert(message_log, log_row(row, now, status="withdrawn", reason=back[0].withdrawn))
    return bool(back)


_PUT_BACK: Final = Prepared(
    update(outbox)
    .where(outbox.c.id == bindparam("message"), outbox.c.lease == bindparam("token"))
    .values(
        lease=null(),
        lease_until=null(),
        channel=func.coalesce(bindparam("given_to", type_=String()), outbox.c.channel),
        reason=bindparam("why"),
        doubtful=bindparam("doubt"),
        attempts=bindparam("tries"),
        not_before=func.coalesce(bindparam("again_at", type_=UTCDateTime()), outbox.c.not_before),
    )
    .returning(outbox.c.withdrawn)
)


def _name_in_log(tx: Tx, about: About, provider_id: str) -> None:
    """The lease was lost, yet the provider has it: the log learns the id, and reports will say how it ended."""
    tx.execute(
        update(message_log)
        .where(message_log.c.id == about.id, message_log.c.created_at == about.created_at)
        .values(provider_id=func.coalesce(message_log.c.provider_id, provider_id))
    )


def _channel_consequences(tx: Tx, outcome: Outcome, now: datetime) -> None:
    fate, channel = outcome.handover.fate, outcome.channel
    if fate is Fate.CHANNEL_DOWN:
        pause(tx, channel, outcome.handover.reason, now)
    elif fate is Fate.THROTTLED:
        slow_down(tx, channel, outcome.handover.retry_after, now)
    elif fate is Fate.ACCEPTED and outcome.troubled:
        passed(tx, channel, now)


def _say(outcome: Outcome, verdict: Settled | Again, ours: bool) -> None:
    message, handover = outcome.message, outcome.handover
    log.info(
        "handed over" if handover.fate is Fate.ACCEPTED else "not handed over",
        message_id=str(message.id),
        phone=masked(message.phone),
        rank=message.rank.name.lower(),
        channel=outcome.channel,
        fate=handover.fate.value,
        reason=handover.reason,
        attempt=message.attempts + 1,
        status=verdict.status if isinstance(verdict, Settled) else "queued",
        lease_lost=not ours,
    )


def sweep_leases(store: Store, clock: Clock, care: AfterCare, limit: int = 100) -> int:
    """Record as unknown what was claimed by somebody who never came back; how many there were. They may have been sent
    or not: an urgent message goes once more, the others do not."""

    with store.read() as connection:
        now = moment(Tx(connection), clock)
        row = outbox.c
        over = or_(row.lease_until <= now, row.lease_until > now + NO_LEASE_LASTS)
        ended = [
            claimed_from(each, each.lease)
            for each in connection.execute(select(outbox).where(row.lease.is_not(None), over).limit(limit))
        ]
    for message in ended:
        record(store, [Outcome(message, "", Handover(message.id, Fate.UNKNOWN, reason=LEASE_ENDED))], clock, care)
    return len(ended)
