"""How many messages a second are read on one core, and how well? Prints both, for seeded messages.

    python -m benchmarks.reading [--messages N] [--evaluate N] [--seed S]

Speed is that of `smsgateway read --stdin`: one JSON object in, one out, in this process. Targets: 5,000 clean messages
a second, 1,500 with a typing error in each. `--evaluate N` reads N messages of each kind of noise, and five times as
many with three noises at once, and shows how each kind was understood.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.noise import NOISES, Report, Tally, clean_report, line_for, noisy, settle_account
from smsgateway.reading.answer import read_line
from smsgateway.reading.programme import Programme, load_programme

FLOWS = Path(__file__).parents[1] / "flows"
TARGETS = {"clean": 5_000, "one typing error": 1_500}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--evaluate", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    programme = load_programme(FLOWS)
    speed(programme, options.messages, options.seed)
    if options.evaluate:
        evaluate(programme, options.evaluate, options.seed)


def speed(programme: Programme, messages: int, seed: int) -> None:
    """Messages a second of CPU time, clean and with a slip of the thumb in each; no two are alike."""
    rng = random.Random(seed)
    clean = [clean_report(rng) for _ in range(messages)]
    slipped = [noisy(rng, clean_report(rng), ["typo"]) for _ in range(messages)]
    for name, reports in (("clean", clean), ("one typing error", slipped)):
        lines = [json.dumps(line_for(report)) for report in reports]
        for line in lines[:200]:
            read_line(json.loads(line), programme)
        before = time.process_time()
        for line in lines:
            json.dumps(read_line(json.loads(line), programme))
        rate = len(lines) / (time.process_time() - before)
        print(f"{name:18} {rate:8,.0f} messages/s  (target {TARGETS[name]:,})")


def evaluate(programme: Programme, messages: int, seed: int) -> None:
    """One line a kind of noise: understood exactly, asked back, and the four ways of being wrong."""
    rng = random.Random(seed)
    print(f"\n{'noise':18} {'exactly':>8} {'asked':>7} {'missed':>7} {'sign':>6} {'patient':>8} {'false alarm':>12}")
    one = Tally()
    for kind in ("none", *NOISES):
        names = [] if kind == "none" else [kind]
        tally = _read_all(programme, (noisy(rng, clean_report(rng), names) for _ in range(messages)))
        _show(kind, tally)
        if kind not in ("none", "truncated"):
            _add(one, tally)
    kinds = [kind for kind in NOISES if kind != "truncated"]
    three = (noisy(rng, clean_report(rng), rng.sample(kinds, 3)) for _ in range(5 * messages))
    _show("one, all kinds *", one)
    _show("three at once *", _read_all(programme, three))
    print("* without messages cut off, which have lost what they lost")


def _read_all(programme: Programme, reports: Iterable[Report]) -> Tally:
    tally = Tally()
    for report in reports:
        settle_account(report, read_line(line_for(report), programme), tally)
    return tally


def _add(total: Tally, tally: Tally) -> None:
    total.messages += tally.messages
    total.exact += tally.exact
    total.asked += tally.asked
    for kind in ("missed", "wrong_sign", "wrong_patient", "false_alarm"):
        getattr(total, kind).extend(getattr(tally, kind))


def _show(kind: str, tally: Tally) -> None:
    wrong = [len(each) for each in (tally.missed, tally.wrong_sign, tally.wrong_patient, tally.false_alarm)]
    share = 100 * tally.exact / tally.messages
    print(f"{kind:18} {share:7.1f}% {tally.asked:7} {wrong[0]:7} {wrong[1]:6} {wrong[2]:8} {wrong[3]:12}")


if __name__ == "__main__":
    main()
