"""Does a paused channel work again? It is asked (for its balance, nothing is sent) by one process at a time."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from smsgateway.channels.messages import Channel
from smsgateway.clock import Clock
from smsgateway.outbox.pauses import channel_states_of, claim_probe, resume
from smsgateway.outbox.queue import moment
from smsgateway.store.database import Store

log = structlog.get_logger(__name__)


def probe_paused(store: Store, channels: Sequence[Channel], clock: Clock) -> int:
    """Probe the paused channels whose time has come, with no transaction open; how many were probed."""
    with store.read() as connection:
        states = channel_states_of(connection, [channel.name for channel in channels])
    probed = 0
    for channel in channels:
        if states[channel.name].paused and _ours(store, channel.name, clock):
            probed += 1
            _probe(store, channel)
    return probed


def _ours(store: Store, name: str, clock: Clock) -> bool:
    return store.write(lambda tx: claim_probe(tx, name, moment(tx, clock)))


def _probe(store: Store, channel: Channel) -> None:
    trouble = channel.probe()
    log.info("channel probed", channel=channel.name, works=trouble is None, reason=trouble and trouble.reason)
    if trouble is None:
        store.write(lambda tx: resume(tx, channel.name))
