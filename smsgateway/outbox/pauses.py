"""Can a channel be used at all? On a wrong key, a refused sender or an empty account no message passes, so the whole
channel rests instead of burning each message, and is probed until it works again.

A pause is a fault a human sees. It ends when a probe succeeds; if the next message meets the same wall, the pause comes
back and grows, since some walls (a refused sender name) are invisible to a probe.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, or_, select, update

from smsgateway.outbox.bell import ring_after_commit
from smsgateway.outbox.rates import know_channel
from smsgateway.store.faults import clear_fault, raise_fault
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import channel_states
from smsgateway.store.write import Tx

FAULT = "channel_down"
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 8, 12, 20, 30))  # the last one is repeated


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel as all processes see it. `probes` counts the pauses since a message last passed."""

    name: str
    paused: bool = False
    reason: str | None = None
    probes: int = 0


_STATE: Final = Prepared(
    select(channel_states.c.paused_until, channel_states.c.pause_reason, channel_states.c.probes).where(
        channel_states.c.name == bindparam("channel")
    )
)


def channel_states_of(connection: Connection, names: Collection[str]) -> Mapping[str, ChannelState]:
    """The state of each channel; one that was never in trouble works."""
    states = {name: ChannelState(name) for name in names}
    for name in names:
        for row in _STATE(connection, channel=name):
            states[name] = ChannelState(name, row.paused_until is not None, row.pause_reason, row.probes)
    return states


def pause(tx: Tx, name: str, reason: str | None, now: datetime) -> None:
    """Rest the channel. Several messages that meet the same wall at once make one pause."""
    know_channel(tx, name)
    row = channel_states.c
    probes = tx.execute(select(row.probes).where(row.name == name, row.paused_until.is_(None)).with_for_update())
    before = probes.scalar_one_or_none()
    if before is None:
        return
    tx.execute(
        update(channel_states)
        .where(row.name == name)
        .values(paused_until=now + _pause(before), pause_reason=(reason or "")[:80], probes=before + 1)
    )
    raise_fault(tx, FAULT, name, None, now)


def claim_probe(tx: Tx, name: str, now: datetime) -> bool:
    """Whether it is ours to probe the channel now; the pause is prolonged first, so that one process does it."""
    row = channel_states.c
    stale = row.paused_until > now + 2 * PAUSES[-1]  # written before a clock went back
    due = tx.execute(
        select(row.probes)
        .where(row.name == name, row.paused_until.is_not(None), or_(row.paused_until <= now, stale))
        .with_for_update(skip_locked=True)
    ).scalar_one_or_none()
    if due is None:
        return False
    tx.execute(update(channel_states).where(row.name == name).values(paused_until=now + _pause(due), probes=due + 1))
    return True


def resume(tx: Tx, name: str) -> None:
    """The account works: let messages try. What the pauses count is kept until one has passed."""
    tx.execute(update(channel_states).where(channel_states.c.name == name).values(paused_until=None))
    for urgent in (True, False):
        ring_after_commit(tx, urgent)


def passed(tx: Tx, name: str, now: datetime) -> None:
    """A message was taken: the trouble is over."""
    tx.execute(
        update(channel_states)
        .where(channel_states.c.name == name)
        .values(paused_until=None, pause_reason=None, probes=0)
    )
    clear_fault(tx, FAULT, name, now)


def _pause(probes: int) -> timedelta:
    return PAUSES[min(probes, len(PAUSES) - 1)]
