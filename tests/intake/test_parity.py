"""The same report by SMS and by USSD ends in the same stored answers, whatever the flow and whatever came before.

A session is walked with whatever its screens offer; what it says, texted as SMS at the same moments, must leave the
same reports, referrals, register and reminders behind.
"""

from __future__ import annotations

import itertools
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from smsgateway.reading.menus import load_menus
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme, load_programme
from smsgateway.settings import shipped
from smsgateway.store.database import Store, open_store
from smsgateway.store.tables import catchments, due, households, patients, referrals, reports
from tests.support.field import CHW, NURSE, SUPERVISOR, TWO_CATCHMENTS, Field
from tests.support.session import Session

MENUS = load_menus(load_programme(shipped("flows")))
WHO = {CHW: Role.CHW, TWO_CATCHMENTS: Role.CHW, NURSE: Role.NURSE, SUPERVISOR: Role.SUPERVISOR}
PHONES = {Role.CHW: (CHW, TWO_CATCHMENTS), Role.NURSE: (NURSE,), Role.SUPERVISOR: (SUPERVISOR,)}
EVERY_MENU = [(role, flow) for role in PHONES for flow in MENUS.flows(role)]
NUMBERS = ("3", "2", "12", "120", "36,5", "22/11", "0", "50", "8", "1")  # one of them suits any question
MOST_TURNS = 60
_OVER = frozenset({"cancelled", "died"})  # a session that alerted before it told of a death has one more of these
_ID = re.compile(r"[0-9a-f]{32}")
_LINE = re.compile(r"^(\d+) ", re.MULTILINE)


def walk(field: Field, phone: str, flow: str, choices: list[int]) -> str:
    """A session about this flow, to its end; gives what it said, as an SMS."""
    session = Session(field, phone)
    if "\n1 " in session.screen and session.screen.startswith("CON Reprendre"):
        session.enter("2")
    session.enter(str(MENUS.flows(WHO[phone]).index(flow) + 1))
    numbers = itertools.cycle(NUMBERS)
    for choice in itertools.islice(itertools.cycle(choices), MOST_TURNS):
        if session.screen.startswith("END"):
            break
        session.enter(entry_for(session.screen, choice, numbers))
    assert session.screen.startswith("END"), session.screen
    text: str = field.messages()[-1]["text"]
    return text


def entry_for(screen: str, choice: int, numbers: Iterator[str]) -> str:
    """One of what the screen offers, or two; where it offers nothing, the next number, until one is taken."""
    offered: list[str] = [number for number in _LINE.findall(screen) if number not in ("0", "00", "99")]
    if not offered:
        return next(numbers)
    first = offered[choice % len(offered)]
    if "Ex. 2" not in screen or choice % 3:
        return first
    return f"{first} {offered[choice // 3 % len(offered)]}"


def left_behind(field: Field) -> dict[str, Any]:
    """Everything that is stored of what was said, in words that do not depend on ids."""
    numbers = {row["id"]: row["number"] for row in field.rows(catchments)}
    named: dict[Any, str] = {}
    for table in (households, patients):
        for row in field.rows(table):
            named[row["id"]] = f"{numbers[row['catchment_id']]}/{row['serial']}"

    def rows(table: Any, *names: str, **kept: Any) -> list[tuple[Any, ...]]:
        found = [row for row in field.rows(table) if all(row[name] == value for name, value in kept.items())]
        plain = (
            tuple(named.get(row[name], row[name]) if "id" in name else row[name] for name in names) for row in found
        )
        return sorted(plain, key=str)

    return {
        "reports": rows(reports, "flow", "answers", "danger", "unclear", "patient_id", "household_id", state="filed"),
        "unfiled": rows(reports, "flow", "answers", "danger", "unclear", state="unfiled"),
        "referrals": [_plain(row, named) for row in field.rows(referrals) if row["state"] not in _OVER],
        "people": rows(patients, "id", "sex", "born_from", "lmp", "lmp_to", "delivered_on", "died_on", "left_on"),
        "homes": rows(households, "id", "people", "consent"),
        "reminders": Counter(
            _ID.sub("", row["step"]) for row in field.rows(due) if row["kind"] not in ("rung", "unclear")
        ),
    }


def _plain(row: dict[str, Any], named: dict[Any, str]) -> tuple[Any, ...]:
    """Of a referral what was reported. A session that gave danger before the sign was chosen alerted of that, too."""
    signs = sorted(sign for sign in row["danger"] if sign != "other_serious" or len(row["danger"]) == 1)
    return named.get(row["patient_id"]), signs, row["tier"], row["urgency"], row["state"], row["outcome"]


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("parity") / "empty.db"))


@pytest.fixture
def two_fields(empty_database: Path, programme: Programme, tmp_path: Path) -> Iterator[Any]:
    """Makes pairs of fields on which nothing has happened yet."""
    made: list[Store] = []

    def make() -> tuple[Field, Field]:
        fields = []
        for _ in "12":
            store = open_store(f"sqlite:///{shutil.copy(empty_database, tmp_path / f'{len(made)}.db')}")
            made.append(store)
            fields.append(Field(store, programme))
            fields[-1].settle()  # reminders of today begin before anybody reports
        return fields[0], fields[1]

    yield make
    for store in made:
        store.close()


@pytest.mark.parametrize(("role", "flow"), EVERY_MENU)
@settings(max_examples=2, phases=[Phase.generate])
@given(
    which=st.integers(0, 1),
    first=st.lists(st.integers(0, 11), min_size=6, max_size=14),
    second=st.lists(st.integers(0, 11), min_size=6, max_size=14),
    minutes=st.sampled_from([2, 20, 70]),
)
def test_two_sessions_leave_what_their_words_leave_by_sms(
    two_fields: Any, role: Role, flow: str, which: int, first: list[int], second: list[int], minutes: int
) -> None:
    by_ussd, by_sms = two_fields()
    phone = PHONES[role][which % len(PHONES[role])]
    said = []
    for choices in (first, second):
        said.append(walk(by_ussd, phone, flow, choices))
        by_sms.text(phone, said[-1])
        for field in (by_ussd, by_sms):
            field.pass_time(minutes=minutes)
    assert left_behind(by_ussd) == left_behind(by_sms), said
