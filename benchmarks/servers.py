"""Which WSGI server should `smsgateway serve` embed? Measured: throughput, waiting, cost, memory, and how it stops.

Every candidate serves the same two Flask applications (`server_apps.py`), in turn, several rounds interleaved, so that
a noisy machine treats all alike; the best round of each counts. At 16 connections kept alive, and at 16 that open
anew for every message, since Africa's Talking's callbacks come from many hosts. The candidates other than granian
are no dependency of the project: give a Python that has them.

    python -m benchmarks.servers --python /path/to/venv/bin/python --rounds 3 --seconds 4
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Measured, Server, free_port, load

CANDIDATES = (
    ("gunicorn", 8), ("gunicorn", 16), ("gunicorn", 32),
    ("cheroot", 8), ("cheroot", 16), ("cheroot", 32),
    ("waitress", 8), ("waitress", 16), ("waitress", 32),
    ("granian", 4), ("granian", 8), ("granian", 16), ("granian", 32),
    ("werkzeug", 16),
)  # fmt: skip
APPLICATIONS = ("trivial", "work")
PATIENCE_SECONDS = 5.0
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
HELD = {
    "a request, then kept open": b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing": b"",
    "half a head": HEAD[:20],
    "half a body": HEAD + b"Content-Length: 100\r\n\r\nid=1",
}


@dataclass(frozen=True, slots=True)
class Stopped:
    """How it ended: was the request in flight answered, in how many seconds after SIGTERM was the process gone, and
    was it so too while an idle connection was kept alive."""

    answered: bool
    seconds: float
    seconds_with_idle: float


def served(python: str, name: str, threads: int, application: str, folder: Path) -> Server:
    port = free_port()
    target = f"benchmarks.server_apps:{application}"
    command = [python, "-m", "benchmarks.serving", name, target, str(port), str(threads)]
    return Server(command, port, {"BENCHMARK_SQLITE": str(folder / f"{port}.db")})


def measure(server: Server, seconds: float, keep_alive: bool, first: int) -> Measured:
    options = ["--seconds", str(seconds), "--warm-up", "0.5", *([] if keep_alive else ["--no-keep-alive"])]
    return load(server, "/", first, *options)


def stop_in_flight(server: Server, idle: bool) -> tuple[bool, float]:
    """SIGTERM half a second into a two-second request: was it answered, and how long did stopping take?"""
    answers: list[bytes] = []
    waiting = socket.create_connection(("127.0.0.1", server.port), timeout=10) if idle else None
    if waiting:
        waiting.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        waiting.recv(1000)
    asking = threading.Thread(target=lambda: answers.append(_ask_slowly(server.port)))
    asking.start()
    time.sleep(0.5)
    seconds = server.stop()
    asking.join()
    if waiting:
        waiting.close()
    return b"finished" in answers[0], seconds


def _ask_slowly(port: int) -> bytes:
    return _ask(port, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", timeout=10)


def _ask(port: int, request: bytes, timeout: float) -> bytes:
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as asking:
            asking.sendall(request)
            while data := asking.recv(1000):
                received += data
    except OSError:
        pass  # dropped: what was received so far tells
    return received


def stopping(python: str, name: str, threads: int, folder: Path) -> Stopped:
    with served(python, name, threads, "trivial", folder) as server:
        answered, seconds = stop_in_flight(server, idle=False)
    with served(python, name, threads, "trivial", folder) as server:
        also_answered, with_idle = stop_in_flight(server, idle=True)
    return Stopped(answered and also_answered, seconds, with_idle)


def answers_while_held(python: str, name: str, threads: int, sent: bytes, folder: Path) -> bool:
    """Is a request served while 40 clients hold connections on which they sent only `sent`?"""
    with served(python, name, threads, "trivial", folder) as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        for client in held:
            client.sendall(sent)
        time.sleep(0.5)
        answer = _ask(server.port, HEAD + b"Connection: close\r\nContent-Length: 4\r\n\r\nid=1", PATIENCE_SECONDS)
        for client in held:
            client.close()
    return b" 200 " in answer


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", nargs="*", default=[], help="names of candidates; all when none is given")
    chosen = parser.parse_args()
    candidates = [c for c in CANDIDATES if not chosen.only or c[0] in chosen.only]
    with tempfile.TemporaryDirectory() as folder:
        best = rounds(chosen.python, candidates, chosen.rounds, chosen.seconds, Path(folder))
        report(best)
        names = list(dict.fromkeys(name for name, _ in candidates))
        manners(chosen.python, names, Path(folder))


def manners(python: str, names: list[str], folder: Path) -> None:
    """Print how each server stops, and whether slow clients can hold it up."""
    print("\n| server | in flight at SIGTERM | gone after | with an idle connection | served while 40 clients sent |")
    print("|---|---|---|---|---|")
    for name in names:
        end = stopping(python, name, 16, folder)
        held = [f"{what}: {_yes(answers_while_held(python, name, 16, sent, folder))}" for what, sent in HELD.items()]
        dropped = "answered" if end.answered else "**dropped**"
        times = f"{end.seconds:.1f} s | {end.seconds_with_idle:.1f} s"
        print(f"| {name} | {dropped} | {times} | {', '.join(held)} |", flush=True)


def _yes(answered: bool) -> str:
    return "yes" if answered else "**no**"


Key = tuple[str, str, int, bool]


def rounds(
    python: str, candidates: list[tuple[str, int]], count: int, seconds: float, folder: Path
) -> dict[Key, Measured]:
    """The best of `count` rounds for every application, candidate and way of connecting."""
    best: dict[Key, Measured] = {}
    for turn in range(count):
        for application in APPLICATIONS:
            for name, threads in candidates:
                with served(python, name, threads, application, folder) as server:
                    for keep_alive in (True, False):
                        first = 10_000_000 * turn + (0 if keep_alive else 5_000_000)
                        now = measure(server, seconds, keep_alive, first)
                        key = (application, name, threads, keep_alive)
                        if key not in best or now.figures.per_second > best[key].figures.per_second:
                            best[key] = now
    return best


def report(best: dict[Key, Measured]) -> None:
    for application in APPLICATIONS:
        for keep_alive in (True, False):
            print(f"\n{application}, {'kept alive' if keep_alive else 'a new connection each time'}\n")
            print("| server | threads | requests/s | p50 ms | p99 ms | errors | CPU µs | MB | reconnects |")
            print("|---|---|---|---|---|---|---|---|---|")
            for (app, name, threads, kept), m in best.items():
                if (app, kept) == (application, keep_alive):
                    f = m.figures
                    print(
                        f"| {name} | {threads} | {f.per_second:.0f} | {f.p50:.1f} | {f.p99:.1f} | {f.errors} "
                        f"| {m.cpu_us:.0f} | {m.memory_mb:.0f} | {f.reconnects if kept else '-'} |"
                    )


if __name__ == "__main__":
    main()
