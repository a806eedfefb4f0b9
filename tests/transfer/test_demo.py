"""The demo programme keeps what scenarios, the README and other programmes rely on."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from smsgateway.settings import Settings
from smsgateway.simulation import Simulation
from smsgateway.store.database import open_store
from smsgateway.store.tables import patients
from smsgateway.text.codes import code_for, is_valid, shown
from smsgateway.transfer import Entry, ImportRefused, ProgrammeFiles, import_people
from tests.support import demo_programme

DEMO = Path(__file__).parents[2] / "flows" / "demo"
TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def demo() -> ProgrammeFiles:
    return ProgrammeFiles.load(DEMO, TODAY)


def staff() -> dict[str, dict[str, str]]:
    with (DEMO / "staff.csv").open(newline="") as opened:
        return {row["code"]: row for row in csv.DictReader(opened)}


def patient(demo: ProgrammeFiles, serial: int) -> Entry:
    found = demo.entry("07", serial)
    assert found is not None
    assert found.kind == "patient"
    return found


def days_old(demo: ProgrammeFiles, serial: int) -> int:
    born = patient(demo, serial).born_from
    assert born is not None
    return (TODAY - born).days


def test_the_files_are_those_that_the_script_writes(tmp_path: Path) -> None:
    demo_programme.write(tmp_path)
    for written in tmp_path.iterdir():
        assert written.read_text() == (DEMO / written.name).read_text(), "run python -m tests.support.demo_programme"


def test_it_can_be_imported_and_leaves_nobody_unreached() -> None:
    store = open_store("sqlite://")
    assert import_people(store, DEMO, TODAY).notes == ()


@pytest.mark.parametrize(
    ("phone", "code", "role"),
    [
        ("+22376000001", "ASC07", "chw"),
        ("+22376000007", "ASC01", "chw"),
        ("+22376000012", "ASC12", "chw"),
        ("+22376000101", "INF01", "nurse"),
        ("+22376000102", "INF02", "nurse"),
        ("+22376000103", "INF03", "nurse"),
        ("+22376000201", "SUP01", "supervisor"),
        ("+22376000301", "RESP01", "lead"),
        ("+22376000401", "ADMIN01", "admin"),
    ],
)
def test_who_answers_which_phone(demo: ProgrammeFiles, phone: str, code: str, role: str) -> None:
    member = demo.member(phone)
    assert member is not None
    assert (member.code, member.role) == (code, role)


def test_a_dozen_chws_with_a_catchment_each() -> None:
    chws = {code: row for code, row in staff().items() if row["role"] == "chw"}
    assert [code[-2:] in row["catchments"].split() for code, row in chws.items()] == [True] * 12
    assert {row["supervisor"] for row in chws.values()} == {"SUP01"}
    assert {row["language"] for row in chws.values()} == {"fr", "en", "bm"}


def test_the_nurse_of_catchment_07_is_always_on_duty() -> None:
    listed = staff()
    assert listed["INF01"]["facility"] == listed["ASC07"]["facility"] == "CSCOM1"
    assert listed["INF01"]["on_duty"] == ""
    assert listed["ASC07"]["language"] == "fr"


def test_codes_of_catchment_07(demo: ProgrammeFiles) -> None:
    assert [code_for("07", serial) for serial in (12, 15, 18, 417)] == ["123", "151", "180", "4177"]
    homes = [demo.entry("07", serial) for serial in (12, 15, 18)]
    assert [home.kind for home in homes if home] == ["household"] * 3


def test_the_girl_of_the_first_conversation(demo: ProgrammeFiles) -> None:
    girl = patient(demo, 417)
    assert (girl.sex, girl.household, girl.village) == ("F", 12, "Sogola")
    assert date(2025, 8, 24) <= (girl.born_from or TODAY) <= date(2025, 9, 23)  # 14 months, not yet 15
    assert demo.entry("07", 418) is None


def test_someone_of_every_age_that_the_rules_know(demo: ProgrammeFiles) -> None:
    assert days_old(demo, 416) < 28
    assert 8 * 30 <= days_old(demo, 20) < 9 * 30.5
    assert 30 * 30 <= days_old(demo, 17) < 31 * 30.5
    assert 5 * 365 < days_old(demo, 21) < 10 * 365
    lmp = patient(demo, 19).lmp
    assert lmp is not None
    assert (TODAY - lmp).days == 28 * 7
    assert patient(demo, 23).born_from is None
    assert patient(demo, 25).sex is None


def test_one_chw_has_codes_that_two_of_her_catchments_share(demo: ProgrammeFiles) -> None:
    assert demo.catchments_of("ASC12") == ("04", "12")
    assert demo.entry("04", 10)
    assert demo.entry("12", 10)
    assert is_valid("04", "105")
    assert is_valid("12", "105")


def test_the_readme_gives_the_codes_of_the_files(demo: ProgrammeFiles) -> None:
    readme = (DEMO / "README.md").read_text()
    with (DEMO / "patients.csv").open(newline="") as opened:
        serials = [int(row["serial"]) for row in csv.DictReader(opened) if row["catchment"] == "07"]
    for serial in serials:
        assert shown(code_for("07", serial)) in readme


@pytest.mark.parametrize("today", [date(2027, 3, 25), date(2030, 6, 1), date(2041, 1, 1)])
def test_the_demo_never_grows_old(today: date) -> None:
    store = open_store("sqlite://")
    (note,) = import_people(store, DEMO, today).notes
    assert "made-up people: all dates moved on" in note
    later = ProgrammeFiles.load(DEMO, today)
    ages = {}
    for serial in (417, 416, 13):
        born = patient(later, serial).born_from
        assert born is not None
        ages[serial] = (today - born).days
    assert 14 * 30.4375 <= ages[417] < 15 * 30.4375
    assert 11 <= ages[416] < 18
    assert ages[13] // 365 == 27
    expected = [entry.lmp for serial in range(10, 420) if (entry := later.entry("07", serial)) and entry.lmp]
    assert expected
    assert all(today - lmp < timedelta(weeks=45) for lmp in expected)


def test_it_means_the_same_for_a_week(demo: ProgrammeFiles) -> None:
    for days in (1, 6):
        assert (
            patient(ProgrammeFiles.load(DEMO, TODAY + timedelta(days=days)), 417).born_from
            == patient(demo, 417).born_from
        )


def test_real_people_are_never_moved(tmp_path: Path) -> None:
    for path in DEMO.glob("*.csv"):
        shutil.copy(path, tmp_path)
    with pytest.raises(ImportRefused, match="more than 45 weeks back"):
        import_people(open_store("sqlite://"), tmp_path, date(2030, 6, 1))


def test_a_day_that_is_none_is_reported(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
    (tmp_path / "made_up_on.txt").write_text("November", encoding="utf-8")
    with pytest.raises(ImportRefused, match="made_up_on"):
        import_people(open_store("sqlite://"), tmp_path, TODAY)


def test_a_scenario_of_2030_is_played_with_them(tmp_path: Path) -> None:
    simulation = Simulation(Settings(channel="simulator"), datetime(2030, 6, 3, 8, tzinfo=UTC), DEMO)
    assert len(simulation.gateway.store.write(lambda tx: tx.execute(select(patients.c.id)).all())) > 200
