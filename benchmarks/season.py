"""What does a season of reminders and referrals cost, and is anything forgotten? One site for 90 days on a virtual
clock: 60 CHWs, 6,000 households, people who are late, silent, wrong, away, whose phones are off; the service is away
for 36 hours in the middle, and the clocks change.

Prints messages, segments and cost for each CHW and month, how reminders ended, and every violation; exits 1 when there
is one: a due item unexplained, an urgent referral without outcome or escalation, a message at the wrong hour.

    python -m benchmarks.season [--chws 60] [--households 6000] [--days 90] [--seed 1] [--price 12]
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import structlog

from tests.support.season import play_season
from tests.support.season.audit import CLASSES, Account
from tests.support.season.play import Season

FIRST = date(2026, 9, 15)
MONTH = 30.4375


def report(account: Account, season: Season, chws: int, days: int, price: float) -> None:
    """In numbers a programme can plan with."""
    months = days / MONTH
    print(f"{season.sent_in} messages in, {len(season.lost)} of them lost by the network during the outage")
    print(f"per CHW and month: {season.sent_in / chws / months:.1f} in, ", end="")
    print(f"{account.urgent_referrals / chws / months:.1f} urgent referrals")
    print(f"{'class':10}{'messages':>10}{'segments':>10}   per CHW and month: messages, segments, cost")
    for kind in (*CLASSES, "all"):
        kinds = CLASSES if kind == "all" else (kind,)
        messages = sum(account.messages.get(each, 0) for each in kinds)
        segments = sum(account.segments.get(each, 0) for each in kinds)
        a_month = segments / chws / months
        each = f"{messages / chws / months:>12.1f}{a_month:>10.1f}{a_month * price:>10.0f}"
        print(f"{kind:10}{messages:>10}{segments:>10}{each}")
    print(f"(cost at {price:g} a segment)")
    for reason, count in sorted(account.reasons.items()):
        print(f"  {reason:28}{count:>8}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chws", type=int, default=60)
    parser.add_argument("--households", type=int, default=6_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--price", type=float, default=12.0)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        season, account = play_season(given.chws, given.households, FIRST, given.days, given.seed, Path(folder))
    report(account, season, given.chws, given.days, given.price)
    print(f"{given.days} days in {time.perf_counter() - began:.0f} s; {len(account.violations)} violations")
    for violation in account.violations[:50]:
        print("  " + violation)
    sys.exit(1 if account.violations else 0)


if __name__ == "__main__":
    main()
