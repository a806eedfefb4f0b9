"""How do two processes of one service talk? `serve` speaks HTTP in one and files reports in the other, so that neither
waits for the other's turn with the interpreter; between them are a few lines, pipes that nobody else can reach.

On each line goes one request at a time: what several callbacks said, and back comes what became of each. While the
engine is at one request the next gathers, so on SQLite what was gathered shares one commit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import structlog

from smsgateway.channels.messages import Said
from smsgateway.logs import whereabouts
from smsgateway.store.database import Store
from smsgateway.store.write import StoreUnavailable, Task, Written

log = structlog.get_logger(__name__)

Tasks = Callable[[Said], Task[Any]]


class NotTaken(Exception):
    """What was said could not be stored, for a reason that lies with us and not with the database."""


class Answer(NamedTuple):
    """What became of one callback: stored, with the screen to show if it was a turn, or why not."""

    screen: str | None = None
    refused: str | None = None  # by the database: it may be tried again
    failed: str | None = None


GONE = Answer(refused="the engine is gone")


@dataclass(frozen=True, slots=True)
class Lines:
    """Both ends of all lines. `together`: how many callbacks one request may carry."""

    web: tuple[Connection, ...]
    engine: tuple[Connection, ...]
    together: int


def lay(count: int, together: int) -> Lines:
    """New lines; give `web` to the process that takes callbacks."""
    pairs = [Pipe() for _ in range(count)]
    return Lines(tuple(web for web, _ in pairs), tuple(engine for _, engine in pairs), together)


class _Call:
    """One callback that waits to be answered."""

    def __init__(self, said: Said) -> None:
        self.said = said
        self._answer = Answer()
        self._done = threading.Lock()
        self._done.acquire()

    def finish(self, answer: Answer) -> None:
        self._answer = answer
        self._done.release()

    def wait(self) -> Answer:
        self._done.acquire()
        return self._answer


class Caller:
    """The web's end: called with what a webhook decoded, by any number of threads. When nobody is at the other end
    any more, whoever calls hears that the store is unavailable."""

    def __init__(self, lines: Sequence[Connection], together: int) -> None:
        self._together = together
        self._waiting: deque[_Call] = deque()
        self._out = 0  # calls that are with the engine
        self._ready = threading.Condition()
        for number, line in enumerate(lines):
            threading.Thread(target=self._serve, args=(line,), name=f"line-{number}", daemon=True).start()

    def __call__(self, said: Said) -> str | None:
        """The screen for a turn, None for anything else, once it is stored. Raises StoreUnavailable or NotTaken."""
        call = _Call(said)
        with self._ready:
            self._waiting.append(call)
            if self._may_go():
                self._ready.notify()
        answer = call.wait()
        if answer.refused is not None:
            raise StoreUnavailable(answer.refused)
        if answer.failed is not None:
            raise NotTaken(answer.failed)
        return answer.screen

    def waiting(self) -> int:
        """How many calls are not with the engine yet."""
        return len(self._waiting)

    def _serve(self, line: Connection) -> None:
        answers: list[Answer] | None = []
        while True:
            calls = self._gathered()
            answers = None if answers is None else _asked(line, [call.said for call in calls])
            with self._ready:
                self._out -= len(calls)
                if self._may_go():
                    self._ready.notify()
            for number, call in enumerate(calls):
                call.finish(answers[number] if answers else GONE)

    def _gathered(self) -> list[_Call]:
        with self._ready:
            self._ready.wait_for(self._may_go)
            calls = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._together))]
            self._out += len(calls)
        return calls

    def _may_go(self) -> bool:
        """At once when the engine has nothing of ours; else when as many wait as it has: sent earlier they would only
        wait there, and share their commit with fewer."""
        return len(self._waiting) >= max(1, min(self._out, self._together))


def _asked(line: Connection, said: list[Said]) -> list[Answer] | None:
    """The answers; None when nobody is there to give them any more."""
    try:
        line.send(said)
        answers: list[Answer] = line.recv()
    except (EOFError, OSError):
        return None
    return answers


class Switchboard:
    """The engine's end: files what comes over the lines, a thread for each."""

    def __init__(self, store: Store, tasks: Tasks, lines: Lines) -> None:
        self._store = store
        self._tasks = tasks
        self._lines = lines
        self._threads = [
            threading.Thread(target=self._serve, args=(line,), name=f"filing-{number}", daemon=True)
            for number, line in enumerate(lines.engine)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Once the web has ended: what it had asked for was answered."""
        for line in self._lines.web:
            line.close()
        for thread in self._threads:
            thread.join()

    def _serve(self, line: Connection) -> None:
        try:
            while True:
                line.send(self._answers(line.recv()))
        except (EOFError, OSError):
            line.close()

    def _answers(self, said: list[Said]) -> list[Answer]:
        try:
            return [_answer(outcome) for outcome in self._store.carry_out([self._tasks(each) for each in said])]
        except Exception as error:  # noqa: BLE001 - a line lives as long as its process
            return [_answer(Written(error=error)) for _ in said]


def _answer(outcome: Written[Any]) -> Answer:
    error = outcome.error
    if error is None:
        return Answer(outcome.result)
    if isinstance(error, StoreUnavailable):
        return Answer(refused=str(error))
    log.error("callback not taken", error=type(error).__name__, where=whereabouts(error))
    return Answer(failed=type(error).__name__)
