"""Each thing that cannot be is refused by line, with what to write instead; and no name or number is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from smsgateway.store.database import Store, open_store
from smsgateway.store.tables import catchments, codes, households
from smsgateway.store.write import Tx
from tests.transfer.small import FACILITIES, HOUSEHOLDS, PATIENTS, STAFF, ask, bring_in, folder, refused


@pytest.fixture
def memory() -> Store:
    return open_store("sqlite://")


@pytest.mark.parametrize(
    ("change", "to", "fault"),
    [
        ("S1,Site,site,ML", "S1,Site,site,XX", "3: parent: there is no facility XX in the files or the database"),
        ("S1,Site,site,ML", "S1,Site,site,S1", "3: parent: S1 lies in itself: write the facility above it"),
        ("S1,Site,site,ML", "S1,Site,site,C1", "3: parent: a site (S1) cannot lie in a clinic (C1)"),
        ("ML,Pays,country,", "ML,Pays,country,S1", "2: parent: a country (ML) cannot lie in a site (S1)"),
        ("une,clinic,S1", "une,clinic,ML", "4: parent: the clinic C1 must lie in a site: write the site's code"),
        ("une,clinic,S1", "une,clinic,", "4: parent: the clinic C1 must lie in a site: write the site's code"),
        ("C2,", "C1,", "5: code: stands on line 4: give each its own"),
        ("C2,", "c1,", "5: code: differs in capitals only from line 4: give each its own"),
        ("Africa/Bamako", "Bamako", "2: timezone: no IANA time zone has this name: write one such as Africa/Bamako"),
        ("une,clinic", "une,hospital", "4: kind: write one of country, district, site, clinic"),
    ],
)
def test_facilities(memory: Store, tmp_path: Path, change: str, to: str, fault: str) -> None:
    assert change in FACILITIES
    lines = refused(memory, folder(tmp_path, facilities=FACILITIES.replace(change, to)))
    assert lines == [f"facilities.csv:{fault}"]


@pytest.mark.parametrize(
    ("change", "to", "fault"),
    [
        ("fr,C1,SUP1,07,", "fr,XX,SUP1,07,", "staff.csv:5: facility: there is no facility XX"),
        ("fr,C1,SUP1,07,", "fr,S1,SUP1,07,", "staff.csv:5: facility: S1 is a site: write the clinic"),
        ("fr,C1,SUP1,07,", "fr,C1,SUP2,07,", "staff.csv:5: supervisor: there is no SUP2"),
        ("fr,C1,SUP1,07,", "fr,C1,INF1,07,", "staff.csv:5: supervisor: INF1 is a nurse: write a supervisor or lead"),
        ("fr,C1,SUP1,07,", "fr,C1,ASC07,07,", "staff.csv:5: supervisor: nobody supervises themselves"),
        ("fr,C1,SUP1,07,", "fr,C1,SUP1,07 7,", "staff.csv:5: catchments: 07 stands there twice"),
        ("fr,C1,,,07:30-19:00", "fr,C1,,07,", "staff.csv:3: catchments: a nurse has none"),
        ("bm,C2,SUP1,08,", "bm,C2,SUP1,07,", "staff.csv:6: catchments: 07 belongs to the clinic C1 by line 5"),
        ("+22376000101", "+22376000001", "staff.csv:5: phones: one of these numbers stands on line 3 too"),
        ("+22376000021", "76000001", "staff.csv:5: phones: one of these numbers stands on this line too"),
        ("+22376000021", "7600", "staff.csv:5: phones: digits are missing"),
        ("ASC08,", "asc07,", "staff.csv:6: code: differs in capitals only from line 5"),
    ],
)
def test_staff(memory: Store, tmp_path: Path, change: str, to: str, fault: str) -> None:
    assert change in STAFF
    lines = refused(memory, folder(tmp_path, staff=STAFF.replace(change, to)))
    assert lines[0].startswith(fault)
    assert len(lines) == 1


def test_supervision_that_goes_round_in_a_circle(memory: Store, tmp_path: Path) -> None:
    staff = STAFF.replace("fr,S1,,,", "fr,S1,SUP2,,") + "SUP2,supervisor,Deux,+22376000202,fr,S1,SUP1,,\n"
    lines = refused(memory, folder(tmp_path, staff=staff))
    assert lines == ["staff.csv:2: supervisor: SUP1 under SUP2 under SUP1: a circle, it must end with someone"]


def test_a_national_number_needs_a_country(memory: Store, tmp_path: Path) -> None:
    """Eight digits are a number in Mali and in Burkina Faso: which, only the country's code can say."""
    nowhere = folder(tmp_path, facilities=FACILITIES.replace("ML", "PROGRAMME"))
    (line,) = refused(memory, nowhere)
    assert line.startswith("staff.csv:6: phones: ")


@pytest.mark.parametrize(
    ("households", "patients", "fault"),
    [
        (
            HOUSEHOLDS + "07,12,3,\n",
            PATIENTS,
            "households.csv:4: serial 12 of catchment 07 is given out already at households.csv:2",
        ),
        (
            HOUSEHOLDS + "7,15,3,\n",
            PATIENTS,
            "households.csv:4: serial 15 of catchment 7 is given out already at households.csv:3",
        ),
        (
            HOUSEHOLDS,
            PATIENTS + "07,15,12,F,,\n",
            "patients.csv:5: serial 15 of catchment 07 is given out already at households.csv:3",
        ),
        (
            HOUSEHOLDS,
            PATIENTS + "07,417,12,F,,\n",
            "patients.csv:5: serial 417 of catchment 07 is given out already at patients.csv:3",
        ),
        (HOUSEHOLDS, PATIENTS + "07,418,13,F,,\n", "patients.csv:5: household: the serial 13 is a patient's"),
        (HOUSEHOLDS, PATIENTS + "07,418,16,F,,\n", "patients.csv:5: household: the serial 16 is a patient's"),
        (
            HOUSEHOLDS,
            PATIENTS + "07,418,20,F,,\n",
            "patients.csv:5: household: there is no household 20 of catchment 07",
        ),
        (HOUSEHOLDS + "99,10,3,\n99,11,3,\n", PATIENTS, "households.csv:4: catchment: no CHW has 99"),
    ],
)
def test_people(memory: Store, tmp_path: Path, households: str, patients: str, fault: str) -> None:
    lines = refused(memory, folder(tmp_path, households=households, patients=patients))
    assert lines[0].startswith(fault)
    assert len(lines) == 1


def test_one_mistake_does_not_drag_others_after_it(memory: Store, tmp_path: Path) -> None:
    """A supervisor and a household whose lines cannot be read are not also missing everywhere they are named."""
    wrong = folder(
        tmp_path,
        staff=STAFF.replace("SUP1,supervisor", "SUP1,boss"),
        households=HOUSEHOLDS.replace("07,12,6", "07,12,six"),
    )
    assert [line.split(": ")[0] for line in refused(memory, wrong)] == ["staff.csv:2", "households.csv:2"]


def test_all_files_are_read_before_anything_is_refused(memory: Store, tmp_path: Path) -> None:
    wrong = folder(
        tmp_path,
        facilities=FACILITIES.replace("Africa/Bamako", "Bamako"),
        staff=STAFF.replace(",bm,", ",xx,"),
        households=HOUSEHOLDS.replace("15,,", "15,many,"),
        patients=PATIENTS.replace(",F,2025-09-10", ",G,2025-09-10"),
    )
    assert [line.split(":")[0] for line in refused(memory, wrong)] == [
        "facilities.csv",
        "staff.csv",
        "households.csv",
        "patients.csv",
    ]


def test_no_name_and_no_phone_number_is_repeated(memory: Store, tmp_path: Path) -> None:
    """A column lost in the middle puts names and numbers where codes, roles and languages belong."""
    shifted = STAFF.replace("ASC07,chw,Une Agente,", "Une Agente,+22376000001,").replace("C1,SUP1,07,", "C1,SUP1,07,,")
    text = "\n".join(refused(memory, folder(tmp_path, staff=shifted)))
    assert "Agente" not in text
    assert "76000001" not in text


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({}, "none of the files facilities.csv, staff.csv, households.csv, patients.csv is in this folder"),
        ({"patient.csv": "x", "staff.csv": STAFF}, "patient.csv: unknown file"),
    ],
)
def test_a_folder_that_would_import_nothing(memory: Store, tmp_path: Path, files: dict[str, str], fault: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert any(fault in line for line in refused(memory, tmp_path))


def test_a_folder_that_is_not_there(memory: Store, tmp_path: Path) -> None:
    assert refused(memory, tmp_path / "peuple") == ["peuple: there is no such folder"]


# ---------------------------------------------------------------- against what the database has


def test_serials_that_the_database_gave_to_others(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    crossed = folder(
        tmp_path,
        households="catchment,serial,people,village\n07,13,4,\n",
        patients="catchment,serial,household,sex,birth_date,lmp\n07,15,12,F,,\n07,418,16,F,,\n",
    )
    assert refused(store, crossed) == [
        "households.csv:2: serial 13 of catchment 07 is a patient in the database: take a serial that nobody has",
        "patients.csv:2: serial 15 of catchment 07 is a household in the database: take a serial that nobody has",
        "patients.csv:3: household: the serial 16 is a patient's, not a household's",
    ]


def test_the_old_serial_of_a_household_that_moved(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    ids = dict(ask(store, select(catchments.c.number, catchments.c.id)))

    def moved(tx: Tx) -> None:
        old = (codes.c.catchment_id == ids["07"]) & (codes.c.serial == 15)
        household = tx.run(select(codes.c.subject_id, codes.c.site_id).where(old)).one()
        new = {"catchment_id": ids["08"], "serial": 10}
        tx.run(update(codes).where(old).values(now_catchment_id=ids["08"], now_serial=10))
        tx.run(update(households).where(households.c.id == household.subject_id).values(new))
        tx.run(insert(codes), new | household._asdict() | {"kind": "household"})

    store.write(moved)
    lines = refused(store, tmp_path)
    assert lines[0] == (
        "households.csv:3: serial 15 of catchment 07 is of a household that has moved: "
        "write the catchment and serial it has now"
    )
    assert lines[1].startswith("patients.csv:4: household: household 15 of catchment 07 has moved")


def test_a_supervisor_whose_chws_are_not_listed_stays_one(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    header, supervisor, *_ = STAFF.splitlines(keepends=True)
    lines = refused(store, folder(tmp_path, staff=header + supervisor.replace("supervisor", "nurse")))
    assert sorted(lines) == [
        "staff.csv:2: role: SUP1 still supervises ASC07: give them another first",
        "staff.csv:2: role: SUP1 still supervises ASC08: give them another first",
    ]


def test_a_catchment_stays_with_the_clinic_of_a_chw_who_is_not_listed(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    header = STAFF.splitlines(keepends=True)[0]
    far = header + "ASC09,chw,Une Autre,+22376000009,fr,C2,SUP1,07,\n"
    assert refused(store, folder(tmp_path, staff=far)) == [
        "staff.csv:2: catchments: 07 belongs to the clinic C1, where ASC07 has it"
    ]


def test_a_clinic_with_catchments_stays_a_clinic(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    changed = FACILITIES.replace("C1,Clinique une,clinic,S1", "C1,Clinique une,site,ML")
    lines = refused(store, folder(tmp_path, facilities=changed, staff=None))
    assert lines == ["facilities.csv: C1 has the catchment 07, so its kind must stay clinic"]


def test_a_code_known_with_other_capitals(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    assert refused(store, folder(tmp_path, staff=STAFF.replace("ASC08", "asc08"))) == [
        "staff.csv:6: code: known as ASC08: write it with the same capitals"
    ]
