"""Messages with their meaning for `smsgateway evaluate`: seeded reports, clean and with one, two and three noises.

python -m benchmarks.evaluation --messages 24000 --seed 7 > messages.jsonl
smsgateway evaluate messages.jsonl --markdown
"""

from __future__ import annotations

import argparse
import json
import random
import sys

from benchmarks.noise import NOISES, Report, clean_report, line_for, noisy

ONE_OF = (*(kind for kind in NOISES if kind != "truncated"),)


def line(report: Report, noise: str) -> str:
    """One message and what it means."""
    meant = {
        **line_for(report),
        "flow": report.flow,
        "subject": report.subject,
        "answers": report.answers,
        "danger": sorted(report.danger),
        "outcome": report.outcome,
        "noise": noise,
    }
    return json.dumps(meant, ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=24_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    kinds = [*((name, [name]) for name in ONE_OF), ("none", []), ("two at once", None), ("three at once", None)]
    each = given.messages // (len(kinds) + 6)
    for name, noises in kinds:
        count = {"two at once": 2, "three at once": 6}.get(name, 1)
        for _ in range(each * count):
            chosen = noises if noises is not None else rng.sample(ONE_OF, 2 if name == "two at once" else 3)
            sys.stdout.write(line(noisy(rng, clean_report(rng), chosen), name) + "\n")


if __name__ == "__main__":
    main()
