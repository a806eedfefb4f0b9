"""What goes out comes in again as it was."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from smsgateway.store.database import Store, open_store
from smsgateway.store.tables import assignments, catchments, patients, staff
from smsgateway.store.types import new_id
from smsgateway.transfer import export_people, import_people, rows_to_export
from smsgateway.transfer.files import COLUMNS, write_table
from tests.transfer.small import PATIENTS, STAFF, TODAY, ask, bring_in, folder

DEMO = Path(__file__).parents[2] / "flows" / "demo"
Cells = tuple[object, ...]


def rows_of(path: Path, file: str) -> list[dict[str, str]]:
    with (path / file).open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def files_of(path: Path) -> dict[str, str]:
    return {file: (path / file).read_text(encoding="utf-8") for file in COLUMNS}


def test_the_four_files_are_written(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path / "in"))
    counts = export_people(store, tmp_path / "out", today=TODAY)
    assert counts == {"facilities.csv": 4, "staff.csv": 5, "households.csv": 2, "patients.csv": 3}
    assert rows_of(tmp_path / "out", "patients.csv")[2] == {
        "catchment": "07",
        "serial": "417",
        "household": "12",
        "sex": "F",
        "birth_date": "2025-09-10",
        "lmp": "",
        "code": "4177",
    }
    assert rows_of(tmp_path / "out", "households.csv")[0]["code"] == "123"
    assert rows_of(tmp_path / "out", "staff.csv")[0]["phones"] == "+22376000001 +22376000021"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(COLUMNS)


@pytest.mark.parametrize("source", ["small", "demo"])
def test_an_export_comes_in_again_unchanged(store: Store, tmp_path: Path, source: str) -> None:
    bring_in(store, DEMO if source == "demo" else folder(tmp_path / "in"))
    export_people(store, tmp_path / "out", today=TODAY)
    first = files_of(tmp_path / "out")
    bring_in(store, tmp_path / "out")  # over itself
    export_people(store, tmp_path / "out", today=TODAY)
    assert files_of(tmp_path / "out") == first
    empty = open_store("sqlite://")
    bring_in(empty, tmp_path / "out")  # and into an empty database
    export_people(empty, tmp_path / "again", today=TODAY)
    assert files_of(tmp_path / "again") == first


def test_progress_is_told_of_every_row(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path / "in"))
    told: list[int] = []
    export_people(store, tmp_path / "out", told.append)
    assert sum(told) == rows_to_export(store) == 14


def test_an_export_that_fails_leaves_the_last_one_as_it_was(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path / "in"))
    export_people(store, tmp_path / "out", today=TODAY)
    before = files_of(tmp_path / "out")
    bring_in(store, folder(tmp_path / "in", staff=STAFF.replace("Une Agente", "Une Autre")))

    def disk_full(rows: int) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        export_people(store, tmp_path / "out", disk_full, TODAY)
    assert files_of(tmp_path / "out") == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(COLUMNS)


def test_the_store_can_be_written_after_an_export(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path / "in"))
    export_people(store, tmp_path / "out", today=TODAY)
    assert bring_in(store, tmp_path / "out").patients.updated == 3


def test_a_birth_known_to_the_month_stays_known_to_the_month(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path / "in", patients=PATIENTS.replace("2025-09-10", "2025-09")))
    export_people(store, tmp_path / "out", today=TODAY)
    assert rows_of(tmp_path / "out", "patients.csv")[2]["birth_date"] == "2025-09-01/2025-09-30"


def test_a_pregnancy_that_must_be_over_is_not_exported_as_under_way(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path / "in"))
    long_ago = TODAY - timedelta(weeks=60)
    store.write(lambda tx: tx.run(update(patients).where(patients.c.serial == 13).values(lmp=long_ago)))
    export_people(store, tmp_path / "out", today=TODAY)
    assert rows_of(tmp_path / "out", "patients.csv")[0]["lmp"] == ""
    bring_in(store, tmp_path / "out")


def test_a_cover_with_a_last_day_is_not_written_as_a_catchment_of_her_own(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path / "in"))
    ((area, site),) = ask(store, select(catchments.c.id, catchments.c.site_id).where(catchments.c.number == "07"))
    ((cover,),) = ask(store, select(staff.c.id).where(staff.c.code == "ASC08"))
    days = {"starts_on": TODAY, "ends_on": TODAY + timedelta(days=3)}
    row = {"id": new_id(), "site_id": site, "catchment_id": area, "staff_id": cover, **days}
    store.write(lambda tx: tx.insert(assignments, row))
    export_people(store, tmp_path / "out", today=TODAY)
    catchments_of = {row["code"]: row["catchments"] for row in rows_of(tmp_path / "out", "staff.csv")}
    assert (catchments_of["ASC07"], catchments_of["ASC08"]) == ("07", "08")


# ---------------------------------------------------------------- any programme

# What a cell may hold: quotes, commas, formulas, line ends, every script; the ends of a cell are trimmed.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30).map(str.strip)
names = texts.filter(bool)
days = st.dates(date(1950, 1, 1), TODAY)
births = st.one_of(
    st.just(""),
    days.map(date.isoformat),
    st.lists(days, min_size=2, max_size=2, unique=True)
    .map(sorted)
    .map(lambda pair: f"{pair[0].isoformat()}/{pair[1].isoformat()}"),
)


@st.composite
def programmes(draw: st.DrawFn) -> dict[str, list[Cells]]:
    """The rows of the four files of any small programme that can be."""
    clinics = [f"C{number}" for number in range(draw(st.integers(1, 3)))]
    places: list[Cells] = [
        ("ML", draw(names), "country", "", "Africa/Bamako", ""),
        ("S", draw(names), "site", "ML", "", draw(texts)),
    ]
    places += [(clinic, draw(names), "clinic", "S", "", "") for clinic in clinics]
    people: list[Cells] = [("SUP", "supervisor", draw(names), "", "fr", "S", "", "", "")]
    homes: list[Cells] = []
    members: list[Cells] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        phones = " ".join(f"+223760{number}{phone:04d}" for phone in range(draw(st.integers(0, 2))))
        language, boss = draw(st.sampled_from(["fr", "en", "bm"])), draw(st.sampled_from(["", "SUP"]))
        people.append(
            (
                f"ASC{number}",
                "chw",
                draw(names),
                phones,
                language,
                draw(st.sampled_from(clinics)),
                boss,
                f"{number:02d}",
                "",
            )
        )
        serials = draw(st.lists(st.integers(10, 99_999_999), min_size=1, max_size=4, unique=True))
        home, *others = sorted(serials)
        homes.append((f"{number:02d}", home, draw(st.one_of(st.just(""), st.integers(0, 40))), draw(texts)))
        members += [
            (f"{number:02d}", serial, home, draw(st.sampled_from(["F", "M", ""])), draw(births), "")
            for serial in others
        ]
    return {"facilities.csv": places, "staff.csv": people, "households.csv": homes, "patients.csv": members}


@settings(max_examples=25)
@given(programmes())
def test_any_programme_goes_out_as_it_came_in(tmp_path: Path, programme: dict[str, list[Cells]]) -> None:
    for file, rows in programme.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        write_table(tmp_path / "in" / file, COLUMNS[file], rows)
    store = open_store("sqlite://")
    import_people(store, tmp_path / "in", TODAY)
    export_people(store, tmp_path / "out", today=TODAY)
    for file in ("staff.csv", "households.csv", "patients.csv"):
        came_in = sorted(tuple(row.values()) for row in rows_of(tmp_path / "in", file))
        went_out = sorted(tuple(row.values())[: len(COLUMNS[file])] for row in rows_of(tmp_path / "out", file))
        assert went_out == came_in
    store.close()
