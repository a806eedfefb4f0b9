"""What can be measured from outside? Figures read from the database when asked, so that every process tells the same.

Ages are seconds. Nothing here names a person, a phone or a patient.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from smsgateway.clock import Clock
from smsgateway.outbox.queue import Rank
from smsgateway.store.database import Readers
from smsgateway.store.tables import FAILED, channel_states, due, faults, inbound, outbox, referrals


def open_faults(connection: Connection) -> dict[str, int]:
    """How many faults of each kind wait for a human."""
    query = select(faults.c.kind, func.count().label("n")).where(faults.c.cleared_at.is_(None)).group_by(faults.c.kind)
    return {row.kind: row.n for row in connection.execute(query)}


class GatewayCollector(Collector):
    """Collects at scrape time."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        self._readers = readers
        self._clock = clock

    def describe(self) -> list[Metric]:
        """Nothing in advance: registering must not need a database."""
        return []

    def collect(self) -> Iterator[Metric]:
        with self._readers.read() as connection:
            yield from self._queue(connection)
            yield self._referrals(connection)
            yield from self._rest(connection)

    def _queue(self, connection: Connection) -> Iterator[Metric]:
        depth = GaugeMetricFamily("smsgateway_outbox_depth", "Messages waiting to be sent.", labels=["class"])
        oldest = GaugeMetricFamily(
            "smsgateway_outbox_oldest_seconds", "How long the oldest sendable message has waited.", labels=["class"]
        )
        query = select(outbox.c.rank, func.count(), func.min(outbox.c.not_before)).group_by(outbox.c.rank)
        waiting = {rank: (count, since) for rank, count, since in connection.execute(query)}
        now = self._clock.now()
        for rank in Rank:
            count, since = waiting.get(rank.value, (0, None))
            depth.add_metric([rank.name.lower()], count)
            oldest.add_metric([rank.name.lower()], max(0.0, (now - since).total_seconds()) if since else 0.0)
        yield depth
        yield oldest

    def _referrals(self, connection: Connection) -> Metric:
        family = GaugeMetricFamily(
            "smsgateway_referrals_open", "Open referrals by state and tier.", labels=["state", "tier"]
        )
        query = (
            select(referrals.c.state, referrals.c.tier, func.count())
            .where(referrals.c.open)
            .group_by(referrals.c.state, referrals.c.tier)
        )
        for state, tier, count in connection.execute(query):
            family.add_metric([state, str(tier)], count)
        return family

    def _rest(self, connection: Connection) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("smsgateway_due_waiting", "Things that fall due later.")
        waiting.add_metric([], connection.scalar(select(func.count()).select_from(due)) or 0)
        yield waiting
        failed = GaugeMetricFamily("smsgateway_inbound_failed", "Messages stored but not yet handled.")
        failed.add_metric(
            [],
            connection.scalar(select(func.count()).select_from(inbound).where(FAILED)) or 0,
        )
        yield failed
        fault = GaugeMetricFamily("smsgateway_faults_open", "Faults that wait for a human.", labels=["kind"])
        for kind, count in open_faults(connection).items():
            fault.add_metric([kind], count)
        yield fault
        paused = GaugeMetricFamily("smsgateway_channel_paused", "1 while a channel is paused.", labels=["channel"])
        now = self._clock.now()
        for name, until in connection.execute(select(channel_states.c.name, channel_states.c.paused_until)):
            paused.add_metric([name], 1 if until is not None and until > now else 0)
        yield paused
