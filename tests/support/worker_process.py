"""A worker as its own process, for tests that send it signals: `python -m tests.support.worker_process DB PROVIDER`."""

from __future__ import annotations

import sys

from smsgateway.channels.africastalking import AfricasTalkingChannel
from smsgateway.clock import SystemClock
from smsgateway.outbox.aftercare import NoCare
from smsgateway.store.database import open_store
from smsgateway.worker import Worker


def main(database_url: str, provider_url: str) -> int:
    store = open_store(database_url)
    channel = AfricasTalkingChannel(username="sandbox", api_key="atsk_stand_in", base_url=provider_url)
    worker = Worker(store, [channel], SystemClock(), NoCare(), rate=1_000, due_handlers={}, other_lanes=2)
    print("working", flush=True)
    ended = worker.run_until_signalled()
    store.close()
    return 0 if ended else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
