"""How are places, staff, catchments and assignments written? Listed ones are inserted or brought up to date; and what
hangs on a facility that now lies in another site follows it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, bindparam, case, delete, insert, update

from smsgateway.store.tables import assignments, catchments, codes, facilities, households, patients, phones, staff
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from smsgateway.text.codes import FIRST_SERIAL
from smsgateway.transfer.checking import Checked
from smsgateway.transfer.places import LEVEL

Ids = dict[str, UUID]
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Area:
    """A catchment as it is written: what every household and patient of it carries."""

    id: UUID
    site_id: UUID


def write_facilities(tx: Tx, checked: Checked) -> Ids:
    """Write the listed facilities, those above first; the ids of all there are, by code."""
    known = checked.known.facilities
    ids = {code: each.id for code, each in known.items()}
    ids |= {row.code: new_id() for row in checked.facilities if row.code not in known}
    new: Rows = []
    old: Rows = []
    for row in sorted(checked.facilities, key=lambda row: LEVEL[row.kind]):
        place = checked.places[row.code]
        written = {
            "id": ids[row.code],
            "site_id": ids[place.site],
            "code": row.code,
            "name": row.name,
            "kind": row.kind,
            "parent_id": ids[row.parent] if row.parent else None,
            "timezone": place.timezone,
            "arm": row.arm,
        }
        (old if row.code in known else new).append(written)
    _insert(tx, facilities, new)
    _update(tx, facilities, old)
    sites = {code: ids[checked.places[code].site] for code in known}
    _update(
        tx, facilities, [_to_site(each.id, sites[code]) for code, each in known.items() if each.site_id != sites[code]]
    )
    return ids


def write_staff(tx: Tx, checked: Checked, places: Ids) -> Ids:
    """Write the listed staff, then who supervises whom (a supervisor may come later in the file), then phones; the ids
    of all there are, by code."""
    known = checked.known.staff
    ids = {code: each.id for code, each in known.items()}
    ids |= {row.code: new_id() for row in checked.staff if row.code not in known}
    sites = {code: places[checked.places[facility].site] for code, facility in checked.staffing.facility_of.items()}
    new: Rows = []
    old: Rows = []
    for row in checked.staff:
        written = {
            "id": ids[row.code],
            "site_id": sites[row.code],
            "code": row.code,
            "role": row.role,
            "name": row.name,
            "language": row.language,
            "facility_id": places[row.facility],
            "on_duty": row.on_duty,
        }
        (old if row.code in known else new).append(written)
    _insert(tx, staff, new)
    _update(tx, staff, old)
    above = [(ids[row.code], row.supervisor) for row in checked.staff]
    _update(tx, staff, [{"id": id_, "supervisor_id": ids[boss] if boss else None} for id_, boss in above])
    moved = [each for code, each in known.items() if code in sites and each.site_id != sites[code]]
    _update(tx, staff, [_to_site(each.id, sites[each.code]) for each in moved])
    _write_phones(tx, checked.staffing.phones, ids, sites)
    _follow(tx, phones.c.staff_id, [(each.id, sites[each.code]) for each in moved])
    return ids


def _write_phones(tx: Tx, owned: Mapping[str, tuple[str, ...]], ids: Ids, sites: Mapping[str, UUID]) -> None:
    """Everyone's phones anew: a number can pass from one person to another, and the first is the one we text."""
    if owned:
        tx.run(delete(phones).where(phones.c.staff_id == bindparam("owner")), [{"owner": ids[code]} for code in owned])
    _insert(
        tx,
        phones,
        [
            {"phone": phone, "staff_id": ids[code], "site_id": sites[code], "position": position}
            for code, numbers in owned.items()
            for position, phone in enumerate(numbers)
        ],
    )


def write_catchments(tx: Tx, checked: Checked, places: Ids) -> dict[str, Area]:
    """Write new catchments and those of another clinic or site than before, and raise the counters above every serial
    used; all catchments there are, by number."""
    known = checked.known.catchments
    areas: dict[str, Area] = {}
    new: Rows = []
    old: Rows = []
    for number, clinic in checked.staffing.catchments.items():
        before = known.get(number)
        area = Area(before.id if before else new_id(), places[checked.places[clinic].site])
        areas[number] = area
        written = {"id": area.id, "site_id": area.site_id, "facility_id": places[clinic]}
        if before is None:
            new.append(written | {"number": number, "next_serial": FIRST_SERIAL})
        elif (before.facility, before.site_id) != (clinic, area.site_id):
            old.append(written)
    _insert(tx, catchments, new)
    _update(tx, catchments, old)
    moved = [
        (each.id, areas[number].site_id) for number, each in known.items() if each.site_id != areas[number].site_id
    ]
    for table in (assignments, households, patients, codes):
        _follow(tx, table.c.catchment_id, moved)
    _raise_counters(tx, [(areas[number].id, serial) for number, serial in checked.serials.next_serials().items()])
    return areas


def _raise_counters(tx: Tx, free: Iterable[tuple[UUID, int]]) -> None:
    """Never back: what is higher stays. It also holds the catchment against registrations until the commit."""
    counter = catchments.c.next_serial
    at_least = bindparam("at_least", type_=counter.type)
    statement = (
        update(catchments)
        .where(catchments.c.id == bindparam("row_id"))
        .values(next_serial=case((counter < at_least, at_least), else_=counter))
    )
    # In one order everywhere: two imports at once then wait for each other and cannot lock each other out.
    rows = [{"row_id": id_, "at_least": serial} for id_, serial in sorted(free)]
    if rows:
        tx.run(statement, rows)


def write_assignments(tx: Tx, checked: Checked, people: Ids, areas: Mapping[str, Area]) -> None:
    """New ones start today, those no longer listed ended yesterday; one that started today never was."""
    plan, today = checked.staffing, checked.today
    gone = [each for each in plan.ends if each.starts_on >= today]
    over = [each for each in plan.ends if each.starts_on < today]
    if gone:
        tx.run(
            delete(assignments).where(assignments.c.id == bindparam("row_id")), [{"row_id": each.id} for each in gone]
        )
    _update(tx, assignments, [{"id": each.id, "ends_on": today - timedelta(days=1)} for each in over])
    _update(tx, assignments, [{"id": each.id, "ends_on": None} for each in plan.lasting])
    _insert(
        tx,
        assignments,
        [
            {
                "id": new_id(),
                "site_id": areas[number].site_id,
                "catchment_id": areas[number].id,
                "staff_id": people[code],
                "starts_on": today,
                "ends_on": None,
            }
            for number, code in plan.starts
        ],
    )


def _insert(tx: Tx, table: Table, rows: Rows) -> None:
    if rows:
        tx.run(insert(table), rows)


def _update(tx: Tx, table: Table, rows: Rows) -> None:
    """Set columns of rows known by `id`; all rows name the same ones."""
    if rows:
        values = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in rows[0] if name != "id"}
        statement = update(table).where(table.c.id == bindparam("row_id")).values(values)
        tx.run(statement, [{"row_id" if name == "id" else f"new_{name}": row[name] for name in row} for row in rows])


def _to_site(id_: UUID, site: UUID) -> dict[str, Any]:
    return {"id": id_, "site_id": site}


def _follow(tx: Tx, owner: Column[Any], moved: Iterable[tuple[UUID, UUID]]) -> None:
    """Everything in the owner column's table that belongs to these owners goes to their new site."""
    rows = [{"owner": id_, "new_site": site} for id_, site in moved]
    if rows:
        tx.run(update(owner.table).where(owner == bindparam("owner")).values(site_id=bindparam("new_site")), rows)
