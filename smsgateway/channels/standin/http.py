"""How do the stand-in's answers travel? The HTTP side of it: kept-alive connections, one thread each, whole answers in
one write, and the bad manners a trap asks for. It decides nothing; `Provider` does.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from smsgateway.channels.standin.traps import Trap

_LINGER_AND_RESET = struct.pack("ii", 1, 0)


class Provider(Protocol):
    """Who decides on the answers."""

    latency: float

    def take(self, form: Mapping[str, str], key: str | None) -> tuple[Trap, bytes]: ...

    def account(self, username: str | None, key: str | None) -> tuple[Trap, bytes]: ...


class ApiServer(ThreadingHTTPServer):
    """Listens from the moment it is made, on a free port when `port` is 0; answers between `start` and `stop`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, provider: Provider, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.provider = provider
        self.stopping = threading.Event()
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._open_changed = threading.Condition()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="stand-in Africa's Talking", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop at once: waiting answers are dropped and connections closed."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._open_changed:
            for connection in self._open:
                _shut(connection)

    def wait_until_all_closed(self, seconds: float) -> bool:
        """Whether every connection is closed, by either side, within so many seconds."""
        with self._open_changed:
            return self._open_changed.wait_for(lambda: not self._open, seconds)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_changed:
            self.connections += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._open_changed:
            self._open.discard(request)
            self._open_changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what half of the tests are about; anything else is a fault of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every second answer waits 40 ms for the client's delayed ACK

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/version1/messaging":
            return self._answer(Trap(404), b"")
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        return self._answer(*self.server.provider.take(form, self.headers.get("apiKey")))

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/version1/user":
            return self._answer(Trap(404), b"")
        username = dict(parse_qsl(address.query)).get("username")
        return self._answer(*self.server.provider.account(username, self.headers.get("apiKey")))

    def _answer(self, trap: Trap, body: bytes) -> None:
        delay = self.server.provider.latency + trap.delay
        if delay and self.server.stopping.wait(delay):
            return self._reset()
        if trap.reset:
            return self._reset()
        headers = [
            f"HTTP/1.1 {trap.status or 201} Stand-in",
            f"Content-Type: {trap.content_type}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in trap.headers),
        ]
        answer = "\r\n".join(headers).encode("latin-1") + b"\r\n\r\n" + body
        if trap.drip:
            self._drip(answer, trap.drip)
        else:
            self.wfile.write(answer)
        self.close_connection = self.close_connection or trap.hang_up
        return None

    def _drip(self, answer: bytes, pause: float) -> None:
        for at in range(len(answer)):
            if self.server.stopping.wait(pause):
                return
            self.wfile.write(answer[at : at + 1])

    def _reset(self) -> None:
        """Break the connection so that the client sees a reset, not a polite end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_AND_RESET)
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        return None


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
