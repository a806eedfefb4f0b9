"""A programme comes in as a whole or not at all, and coming in again brings it up to date. On both databases."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from smsgateway.store.database import Store
from smsgateway.store.tables import (
    assignments,
    catchments,
    codes,
    facilities,
    households,
    metadata,
    patients,
    phones,
    revisions,
    staff,
)
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.transfer import Count, ImportRefused, RegisterBusy, import_people, rows_ahead
from tests.transfer.small import (
    FACILITIES,
    HOUSEHOLDS,
    PATIENTS,
    STAFF,
    TODAY,
    ask,
    bring_in,
    folder,
    phones_of,
    refused,
    who_has,
)

TOMORROW = TODAY + timedelta(days=1)


def next_serial(store: Store, number: str) -> int:
    ((serial,),) = ask(store, select(catchments.c.next_serial).where(catchments.c.number == number))
    return int(serial)


def patient(store: Store, serial: int) -> tuple[object, ...]:
    columns = patients.c
    query = select(columns.sex, columns.born_from, columns.born_to, columns.lmp).where(columns.serial == serial)
    (row,) = ask(store, query)
    return row


# ---------------------------------------------------------------- the first time


def test_everything_comes_in(store: Store, tmp_path: Path) -> None:
    summary = bring_in(store, folder(tmp_path))
    assert (summary.facilities, summary.staff, summary.catchments) == (Count(4, 0), Count(5, 0), Count(2, 0))
    assert (summary.households, summary.patients) == (Count(2, 0), Count(3, 0))
    assert summary.notes == ()
    assert phones_of(store, "ASC07") == ["+22376000001", "+22376000021"]
    assert phones_of(store, "ASC08") == ["+22376000008"]  # written without its country, read by the facility's
    assert who_has(store, "07") == [("ASC07", TODAY, None)]
    assert patient(store, 417) == ("F", date(2025, 9, 10), date(2025, 9, 10), None)
    assert patient(store, 13)[3] == date(2026, 5, 11)
    assert patient(store, 16) == (None, None, None, None)


def test_every_household_and_patient_has_its_code(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    found = ask(store, select(codes.c.serial, codes.c.kind).order_by(codes.c.serial))
    assert found == [(12, "household"), (13, "patient"), (15, "household"), (16, "patient"), (417, "patient")]
    joined = select(func.count()).select_from(codes.join(patients, patients.c.id == codes.c.subject_id))
    assert ask(store, joined) == [(3,)]


def test_the_counter_of_a_catchment_stands_above_every_serial(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    assert next_serial(store, "07") == 418
    assert next_serial(store, "08") == 10


def test_all_of_a_site_carries_its_id_and_what_is_above_its_own(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    ids = dict(ask(store, select(facilities.c.code, facilities.c.id)))
    sites = dict(ask(store, select(facilities.c.code, facilities.c.site_id)))
    assert sites == {"ML": ids["ML"], "S1": ids["S1"], "C1": ids["S1"], "C2": ids["S1"]}
    for table in (staff, phones, catchments, assignments, households, patients, codes):
        assert ask(store, select(table.c.site_id).distinct()) == [(ids["S1"],)]


def test_an_empty_time_zone_is_that_of_the_facility_above(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    assert ask(store, select(facilities.c.timezone).distinct()) == [("Africa/Bamako",)]


def test_supervisors_may_stand_below_those_they_supervise(store: Store, tmp_path: Path) -> None:
    header, supervisor, *others = STAFF.splitlines(keepends=True)
    bring_in(store, folder(tmp_path, staff="".join([header, *reversed(others), supervisor])))
    above = staff.alias()
    query = select(staff.c.code).join(above, above.c.id == staff.c.supervisor_id).where(above.c.code == "SUP1")
    assert sorted(ask(store, query)) == [("ASC07",), ("ASC08",)]


def test_facilities_may_stand_in_any_order(store: Store, tmp_path: Path) -> None:
    header, *rows = FACILITIES.splitlines(keepends=True)
    assert bring_in(store, folder(tmp_path, facilities="".join([header, *reversed(rows)]))).facilities == Count(4, 0)


def test_progress_is_told_of_every_row_twice(store: Store, tmp_path: Path) -> None:
    told: list[int] = []
    import_people(store, folder(tmp_path), TODAY, told.append)
    assert sum(told) == rows_ahead(tmp_path) == 2 * (4 + 5 + 2 + 3)


def test_others_are_told_to_forget_what_they_remember(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    before = ask(store, select(revisions.c.number).where(revisions.c.name == "register"))
    bring_in(store, tmp_path)
    after = ask(store, select(revisions.c.number).where(revisions.c.name == "register"))
    assert after[0][0] == before[0][0] + 1


def test_a_name_is_only_data(store: Store, tmp_path: Path) -> None:
    name = "=cmd|' /C calc'!A0; DROP TABLE staff"
    bring_in(store, folder(tmp_path, staff=STAFF.replace("Une Agente", f'"{name}"')))
    assert ask(store, select(staff.c.name).where(staff.c.code == "ASC07")) == [(name,)]


# ---------------------------------------------------------------- again


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    tables = [facilities, staff, phones, catchments, assignments, households, patients, codes]
    return {table.name: sorted(ask(store, select(table)), key=repr) for table in tables}


def test_the_same_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    before = everything(store)
    summary = bring_in(store, tmp_path, TOMORROW)
    assert (summary.households, summary.patients) == (Count(0, 2), Count(0, 3))
    assert everything(store) == before


def test_changed_rows_are_brought_up_to_date(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    changed = folder(
        tmp_path,
        facilities=FACILITIES.replace("Clinique une", "Clinique de Sogola"),
        staff=STAFF.replace("Une Agente,+22376000001 +22376000021,fr", "Une Agente,+22376000031,en"),
        households=HOUSEHOLDS.replace("12,6,Sogola", "12,7,Tiela"),
        patients=PATIENTS.replace("16,15,,,", "16,12,M,2020,"),
    )
    bring_in(store, changed)
    assert ask(store, select(facilities.c.name).where(facilities.c.code == "C1")) == [("Clinique de Sogola",)]
    assert ask(store, select(staff.c.language).where(staff.c.code == "ASC07")) == [("en",)]
    assert phones_of(store, "ASC07") == ["+22376000031"]
    home = select(households.c.id, households.c.people, households.c.village).where(households.c.serial == 12)
    ((home_id, people, village),) = ask(store, home)
    assert (people, village) == (7, "Tiela")
    assert ask(store, select(patients.c.household_id).where(patients.c.serial == 16)) == [(home_id,)]
    assert patient(store, 16) == ("M", date(2020, 1, 1), date(2020, 12, 31), None)


def test_an_empty_cell_does_not_take_away_what_chws_reported(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    empty = folder(
        tmp_path,
        households="catchment,serial,people,village\n07,12,,\n",
        patients="catchment,serial,household,sex,birth_date,lmp\n07,13,12,,,\n",
    )
    bring_in(store, empty)
    assert patient(store, 13) == ("F", date(1999, 4, 2), date(1999, 4, 2), date(2026, 5, 11))
    query = select(households.c.people, households.c.village).where(households.c.serial == 12)
    assert ask(store, query) == [(6, "Sogola")]


def test_whoever_is_not_listed_stays(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    header, *_, last = STAFF.splitlines(keepends=True)
    summary = bring_in(store, folder(tmp_path, facilities=None, staff=header + last, households=None, patients=None))
    assert summary.not_listed == 4 + 4
    assert phones_of(store, "ASC07") == ["+22376000001", "+22376000021"]
    assert who_has(store, "07") == [("ASC07", TODAY, None)]
    assert ask(store, select(func.count()).select_from(patients)) == [(3,)]


def test_patients_alone_can_be_added(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    more = "catchment,serial,household,sex,birth_date,lmp\n07,418,15,M,2026-11-01,\n"
    bring_in(store, folder(tmp_path, facilities=None, staff=None, households=None, patients=more))
    assert next_serial(store, "07") == 419


def test_the_counter_never_goes_back(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))

    def given_out_since(tx: Tx) -> None:
        tx.run(update(catchments).where(catchments.c.number == "07").values(next_serial=500))

    store.write(given_out_since)
    bring_in(store, tmp_path)
    assert next_serial(store, "07") == 500


# ---------------------------------------------------------------- phones and catchments change hands


def test_a_phone_moves_from_one_chw_to_another(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    swapped = STAFF.replace("+22376000001 +22376000021", "+22376000008").replace("76000008,bm", "+22376000001,bm")
    summary = bring_in(store, folder(tmp_path, staff=swapped))
    assert (phones_of(store, "ASC07"), phones_of(store, "ASC08")) == (["+22376000008"], ["+22376000001"])
    assert summary.phones_moved == 2


def test_a_phone_taken_from_someone_not_listed_is_noted_and_leaves_them_reachable(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    header = STAFF.splitlines(keepends=True)[0]
    new = f"{header}ASC09,chw,Une Autre,+22376000001,fr,C1,SUP1,09,\n"
    summary = bring_in(store, folder(tmp_path, staff=new))
    assert phones_of(store, "ASC09") == ["+22376000001"]
    assert phones_of(store, "ASC07") == ["+22376000021"]  # now the first, so the one we text
    assert summary.notes == ("staff.csv:2: ASC09 now has a phone that was ASC07's, who is not listed",)


def test_a_catchment_passes_from_one_chw_to_another(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    passed = STAFF.replace("C1,SUP1,07,", "C1,SUP1,,") + "ASC09,chw,Une Autre,+22376000009,fr,C1,SUP1,07,\n"
    summary = bring_in(store, folder(tmp_path, staff=passed), TOMORROW)
    assert who_has(store, "07") == [("ASC07", TODAY, TODAY), ("ASC09", TOMORROW, None)]
    assert (summary.assignments_started, summary.assignments_ended) == (1, 1)


def test_a_mistake_put_right_the_same_day_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path, staff=STAFF.replace("C1,SUP1,07,", "C1,SUP1,07 09,")))
    bring_in(store, folder(tmp_path))
    assert who_has(store, "09") == []
    bring_in(store, folder(tmp_path, staff=STAFF.replace("C1,SUP1,07,", "C1,SUP1,07 09,")))
    assert who_has(store, "09") == [("ASC07", TODAY, None)]


def test_a_cover_ends_by_itself(store: Store, tmp_path: Path) -> None:
    """`CONGE` gives a catchment to someone for some days: an import neither ends that nor makes it last."""
    bring_in(store, folder(tmp_path))
    back = TODAY + timedelta(days=3)
    ((area, site),) = ask(store, select(catchments.c.id, catchments.c.site_id).where(catchments.c.number == "07"))
    ((cover,),) = ask(store, select(staff.c.id).where(staff.c.code == "ASC08"))
    row = {
        "id": new_id(),
        "site_id": site,
        "catchment_id": area,
        "staff_id": cover,
        "starts_on": TODAY,
        "ends_on": back,
    }
    store.write(lambda tx: tx.insert(assignments, row))
    bring_in(store, tmp_path, TOMORROW)
    assert who_has(store, "07") == [("ASC07", TODAY, None), ("ASC08", TODAY, back)]


def test_two_chws_may_share_a_catchment(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path, staff=STAFF + "ASC09,chw,Une Autre,+22376000009,fr,C1,SUP1,07,\n"))
    assert who_has(store, "07") == [("ASC07", TODAY, None), ("ASC09", TODAY, None)]


def test_a_chw_moves_with_her_catchment_to_another_clinic(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    summary = bring_in(store, folder(tmp_path, staff=STAFF.replace("fr,C1,SUP1,07,", "fr,C2,SUP1,07,")))
    query = select(facilities.c.code).join(catchments, catchments.c.facility_id == facilities.c.id)
    assert ask(store, query.where(catchments.c.number == "07")) == [("C2",)]
    assert summary.notes == ("the catchment 07 moves from the clinic C1 to C2",)


def test_a_clinic_that_moves_to_another_site_takes_everyone_along(store: Store, tmp_path: Path) -> None:
    bring_in(store, folder(tmp_path))
    other = FACILITIES.replace("C1,Clinique une,clinic,S1", "S2,Autre site,site,ML,,B\nC1,Clinique une,clinic,S2")
    bring_in(store, folder(tmp_path, facilities=other, staff=None, households=None, patients=None))
    ids = dict(ask(store, select(facilities.c.code, facilities.c.id)))
    for table in (households, patients, codes):
        assert ask(store, select(table.c.site_id).distinct()) == [(ids["S2"],)]
    assert dict(ask(store, select(staff.c.code, staff.c.site_id))) == {
        "SUP1": ids["S1"],
        "INF1": ids["S2"],
        "INF2": ids["S1"],
        "ASC07": ids["S2"],
        "ASC08": ids["S1"],
    }
    owners = select(staff.c.code, phones.c.site_id).join(phones, phones.c.staff_id == staff.c.id)
    assert {code for code, site in ask(store, owners) if site == ids["S2"]} == {"INF1", "ASC07"}


@pytest.mark.parametrize("written", ["7", "007"])
def test_a_spreadsheet_may_drop_the_zero_of_a_catchment(store: Store, tmp_path: Path, written: str) -> None:
    bring_in(store, folder(tmp_path))
    before = everything(store)
    again = folder(
        tmp_path,
        staff=STAFF.replace("SUP1,07,", f"SUP1,{written},"),
        households=HOUSEHOLDS.replace("\n07,", f"\n{written},"),
        patients=PATIENTS.replace("\n07,", f"\n{written},"),
    )
    bring_in(store, again)
    assert everything(store) == before


# ---------------------------------------------------------------- what should be looked at


@pytest.mark.parametrize(
    ("change", "to", "note"),
    [
        ("INF1,nurse", "INF1,supervisor", "the clinic C1 has no nurse with a phone"),
        ("+22376000101", "", "INF1 (nurse) has no phone"),
        ("C1,SUP1,07,", "C1,SUP1,,", "nobody looks after the catchment 07"),
    ],
)
def test_what_leaves_someone_unreached_is_noted(store: Store, tmp_path: Path, change: str, to: str, note: str) -> None:
    bring_in(store, folder(tmp_path))
    summary = bring_in(store, folder(tmp_path, staff=STAFF.replace(change, to)))
    assert any(line.startswith(note) for line in summary.notes)
    assert f"note: {note}" in str(summary)


# ---------------------------------------------------------------- nothing at all


def test_one_bad_line_and_nothing_is_imported(store: Store, tmp_path: Path) -> None:
    wrong = folder(tmp_path, patients=PATIENTS + "07,418,99,F,,\n")
    assert refused(store, wrong) == [
        "patients.csv:5: household: there is no household 99 of catchment 07 in the files or the database"
    ]
    for table in metadata.tables.values():
        assert ask(store, select(func.count()).select_from(table)) == [(0,)]


def test_what_goes_wrong_while_writing_leaves_nothing(store: Store, tmp_path: Path) -> None:
    checked = 4 + 5 + 2 + 3
    written: list[int] = []

    def disk_full(rows: int) -> None:
        written.append(rows)
        if sum(written) > checked:
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        import_people(store, folder(tmp_path), TODAY, disk_full)
    assert ask(store, select(func.count()).select_from(staff)) == [(0,)]


def test_a_serial_given_out_while_the_files_were_read_is_found(store: Store, tmp_path: Path) -> None:
    """A CHW registers a household by SMS under the serial that a line of the file was about to take."""
    bring_in(store, folder(tmp_path))
    more = folder(tmp_path, patients=PATIENTS + "07,418,12,F,,\n")
    ((area, site),) = ask(store, select(catchments.c.id, catchments.c.site_id).where(catchments.c.number == "07"))
    registered: list[int] = []

    def register(tx: Tx) -> None:
        place = {"catchment_id": area, "serial": 418, "site_id": site}
        tx.run(insert(codes), {**place, "kind": "household", "subject_id": new_id()})
        tx.run(update(catchments).where(catchments.c.id == area).values(next_serial=419))

    def meanwhile(rows: int) -> None:
        if not registered:
            registered.append(rows)
            store.write(register)

    with pytest.raises(ImportRefused) as refusal:
        import_people(store, more, TODAY, meanwhile)
    assert refusal.value.lines == [
        "patients.csv:5: serial 418 of catchment 07 is a household in the database: take a serial that nobody has"
    ]


def test_files_saved_during_the_import_are_read_again(store: Store, tmp_path: Path) -> None:
    folder(tmp_path)
    saves = iter(range(1))

    def save(rows: int) -> None:
        if next(saves, None) is not None:
            folder(tmp_path, patients=PATIENTS + "07,418,12,F,,\n")

    assert import_people(store, tmp_path, TODAY, save).patients == Count(4, 0)


def test_files_that_do_not_stand_still_are_not_imported(store: Store, tmp_path: Path) -> None:
    folder(tmp_path)
    saves = iter(range(1_000))

    def save(rows: int) -> None:
        folder(tmp_path, patients=PATIENTS + "\n" * next(saves))

    with pytest.raises(RegisterBusy):
        import_people(store, tmp_path, TODAY, save)
    assert ask(store, select(func.count()).select_from(staff)) == [(0,)]
