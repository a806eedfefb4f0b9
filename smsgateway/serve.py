"""How does the service run? `serve`: webhooks, clock and sending embedded in one process; `worker`: clock and sending
alone, beside any number of `serve --no-clock` on PostgreSQL.

gunicorn is used as a library: one worker process with threads. On SIGTERM it stops listening, finishes the requests
in flight, and then the sending lanes finish or give back what they hold. (Measured against others in
`benchmarks/servers.py`; docs/benchmarks.md has the figures.)
"""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication

from smsgateway.app import Gateway, build_gateway, create_app, open_channels
from smsgateway.settings import Settings
from smsgateway.store.database import open_store
from smsgateway.store.schema import require_current, sole_server, upgrade
from smsgateway.worker import STOP_WITHIN, Worker

KEEP_ALIVE_S = 75
LISTEN_BACKLOG = 1024  # a default of a few drops connections that arrive together

log = structlog.get_logger(__name__)


class MisSet(ValueError):
    """A setting without which serving would be silently useless."""


def serve_forever(settings: Settings, host: str, port: int, *, clock: bool) -> None:
    """Serve until SIGTERM or SIGINT. Raises MisSet, NotUpgraded or AlreadyServed before listening."""
    _require_secret(settings)
    _warn_of_simulator(settings)
    with sole_server(settings.database_url):
        _prepare_database(settings)
        _Server(settings, host, port, clock=clock).run()


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


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our application in its one worker. Everything with threads is made there, after the fork."""

    def __init__(self, settings: Settings, host: str, port: int, *, clock: bool) -> None:
        self._settings = settings
        self._bind = f"{host}:{port}"
        self._clock = clock
        self._worker: Worker | None = None
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._settings.web_threads,
            "keepalive": KEEP_ALIVE_S,
            "backlog": LISTEN_BACKLOG,
            "graceful_timeout": int(STOP_WITHIN) + 10,
            "timeout": 120,
            "loglevel": "warning",
            "proc_name": "smsgateway",
            "post_worker_init": self._started,
            "worker_exit": self._stopping,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        self._gateway = build_gateway(self._settings)
        return create_app(self._gateway)

    def _started(self, _worker: Any) -> None:
        if self._clock:
            self._worker = make_worker(self._gateway)
            self._worker.start()

    def _stopping(self, _server: Any, _worker: Any) -> None:
        if self._worker is not None:
            self._worker.stop()
        self._gateway.store.close()
