"""What is the least that a durable SMS webhook can cost? Flask, the raw driver, one insert, one commit, 200.

It knows no sender, reads no report, answers nobody: an upper yardstick, not a competitor. `BENCHMARK_DATABASE` holds a
path for `sqlite`, a URL for `postgresql`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable

import psycopg
from flask import Flask, request

COLUMNS = ("id", "from", "to", "text", "date")
CREATE = "CREATE TABLE IF NOT EXISTS inbound(id TEXT PRIMARY KEY, a TEXT, b TEXT, c TEXT, d TEXT)"
Insert = Callable[[tuple[str, ...]], None]


def sqlite() -> Flask:
    """WAL, synchronous=FULL. One connection behind a lock: SQLite's own waiting polls, which would be slower."""
    connection = sqlite3.connect(os.environ["BENCHMARK_DATABASE"], isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(CREATE)
    lock = threading.Lock()

    def insert(row: tuple[str, ...]) -> None:
        with lock:
            connection.execute("INSERT OR IGNORE INTO inbound VALUES (?, ?, ?, ?, ?)", row)

    return _app(insert)


def postgresql() -> Flask:
    """A connection a thread, autocommit."""
    url = os.environ["BENCHMARK_DATABASE"]
    with psycopg.connect(url, autocommit=True) as first:
        first.execute(CREATE)
    mine = threading.local()

    def insert(row: tuple[str, ...]) -> None:
        if not hasattr(mine, "connection"):
            mine.connection = psycopg.connect(url, autocommit=True)
        mine.connection.execute("INSERT INTO inbound VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING", row)

    return _app(insert)


def _app(insert: Insert) -> Flask:
    app = Flask(__name__)

    @app.post("/sms")
    def take() -> str:
        insert(tuple(request.form[column] for column in COLUMNS))
        return ""

    return app
