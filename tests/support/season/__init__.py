"""A site for a season on a virtual clock: people who do what people do, and an account of everything afterwards."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from smsgateway.reading.programme import Programme
from tests.support.season.audit import Account, account_of
from tests.support.season.people import Players
from tests.support.season.play import Outage, Season, open_season
from tests.support.season.site import make_site

__all__ = ["OUTAGE", "ZONE", "Account", "Season", "account_of", "play_season"]

ZONE = "Africa/Cairo"  # summer time ends there on the night of 29 October 2026
OUTAGE = timedelta(hours=36)


def play_season(
    chws: int, households: int, first: date, days: int, seed: int, folder: Path, programme: Programme | None = None
) -> tuple[Season, Account]:
    """Play a season, the service away for 36 hours in its middle, and go through the books. At which hour it goes, and
    whether it is back by day or at night, is the seed's to say."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    down = start + timedelta(days=days // 2 - 5, hours=random.Random(seed).randrange(24))
    site = make_site(chws, households, ZONE, first, seed)
    season = open_season(site, folder, start, Outage(down, down + OUTAGE), programme)
    Players(site, season, first, days, seed).begin()
    season.play(start + timedelta(days=days))
    return season, account_of(season.simulation.gateway.store, ZONE, season.now, (down, down + OUTAGE))
