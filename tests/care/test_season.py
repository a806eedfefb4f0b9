"""Three weeks of a small site, with an outage of 36 hours and a clock change: nothing is forgotten, nobody is woken.

`benchmarks/season.py` plays 90 days of a whole site.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from smsgateway.reading.programme import Programme
from smsgateway.store.tables import due, due_log, message_log, referrals
from tests.support.season import ZONE, account_of, play_season


@pytest.mark.parametrize("seed", [1, 2])
def test_a_season_leaves_nothing_unexplained(tmp_path: Path, programme: Programme, seed: int) -> None:
    season, account = play_season(4, 80, date(2026, 10, 20), 18, seed, tmp_path, programme)
    assert account.violations == []
    assert season.sent_in > 200
    assert account.reasons["follow_up: fulfilled"] > 20
    assert account.messages["urgent"] > 0
    assert account.segments["reminder"] < 1.5 * account.messages["reminder"]


def test_the_account_sees_what_is_wrong(tmp_path: Path, programme: Programme) -> None:
    """An account that finds nothing must be one that could."""
    season, before = play_season(2, 20, date(2026, 10, 20), 9, 3, tmp_path, programme)
    assert before.violations == []
    store = season.simulation.gateway.store
    outage = (season.outage.start, season.outage.end)
    with store.read() as connection:
        fulfilled = connection.execute(select(due_log.c.id).where(due_log.c.reason == "fulfilled").limit(1)).scalar()
        standing = connection.execute(select(due.c.id).where(due.c.rank == 1).limit(1)).scalar()
        reminder = connection.execute(select(message_log.c.id).where(message_log.c.rung == "morning").limit(1)).scalar()
    night = season.now.replace(hour=1)
    wrongs = [
        (update(due_log).where(due_log.c.id == fulfilled).values(reason="missed"), "missed without an outage"),
        (update(due_log).where(due_log.c.id == fulfilled).values(reason=""), "without a known reason"),
        (update(due).where(due.c.id == standing).values(at=outage[0]), "not acted on"),
        (update(message_log).where(message_log.c.id == reminder).values(settled_at=night), "reminder at"),
        (update(referrals).values(open=True, opened_at=outage[0] - timedelta(days=3)), "open without anything ahead"),
        (delete(due_log).where(due_log.c.step.startswith("treated:")), "no follow-up"),
        (delete(due).where(due.c.kind == "vaccine"), "gone without a trace"),
        (delete(due).where(due.c.kind == "evening"), "no evening any more"),
    ]
    for wrong, seen in wrongs:
        store.write(lambda tx, wrong=wrong: tx.execute(wrong))  # type: ignore[misc]
        after = account_of(store, ZONE, season.now, outage)
        assert any(seen in violation for violation in after.violations), seen
