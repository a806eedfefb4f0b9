"""What is left unexplained? Everything the service wrote down, gone through row by row with nothing of its own code but
its tables: reminders against reports, referrals against their histories, messages against people's hours.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Table, select

from smsgateway.store import tables
from smsgateway.store.database import Store
from smsgateway.text.codes import code_for

CLASSES = ("urgent", "reply", "reminder", "notice")
OPENS, CLOSES, MONDAY, SUNDAY = time(6, 30), time(20, 0), 0, 6
HOURS = timedelta(hours=1)
TREATMENTS = {"act", "amoxicillin", "ors", "zinc", "paracetamol"}
FOLLOW_UPS = {"24h": (24, 48), "48h": (48, 72), "72h": (72, 168)}  # from, and up to, hours after the treatment
EARLY = 6 * HOURS
# What follows a birth, a pregnancy and an entry in the register, each with the days after which it is of no use (of a
# vaccine: after which a child that is already older is left out).
AFTER_BIRTH = {"d1": 3, "d3": 6, "d7": 14, "w6": 63}
CONTACTS = {"w12": 140, "w20": 182, "w26": 210, "w30": 238, "w34": 252, "w36": 266, "w38": 280, "w40": 287}
VACCINE_VISITS = {"birth": 7, "w6": 56, "w10": 84, "w14": 112, "mo9": 303, "mo15": 484}
PERIODS_BEGIN_ON = 26
DIGESTS = {"chw": ("morning", "evening"), "supervisor": ("morning", "week", "briefing")}
REMINDERS = ("follow_up", "postnatal", "antenatal", "vaccine", "stock_count", "supervision")
REASONS = {"fulfilled", "covered", "ended", "replaced", "death", "moved", "correction", "expired", "missed"}
ESCALATED = {"told", "nobody_reachable", "undelivered"}
# What tells of a report that has just come in, by the beginning of its key: news, not something that was missed.
NEWS = ("stock:", "death:", "moved:", "away:", "help:")
DEEDS = {
    "follow_up": {"follow_up", "sick_child", "urgent"},
    "postnatal": {"postnatal"},
    "antenatal": {"antenatal", "birth", "refer", "urgent"},
    "vaccine": {"vaccination"},
    "stock_count": {"stock"},
    "supervision": {"supervision"},
}


@dataclass(frozen=True)
class Account:
    """What was found: violations in words, and what it all cost."""

    violations: Sequence[str]
    messages: Mapping[str, int]
    segments: Mapping[str, int]
    reasons: Mapping[str, int]
    urgent_referrals: int


def account_of(store: Store, zone: str, now: datetime, outage: tuple[datetime, datetime]) -> Account:
    """Go through everything."""
    books = _Books(store, ZoneInfo(zone), now, outage)
    found = [
        *books.reminders_without_a_reason(),
        *books.treatments_without_follow_up(),
        *books.what_never_began(),
        *books.reasons_that_are_not_true(),
        *books.referrals_left_alone(),
        *books.messages_at_the_wrong_hour(),
        *books.digests_twice_or_too_long(),
        *books.floods_after_the_outage(),
        *books.words_about_the_dead(),
        *books.faults(),
    ]
    sent = [message for message in books.sent if message["status"] in ("handed_over", "submitted", "delivered")]
    return Account(
        violations=found,
        messages=Counter(_class(message) for message in sent),
        segments=Counter(kind for message in sent for kind in [_class(message)] * message["segments"]),
        reasons=Counter(f"{row['kind']}: {row['reason']}" for row in books.ended),
        urgent_referrals=sum(referral["urgency"] == "urgent" for referral in books.referrals),
    )


def _class(message: Mapping[str, Any]) -> str:
    return CLASSES[message["rank"]]


class _Books:
    """Every table that matters, as rows."""

    def __init__(self, store: Store, zone: ZoneInfo, now: datetime, outage: tuple[datetime, datetime]) -> None:
        def rows(table: Table) -> list[dict[str, Any]]:
            with store.read() as connection:
                return [dict(row._mapping) for row in connection.execute(select(table))]

        self.zone, self.now, self.outage = zone, now, outage
        self.first: datetime = min(row["registered_at"] for row in rows(tables.households))
        self.due, self.ended, self.reports = rows(tables.due), rows(tables.due_log), rows(tables.reports)
        self.referrals, self.events = rows(tables.referrals), rows(tables.referral_events)
        self.sent = rows(tables.message_log)
        self.patient_of_referral = {row["id"]: row["patient_id"] or row["id"] for row in self.referrals}
        self.opened = {row["id"]: row["opened_at"] for row in self.referrals}
        self.refused = {event["referral_id"] for event in self.events if event["kind"] == "refused"}
        died = (event["referral_id"] for event in self.events if event["kind"] == "died")
        self.died_at_the_clinic = {self.patient_of_referral[referral] for referral in died}
        self.open_faults = [row for row in rows(tables.faults) if row["cleared_at"] is None]
        self.staff = {row["id"]: row for row in rows(tables.staff)}
        self.leaves = rows(tables.leaves)
        self.people = {row["id"]: row for row in rows(tables.patients)}
        self.numbers = {row["id"]: row["number"] for row in rows(tables.catchments)}
        self.of_patient: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for report in self.reports:
            if report["patient_id"] is not None:
                self.of_patient[report["patient_id"]].append(report)

    # ------------------------------------------------------------ reminders

    def reminders_without_a_reason(self) -> Iterator[str]:
        for row in self.due:
            if row["at"] <= self.now:
                yield f"due since {row['at']} and not acted on: {row['kind']} {row['step']}"
            if row["failures"]:
                yield f"failed {row['failures']} times: {row['kind']} {row['step']}"
        for row in self.ended:
            if row["reason"] not in REASONS:
                yield f"ended without a known reason: {row['kind']} {row['step']} {row['reason']!r}"
        twice = Counter(row["id"] for row in (*self.due, *self.ended))
        yield from (f"both standing and ended: {id}" for id, count in twice.items() if count > 1)

    def treatments_without_follow_up(self) -> Iterator[str]:
        """Each child treated at home has three follow-ups, wherever they are now."""
        steps = {(row["subject_id"], row["step"]) for row in (*self.due, *self.ended)}
        for report in self.reports:
            treated = TREATMENTS & set(report["answers"].get("treatments", ()))
            ours = report["flow"] == "sick_child" and report["patient_id"] is not None and not report["danger"]
            if not (ours and treated):
                continue
            for name, (_, until) in FOLLOW_UPS.items():
                known = (report["patient_id"], f"treated:{report['id'].hex}:{name}") in steps
                too_late = report["happened_at"] + until * HOURS <= report["arrived_at"]
                if not known and not too_late:
                    yield f"no follow-up {name} of the treatment {report['id']} ({report['state']})"

    def what_never_began(self) -> Iterator[str]:
        """Everything that should have been planned was, and stands or ended."""
        steps = {(row["subject_id"], row["step"]) for row in (*self.due, *self.ended)}
        for expected in (*self._rounds(), *self._after_reports(), *self._from_the_register()):
            if expected not in steps:
                yield f"never planned, or gone without a trace: {expected[1]} of {expected[0]}"
        standing = {(row["subject_id"], row["kind"]) for row in self.due}
        for person in self.staff.values():
            for kind in DIGESTS.get(person["role"], ()):
                if (person["id"], kind) not in standing:
                    yield f"no {kind} any more for {person['code']}"
        for event in self.events:
            referral = next(each for each in self.referrals if each["id"] == event["referral_id"])
            if event["kind"] == "refused" and event["detail"].get("moved"):
                asked = {f"refused:{referral['code']}", f"home_visit:{referral['id'].hex}:refused"}
                subject = referral["patient_id"]
                if subject is not None and not any((subject, step) in steps for step in asked):
                    yield f"refused, and nobody goes there: {referral['code']} of {referral['opened_at']}"

    def _rounds(self) -> Iterator[tuple[UUID, str]]:
        """A count of stock each week, and a supervision each period, of each CHW."""
        first, last = (moment.astimezone(self.zone).date() for moment in (self.first, self.now))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        mondays = {day - timedelta(days=day.weekday()) for day in days}
        begins = {day for day in days if day.day == PERIODS_BEGIN_ON}
        for chw in self.staff.values():
            if chw["role"] == "chw":
                yield from ((chw["id"], f"stock_count:{day}:count") for day in mondays)
                yield from ((chw["id"], f"supervision:{day}:visit") for day in begins)

    def _after_reports(self) -> Iterator[tuple[UUID, str]]:
        for report in self.reports:
            if report["state"] != "filed" or report["patient_id"] is None:
                continue
            day = report["happened_at"].astimezone(self.zone).date()
            if report["flow"] == "birth":
                planned, begun, schedule = AFTER_BIRTH, day, "postnatal"
            elif report["flow"] == "pregnancy" and "gestation_weeks" in report["answers"]:
                planned, schedule = CONTACTS, "antenatal"
                begun = day - timedelta(weeks=report["answers"]["gestation_weeks"])
            else:
                continue
            arrived = report["arrived_at"].astimezone(self.zone).date()
            for name, days in planned.items():
                if begun + timedelta(days=days) > arrived:
                    yield report["patient_id"], f"{schedule}:{report['id'].hex}:{name}"

    def _from_the_register(self) -> Iterator[tuple[UUID, str]]:
        """Vaccines of those who were in the imported files."""
        for person in self.people.values():
            if person["born_to"] is None or person["mother_id"] is not None:
                continue
            age = (self.first.astimezone(self.zone).date() - person["born_to"]).days
            yield from (
                (person["id"], f"vaccines_mali:{name}") for name, days in VACCINE_VISITS.items() if age < days - 1
            )

    def reasons_that_are_not_true(self) -> Iterator[str]:
        filed = {report["id"]: report for report in self.reports}
        for row in self.ended:
            what = f"{row['kind']} {row['step']} of {row['subject_id']}"
            by = filed.get(row["report_id"]) if row["report_id"] else None
            if row["reason"] in ("fulfilled", "covered"):
                if by is None or by["flow"] not in DEEDS[row["kind"]]:
                    yield f"said to be fulfilled by nothing that could: {what}"
                elif by["happened_at"] >= row["pointless_at"]:
                    yield f"fulfilled when it was pointless: {what}"
            elif row["reason"] == "death" and by is None and row["subject_id"] not in self.died_at_the_clinic:
                yield f"death that nobody said: {what}"
            elif row["reason"] in ("moved", "correction", "replaced") and by is None:
                yield f"{row['reason']} by no report: {what}"
            elif row["reason"] == "expired" and row["told_at"] is None:
                yield f"expired, told to nobody: {what}"
            elif row["reason"] == "missed" and not self._could_not_be_told(row):
                yield f"missed without an outage: {what} from {row['starts_at']} to {row['pointless_at']}"
            if row["reason"] in ("expired", "missed") and row["step"].startswith("treated:"):
                yield from self._was_done_after_all(row, what)

    def _was_done_after_all(self, row: Mapping[str, Any], what: str) -> Iterator[str]:
        """A follow-up that was given up and had been reported in its time."""
        for report in self.of_patient[row["subject_id"]]:
            in_time = row["starts_at"] - EARLY <= report["happened_at"] < row["pointless_at"]
            seen = report["flow"] in ("follow_up", "sick_child") and not report["answers"].get("absent")
            if in_time and seen and report["state"] == "filed":
                yield f"given up though reported at {report['happened_at']} ({report['id']}): {what}"

    def _could_not_be_told(self, row: Mapping[str, Any]) -> bool:
        """No digest could have it: every morning of its time fell into the outage, a day of rest, a leave of the person
        it is about, or before its day."""
        day = row["starts_at"].astimezone(self.zone).date()
        return not any(self._told_on(day + timedelta(days=n), row) for n in range(400))

    def _told_on(self, day: date, row: Mapping[str, Any]) -> bool:
        morning = datetime.combine(day, OPENS, self.zone)
        monday_only = row["kind"] == "supervision"
        if morning >= row["pointless_at"] or day.weekday() == SUNDAY or (monday_only and day.weekday() != MONDAY):
            return False
        if any(
            each["starts_on"] <= day <= each["ends_on"] for each in self.leaves if each["staff_id"] == row["owner_id"]
        ):
            return False
        start, end = self.outage
        known = self._known_since(row)
        return known < morning and not start <= morning < end + HOURS

    def _known_since(self, row: Mapping[str, Any]) -> datetime:
        """When the service learnt of it."""
        begun = row["detail"].get("report")
        report = next((each for each in self.of_patient[row["subject_id"]] if str(each["id"]) == begun), None)
        arrived: datetime = report["arrived_at"] if report else row["starts_at"]
        return max(arrived, self.first)

    # ------------------------------------------------------------ referrals

    def referrals_left_alone(self) -> Iterator[str]:
        told: defaultdict[UUID, set[Any]] = defaultdict(set)
        for event in self.events:
            if event["kind"] in ESCALATED and event["staff_id"] is not None:
                told[event["referral_id"]].add(self.staff[event["staff_id"]]["role"])
        ahead = Counter(row["subject_id"] for row in self.due)
        for referral in self.referrals:
            if referral["urgency"] != "urgent" or referral["state"] == "cancelled":
                continue
            name = f"{referral['code']} of {referral['opened_at']} ({referral['state']})"
            waiting = (referral["closed_at"] or self.now) - referral["opened_at"]
            escalated = {"supervisor", "lead"} & told[referral["id"]]
            if referral["open"] and not ahead[referral["id"]]:
                yield f"open without anything ahead: {name}"
            if referral["outcome"] is None and waiting > 48 * HOURS and not escalated:
                yield f"without outcome for {waiting} and never escalated: {name}"
            if not referral["open"] and referral["outcome"] is None and not escalated:
                yield f"closed without outcome and never escalated: {name}"

    # ------------------------------------------------------------ messages

    def messages_at_the_wrong_hour(self) -> Iterator[str]:
        for message in self.sent:
            if message["rank"] < 2 or message["provider_id"] is None:
                continue
            local = message["settled_at"].astimezone(self.zone)
            rests = local.weekday() == SUNDAY and not self._of_an_open_referral(message)
            if not OPENS <= local.time() < CLOSES or rests:
                yield f"{_class(message)} at {local}: {message['body']}"

    def _of_an_open_referral(self, message: Mapping[str, Any]) -> bool:
        """Who was refused, or is awaited, knows no Sunday."""
        visit = re.match(r"visit:([0-9a-f-]+):", message["key"] or "")
        return message["referral_id"] is not None or (visit is not None and UUID(visit[1]) in self.refused)

    def digests_twice_or_too_long(self) -> Iterator[str]:
        a_day: Counter[tuple[Any, ...]] = Counter()
        for message in self.sent:
            if message["rung"] not in ("morning", "evening", "week") or message["provider_id"] is None:
                continue
            if message["segments"] > 2:
                yield f"{message['segments']} segments: {message['body']}"
            a_day[message["staff_id"], message["rung"], message["settled_at"].astimezone(self.zone).date()] += 1
        yield from (f"{count} digests {which}" for which, count in a_day.items() if count > 1)

    def floods_after_the_outage(self) -> Iterator[str]:
        """What waits for nobody comes as one message a person at most when the service is there again."""
        back = self.outage[1]
        caught_up: defaultdict[str, list[str]] = defaultdict(list)
        for message in self.sent:
            waits_for_nobody = message["rank"] >= 2 and message["referral_id"] is None and not self._is_news(message)
            if waits_for_nobody and back <= message["settled_at"] < back + HOURS:
                caught_up[message["phone"]].append(message["body"])
        for who, bodies in caught_up.items():
            if len(bodies) > 1:
                yield f"{len(bodies)} messages at once after the outage to {who}: {' | '.join(bodies)}"

    def _is_news(self, message: Mapping[str, Any]) -> bool:
        key = message["key"] or ""
        lasting = key.startswith("stock:") and UUID(key.split(":")[1]) in self.staff  # what is still out, told again
        return key.startswith(NEWS) and not lasting

    def words_about_the_dead(self) -> Iterator[str]:
        """Nobody is sent, or asked, to somebody known to be dead for an hour; only the family is asked how it came. A
        danger sign under the code of somebody dead is somebody else's, and alerts."""
        known: dict[UUID, datetime] = {}
        for report in sorted(self.reports, key=lambda each: each["arrived_at"]):
            dead = report["flow"] == "death" or report["answers"].get("outcome") == "died"
            if dead and report["state"] == "filed" and report["patient_id"] is not None:
                known.setdefault(report["patient_id"], report["arrived_at"])
        for event in sorted(self.events, key=lambda each: each["at"]):
            patient = self.patient_of_referral[event["referral_id"]]
            if event["kind"] == "died" and patient in self.people:
                known.setdefault(patient, event["at"])
        for patient, since in known.items():
            row = self.people[patient]
            number = self.numbers[row["catchment_id"]]
            code = code_for(number, row["serial"])
            full = re.compile(rf"(?<!\d){number}-{code}(?!\d)")
            short = re.compile(rf"(?<![\d-]){code[:-1]}-{code[-1]}(?!\d)")
            for message in self.sent:
                if message["rank"] == 1 or message["created_at"] < since + HOURS or message["provider_id"] is None:
                    continue
                own = self.staff[message["staff_id"]]["code"] == f"ASC{number}" if message["staff_id"] else False
                if self.opened.get(message["referral_id"], since) > since:
                    continue
                named = full.search(message["body"]) or (own and short.search(message["body"]))
                if named and "Autopsie" not in message["body"]:
                    yield f"dead since {since}, and at {message['settled_at']}: {message['body']}"

    def faults(self) -> Iterator[str]:
        for fault in self.open_faults:
            if fault["kind"] in ("due_failed", "message_not_handled", "aftercare_failed"):
                yield f"fault {fault['kind']}: {fault['subject']}"
