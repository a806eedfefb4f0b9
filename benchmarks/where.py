"""Where does the time of one report go, from the form body to the commit?

The whole intake of a running programme in one thread, without HTTP: first as it is, then under the profiler, grouped
by stage (time within a function and all it calls) and by module (time in its own lines); on SQLite also the SQL
statements of one report. Each message is its own transaction here, so a group commit is not seen.

    python -m benchmarks.where [--database sqlite|postgresql] [--messages 2000]
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event

from benchmarks import programme
from smsgateway.app import Gateway, build_gateway
from smsgateway.channels.africastalking import read_sms
from smsgateway.settings import Settings
from smsgateway.store.database import open_store
from smsgateway.store.schema import upgrade
from smsgateway.store.write import PlainDoor
from smsgateway.transfer import import_people
from smsgateway.web.webhooks import decode_form
from tests.support.postgres import running_postgres

CHWS = 2_000
WARM_UP = 200
STAGES = (
    ("webhooks.py", "decode_form"),
    ("africastalking.py", "read_sms"),
    ("people.py", "who"),
    ("sms.py", "read"),
    ("sms.py", "_handle_new"),
    ("once.py", "first_time"),
    ("people.py", "locate"),
    ("judge.py", "judge"),
    ("apply.py", "_apply"),
    ("queue.py", "enqueue"),
    ("write.py", "flush"),
    ("inserts.py", "insert_many"),
)
ROOT = str(Path(__file__).resolve().parent.parent)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'where.db'}"
        return
    with running_postgres(durable=True) as url:
        yield url


def gateway_on(url: str, folder: Path) -> Gateway:
    """The service on a filled database, every transaction in the calling thread."""
    settings = Settings(database_url=url, channel="simulator")
    store = open_store(settings.database_url)
    upgrade(store.engine)
    programme.write(folder / "programme", CHWS)
    import_people(store, folder / "programme", datetime.now(UTC).date())
    store.close()
    store = replace(store, door=(door := PlainDoor(store.engine)), filing=door)
    return build_gateway(settings, store=store)


def take(gateway: Gateway, first: int, count: int) -> float:
    """CPU microseconds of one message, on average over `count`."""
    bodies = [programme.callback(number, CHWS, 20) for number in range(first, first + count)]
    started = time.thread_time()
    for body in bodies:
        gateway.sms.take(read_sms(decode_form(body), body))
    return (time.thread_time() - started) / count * 1e6


def statements(gateway: Gateway, first: int) -> list[str]:
    """The SQL of one report, in order (SQLite only)."""
    seen: list[str] = []

    def trace(_connection: Any, _record: Any, proxy: Any) -> None:
        raw: sqlite3.Connection = proxy.dbapi_connection
        raw.set_trace_callback(lambda sql: seen.append(" ".join(sql.split())[:110]))

    for engine in (gateway.store.engine, gateway.store.readers):
        event.listen(engine, "checkout", trace)
    take(gateway, first, 1)
    for engine in (gateway.store.engine, gateway.store.readers):
        event.remove(engine, "checkout", trace)
    return seen


def stages(stats: Any, count: int) -> None:
    print("\nwithin (profiled, µs a message; calls a message)")
    for (path, _line, name), (_primitive, calls, own, within, _callers) in stats.items():
        if ROOT in path and (path.rsplit("/", 1)[-1], name) in STAGES:
            where = f"{path.removeprefix(ROOT)}:{name}"
            print(f"  {within / count * 1e6:7.0f}  own {own / count * 1e6:6.0f}  x{calls / count:5.1f}  {where}")


def modules(stats: Any, count: int) -> None:
    spent: Counter[str] = Counter()
    for (path, _line, name), (_primitive, _calls, own, _within, _callers) in stats.items():
        spent[path.removeprefix(ROOT).split("site-packages/")[-1] if path != "~" else name] += int(own * 1e9)
    print("\nown time by module (profiled, µs a message)")
    for place, nanoseconds in spent.most_common(25):
        print(f"  {nanoseconds / count / 1000:7.1f}  {place}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--messages", type=int, default=CHWS, help=f"at most {CHWS}: then they would be corrections")
    chosen = parser.parse_args()
    count: int = chosen.messages
    with tempfile.TemporaryDirectory() as folder, database(chosen.database, Path(folder)) as url:
        gateway = gateway_on(url, Path(folder))
        take(gateway, 0, WARM_UP)
        costs = [take(gateway, CHWS * turn, count) for turn in (1, 2, 3)]
        print(f"{min(costs):.0f} µs of CPU a message in this thread (of {[round(cost) for cost in costs]})")
        if chosen.database == "sqlite":
            for sql in statements(gateway, CHWS * 4 + 1):
                print("   ", sql)
        profiler = cProfile.Profile()
        profiler.runcall(take, gateway, CHWS * 5, count)
        stats: Any = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
        stages(stats, count)
        modules(stats, count)
        gateway.store.close()


if __name__ == "__main__":
    main()
