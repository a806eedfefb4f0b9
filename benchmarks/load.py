"""How many reports a second does a server accept, and how long does each sender wait?

One process, one thread, plain sockets and hand-written HTTP/1.1: measured, it costs a fraction of the cheapest server
it loads, so that on a small machine the figure is the server's. N connections each post one Africa's Talking
callback, wait for the answer, and post the next (a closed loop). Only answers with status 200 count as accepted.

    python -m benchmarks.load http://127.0.0.1:8000/at/secret/sms --connections 16 --seconds 8
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from benchmarks import programme

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
RECEIVE_BYTES = 65_536
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. Times are in milliseconds; `cpu_share` is this generator's own use of one core, from 0 to 1; `next`
    is the number of the first message not yet posted."""

    accepted: int
    errors: int
    seconds: float
    per_second: float
    p50: float
    p99: float
    worst: float
    cpu_share: float
    reconnects: int
    next: int


class Connection:
    """One sender: posts, waits for the whole answer, posts again, on one connection or a new one each time. Nothing
    here blocks: a server that leaves one connection waiting must not make the others look slow."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._socket: socket.socket | None = None
        self._request = b""
        self._received = b""
        self._started = 0.0

    def post(self) -> None:
        """Start on the next message."""
        self._request = self._run.next_request()
        self._received = b""
        self._started = time.perf_counter()
        if self._socket is None:
            self._connect()
        else:
            self._send(self._socket)

    def _connect(self) -> None:
        connecting = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connecting.connect_ex(self._run.address)
        self._run.connects += 1
        self._run.selector.register(connecting, selectors.EVENT_WRITE, self)
        self._socket = connecting

    def ready(self, event: int) -> None:
        """The connection stands, or (a part of) the answer is here."""
        assert self._socket is not None, "only open connections are watched"
        if event & selectors.EVENT_WRITE:
            self._run.selector.modify(self._socket, selectors.EVENT_READ, self)
            self._send(self._socket)
        else:
            self._read(self._socket)

    def _send(self, connected: socket.socket) -> None:
        # A callback is a few hundred octets: it fits the socket's buffer, so one call takes it whole.
        try:
            connected.send(self._request)
        except OSError:
            self._finish(accepted=False, reusable=False)

    def _read(self, connected: socket.socket) -> None:
        try:
            data = connected.recv(RECEIVE_BYTES)
        except OSError:
            data = b""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if blank and _is_whole(head, body, closed=not data):
            reusable = self._run.keep_alive and bool(data) and not CLOSES.search(head)
            self._finish(b" 200 " in head[:13], reusable)
        elif not data:
            self._finish(accepted=False, reusable=False)

    def _finish(self, accepted: bool, reusable: bool) -> None:
        self._run.count(time.perf_counter() - self._started, accepted)
        if not reusable:
            self.close()
        if self._run.going_on():
            self._run.idle.append(self)
        else:
            self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._run.selector.unregister(self._socket)
            self._socket.close()
            self._socket = None


def _is_whole(head: bytes, body: bytes, *, closed: bool) -> bool:
    length = CONTENT_LENGTH.search(head)
    if length:
        return len(body) >= int(length[1])
    return closed or (body.endswith(b"0\r\n\r\n") and b"chunked" in head.lower())


class Run:
    """The shared state of one run: which message is next, what was counted, when it ends."""

    def __init__(self, url: str, body: Callable[[int], bytes], first: int, keep_alive: bool) -> None:
        parts = urlsplit(url)
        self.address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.keep_alive = keep_alive
        self.selector = selectors.DefaultSelector()
        self.connects = 0
        self.idle: list[Connection] = []
        self._body = body
        self._next = first
        connection = "keep-alive" if keep_alive else "close"
        self._head = (
            f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: {connection}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        ).encode()
        self._waits: list[float] = []
        self._errors = 0
        self._counts_from = 0.0
        self._ends = 0.0

    def next_request(self) -> bytes:
        body = self._body(self._next)
        self._next += 1
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    def going_on(self) -> bool:
        return time.perf_counter() < self._ends

    def count(self, wait: float, accepted: bool) -> None:
        now = time.perf_counter()
        if not self._counts_from <= now <= self._ends:
            return
        if accepted:
            self._waits.append(wait)
        else:
            self._errors += 1

    def measure(self, connections: int, seconds: float, warm_up: float) -> Figures:
        """Load the server for `warm_up` + `seconds`; only the latter is counted."""
        self._counts_from = time.perf_counter() + warm_up
        self._ends = self._counts_from + seconds
        cpu, started = time.process_time(), time.perf_counter()
        self.idle = [Connection(self) for _ in range(connections)]
        last_sign_of_life = started
        while time.perf_counter() - last_sign_of_life < PATIENCE_SECONDS:
            starting, self.idle = self.idle, []
            for connection in starting:
                connection.post()
            if not self.selector.get_map() and not self.idle:
                break
            for key, event in self.selector.select(timeout=1.0):
                key.data.ready(event)
                last_sign_of_life = time.perf_counter()
        self._errors += len(self.selector.get_map())  # what was never answered
        share = (time.process_time() - cpu) / (time.perf_counter() - started)
        return self._figures(seconds, share, self.connects - connections)

    def _figures(self, seconds: float, cpu_share: float, reconnects: int) -> Figures:
        waits = sorted(self._waits)
        accepted = len(waits)

        def percentile(share: float) -> float:
            return waits[min(accepted - 1, int(share * accepted))] * 1000 if waits else float("nan")

        return Figures(
            accepted=accepted,
            errors=self._errors,
            seconds=seconds,
            per_second=accepted / seconds,
            p50=percentile(0.50),
            p99=percentile(0.99),
            worst=percentile(1.0),
            cpu_share=cpu_share,
            reconnects=reconnects,
            next=self._next,
        )


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--no-keep-alive", action="store_true", help="a new connection for every message")
    parser.add_argument("--first", type=int, default=0, help="number of the first message: no two runs repeat one")
    parser.add_argument("--chws", type=int, default=40_000)
    parser.add_argument("--urgent-every", type=int, default=20, help="every n-th has a danger sign; 0: none")
    parser.add_argument("--json", action="store_true")
    return parser


def main() -> None:
    chosen = arguments().parse_args()

    def body(message: int) -> bytes:
        return programme.callback(message, chosen.chws, chosen.urgent_every)

    run = Run(chosen.url, body, chosen.first, not chosen.no_keep_alive)
    figures = run.measure(chosen.connections, chosen.seconds, chosen.warm_up)
    if chosen.json:
        print(json.dumps(asdict(figures)))
        return
    print(
        f"{figures.per_second:.0f} accepted/s, p50 {figures.p50:.1f} ms, p99 {figures.p99:.1f} ms, "
        f"worst {figures.worst:.1f} ms, {figures.errors} errors, generator used {figures.cpu_share:.0%} of a core"
    )


if __name__ == "__main__":
    main()
