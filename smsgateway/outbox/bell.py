"""Who wakes a sending lane when there is something to send? The bell, rung after the commit that queued a message.

Ringing is cheap and never waits: it happens on the thread that commits. A lane that was busy when the bell rang finds
out by the count it heard last, so no ring is lost; and a lane looks by itself every second anyway, so a bell that was
never hung, or another process's, costs a second and no message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from smsgateway.store.database import Store
from smsgateway.store.write import Tx

_OPTION = "smsgateway_bell"


class Bell:
    """Two bells in one: one for urgent messages, one for all others."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._conditions = {True: threading.Condition(lock), False: threading.Condition(lock)}
        self._rings = {True: 0, False: 0}
        self._listeners: list[Callable[[bool], None]] = []

    def hang(self, store: Store) -> None:
        """Have it rung for whatever is queued through `store`."""
        store.engine.update_execution_options(**{_OPTION: self})

    def also(self, listener: Callable[[bool], None]) -> None:
        """Tell `listener`, too, at every ring (is it urgent?); it must return at once."""
        self._listeners.append(listener)

    def ring(self, urgent: bool) -> None:
        """Something is queued: wake one idle lane here, and whoever else listens."""
        self.wake(urgent)
        for listener in self._listeners:
            listener(urgent)

    def wake(self, urgent: bool) -> None:
        """Wake one idle lane of this process."""
        with self._conditions[urgent]:
            self._rings[urgent] += 1
            self._conditions[urgent].notify()

    def wake_all(self) -> None:
        """Wake every lane, to stop or to look again."""
        for urgent, condition in self._conditions.items():
            with condition:
                self._rings[urgent] += 1
                condition.notify_all()

    def heard(self, urgent: bool) -> int:
        """The count of rings; take it before looking for work."""
        with self._conditions[urgent]:
            return self._rings[urgent]

    def wait(self, urgent: bool, heard: int, timeout: float) -> None:
        """Sleep until it has rung since `heard`, at most `timeout` seconds."""
        with self._conditions[urgent]:
            self._conditions[urgent].wait_for(lambda: self._rings[urgent] != heard, timeout)


def ring_after_commit(tx: Tx, urgent: bool) -> None:
    """Ring the bell that hangs at this transaction's store, if any, once its rows are there to be found."""
    bell = tx.option(_OPTION)
    if bell is not None:
        tx.after_commit(partial(bell.ring, urgent))
