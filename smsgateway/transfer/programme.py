"""Who is who in a folder of programme files, without a database? For trying out messages against a programme's own
people before anything is imported; `lookup` is the register that reading asks.

The files are checked as an import into an empty database would check them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Self

from smsgateway.reading.models import Age, Code, CodeFacts, CodeState, Person
from smsgateway.text import codes as check_digits
from smsgateway.text.phones import PhoneError, parse_phone
from smsgateway.transfer.checking import Checked, check_files
from smsgateway.transfer.faults import Faults
from smsgateway.transfer.rows import StaffRow, household_rows, patient_rows

NEAR_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """Who has a serial: a household, or a patient of the household with the serial `household`. Born between
    `born_from` and `born_to`, both included, None when not known."""

    kind: str  # household, patient
    village: str | None
    household: int
    sex: str | None = None
    born_from: date | None = None
    born_to: date | None = None
    lmp: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A member of staff as the files have them. `catchments` are those a bare code is looked for in: a CHW's own, a
    nurse's clinic's, a supervisor's CHWs', a lead's or administrator's site's."""

    code: str
    role: str
    language: str
    catchments: tuple[str, ...]


@dataclass(frozen=True)
class ProgrammeFiles:
    """The people of a folder of programme files."""

    today: date  # the day on which ages are told
    _staff: Mapping[str, Listed]  # by code in capitals, and by phone
    _numbers: Mapping[int, str]
    _entries: Mapping[tuple[str, int], Entry]

    @classmethod
    def load(cls, folder: Path, today: date) -> Self:
        """Read the files of `folder`; raises ImportRefused with everything that is wrong with them."""
        checked = check_files(folder, today)
        numbers = {int(each): each for each in checked.staffing.catchments}
        return cls(today, _staff(checked), numbers, _entries(checked))

    def member(self, who: str) -> Listed | None:
        """The member of staff with this code or phone, however it is written; None when there is none."""
        found = self._staff.get(who.strip().upper())
        if found is not None:
            return found
        try:
            return self._staff.get(parse_phone(who))
        except PhoneError:
            return None

    def catchments_of(self, who: str) -> tuple[str, ...]:
        """The catchments of a staff code, a phone or a catchment number; empty when nobody has it."""
        member = self.member(who)
        if member is not None:
            return member.catchments
        number = self.catchment(who)
        return () if number is None else (number,)

    def catchment(self, written: str) -> str | None:
        """The catchment meant by a number, which may have lost its leading zero."""
        written = written.strip()
        return self._numbers.get(int(written)) if written.isascii() and written.isdigit() else None

    def entry(self, catchment: str, serial: int) -> Entry | None:
        """Who has this serial; None when nobody."""
        return self._entries.get((self.catchment(catchment) or "", serial))

    def lookup(self, code: Code, sender_catchments: Sequence[str]) -> CodeFacts:
        """A typed code as its sender means it: looked for in the catchment written with it, else in the sender's. It
        is taken as typed when neither is known."""
        own = (code.catchment,) if code.catchment is not None else sender_catchments
        if not own:
            has_form = check_digits.parse_code(code.digits) is not None and code.digits[0] != "0"
            return CodeFacts(code, CodeState.UNCHECKED if has_form else CodeState.FAILED)
        numbers = [number for each in own if (number := self.catchment(each)) is not None]
        found = [(number, entry) for number in numbers if (entry := self._whose(number, code.digits)) is not None]
        if len(found) == 1:
            return CodeFacts(code, CodeState.FOUND, person=self._person(*found[0], code))
        if found:
            near = tuple(check_digits.shown_full(number, code.digits) for number, _ in found)
            return CodeFacts(code, CodeState.AMBIGUOUS, near=near)
        return CodeFacts(code, CodeState.FAILED, near=self._near(numbers, code))

    def _whose(self, number: str, digits: str) -> Entry | None:
        return self.entry(number, check_digits.serial_of(digits)) if check_digits.is_valid(number, digits) else None

    def _person(self, number: str, entry: Entry, code: Code) -> Person | None:
        if entry.kind == "household":
            return None
        return Person(
            code=check_digits.shown(code.digits),
            catchment=number,
            sex=entry.sex,
            age=self._age(entry),
            pregnant=entry.lmp is not None,
            village=entry.village,
        )

    def _age(self, entry: Entry) -> Age | None:
        if entry.born_from is None or entry.born_to is None:
            return None
        return Age(youngest=(self.today - entry.born_to).days, oldest=(self.today - entry.born_from).days)

    def _near(self, numbers: Sequence[str], code: Code) -> tuple[str, ...]:
        """Existing codes one slip away, the likeliest first: for "did you mean …?"."""
        slips = ((number, digits) for number in numbers for digits in check_digits.near(number, code.digits))
        existing = (check_digits.shown(digits) for number, digits in slips if self._whose(number, digits))
        return tuple(islice(existing, NEAR_AT_MOST))


def _entries(checked: Checked) -> dict[tuple[str, int], Entry]:
    faults = Faults()
    entries: dict[tuple[str, int], Entry] = {}
    for home in household_rows(checked.folder, faults):
        number, _ = checked.serials.found(home.catchment, home.serial)
        entries[number, home.serial] = Entry("household", home.village, home.serial)
    for row in patient_rows(checked.folder, faults, checked.today):
        number, _ = checked.serials.found(row.catchment, row.serial)
        village = entries[number, row.household].village
        entries[number, row.serial] = Entry(
            "patient", village, row.household, row.sex, row.born_from, row.born_to, row.lmp
        )
    return entries


def _staff(checked: Checked) -> dict[str, Listed]:
    reach = _Reach(checked)
    listed = {row.code: Listed(row.code, row.role, row.language, reach.of(row)) for row in checked.staff}
    by_phone = {phone: listed[code] for code, owned in checked.staffing.phones.items() for phone in owned}
    return {code.upper(): each for code, each in listed.items()} | by_phone


class _Reach:
    """Which catchments each role asks about."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        self._clinics = checked.staffing.catchments

    def of(self, row: StaffRow) -> tuple[str, ...]:
        match row.role:
            case "chw":
                return self._of_chws([row])
            case "nurse":
                return self._where(row.facility)
            case "supervisor":
                return self._of_chws(each for each in self._checked.staff if each.supervisor == row.code)
            case _:
                site = self._checked.places[row.facility].site
                return self._where(*(code for code, place in self._checked.places.items() if place.site == site))

    def _of_chws(self, rows: Iterable[StaffRow]) -> tuple[str, ...]:
        number = self._checked.staffing.number_as_known
        return tuple(sorted({kept for row in rows for each in row.catchments if (kept := number(each)) is not None}))

    def _where(self, *facilities: str) -> tuple[str, ...]:
        return tuple(sorted(number for number, clinic in self._clinics.items() if clinic in facilities))
