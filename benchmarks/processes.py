"""What does a program under measurement accept, what does it cost, and does it stop cleanly?

Starts it as a child with its own process group, waits until it answers, and reads its memory and CPU time from /proc,
children included (gunicorn serves from a forked worker). Linux only, which is where the service runs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from benchmarks.load import Figures

START_SECONDS = 60.0
STOP_SECONDS = 30.0
SETTLED_FOR = 2.0  # seconds of looking
SETTLED_SHARE = 0.15  # of one core
ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A child process that listens on `port`; use it as a context manager. Its output goes to a file that is shown
    when it does not come up."""

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str] | None = None) -> None:
        self.port = port
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the server is left
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, "the server was not started"
        return self._child.pid

    def __enter__(self) -> Server:
        self._child = subprocess.Popen(
            self._command,
            env=self._environment,
            cwd=ROOT,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_it_answers(self._child)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print(self.output()[-3000:], file=sys.stderr)
        self.stop()
        self._output.close()

    def _wait_until_it_answers(self, child: subprocess.Popen[bytes]) -> None:
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            if child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        printed = self.output()[-3000:]
        self.stop()
        raise RuntimeError(f"did not start: {' '.join(self._command)}\n{printed}")

    def output(self) -> str:
        """What it printed so far."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def stop(self) -> float:
        """SIGTERM, as an init system does; the seconds it took to end. Kills what does not end in time."""
        assert self._child is not None
        started = time.monotonic()
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        return time.monotonic() - started

    def settle(self, at_most: float) -> float:
        """Wait until it has nothing left to do by itself (an import is followed by work); the seconds that took."""
        started = time.monotonic()
        while time.monotonic() - started < at_most:
            before = self.cpu_seconds()
            time.sleep(SETTLED_FOR)
            if self.cpu_seconds() - before < SETTLED_SHARE * SETTLED_FOR:
                break
        return time.monotonic() - started

    def cpu_seconds(self) -> float:
        """User and system time of the process and its living children so far."""
        ticks = sum(_cpu_ticks(pid) for pid in _family(self.pid))
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Proportional set size of the family: pages they share are counted once."""
        return sum(_pss_kb(pid) for pid in _family(self.pid)) / 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """One run against one server. `cpu_us` is the server's CPU time for one message, in microseconds."""

    figures: Figures
    cpu_us: float
    memory_mb: float


def load(server: Server, path: str, first: int, *options: str) -> Measured:
    """Load a running server from a process of its own; `first` is the number of the first message it posts."""
    before = server.cpu_seconds()
    url = f"http://127.0.0.1:{server.port}{path}"
    command = [sys.executable, "-m", "benchmarks.load", url, "--json", "--first", str(first), *options]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    figures = Figures(**json.loads(done.stdout))
    posted = max(1, figures.next - first)
    return Measured(figures, (server.cpu_seconds() - before) / posted * 1e6, server.memory_mb())


def _family(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in task.read_text().split()]
    return [pid, *(relative for child in children for relative in _family(child))]


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
