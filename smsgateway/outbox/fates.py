"""What follows from the fate of a hand-over? One pure decision: the message is settled, or it is tried again.

An urgent message is never given up quietly: however it ends without being taken, it is returned to care, which tells
the next person. How long each class is tried is the table below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from smsgateway.channels.messages import Fate, Handover
from smsgateway.outbox.queue import Rank


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one class of messages is tried. `tries`: hand-overs the provider did not take. `unreached`: hand-overs
    that never left our machine: that is the network's doing, so the message is kept far longer. The pause doubles
    from 5 s and stops growing at `longest`."""

    tries: int
    unreached: int
    longest: timedelta


FIRST_PAUSE: Final = timedelta(seconds=5)
THROTTLED_PAUSE: Final = timedelta(seconds=2)
PATIENCE: Final[Mapping[Rank, Patience]] = {
    # 5, 10, 20, 40, 60 s: two minutes, then the next person is told; a network that is gone is waited for half an hour
    Rank.URGENT: Patience(tries=6, unreached=36, longest=timedelta(minutes=1)),
    Rank.REPLY: Patience(tries=8, unreached=60, longest=timedelta(minutes=5)),  # lasts two hours at most anyway
    Rank.REMINDER: Patience(tries=12, unreached=300, longest=timedelta(minutes=5)),  # a day
    Rank.NOTICE: Patience(tries=12, unreached=300, longest=timedelta(minutes=5)),
}


@dataclass(frozen=True, slots=True)
class Settled:
    """It leaves the queue with this status. `returned`: care must tell somebody else."""

    status: str
    reason: str | None = None
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """It stays in the queue and may go again after a pause (zero: it keeps its place). `counts`: it was this message's
    own doing; what is the channel's doing burns no attempt. `doubtful`: it may have been taken already."""

    after: timedelta
    reason: str | None
    counts: bool = True
    doubtful: bool = False


Verdict = Settled | Again


def decide(rank: Rank, attempts: int, doubtful: bool, handover: Handover, message_id: UUID) -> Verdict:
    """What becomes of a message after `handover`. `attempts` and `doubtful` are as they were before it."""
    reason = handover.reason or handover.fate.value
    match handover.fate:
        case Fate.ACCEPTED:
            return Settled("handed_over")
        case Fate.REFUSED:
            return Settled("failed", reason, returned=True)
        case Fate.CHANNEL_DOWN:
            return Again(timedelta(0), reason, counts=False, doubtful=doubtful)
        case Fate.THROTTLED:
            return Again(_throttled(rank, handover.retry_after), reason, counts=False, doubtful=doubtful)
        case Fate.UNKNOWN:
            return _unknown(rank, doubtful, reason)
        case Fate.RETRY | Fate.NOT_SENT:
            return _retry(rank, attempts + 1, doubtful, handover, message_id)


def _unknown(rank: Rank, doubtful: bool, reason: str) -> Verdict:
    """A repeated reminder costs money and trust, a repeated alert nothing: an urgent message is sent once more."""
    if rank is not Rank.URGENT:
        return Settled("unknown", reason)
    if doubtful:
        return Settled("unknown", reason, returned=True)
    return Again(FIRST_PAUSE, reason, doubtful=True)


def _retry(rank: Rank, attempts: int, doubtful: bool, handover: Handover, message_id: UUID) -> Verdict:
    patience = PATIENCE[rank]
    reason = handover.reason or handover.fate.value
    most = patience.unreached if handover.fate is Fate.NOT_SENT else patience.tries
    if attempts >= most:
        return Settled("gave_up", reason, returned=True)
    asked = timedelta(seconds=handover.retry_after or 0)
    pause = max(pause_before(rank, attempts, message_id), min(asked, patience.longest))
    return Again(pause, reason, doubtful=doubtful)


def pause_before(rank: Rank, attempts: int, message_id: UUID) -> timedelta:
    """The pause after so many attempts: doubling, with a cap, and up to a fifth shorter by a share that follows from
    the message's id, so that what failed together does not come back together."""
    longest = PATIENCE[rank].longest
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(attempts - 1, 16), longest)
    return pause * (1 - 0.2 * (message_id.int % 1024) / 1024)


def _throttled(rank: Rank, asked: float | None) -> timedelta:
    """The channel is slowed for all; this message waits for what the provider asked, an urgent one at most 10 s."""
    longest = timedelta(seconds=10) if rank is Rank.URGENT else PATIENCE[rank].longest
    return min(max(THROTTLED_PAUSE, timedelta(seconds=asked or 0)), longest)
