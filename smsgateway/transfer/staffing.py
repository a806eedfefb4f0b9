"""Who will work where, and what has to change for it? Staff, phones, supervisors and catchments of the files, laid
over those of the database; pure.

The file is the truth for everyone it lists: phones and catchments it no longer names are taken away. Whoever it does
not list stays as they are, except that a phone given to someone else is theirs no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from smsgateway.text.phones import PhoneError, parse_phone
from smsgateway.transfer.faults import Faults
from smsgateway.transfer.files import FACILITIES, STAFF
from smsgateway.transfer.places import Place, check_codes
from smsgateway.transfer.register import Known, KnownAssignment, KnownFacility, KnownMember
from smsgateway.transfer.rows import StaffRow

SUPERVISING = ("supervisor", "lead")


@dataclass(frozen=True)
class Staffing:
    """`phones` has everyone whose phones are written anew; `catchments` every catchment there will be with its clinic;
    `starts` are new assignments (catchment, staff), `lasting` covers that become permanent, `ends` those to end."""

    facility_of: dict[str, str]
    phones: dict[str, tuple[str, ...]]
    catchments: dict[str, str]
    starts: tuple[tuple[str, str], ...]
    lasting: tuple[KnownAssignment, ...]
    ends: tuple[KnownAssignment, ...]
    listed_catchments: frozenset[str]
    phones_moved: int
    notes: tuple[str, ...]

    def number_as_known(self, written: str) -> str | None:
        """The catchment meant by a number: spreadsheets make 7 of 07, and both give the same codes."""
        return self._by_value.get(int(written))

    _by_value: dict[int, str] = field(default_factory=dict)


def staffing(
    rows: Sequence[StaffRow], known: Known, places: Mapping[str, Place], faults: Faults, *, all_read: bool
) -> Staffing:
    """The staff there will be; what does not fit is put on the list of faults. `all_read` is whether every line of
    facilities.csv and staff.csv was sound: else what is missing may stand on a line that could not be read."""
    check_codes(STAFF, [(row.line, row.code) for row in rows], known.staff, faults)
    _check_facilities(rows, places, faults, all_read)
    _check_supervisors(rows, known, faults, all_read)
    phones, moved, notes = _phones(rows, known, places, faults, all_read)
    facility_of = {each.code: each.facility for each in known.staff.values() if each.facility is not None}
    facility_of |= {row.code: row.facility for row in rows}
    numbers = {int(number): number for number in known.catchments}
    wanted = _wanted(rows, numbers, faults)
    listed = {row.code for row in rows}
    catchments = _clinics(wanted, listed, known, facility_of, faults)
    _check_clinics(catchments, known.facilities, places, faults)
    starts, lasting, ends = _assignments(listed, wanted, known.assignments)
    notes += _notes(known, catchments, wanted, phones, rows, ends)
    return Staffing(
        facility_of=facility_of,
        phones=phones,
        catchments=catchments,
        starts=starts,
        lasting=lasting,
        ends=ends,
        listed_catchments=frozenset(number for number, _ in wanted),
        phones_moved=moved,
        notes=tuple(notes),
        _by_value=numbers,
    )


def _check_facilities(rows: Iterable[StaffRow], places: Mapping[str, Place], faults: Faults, all_read: bool) -> None:
    for row in rows:
        place = places.get(row.facility)
        if place is None and all_read:
            faults.add(STAFF, row.line, f"facility: there is no facility {row.facility} in the files or the database")
        if place is not None and row.role == "chw" and place.kind != "clinic":
            faults.add(
                STAFF, row.line, f"facility: {row.facility} is a {place.kind}: write the clinic this CHW belongs to"
            )


def _check_supervisors(rows: Iterable[StaffRow], known: Known, faults: Faults, all_read: bool) -> None:
    listed = {row.code: row for row in rows}
    roles = {each.code: each.role for each in known.staff.values()} | {code: row.role for code, row in listed.items()}
    for row in listed.values():
        if row.supervisor is None:
            continue
        if row.supervisor == row.code:
            faults.add(STAFF, row.line, "supervisor: nobody supervises themselves: leave it empty or write another")
        elif row.supervisor not in roles:
            if all_read:
                faults.add(STAFF, row.line, f"supervisor: there is no {row.supervisor} in the files or the database")
        elif roles[row.supervisor] not in SUPERVISING:
            faults.add(
                STAFF,
                row.line,
                f"supervisor: {row.supervisor} is a {roles[row.supervisor]}: write a supervisor or lead",
            )
    supervisors = {each.code: each.supervisor for each in known.staff.values()}
    supervisors |= {code: row.supervisor for code, row in listed.items()}
    _check_circles(supervisors, listed, faults)
    for member in known.staff.values():  # someone not listed, whose supervisor is now something else
        above = listed.get(member.supervisor or "")
        if member.code not in listed and above is not None and above.role not in SUPERVISING:
            faults.add(STAFF, above.line, f"role: {above.code} still supervises {member.code}: give them another first")


def _check_circles(supervisors: Mapping[str, str | None], listed: Mapping[str, StaffRow], faults: Faults) -> None:
    """An escalation that goes up and up must end with someone."""
    cleared: set[str] = set()
    for code in supervisors:
        way: list[str] = []
        at: str | None = code
        while at is not None and at not in cleared and at not in way:
            way.append(at)
            at = supervisors.get(at)
        if at in way and len(way) > 1:
            circle = way[way.index(at) :]
            line = min((listed[each].line for each in circle if each in listed), default=0)
            faults.add(
                STAFF, line, f"supervisor: {' under '.join([*circle, circle[0]])}: a circle, it must end with someone"
            )
        cleared.update(way)


# ---------------------------------------------------------------- phones


def _phones(
    rows: Iterable[StaffRow], known: Known, places: Mapping[str, Place], faults: Faults, all_read: bool
) -> tuple[dict[str, tuple[str, ...]], int, list[str]]:
    """The phones of everyone touched, how many changed hands, and who lost one without being listed."""
    owner: dict[str, StaffRow] = {}
    for row in rows:
        for phone in _read_phones(row, places.get(row.facility), faults, all_read):
            if phone in owner:
                other = "this line" if owner[phone] is row else f"line {owner[phone].line}"
                faults.add(
                    STAFF, row.line, f"phones: one of these numbers stands on {other} too: a phone is one person's"
                )
            else:
                owner[phone] = row
    phones: dict[str, tuple[str, ...]] = {row.code: () for row in rows}
    for phone, row in owner.items():
        phones[row.code] += (phone,)
    moved, notes = 0, []
    for member in known.staff.values():
        lost = [owner[phone] for phone in member.phones if phone in owner and owner[phone].code != member.code]
        moved += len(lost)
        if lost and member.code not in phones:
            phones[member.code] = tuple(phone for phone in member.phones if phone not in owner)
            notes += [
                f"{STAFF}:{row.line}: {row.code} now has a phone that was {member.code}'s, who is not listed"
                for row in lost
            ]
    return phones, moved, notes


def _read_phones(row: StaffRow, place: Place | None, faults: Faults, all_read: bool) -> Iterable[str]:
    """E.164 of each number; without a known country only numbers that name theirs are read."""
    country = place.country if place else None
    for written in row.phones:
        try:
            yield parse_phone(written, country, defaults=())
        except PhoneError as error:
            if country or all_read:
                faults.add(STAFF, row.line, f"phones: {error}")


# ---------------------------------------------------------------- catchments


def _wanted(rows: Iterable[StaffRow], numbers: dict[int, str], faults: Faults) -> dict[tuple[str, str], StaffRow]:
    """Who is to look after which catchment (number, staff code). `numbers` learns the new ones."""
    wanted: dict[tuple[str, str], StaffRow] = {}
    for row in rows:
        if row.catchments and row.role != "chw":
            faults.add(STAFF, row.line, f"catchments: a {row.role} has none, only a CHW has: leave it empty")
            continue
        for written in row.catchments:
            number = numbers.setdefault(int(written), written)
            if (number, row.code) in wanted:
                faults.add(STAFF, row.line, f"catchments: {number} stands there twice")
            wanted[number, row.code] = row
    return wanted


def _clinics(
    wanted: Mapping[tuple[str, str], StaffRow],
    listed: set[str],
    known: Known,
    facility_of: Mapping[str, str],
    faults: Faults,
) -> dict[str, str]:
    """The clinic of every catchment: that of its CHWs, who must all be of the same one."""
    catchments = {each.number: each.facility for each in known.catchments.values()}
    staying = {
        each.catchment: each.staff for each in known.assignments if each.ends_on is None and each.staff not in listed
    }
    first: dict[str, StaffRow] = {}
    for (number, _), row in wanted.items():
        other = first.setdefault(number, row)
        stays = staying.get(number)
        if other.facility != row.facility:
            faults.add(
                STAFF, row.line, f"catchments: {number} belongs to the clinic {other.facility} by line {other.line}"
            )
        elif stays is not None and facility_of.get(stays, row.facility) != row.facility:
            faults.add(
                STAFF,
                row.line,
                f"catchments: {number} belongs to the clinic {facility_of[stays]}, where {stays} has it",
            )
        catchments[number] = row.facility
    return catchments


def _check_clinics(
    catchments: Mapping[str, str], known: Mapping[str, KnownFacility], places: Mapping[str, Place], faults: Faults
) -> None:
    """A facility that has catchments stays a clinic."""
    for number, facility in catchments.items():
        place = places.get(facility)
        if place is not None and place.kind != "clinic" and facility in known:
            faults.add(FACILITIES, 0, f"{facility} has the catchment {number}, so its kind must stay clinic")


def _assignments(
    listed: set[str], wanted: Mapping[tuple[str, str], StaffRow], known: Iterable[KnownAssignment]
) -> tuple[tuple[tuple[str, str], ...], tuple[KnownAssignment, ...], tuple[KnownAssignment, ...]]:
    """(to start, to make permanent, to end). A cover with its own last day is not ended: it ends by itself."""
    current = {(each.catchment, each.staff): each for each in known if each.staff in listed}
    starts = tuple(pair for pair in wanted if pair not in current)
    lasting = tuple(each for pair, each in current.items() if pair in wanted and each.ends_on is not None)
    ends = tuple(each for pair, each in current.items() if pair not in wanted and each.ends_on is None)
    return starts, lasting, ends


# ---------------------------------------------------------------- what the programme should know


def _notes(
    known: Known,
    catchments: Mapping[str, str],
    wanted: Mapping[tuple[str, str], StaffRow],
    phones: Mapping[str, tuple[str, ...]],
    rows: Iterable[StaffRow],
    ends: Iterable[KnownAssignment],
) -> list[str]:
    """What is allowed and yet leaves someone unreached."""
    notes = [
        f"the catchment {number} moves from the clinic {each.facility} to {catchments[number]}"
        for number, each in known.catchments.items()
        if catchments[number] != each.facility
    ]
    looked_after = {number for number, _ in wanted} | {
        each.catchment for each in known.assignments if each not in set(ends)
    }
    notes += [f"nobody looks after the catchment {number}" for number in catchments if number not in looked_after]
    notes += [f"{row.code} ({row.role}) has no phone" for row in rows if row.role != "admin" and not phones[row.code]]
    nurses = _nurses(rows, known.staff, phones)
    notes += [
        f"the clinic {clinic} has no nurse with a phone: its referrals go straight to the supervisor"
        for clinic in sorted(set(catchments.values()))
        if not nurses[clinic]
    ]
    return notes


def _nurses(
    rows: Iterable[StaffRow], known: Mapping[str, KnownMember], phones: Mapping[str, tuple[str, ...]]
) -> Counter[str]:
    """How many nurses with a phone each facility has."""
    there = {each.code: (each.facility or "", each.role, phones.get(each.code, each.phones)) for each in known.values()}
    there |= {row.code: (row.facility, row.role, phones[row.code]) for row in rows}
    return Counter(facility for facility, role, owned in there.values() if role == "nurse" and owned)
