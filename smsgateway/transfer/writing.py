"""How is a checked programme written? In one transaction, from the top of the tree down, people in batches.

What the check found free may have been taken meanwhile: then a unique key refuses the row, everything is rolled back
and the files are checked again. So the check needs no lock, and CHWs go on registering while a long file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smsgateway.store.revisions import register_changed
from smsgateway.store.write import Tx
from smsgateway.transfer.checking import Checked, Progress, stamp_of
from smsgateway.transfer.faults import Changed
from smsgateway.transfer.made_up import MADE_UP_ON, moved_on
from smsgateway.transfer.people import Count, Homes, write_households, write_patients
from smsgateway.transfer.posts import write_assignments, write_catchments, write_facilities, write_staff
from smsgateway.transfer.register import read_known


@dataclass(frozen=True)
class Summary:
    """What an import did. `not_listed` counts facilities and staff that only the database has: they stay. `notes` are
    things that are allowed and that somebody should look at; they hold codes, never names or phone numbers."""

    facilities: Count
    staff: Count
    catchments: Count
    households: Count
    patients: Count
    phones_moved: int
    assignments_started: int
    assignments_ended: int
    not_listed: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """As shown to whoever imported."""
        kinds = ("facilities", "staff", "catchments", "households", "patients")
        counts = {kind: getattr(self, kind) for kind in kinds}
        lines = [f"{kind}: {count.new} new, {count.updated} brought up to date" for kind, count in counts.items()]
        if self.assignments_started or self.assignments_ended:
            lines.append(
                f"assignments: {self.assignments_started} begin today, {self.assignments_ended} ended yesterday"
            )
        if self.phones_moved:
            lines.append(f"phones: {self.phones_moved} now belong to someone else than before")
        if self.not_listed:
            lines.append(f"left as they are: {self.not_listed} facilities and staff that the files do not list")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def write_programme(tx: Tx, checked: Checked, progress: Progress) -> Summary:
    """Write it all; raises Changed, or IntegrityError, when the check no longer holds."""
    known, plan = checked.known, checked.staffing
    if read_known(tx.connection, checked.today) != known:
        raise Changed("places or staff")
    places = write_facilities(tx, checked)
    people = write_staff(tx, checked, places)
    areas = write_catchments(tx, checked, places)
    write_assignments(tx, checked, people, areas)
    progress(len(checked.facilities) + len(checked.staff))
    homes = Homes(tx, checked, areas, progress)
    households, patients = write_households(homes), write_patients(homes)
    if stamp_of(checked.folder) != checked.stamp:
        raise Changed("files")
    register_changed(tx)
    listed_places, listed_staff = {row.code for row in checked.facilities}, {row.code for row in checked.staff}
    return Summary(
        facilities=_count(listed_places, known.facilities),
        staff=_count(listed_staff, known.staff),
        catchments=_count(plan.listed_catchments, known.catchments),
        households=households,
        patients=patients,
        phones_moved=plan.phones_moved,
        assignments_started=len(plan.starts),
        assignments_ended=len(plan.ends),
        not_listed=len(known.facilities.keys() - listed_places) + len(known.staff.keys() - listed_staff),
        notes=(*plan.notes, *_moved(checked)),
    )


def _moved(checked: Checked) -> tuple[str, ...]:
    days = moved_on(checked.folder, checked.today).days
    return (f"made-up people: all dates moved on by {days} days (see {MADE_UP_ON})",) if days else ()


def _count(listed: set[str] | frozenset[str], known: Mapping[str, object]) -> Count:
    return Count(new=len(listed - known.keys()), updated=len(listed & known.keys()))
