"""How long does a CHW wait for the next USSD screen? Fifty sessions at once, each walking through a report of a sick
child, against a running `smsgateway serve` on SQLite and on PostgreSQL.

The network gives an application ten seconds; the target is 200 ms for 99 turns in 100.

    python -m benchmarks.ussd --sessions 50 --reports 6
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.processes import ROOT, Server, free_port
from smsgateway.settings import shipped
from tests.support.postgres import running_postgres

SECRET = "benchmark-secret-0"
PHONES = [f"+223760000{n:02d}" for n in range(1, 13)]  # the CHWs of the demo programme
ENTRIES = ("2", "2", "1", "2", "2", "2", "120", "2", "2", "1", "1")
TARGET_MS = 200.0
_sessions = itertools.count(1)


def walk(port: int, phone: str, waits: list[float]) -> None:
    """One report on one connection; adds each turn's milliseconds to `waits`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    session, entered = f"bench-{next(_sessions)}", []
    for entry in (None, *ENTRIES):
        if entry is not None:
            entered.append(entry)
        form = {"sessionId": session, "phoneNumber": phone, "serviceCode": "*384#", "text": "*".join(entered)}
        started = time.perf_counter()
        connection.request(
            "POST",
            f"/at/{SECRET}/ussd",
            urlencode(form),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        screen = connection.getresponse().read()
        waits.append((time.perf_counter() - started) * 1000)
        if b"Reprendre" in screen:
            entered = ["2"]
        if screen.startswith(b"END"):
            break
    connection.close()


def measure(environment: dict[str, str], sessions: int, reports: int) -> list[float]:
    """The waits of all turns."""
    port = free_port()
    command = [sys.executable, "-m", "smsgateway", "serve", "--port", str(port)]
    waits: list[list[float]] = [[] for _ in range(sessions)]
    with Server(command, port, environment):

        def person(number: int) -> None:
            for _ in range(reports):
                walk(port, PHONES[number % len(PHONES)], waits[number])

        people = [threading.Thread(target=person, args=(number,)) for number in range(sessions)]
        for each in people:
            each.start()
        for each in people:
            each.join()
    return sorted(wait for some in waits for wait in some)


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
    with databases() as chosen:
        for name, url in chosen:
            environment = {
                "SMSGATEWAY_DATABASE_URL": url,
                "SMSGATEWAY_WEBHOOK_SECRET": SECRET,
                "SMSGATEWAY_CHANNEL": "simulator",
                "SMSGATEWAY_LOG_LEVEL": "ERROR",
            }
            for words in (["db", "upgrade"], ["people", "import", str(shipped("flows") / "demo")]):
                subprocess.run(
                    [sys.executable, "-m", "smsgateway", *words],
                    env={**os.environ, **environment},
                    cwd=ROOT,
                    check=True,
                    capture_output=True,
                )
            started = time.perf_counter()
            waits = measure(environment, given.sessions, given.reports)
            rate = len(waits) / (time.perf_counter() - started)
            p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
            verdict = "met" if p99 < TARGET_MS else "MISSED"
            print(f"{name:12} {len(waits):>6} {rate:>8.0f} {p50:>7.1f} {p99:>7.1f}  {verdict}")


if __name__ == "__main__":
    main()
