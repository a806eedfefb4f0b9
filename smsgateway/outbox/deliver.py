"""How does a queued message leave the house? Claim, commit, hand over with no transaction open, record.

A lane is one sending slot: it claims what it can send at once, so nothing waits claimed. Recording is fenced by the
lease: whoever lost it (a call that outlived its deadline, a process that stood still for a minute) can only leave the
provider's id behind. A lease that ended without a record means unknown, never unsent.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from smsgateway.channels.messages import Channel, Fate, Handover, Outgoing
from smsgateway.clock import Clock
from smsgateway.outbox.aftercare import AfterCare
from smsgateway.outbox.claim import Claimed, claim, claim_like, in_order, let_go, put_off, soonest
from smsgateway.outbox.pauses import ChannelState, channel_states_of
from smsgateway.outbox.queue import Rank
from smsgateway.outbox.rates import Pacer
from smsgateway.outbox.record import OPTED_OUT, Outcome, record
from smsgateway.store.database import Store
from smsgateway.store.write import StoreUnavailable, Tx

log = structlog.get_logger(__name__)

LEASE_BEYOND: Final = timedelta(seconds=25)  # beyond a call's deadline: a slow disk on both sides of it
IN_TIME: Final = timedelta(minutes=5)  # so long after its moment a message still goes in the hours it was meant for
IDLE: Final = 1.0  # seconds after which a lane looks by itself


@dataclass(frozen=True, slots=True)
class _Next:
    """What to claim: of these ranks, so many that say the same, for one of these channels (the first is preferred)."""

    ranks: Sequence[Rank]
    limit: int
    channels: Sequence[Channel]
    states: Mapping[str, ChannelState]

    @property
    def urgent(self) -> bool:
        return self.ranks == _URGENT


_URGENT: Final = (Rank.URGENT,)


class Lane:
    """One sending slot for messages of `ranks`. `channels`: the channel, then the fallback for urgent messages, if any.
    `deliver_once` sends one message, or one request with several of the same words; call it until it returns 0, then
    wait `rest` seconds or for the bell. Not for two threads at once. `halt`, once set, lets nothing new begin."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        ranks: Collection[Rank],
        clock: Clock,
        care: AfterCare,
        *,
        pacers: Mapping[str, Pacer] | None = None,
        halt: threading.Event | None = None,
    ) -> None:
        self.rest = IDLE
        self.paced = False  # whether it rests for the channel's rate: until then no bell has anything new to say
        self._store = store
        self._channels = tuple(channels)
        self._ranks = tuple(sorted(ranks))
        self._clock = clock
        self._care = care
        self._pacers = pacers or {}
        self._lease = timedelta(seconds=max(channel.deadline for channel in channels)) + LEASE_BEYOND
        self._halt = halt or threading.Event()
        self._unrecorded: list[Sequence[Outcome]] = []
        self._same: _Next | None = None

    def deliver_once(self) -> int:
        """Send what is next; how many messages were dealt with. Raises StoreUnavailable when the database is away; an
        outcome that could not be recorded then is kept and recorded first thing next time."""
        self._record_all()
        same, self._same = self._more_of_the_same(), None
        self.paced = False
        following = None if self._halt.is_set() else same or self._look()
        if following is None:
            return 0
        claimed, put_off = self._store.write(lambda tx: self._claim(tx, following))
        self._give_back(following, len(claimed))
        self._record([_opted_out(message) for message in claimed if message.unwanted])
        wanted = [message for message in claimed if not message.unwanted]
        if wanted and self._halt.is_set():
            self._store.write(lambda tx: let_go(tx, wanted))
            return 0
        if wanted:
            self._send(following, wanted)
        dealt = len(claimed) + put_off
        return dealt if dealt or not same else self.deliver_once()

    def close(self) -> None:
        """Record what is left to record, then give the connections back."""
        try:
            self._record_all()
        finally:
            for channel in self._channels:
                channel.close()

    def _look(self) -> _Next | None:
        """What could go now, found without holding up any writer; when nothing can, sets how long to rest."""
        with self._store.read() as connection:
            rank, self.rest = _first_ready(Tx(connection), self._ranks, self._clock)
            states = channel_states_of(connection, [channel.name for channel in self._channels])
        if rank is None:
            return None
        self.rest = IDLE
        usable = [channel for channel in self._channels if not states[channel.name].paused]
        if rank is Rank.URGENT:
            return _Next(_URGENT, 1, usable, states) if usable else None
        first = self._channels[0]
        limit = self._permits(first) if first in usable else 0
        others = [each for each in self._ranks if each is not Rank.URGENT]
        return _Next(others, limit, [first], states) if limit else None

    def _more_of_the_same(self) -> _Next | None:
        """While messages pass and no other class can have come before them, a lane goes on without looking."""
        if self._same is None or self._same.urgent:
            return self._same
        limit = self._permits(self._same.channels[0])
        return replace(self._same, limit=limit) if limit else None

    def _permits(self, channel: Channel) -> int:
        """How many messages may share the next request; when none may go yet, sets how long to rest."""
        if channel.name not in self._pacers:
            return channel.batch_limit
        permits = self._pacers[channel.name].take(channel.batch_limit)
        self.paced = not permits.count
        if self.paced:
            self.rest = min(permits.wait, IDLE)
        return permits.count

    def _give_back(self, following: _Next, used: int) -> None:
        name = following.channels[0].name
        if not following.urgent and name in self._pacers and used < following.limit:
            self._pacers[name].give_back(following.limit - used)

    def _claim(self, tx: Tx, following: _Next) -> tuple[list[Claimed], int]:
        """Take the first message and what can share its request; what can wait and comes late (after an outage, a
        pause) goes in its reader's hours. Gives those to be sent now, and how many were put off: no more than one
        request has, since a night's thousands in one transaction would hold up every other writer."""
        now = in_order(tx, self._clock)
        claimed = claim(tx, following.ranks, 1, now, self._lease)
        if claimed and following.limit > 1:
            claimed += claim_like(tx, claimed[0], following.limit - 1, now, self._lease)
        late = [message for message in claimed if _comes_late(message, now)]
        later = self._care.not_now(tx, late, now) if late else {}
        for message in late:
            if message.id in later:
                put_off(tx, message, later[message.id])
        return [message for message in claimed if message.id not in later], len(later)

    def _send(self, following: _Next, claimed: Sequence[Claimed]) -> None:
        """After a try that did not pass, an urgent message takes the other channel."""
        channel = following.channels[claimed[0].attempts % len(following.channels)]
        troubled = following.states[channel.name].probes > 0
        outcomes = [
            Outcome(message, channel.name, handover, troubled)
            for message, handover in zip(claimed, _hand_over(channel, claimed), strict=True)
        ]
        self._record(outcomes)
        alone = following.urgent or Rank.URGENT not in self._ranks
        if alone and not troubled and all(outcome.handover.fate is Fate.ACCEPTED for outcome in outcomes):
            self._same = following
        if following.urgent and channel.name in self._pacers:
            self._pacers[channel.name].book(len(claimed))

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._unrecorded.append(outcomes)
        self._record_all()

    def _record_all(self) -> None:
        while self._unrecorded:
            try:
                record(self._store, self._unrecorded[0], self._clock, self._care)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the lane must live on; the lease will end and say "unknown"
                log.error("outcome not recorded", error=type(error).__name__)
            del self._unrecorded[0]


def _first_ready(tx: Tx, ranks: Sequence[Rank], clock: Clock) -> tuple[Rank | None, float]:
    """The first rank with something to send now; else None, and the seconds until there may be something."""
    now, rest = in_order(tx, clock), IDLE
    for rank in ranks:
        when = soonest(tx, rank, now)
        if when is not None and when <= now:
            return rank, 0.0
        if when is not None:
            rest = min(rest, (when - now).total_seconds())
    return None, rest


def _comes_late(message: Claimed, now: datetime) -> bool:
    return message.rank >= Rank.REMINDER and (message.attempts > 0 or now - message.not_before > IN_TIME)


def _opted_out(message: Claimed) -> Outcome:
    return Outcome(message, "", Handover(message.id, Fate.REFUSED, reason=OPTED_OUT))


def _hand_over(channel: Channel, claimed: Sequence[Claimed]) -> list[Handover]:
    """One request. A channel never raises; if it does, nobody knows what happened to the messages."""
    outgoing = [
        Outgoing(message.id, message.phone, message.body, urgent=message.rank is Rank.URGENT) for message in claimed
    ]
    try:
        outcomes = {handover.message_id: handover for handover in channel.send(outgoing)}
    except Exception as error:  # noqa: BLE001 - whatever it was, the messages must be settled
        log.error("channel raised", channel=channel.name, error=type(error).__name__)
        outcomes = {}
    return [outcomes.get(message.id, Handover(message.id, Fate.UNKNOWN, reason="no_outcome")) for message in claimed]
