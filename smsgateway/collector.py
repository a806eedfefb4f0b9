"""How is Python's garbage collector kept out of the way? What lives as long as the process is not looked through again
with every few messages for what could be thrown away."""

from __future__ import annotations

import gc

COLLECT_AFTER = 50_000  # objects; a report makes and drops some thousands


def spare_the_collector() -> None:
    """To be called once everything that stays is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
