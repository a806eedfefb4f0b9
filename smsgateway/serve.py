"""How does the service run? `serve`: webhooks, clock and sending together; `worker`: clock and sending alone, beside
any number of `serve --no-clock` on PostgreSQL.

`serve` is the engine, which has the database, the lanes and the clock, and a child that speaks HTTP (`web/process`) and
hands over what was posted (`line`). Filing a report and speaking HTTP have an interpreter each, so neither waits for
the other's turn (docs/benchmarks.md). The HTTP server is granian as a library, chosen by measurement. On SIGTERM it
refuses new connections and answers the requests in flight; then the lanes finish or give back what they hold.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
from functools import partial

import structlog
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from smsgateway.app import Gateway, build_gateway, open_channels
from smsgateway.collector import spare_the_collector
from smsgateway.line import Switchboard, lay
from smsgateway.outbox.bell import Bell
from smsgateway.outbox.notify import Herald
from smsgateway.settings import Settings
from smsgateway.store.database import open_store
from smsgateway.store.schema import require_current, sole_server, upgrade
from smsgateway.store.write import GROUP_AT_MOST
from smsgateway.web.process import application
from smsgateway.worker import STOP_WITHIN, Worker

log = structlog.get_logger(__name__)


class MisSet(ValueError):
    """A setting with which serving would be useless, silently or not."""


def serve_forever(settings: Settings, host: str, port: int, *, clock: bool) -> None:
    """Serve until SIGTERM or SIGINT. Raises MisSet, NotUpgraded or AlreadyServed before listening."""
    _require_secret(settings)
    _require_port(host, port)
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


def _require_port(host: str, port: int) -> None:
    """Before anything is begun: the server's own refusal comes late, and is nothing to read."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise MisSet(f"cannot listen on {host}:{port} (SMSGATEWAY_BIND): {error.strerror}") from error


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
    """Listen until signalled."""
    # The child must not inherit the engine's connections and locks, as it would if it were forked.
    multiprocessing.set_start_method("spawn", force=True)
    gateway = build_gateway(settings)
    lines = lay(2, together=GROUP_AT_MOST)  # while one group of messages is committed the next gathers
    switchboard = Switchboard(gateway.store, gateway.task, lines)
    part: Worker | Herald | None = make_worker(gateway) if clock else _herald(gateway)
    spare_the_collector()
    switchboard.start()
    if part is not None:
        part.start()
    loader = partial(application, settings, lines.web, lines.together)
    try:
        _server(settings, host, port).serve(target_loader=loader, wrap_loader=False)
    finally:  # the child has given its last answer
        if part is not None:
            part.stop()
        switchboard.stop()
        gateway.store.close()


def _server(settings: Settings, host: str, port: int) -> Granian:
    """The access log stays off: it would write the secret path down. SIGHUP, at which it would start a second child,
    means nothing here: two children on the same lines would hear each other's answers."""
    server = Granian(
        target="smsgateway",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=settings.web_threads,
        workers_kill_timeout=int(STOP_WITHIN) + 10,
        log_level=LogLevels.error,
    )
    server.on_startup(lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    return server


def _herald(gateway: Gateway) -> Herald | None:
    """Without lanes of our own, whoever sends in another process is told at once that there is something to send."""
    if gateway.store.dialect != "postgresql":
        return None
    bell = Bell()
    bell.hang(gateway.store)
    return Herald(gateway.store, bell)
