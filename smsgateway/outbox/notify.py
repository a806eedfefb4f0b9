"""How do lanes in other processes hear the bell? Through PostgreSQL: a herald tells, a listener hears.

The herald tells after the commit, in a transaction of its own and at most twenty times a second: inside the message's
transaction NOTIFY takes a lock that lets commits pass one at a time. A message that is not told is found by polling.
"""

from __future__ import annotations

import threading
from typing import Final

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from smsgateway.outbox.bell import Bell
from smsgateway.store.database import Store

log = structlog.get_logger(__name__)

TOPIC: Final = "smsgateway_outbox"
PAUSE: Final = 0.05  # seconds between two tellings
RECONNECT: Final = 2.0
_NAMES: Final = {True: "urgent", False: "other"}


class Herald:
    """Tells the other processes, on a thread of its own, when the bell rings in this one."""

    def __init__(self, store: Store, bell: Bell) -> None:
        self._store = store
        self._something = threading.Event()
        self._halt = threading.Event()
        self._pending = {True: False, False: False}
        self._thread = threading.Thread(target=self._serve, name="herald", daemon=True)
        bell.also(self._hear)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._halt.set()
        self._something.set()
        self._thread.join()

    def _hear(self, urgent: bool) -> None:
        self._pending[urgent] = True
        self._something.set()

    def _serve(self) -> None:
        while not self._halt.is_set():
            self._something.wait()
            self._something.clear()
            for urgent, name in _NAMES.items():
                if self._pending[urgent]:
                    self._pending[urgent] = False
                    self._tell(name)
            self._halt.wait(PAUSE)

    def _tell(self, name: str) -> None:
        try:
            with self._store.engine.begin() as connection:
                connection.execute(text("SELECT pg_notify(:topic, :name)"), {"topic": TOPIC, "name": name})
        except DBAPIError as error:
            log.warning("not told", error=type(error).__name__)


class Listener:
    """Rings this process's bell when another one tells."""

    def __init__(self, store: Store, bell: Bell) -> None:
        self._url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._bell = bell
        self._halt = threading.Event()
        self.listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._halt.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._halt.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                self.listening.clear()
                log.warning("not listening", error=type(error).__name__)
                self._halt.wait(RECONNECT)

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"LISTEN {TOPIC}")
            self.listening.set()
            while not self._halt.is_set():
                for told in connection.notifies(timeout=1.0):
                    self._bell.wake(told.payload == _NAMES[True])
                    if self._halt.is_set():
                        return
