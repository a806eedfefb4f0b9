"""How is a WSGI application served here, so that every application in a comparison is served alike?

One table of servers, each a function that serves `application` on a port with some threads until SIGTERM. `granian`
is the one that `smsgateway serve` embeds; the others are candidates that `benchmarks/servers.py` measures against it.

    python -m benchmarks.serving granian benchmarks.server_apps:trivial 8000 16
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Callable
from typing import Any

WsgiApplication = Callable[..., Any]
KEEP_ALIVE_SECONDS = 75


def gunicorn(factory: Callable[[], WsgiApplication], port: int, threads: int) -> None:
    """gthread, one forked worker; the application is made in the worker, where its threads must live."""
    from gunicorn.app.base import BaseApplication

    settings = {
        "bind": f"127.0.0.1:{port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": threads,
        "keepalive": KEEP_ALIVE_SECONDS,
        "loglevel": "warning",
        "control_socket_disable": True,
    }

    class Embedded(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in settings.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> WsgiApplication:
            return factory()

    Embedded().run()


def cheroot(factory: Callable[[], WsgiApplication], port: int, threads: int) -> None:
    from cheroot.wsgi import Server

    # Its default backlog of 5 drops connections that arrive together: they come again a second later.
    server = Server(
        ("127.0.0.1", port),
        factory(),
        numthreads=threads,
        timeout=KEEP_ALIVE_SECONDS,
        request_queue_size=1024,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.start()
    finally:
        server.stop()


def waitress(factory: Callable[[], WsgiApplication], port: int, threads: int) -> None:
    from waitress import create_server  # type: ignore[import-untyped, unused-ignore]

    server = create_server(factory(), host="127.0.0.1", port=port, threads=threads)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.run()


def werkzeug(factory: Callable[[], WsgiApplication], port: int, threads: int) -> None:
    """A thread for each connection, whatever `threads` says."""
    import logging

    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", port, factory(), threaded=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        server.server_close()


def granian(factory: Callable[[], WsgiApplication], port: int, threads: int) -> None:
    """As a library: the loader runs in the one worker process, where the application's threads must live."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    server = Granian(
        target=factory.__name__,
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=threads,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=factory, wrap_loader=False)


SERVERS: dict[str, Callable[[Callable[[], WsgiApplication], int, int], None]] = {
    server.__name__: server for server in (gunicorn, cheroot, waitress, werkzeug, granian)
}


def main() -> None:
    server, target, port, threads = sys.argv[1:5]
    module, _, name = target.partition(":")
    SERVERS[server](getattr(importlib.import_module(module), name), int(port), int(threads))


if __name__ == "__main__":
    main()
