"""What do the servers serve while they are compared? Three small Flask applications without any of our own code.

`trivial` answers at once: it shows the server's own cost. `work` costs what an intake costs: 0.4 ms of CPU, then a
durable SQLite insert made by one writer thread for all requests that wait. Both have `/slow`, which takes two seconds:
a request in flight when the order to stop arrives.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from pathlib import Path

from flask import Flask, request

CPU_SECONDS = 0.0004
SLOW_SECONDS = 2.0
GROUP = 64


def trivial() -> Flask:
    """Reads the form and answers."""
    app = _base()

    @app.post("/")
    def take() -> tuple[str, int]:
        return "", 200 if request.form["id"] else 400

    return app


def work() -> Flask:
    """Reads the form, computes, waits for the commit that holds the message, answers."""
    app = _base()
    writer = Writer(Path(os.environ["BENCHMARK_SQLITE"]))

    @app.post("/")
    def take() -> tuple[str, int]:
        form = request.form
        busy_until = time.thread_time() + CPU_SECONDS
        while time.thread_time() < busy_until:
            pass
        writer.write((form["id"], form["from"], form["text"]))
        return "", 200

    return app


def _base() -> Flask:
    app = Flask(__name__)

    @app.get("/slow")
    def slow() -> tuple[str, int]:
        time.sleep(SLOW_SECONDS)
        return "finished", 200

    return app


class Writer:
    """One thread that commits the rows of all waiting requests together."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: queue.SimpleQueue[tuple[tuple[str, str, str], threading.Lock]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, row: tuple[str, str, str]) -> None:
        """Returns once `row` is on the disk."""
        done = threading.Lock()
        done.acquire()
        self._waiting.put((row, done))
        done.acquire()

    def _run(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS inbound(id TEXT PRIMARY KEY, sender TEXT, body TEXT)")
        while True:
            group = [self._waiting.get()]
            while len(group) < GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO inbound VALUES (?, ?, ?)", [row for row, _ in group])
            connection.execute("COMMIT")
            for _, done in group:
                done.release()
