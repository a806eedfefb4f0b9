"""What do people do? CHWs visit, treat, report, and do what their digests ask for; nurses answer alerts; supervisors
supervise. All they know is what lies on their phones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zlib import crc32
from zoneinfo import ZoneInfo

from smsgateway.channels.simulator import PhoneText
from tests.support.season.habits import (
    FOLLOW_UPS,
    ILLNESSES,
    ON_THE_WAY,
    OUTCOMES,
    VACCINES,
    draw_habits,
    one_of,
    slipped,
    so_many,
)
from tests.support.season.play import Season
from tests.support.season.site import Area, Person, Site

SUNDAY = 6
TODO = re.compile(r"(?P<word>SUIVI PB|SUIVI|CPON|CPN|VAC|TERME DEPASSE REF|STOCK|MENAGES)!?(?P<rest>[^.]*)")
CODE = re.compile(r"\b(\d+)-(\d+)\b")
REFERRAL = re.compile(r"\b([CDFHJKMNPRTVWXY]\d{1,3})\b")
PREGNANCY_DAYS = 270


@dataclass(frozen=True)
class Task:
    """Something a digest asks for: under which word, about whom, as the reader must type it, and what stood there."""

    word: str
    code: str
    rest: str


class Players:
    """Everybody of a site, playing."""

    def __init__(self, site: Site, season: Season, first: date, days: int, seed: int) -> None:
        self.site, self.season, self.first, self.days = site, season, first, days
        self.draw = random.Random(seed)
        self.zone = ZoneInfo(site.zone)
        self.areas = {area.phone: area for area in site.areas}
        self.homes_asked_for: dict[str, list[str]] = {}
        self.ill: dict[str, list[Person]] = {}
        self.answered: set[tuple[str, str]] = set()
        everybody = (*self.areas, *site.nurses, *site.supervisors, site.lead)
        midnight = self.moment(first, 0)
        self.habits = {
            phone: draw_habits(self.draw, first, days, midnight, is_chw=phone in self.areas) for phone in everybody
        }
        season.read, season.is_off = self.read, self.is_off

    def begin(self) -> None:
        """Plan every day of the season."""
        for area in self.site.areas:
            for day in (self.first + timedelta(days=n) for n in range(self.days)):
                self.season.at(self.moment(day, 5.0), partial(self.plan_day, area, day))

    # ------------------------------------------------------------ time

    def moment(self, day: date, hour: float) -> datetime:
        """So many hours into a local day."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC) + timedelta(hours=hour)

    def today(self) -> date:
        return self.season.now.astimezone(self.zone).date()

    def is_off(self, phone: str, at: datetime) -> datetime | None:
        """When the phone is on again; None when it is on."""
        return next((end for begin, end in self.habits[phone].off if begin <= at < end), None)

    # ------------------------------------------------------------ sending

    def text(self, phone: str, day: date, hour: float, text: str) -> None:
        """Somebody will send this then."""
        self.season.at(self.moment(day, hour), partial(self.send, phone, text))

    def soon(self, phone: str, text: str, soonest: float, latest: float) -> None:
        """In so many minutes."""
        moment = self.season.now + timedelta(minutes=self.draw.uniform(soonest, latest))
        self.season.at(moment, partial(self.season.text_in, phone, text))

    def send(self, phone: str, text: str) -> None:
        """Now, sometimes with a slip."""
        if self.draw.random() < self.habits[phone].slips:
            text = slipped(self.draw, text)
        self.season.text_in(phone, text)

    # ------------------------------------------------------------ a CHW's day

    def plan_day(self, area: Area, day: date) -> None:
        draw, habits = self.draw, self.habits[area.phone]
        for first, last, covered in habits.away:
            if day == first:
                cover = draw.choice([other.chw for other in self.site.areas if other is not area]) if covered else ""
                self.text(area.phone, day, 5.5, f"CONGE {(last - first).days + 1} {cover}".strip())
        if not habits.works_on(day):
            return
        for _ in range(so_many(draw, 0.05)):  # families call at night, too
            child = self._child(area, day)
            if child is not None:
                self.text(area.phone, day, draw.uniform(0, 24), f"URG {child.code} CONVULSION")
        if day.weekday() == SUNDAY:
            return
        for hour in (draw.uniform(8, 11), draw.uniform(12, 15)):
            self.season.at(self.moment(day, hour), partial(self.visit, area))
        for _ in range(so_many(draw, 2.0)):
            self.season.at(self.moment(day, draw.uniform(7, 18)), partial(self.treat, area))
        self._life(area, day)

    def visit(self, area: Area) -> None:
        """Four households: those the digest named, then whoever comes next on the way round."""
        asked = self.homes_asked_for.setdefault(area.phone, [])
        homes = [asked.pop(0) for _ in range(min(2, len(asked)))]
        for home in area.households[:6]:
            if home not in homes and len(homes) < 4:
                homes.append(home)
        area.households.sort(key=homes.__contains__)
        self.send(area.phone, "VIS " + " ".join(homes))

    def treat(self, area: Area) -> None:
        child = self._child(area, self.today())
        if child is not None:
            text = one_of(self.draw, ILLNESSES)
            self.send(area.phone, text.format(code=child.code, days=self.draw.randint(0, 3)))
            self.ill[area.phone] = [*self.ill.get(area.phone, [])[-4:], child]

    def _child(self, area: Area, day: date) -> Person | None:
        children = area.children(day)
        return self.draw.choice(children) if children else None

    def _life(self, area: Area, day: date) -> None:
        """Pregnancies, births, deaths and moves."""
        draw, hour = self.draw, self.draw.uniform(8, 16)
        women = [each for each in area.people if each.sex == "F" and 17 < (day - each.born).days / 365 < 43]
        for woman in women:
            if woman.lmp is not None and (day - woman.lmp).days >= PREGNANCY_DAYS + crc32(woman.code.encode()) % 20:
                woman.lmp = None
                weight = f"{draw.uniform(2.4, 3.6):.1f}".replace(".", ",")
                where = draw.choice(("MAISON", "MATERNITE"))
                self.text(area.phone, day, hour, f"NAI {woman.code} {draw.choice('FM')} {weight}KG {where}")
        if women and draw.random() < 0.06:
            woman, weeks = draw.choice(women), draw.randint(8, 24)
            if woman.lmp is None:
                woman.lmp = day - timedelta(weeks=weeks)
                self.text(area.phone, day, hour, f"GRO {woman.code} {weeks} SEM")
        for chance, keyword in ((0.003, "DEC"), (0.006, "DEP")):
            known_ill = [each for each in self.ill.get(area.phone, []) if each in area.people]
            leaving = draw.random() < chance
            child = draw.choice(known_ill) if leaving and known_ill else self._child(area, day) if leaving else None
            if child is not None:
                area.people.remove(child)
                self.text(area.phone, day, hour + 1, f"{keyword} {child.code}")

    # ------------------------------------------------------------ reading

    def read(self, text: PhoneText) -> None:
        """Somebody reads an SMS, and does what people do then."""
        if text.phone in self.areas:
            self._chw_reads(self.areas[text.phone], text.body)
        elif text.phone in self.site.nurses:
            self._nurse_reads(text)
        elif text.phone in self.site.supervisors:
            self._supervisor_reads(text)

    def _chw_reads(self, area: Area, body: str) -> None:
        near = re.search(r"Est-ce (\d+)-(\d)", body)
        sent = re.search(r"\bEcrivez ([CDFHJKMNPRTVWXY]\d{1,3}) sur la fiche", body)
        if sent is not None and (heard := one_of(self.draw, ON_THE_WAY)):
            self.soon(area.phone, heard.format(code=sent[1]), 5, 120)
        if body.startswith("A faire"):
            for task in self._tasks(area, body):
                self._do(area, task)
        elif "decede" in body:  # what the clinic says; the family is left in peace, and the register told
            area.people = [each for each in area.people if f"{area.number}-{each.code}" not in body]
        elif near is not None and self.draw.random() < 0.7:
            self.soon(area.phone, near[1] + near[2], 2, 20)
        elif body.startswith("Naissance notee"):
            for sex, code in re.findall(r"(fille|garcon) (\d+-\d)", body):
                newborn = code.replace("-", "")
                area.people.append(Person(newborn, area.households[0], sex[0].upper(), self.today()))

    def _tasks(self, area: Area, body: str) -> Iterator[Task]:
        for found in TODO.finditer(body.partition(":")[2]):
            word, rest = found["word"], found["rest"]
            codes = [_typed(match, area.number) for match in CODE.finditer(rest)]
            if word == "MENAGES":
                self.homes_asked_for[area.phone] = [code for code in codes if "-" not in code]
            elif word == "STOCK":
                yield Task(word, "", rest)
            else:
                yield from (Task(word, code, rest) for code in codes)

    def _do(self, area: Area, task: Task) -> None:
        """At some hour of the day; the late do it tomorrow, some not at all."""
        habits = self.habits[area.phone]
        if self.draw.random() < habits.reliable:
            day = self.today() + timedelta(days=1 if habits.late else 0)
            self.text(area.phone, day, self.draw.uniform(8, 17), self._report(task))

    def _report(self, task: Task) -> str:
        draw, code = self.draw, task.code
        match task.word:
            case "STOCK":
                return f"STOCK CTA {draw.randint(0, 40)} TDR {draw.randint(0, 40)} SRO 30 ZINC 50 AMOX 20"
            case "SUIVI PB":
                return f"SUIVI {code} PB {draw.randint(116, 130)}"
            case "SUIVI":
                return f"SUIVI {code} {one_of(draw, FOLLOW_UPS)}"
            case "VAC":
                first = re.search(re.escape(code.rpartition("-")[2][:-1]) + r"-?\d ([A-Z]+\d?)", task.rest)
                return f"VAC {code} {VACCINES.get(first[1] if first else 'BCG', 'BCG')}"
            case "TERME DEPASSE REF":
                return f"REF {code}"
        return f"{task.word} {code} RAS"

    def _nurse_reads(self, text: PhoneText) -> None:
        found = REFERRAL.search(text.body)
        if found is None or not text.body.startswith(("URGENT", "Reference", "2e message")):
            return
        code, draw = found[1], self.draw
        if (text.phone, code) in self.answered or draw.random() > self.habits[text.phone].reliable:
            return
        self.answered.add((text.phone, code))
        self.soon(text.phone, f"RECU {code}", 1, 12)
        if draw.random() < 0.15:
            self.soon(text.phone, f"ABSENT {code}", 240, 600)
            return
        self.soon(text.phone, f"ARRIVE {code}", 50, 300)
        if draw.random() < 0.9:
            self.soon(text.phone, one_of(draw, OUTCOMES).format(code=code), 400, 2000)

    def _supervisor_reads(self, text: PhoneText) -> None:
        named = re.search(r"A superviser: (.+?)\.", text.body)
        if named is None or not text.body.startswith("Semaine"):
            return
        for n, chw in enumerate(re.findall(r"ASC\d+", named[1])[:6]):
            if self.draw.random() < self.habits[text.phone].reliable:
                self.text(text.phone, self.today() + timedelta(days=n % 5), 11.0, f"SUP {chw} ENTRETIEN")


def _typed(match: re.Match[str], own: str) -> str:
    """A code as its reader types it: 417-7 is 4177 and 07-4177 too, where 07 is their own; others with the number."""
    number, digits = match[1], match[2]
    if len(digits) == 1:
        return number + digits
    return digits if number == own else f"{number}-{digits}"
