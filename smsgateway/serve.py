"""How does the service run? `serve`: webhooks, clock and sending embedded in one process; `worker`: clock and sending
alone, beside any number of `serve --no-clock` on PostgreSQL.

The server is granian as a library, chosen by measurement (docs/benchmarks.md): its one worker process has our threads,
lanes and clock inside. On SIGTERM it refuses new connections, answers the requests in flight, and then the lanes
finish or give back what they hold.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.util import Finalize
from typing import Any

import structlog
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from smsgateway.app import Gateway, build_gateway, create_app, open_channels
from smsgateway.outbox.bell import Bell
from smsgateway.outbox.notify import Herald
from smsgateway.settings import Settings
from smsgateway.store.database import open_store
from smsgateway.store.schema import require_current, sole_server, upgrade
from smsgateway.worker import STOP_WITHIN, Worker

ORPHAN_CHECK_S = 1.0
COLLECT_AFTER = 50_000  # objects; a report makes and drops some thousands

log = structlog.get_logger(__name__)


class MisSet(ValueError):
    """A setting without which serving would be silently useless."""


def serve_forever(settings: Settings, host: str, port: int, *, clock: bool) -> None:
    """Serve until SIGTERM or SIGINT. Raises MisSet, NotUpgraded or AlreadyServed before listening."""
    _require_secret(settings)
    _warn_of_simulator(settings)
    with sole_server(settings.database_url):
        _prepare_database(settings)
        _listen(settings, host, port, clock=clock)


def work_forever(settings: Settings) -> None:
    """Send and keep the clock until SIGTERM or SIGINT."""
    _warn_of_simulator(settings)
    with sole_server(settings.database_url):
        _prepare_database(settings)
        gateway = build_gateway(settings)
        make_worker(gateway).run_until_signalled()
        gateway.store.close()


def make_worker(gateway: Gateway) -> Worker:
    """The sending lanes and ticks of a gateway."""
    settings = gateway.settings
    return Worker(
        gateway.store,
        open_channels(settings),
        gateway.clock,
        gateway.care,
        rate=settings.rate,
        due_handlers=gateway.due_handlers(),
        retry_failed=gateway.sms.retry_failed,
        enrol=gateway.enrol,
        release_codes=gateway.release_codes,
        urgent_lanes=settings.urgent_lanes,
        other_lanes=settings.other_lanes,
    )


def _require_secret(settings: Settings) -> None:
    if not settings.webhook_secret.get_secret_value():
        raise MisSet("set SMSGATEWAY_WEBHOOK_SECRET: without it every message to the webhooks would be refused")


def _warn_of_simulator(settings: Settings) -> None:
    if settings.channel_in_use == "simulator":
        log.warning("the channel is the simulator: no message leaves this machine")


def _prepare_database(settings: Settings) -> None:
    """An SQLite file belongs to this process alone and is brought up to date; PostgreSQL is shared, so its schema is
    changed by `db upgrade` only."""
    store = open_store(settings.database_url)
    try:
        if store.dialect == "sqlite":
            upgrade(store.engine)
        require_current(store.engine)
    finally:
        store.close()


def _listen(settings: Settings, host: str, port: int, *, clock: bool) -> None:
    """Listen until signalled. The access log stays off: it would write the secret path down."""
    server = Granian(
        target="smsgateway",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=settings.web_threads_in_use,
        workers_kill_timeout=int(STOP_WITHIN) + 10,
        log_level=LogLevels.error,
    )
    server.serve(target_loader=partial(_load, settings, clock), wrap_loader=False)


def _load(settings: Settings, clock: bool, *_target: Any) -> Callable[..., Any]:
    """The application, made in the worker process, where its threads must live."""
    gateway = build_gateway(settings)
    _spare_the_collector()
    part: Worker | Herald | None = make_worker(gateway) if clock else _herald(gateway)
    # atexit does not run in a child of multiprocessing; this does, after the last answer was given.
    Finalize(None, _close, args=(gateway, part), exitpriority=10)
    threading.Thread(target=_stop_when_orphaned, args=(os.getppid(),), name="parent-watch", daemon=True).start()
    if part is not None:
        part.start()
    return create_app(gateway)


def _spare_the_collector() -> None:
    """The programme and the code live as long as the process: not to be looked through again with every few messages
    for what could be thrown away."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _herald(gateway: Gateway) -> Herald | None:
    """Without lanes of our own, whoever sends in another process is told at once that there is something to send."""
    if gateway.store.dialect != "postgresql":
        return None
    bell = Bell()
    bell.hang(gateway.store)
    return Herald(gateway.store, bell)


def _close(gateway: Gateway, part: Worker | Herald | None) -> None:
    if part is not None:
        part.stop()
    gateway.store.close()


def _stop_when_orphaned(parent: int) -> None:
    """Whoever kills the parent with -9 must not leave a server behind that holds the port and sends."""
    waiting = threading.Event()
    while not waiting.wait(ORPHAN_CHECK_S):
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
            return
