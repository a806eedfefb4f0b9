"""How many reports a second does the whole intake accept, against two yardsticks on the same machine?

In turn, several rounds interleaved: a bare Flask handler that makes one durable insert, RapidSMS 2.2 with a trivial
keyword handler, and `smsgateway serve` doing all it does (identify, read, judge, file, refer, queue the answers, and
send them through the simulator) for a national programme of 40,000 CHWs. Everything on SQLite (WAL, synchronous=FULL)
and on a durable PostgreSQL, under the same HTTP server, from the same generator in its own process. The best round of
each counts; ratios are of those.

    python -m benchmarks.intake                      # all; about ten minutes, most of it making the programme
    python -m benchmarks.intake --databases sqlite --rounds 2 --only rapidsms serve
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import programme
from benchmarks.processes import ROOT, Server, free_port, load
from benchmarks.processes import Measured as Round
from tests.support.postgres import running_postgres

HERE = Path(__file__).resolve().parent
SECRET = "benchmark"
SETTLE_SECONDS = 300.0
REQUIREMENTS = HERE / "references" / "requirements-rapidsms.txt"
WITHOUT_LOG = "rapidsms-nolog"  # faster, but it keeps no incoming message
WITHOUT_CLOCK = "serve-noclock"  # the intake alone: nothing is sent from this process
CONTENDERS = ("flask", "rapidsms", WITHOUT_LOG, "serve", WITHOUT_CLOCK)
TARGETS = {"sqlite": 4.0, "postgresql": 2.5}  # times RapidSMS
P99_TARGET_MS = 30.0
MESSAGES_A_RUN = 50_000  # how far apart runs start: no two runs on one database post the same message


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and how long."""

    chws: int
    rounds: int
    seconds: float
    warm_up: float
    connections: int
    threads: int
    server: str
    urgent_every: int
    no_keep_alive: bool
    rapidsms_python: Path
    folder: Path
    serve_options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contender:
    """A program to load: how it is started, and on which path it takes messages."""

    name: str
    command: tuple[str, ...]
    port: int
    path: str
    environment: dict[str, str]


def python_for_rapidsms(folder: Path) -> Path:
    """The interpreter of RapidSMS's own environment, made from the pinned requirements when it is not there yet."""
    python = folder.absolute() / "bin" / "python"
    if not python.exists():
        print(f"making {folder} for RapidSMS", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)
    return python


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """An empty database for each contender: a path (SQLite) or a URL of one durable server of our own."""
    if kind == "sqlite":
        yield {name: str(folder / f"{name}.db") for name in CONTENDERS}
        return
    with running_postgres(durable=True) as url:
        made = {name: f"{url.rsplit('/', 1)[0]}/{name}" for name in CONTENDERS}
        with psycopg.connect(url, autocommit=True) as connection:
            for name in CONTENDERS:
                connection.execute(f'CREATE DATABASE "{name}"')
        yield made


def prepare(plan: Plan, where: dict[str, str], chosen: Sequence[str]) -> None:
    """Fill the databases with the same 40,000 CHWs: through our own import, and straight into RapidSMS's tables."""
    for name in set(chosen) & {"rapidsms", WITHOUT_LOG}:
        command = [str(plan.rapidsms_python), "-m", "benchmarks.references.rapidsms_project.serve", str(plan.chws)]
        _run(command, _rapidsms(name, where[name]))
    if {"serve", WITHOUT_CLOCK} & set(chosen):
        people = plan.folder / "programme"
        if not people.exists():
            programme.write(people, plan.chws)
        environment = _ours(where["serve"], 0)
        _run([*_smsgateway(), "db", "upgrade"], environment)
        _run([*_smsgateway(), "people", "import", str(people)], environment)


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    print(f"  {' '.join(command[1:])}", flush=True)
    subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _smsgateway() -> list[str]:
    return [sys.executable, "-m", "smsgateway"]


def _ours(database: str, port: int) -> dict[str, str]:
    url = database if "://" in database else f"sqlite:///{database}"
    return {
        "SMSGATEWAY_DATABASE_URL": url,
        "SMSGATEWAY_CHANNEL": "simulator",
        "SMSGATEWAY_WEBHOOK_SECRET": SECRET,
        "SMSGATEWAY_TIMEZONE": "Africa/Bamako",
        "SMSGATEWAY_BIND": f"127.0.0.1:{port}",
    }


def _rapidsms(name: str, database: str) -> dict[str, str]:
    without_log = {"BENCHMARK_WITHOUT_LOG": "yes"} if name == WITHOUT_LOG else {}
    return {"BENCHMARK_DATABASE": database, **without_log}


def contender(plan: Plan, name: str, kind: str, database: str) -> Contender:
    """How `name` is started on `database`."""
    port = free_port()
    if name in ("serve", WITHOUT_CLOCK):
        options = [*plan.serve_options, *(["--no-clock"] if name == WITHOUT_CLOCK else [])]
        command = (*_smsgateway(), "serve", "--host", "127.0.0.1", "--port", str(port), *options)
        return Contender(name, command, port, f"/at/{SECRET}/sms", _ours(database, port))
    if name == "flask":
        python, application = sys.executable, f"benchmarks.references.bare_flask:{kind}"
    else:
        python = str(plan.rapidsms_python)
        application = "benchmarks.references.rapidsms_project.serve:application"
    command = (python, "-m", "benchmarks.serving", plan.server, application, str(port), str(plan.threads))
    return Contender(name, command, port, "/sms", _rapidsms(name, database))


def one_round(plan: Plan, racer: Contender, first: int) -> Round:
    """Start it, let it finish what it begins by itself, load it, stop it."""
    options = ["--connections", str(plan.connections), "--seconds", str(plan.seconds)]
    options += ["--warm-up", str(plan.warm_up), "--chws", str(plan.chws)]
    options += ["--urgent-every", str(plan.urgent_every), *(["--no-keep-alive"] if plan.no_keep_alive else [])]
    with Server(racer.command, racer.port, racer.environment) as server:
        waited = server.settle(SETTLE_SECONDS)
        if waited > 10:
            print(f"  {racer.name} worked for {waited:.0f} s before it was idle", flush=True)
        return load(server, racer.path, first, *options)


def race(plan: Plan, kind: str, chosen: Sequence[str]) -> dict[str, list[Round]]:
    """All rounds of all contenders on one kind of database."""
    results: dict[str, list[Round]] = {name: [] for name in chosen}
    print(f"\n{kind}: preparing", flush=True)
    folder = plan.folder / kind
    folder.mkdir()
    with databases(kind, folder) as where:
        prepare(plan, where, chosen)
        for turn in range(plan.rounds):
            for name in chosen:
                racer = contender(plan, name, kind, where["serve" if name == WITHOUT_CLOCK else name])
                first = (2 * turn + (name == WITHOUT_CLOCK)) * MESSAGES_A_RUN
                result = one_round(plan, racer, first)
                results[name].append(result)
                print(f"  round {turn + 1} {name:14} {_line(result)}", flush=True)
    return results


def _line(result: Round) -> str:
    f = result.figures
    return (
        f"{f.per_second:6.0f}/s  p50 {f.p50:6.1f} ms  p99 {f.p99:6.1f} ms  {f.errors} errors  "
        f"server {result.cpu_us:5.0f} µs CPU a message, {result.memory_mb:.0f} MB  (generator {f.cpu_share:.0%})"
    )


def summary(kind: str, results: dict[str, list[Round]]) -> dict[str, object]:
    """The best round of each contender and what they are to one another."""
    best = {name: max(rounds, key=lambda r: r.figures.per_second) for name, rounds in results.items() if rounds}
    rates = {name: result.figures.per_second for name, result in best.items()}
    print(f"\n{kind}: best of {max(map(len, results.values()))} rounds")
    for name, result in best.items():
        print(f"  {name:14} {_line(result)}")
    ratios = {
        f"{ours}/{other}": rates[ours] / rates[other]
        for ours in ("serve", WITHOUT_CLOCK)
        for other in ("rapidsms", WITHOUT_LOG, "flask")
        if ours in rates and rates.get(other)
    }
    for pair, ratio in ratios.items():
        target = f" (target {TARGETS[kind]})" if "rapidsms" in pair else ""
        print(f"  {pair} {ratio:.2f}{target}")
    if "serve" in best:
        print(f"  serve p99 {best['serve'].figures.p99:.1f} ms (target {P99_TARGET_MS:.0f})")
    return {"rates": rates, "ratios": ratios, "p99": {name: r.figures.p99 for name, r in best.items()}}


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=list(TARGETS))
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--chws", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--threads", type=int, default=16, help="of the references' server")
    parser.add_argument("--server", default="granian", help="of the references; serve has its own")
    parser.add_argument("--urgent-every", type=int, default=20, help="every n-th has a danger sign; 0: none")
    parser.add_argument("--no-keep-alive", action="store_true", help="a new connection for every message")
    parser.add_argument("--rapidsms-venv", type=Path, default=ROOT / "var" / "rapidsms-venv")
    parser.add_argument("--serve-option", action="append", default=[], help="passed to serve, e.g. --no-clock")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser


def main() -> None:
    chosen = arguments().parse_args()
    with tempfile.TemporaryDirectory(prefix="smsgateway-intake-") as folder:
        plan = Plan(
            chws=chosen.chws,
            rounds=chosen.rounds,
            seconds=chosen.seconds,
            warm_up=chosen.warm_up,
            connections=chosen.connections,
            threads=chosen.threads,
            server=chosen.server,
            urgent_every=chosen.urgent_every,
            no_keep_alive=chosen.no_keep_alive,
            rapidsms_python=python_for_rapidsms(chosen.rapidsms_venv),
            folder=Path(folder),
            serve_options=tuple(chosen.serve_option),
        )
        raced = {kind: race(plan, kind, chosen.only) for kind in chosen.databases}
    figures = {kind: summary(kind, results) for kind, results in raced.items()}
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
