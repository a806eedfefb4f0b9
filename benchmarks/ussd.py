"""How long does a CHW wait for the next USSD screen? Fifty CHWs at once, each walking through reports of sick children
without a pause, against a running `smsgateway serve` on SQLite and on PostgreSQL.

The network gives an application ten seconds; the target is 200 ms for 99 turns in 100. Nobody types that fast: fifty
people with two seconds a screen make 25 turns a second.

    python -m benchmarks.ussd --sessions 50 --reports 6
"""

from __future__ import annotations

import argparse
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from benchmarks import programme
from benchmarks.processes import ROOT, Server, free_port
from tests.support.postgres import running_postgres

SECRET = "benchmark-secret-0"
CHILDREN = 5  # on the first screen of those a CHW can choose from
# Sick child, the child, no danger sign, fever, of two days, an arm of 120 mm, a positive test, treated, nothing else.
ENTRIES = ("2", "{child}", "1", "2", "2", "2", "120", "2", "2", "1", "1")
TARGET_MS = 200.0


class Person:
    """A CHW at the phone: one turn after the other on one connection, without a pause. One thread plays all of them, so
    that waiting for a turn of the generator's own is not taken for waiting for a screen."""

    def __init__(self, port: int, phone: str, reports: int, waits: list[float]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self._phone = phone
        self._left = iter(range(reports))
        self._waits = waits
        self._received = b""
        self._session = ""
        self._coming: Iterator[str] = iter(())
        self._entered: list[str] = []

    def dial(self) -> bool:
        """Begin the next report; False when there is none."""
        report = next(self._left, None)
        if report is None:
            self.socket.close()
            return False
        self._session = f"bench-{self._phone}-{report}"
        self._coming = (entry.format(child=report % CHILDREN + 1) for entry in ENTRIES)
        self._entered = []
        self._send()
        return True

    def hear(self) -> bool:
        """What has arrived; False when this person is done."""
        self._received += self.socket.recv(65_536)
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if not found or length is None or len(body) < int(length[1]):
            return True
        self._waits.append((time.perf_counter() - self._started) * 1000)
        self._received = b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.splitlines()[0].decode())
        entry = None if body.startswith(b"END") else next(self._coming, None)
        if entry is None:
            return self.dial()
        self._entered.append(entry)
        self._send()
        return True

    def _send(self) -> None:
        form = {"sessionId": self._session, "phoneNumber": self._phone, "serviceCode": "*384#"}
        body = urlencode({**form, "text": "*".join(self._entered)}).encode()
        head = (
            f"POST /at/{SECRET}/ussd HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._started = time.perf_counter()
        self.socket.sendall(head.encode() + body)


def measure(environment: dict[str, str], sessions: int, reports: int) -> tuple[list[float], float]:
    """The waits of all turns in milliseconds, sorted, and how many turns a second there were."""
    port = free_port()
    command = [sys.executable, "-m", "smsgateway", "serve", "--port", str(port)]
    waits: list[float] = []
    with Server(command, port, environment) as server, selectors.DefaultSelector() as waiting:
        server.settle(60)
        started = time.perf_counter()
        for number in range(sessions):
            person = Person(port, programme.phone(programme.CHW_PHONES, number), reports, waits)
            waiting.register(person.socket, selectors.EVENT_READ, person)
            person.dial()
        while waiting.get_map():
            for key, _ in waiting.select():
                if not key.data.hear():
                    waiting.unregister(key.fileobj)
                    key.data.socket.close()
        return sorted(waits), len(waits) / (time.perf_counter() - started)


@contextmanager
def databases() -> Iterator[Sequence[tuple[str, str]]]:
    with tempfile.TemporaryDirectory() as folder, running_postgres(durable=True) as url:
        yield (("sqlite", f"sqlite:///{Path(folder) / 'ussd.db'}"), ("postgresql", url))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--reports", type=int, default=6)
    given = parser.parse_args()
    print(f"{'database':12} {'turns':>6} {'turns/s':>8} {'p50 ms':>7} {'p99 ms':>7}  target {TARGET_MS:.0f} ms")
    with databases() as chosen, tempfile.TemporaryDirectory() as people:
        programme.write(Path(people), given.sessions)
        for name, url in chosen:
            environment = {
                "SMSGATEWAY_DATABASE_URL": url,
                "SMSGATEWAY_WEBHOOK_SECRET": SECRET,
                "SMSGATEWAY_CHANNEL": "simulator",
                "SMSGATEWAY_LOG_LEVEL": "ERROR",
            }
            for words in (["db", "upgrade"], ["people", "import", people]):
                subprocess.run(
                    [sys.executable, "-m", "smsgateway", *words],
                    env={**os.environ, **environment},
                    cwd=ROOT,
                    check=True,
                    capture_output=True,
                )
            waits, rate = measure(environment, given.sessions, given.reports)
            p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
            verdict = "met" if p99 < TARGET_MS else "MISSED"
            print(f"{name:12} {len(waits):>6} {rate:>8.0f} {p50:>7.1f} {p99:>7.1f}  {verdict}")


if __name__ == "__main__":
    main()
