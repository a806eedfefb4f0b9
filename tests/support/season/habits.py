"""How is somebody? Reliable or not, late, careless with the keys, silent for days, away, the phone off: drawn once."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

# The first vaccine of a visit, as a digest names it, and what the CHW writes when all of it was given.
VACCINES = {
    "BCG": "BCG VPO0",
    "OPV0": "VPO0",
    **{f"PENTA{n}": f"PENTA{n} VPO{n} PNEUMO{n} ROTA{n}" + (" VPI1" if n == 3 else "") for n in (1, 2, 3)},
    "MR1": "RR1 VAA VPI2 MENA",
    "MR2": "RR2",
}
ILLNESSES = {
    "MAL {code} FIEVRE {days} TDR+ CTA": 45,
    "MAL {code} FIEVRE {days} TDR- PARACETAMOL": 20,
    "MAL {code} DIARRHEE {days} SRO ZINC": 18,
    "MAL {code} TOUX {days} RESPIRATION 44 AMOX": 10,
    "MAL {code} PB 120 ATPE": 4,
    "MAL {code} CONVULSION": 2,
    "MAL {code} FIEVRE {days} TIRAGE": 1,
}
FOLLOW_UPS = {"GUERI": 45, "MIEUX": 35, "PAREIL": 12, "EMPIRE": 2, "ABSENT": 6}
OUTCOMES = {
    "GUERI {code} PALU SUIVI 2": 30,
    "GUERI {code}": 40,
    "HOSPITALISE {code}": 20,
    "EVACUE {code}": 5,
    "DECEDE {code}": 2,
    "REFUS {code}": 2,
}
# What the CHW learns of the family she sent, if anything.
ON_THE_WAY = {"": 60, "PARTI {code}": 25, "TRANSPORT {code}": 5, "REFUS {code}": 8, "DECEDE {code}": 2}


@dataclass(frozen=True)
class Habits:
    """How one person is. `away`: from and to which day, and whether somebody covers."""

    reliable: float  # does what the digest asks for
    late: bool  # but a day later
    slips: float  # messages with a mistake
    silent: tuple[tuple[date, date], ...]
    away: tuple[tuple[date, date, bool], ...]
    off: tuple[tuple[datetime, datetime], ...]

    def works_on(self, day: date) -> bool:
        days_off = [*self.silent, *((first, last) for first, last, _ in self.away)]
        return not any(first <= day <= last for first, last in days_off)


def draw_habits(draw: random.Random, first: date, days: int, midnight: datetime, *, is_chw: bool) -> Habits:
    """Of one person for a season that begins at `midnight` of its first day."""
    late = is_chw and draw.random() < 0.1
    silent = (_stretch(draw, first, days, 3, 8),) if is_chw and draw.random() < 0.2 else ()
    away = ((*_stretch(draw, first, days, 2, 7), draw.random() < 0.7),) if is_chw and draw.random() < 0.35 else ()
    return Habits(
        reliable=draw.choice((0.6, 0.85, 0.95, 0.98)),
        late=late,
        slips=draw.choice((0.0, 0.01, 0.03, 0.12)),
        silent=silent,
        away=away,
        off=tuple(_off(draw, days, midnight) for _ in range(draw.randint(0, 4))),
    )


def _stretch(draw: random.Random, first: date, days: int, shortest: int, longest: int) -> tuple[date, date]:
    begin = first + timedelta(days=draw.randint(2, max(3, days - longest)))
    return begin, begin + timedelta(days=draw.randint(shortest, longest) - 1)


def _off(draw: random.Random, days: int, midnight: datetime) -> tuple[datetime, datetime]:
    begin = midnight + timedelta(hours=draw.uniform(0, 24 * days))
    return begin, begin + timedelta(hours=draw.uniform(1, 20))


def one_of(draw: random.Random, weighted: dict[str, int]) -> str:
    """One of these texts, by its weight."""
    return draw.choices(list(weighted), list(weighted.values()))[0]


def so_many(draw: random.Random, mean: float) -> int:
    """How often something happens that happens `mean` times (Poisson)."""
    count, left = 0, draw.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + draw.expovariate(1.0)
    return count


def slipped(draw: random.Random, text: str) -> str:
    """The text with one slip of the thumb."""
    place = draw.randrange(4, len(text)) if len(text) > 5 else 0
    slip = draw.choice(("drop", "double", "digit"))
    if slip == "drop":
        return text[:place] + text[place + 1 :]
    if slip == "double":
        return text[:place] + text[place : place + 1] * 2 + text[place + 1 :]
    return re.sub(r"\d", lambda found: str((int(found[0]) + 1) % 10), text, count=1)
