"""Reports as phones mangle them: no danger missed, no wrong patient, no wrong sign; most are understood as meant.

The whole evaluation is `benchmarks/reading.py`; this is enough of it to notice when something breaks.
"""

from __future__ import annotations

import random

import pytest

from benchmarks.noise import NOISES, Tally, clean_report, line_for, noisy, settle_account
from smsgateway.reading.answer import read_line
from tests.reading.cases import programme

# What one letter's slip leaves is often one slip from two words, and a text cut off has lost what it lost: those are
# asked. Everything else is understood as it was meant.
UNDERSTOOD = {"typo": 0.65, "prefix": 0.85, "truncated": 0.0}


def tally(noises: list[str], messages: int, seed: int) -> Tally:
    rng = random.Random(seed)
    result = Tally()
    for _ in range(messages):
        report = noisy(rng, clean_report(rng), noises)
        settle_account(report, read_line(line_for(report), programme()), result)
    return result


@pytest.mark.parametrize("noise", NOISES)
def test_one_noise(noise: str) -> None:
    result = tally([noise], messages=60, seed=11)
    if noise != "truncated":  # a code cut short may be another's: the register and the answer's echo are what is left
        assert result.wrong_patient == []
        assert result.missed == []
    assert result.wrong_sign == []
    assert result.false_alarm == []
    assert result.exact / result.messages >= UNDERSTOOD.get(noise, 0.95)


def test_three_noises_at_once() -> None:
    rng = random.Random(12)
    kinds = [noise for noise in NOISES if noise != "truncated"]
    result = Tally()
    for _ in range(400):
        report = noisy(rng, clean_report(rng), rng.sample(kinds, 3))
        settle_account(report, read_line(line_for(report), programme()), result)
    assert (result.missed, result.wrong_patient, result.wrong_sign) == ([], [], [])
    assert result.exact / result.messages >= 0.85
    assert len(result.false_alarm) / result.messages <= 0.02
