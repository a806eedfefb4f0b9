"""What does one cell say? Each function reads the text of a cell into a value, or raises Wrong with what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date, timedelta

from smsgateway.text.codes import FIRST_SERIAL, MAX_DIGITS, parse_code
from smsgateway.transfer.files import Wrong

OLDEST = timedelta(days=120 * 366)
PREGNANCY_AT_MOST = timedelta(weeks=45)
PEOPLE_AT_MOST = 500  # of one household; more is a slipped digit
LAST_SERIAL = 10 ** (MAX_DIGITS - 1) - 1

# Codes are typed into SMS and spoken over the phone, so no spaces and no accents.
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_CATCHMENT = re.compile(r"[0-9]{1,6}")
_DIGITS = re.compile(r"[0-9]{1,12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_YEAR = re.compile(r"[0-9]{4}")
_DUTY = re.compile(r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9])")

Period = tuple[date | None, date | None]
UNKNOWN: Period = (None, None)


def free_text(at_most: int, *, required: bool = False) -> Callable[[str], str]:
    """Any text of at most so many characters."""

    def read(text: str) -> str:
        if required and not text:
            raise Wrong("empty")
        if len(text) > at_most:
            raise Wrong(f"{len(text)} characters, at most {at_most} fit")
        if "\0" in text:
            raise Wrong("holds a NUL character: type the cell again")
        return text

    return read


def one_of(choices: Collection[str]) -> Callable[[str], str]:
    """One of a few words, in any case."""

    def read(text: str) -> str:
        if text.casefold() not in choices:
            raise Wrong(f"write one of {', '.join(choices)}")
        return text.casefold()

    return read


def code(text: str) -> str:
    """A facility's or person's code."""
    if not _CODE.fullmatch(text):
        raise Wrong("write letters without accents, digits, and . _ - between them, at most 40, no spaces")
    return text


def code_or_none(text: str) -> str | None:
    return code(text) if text else None


def catchment(text: str) -> str:
    """A catchment's number as written, "07"."""
    if not _CATCHMENT.fullmatch(text) or not int(text):
        raise Wrong("write the catchment's number, one to six digits")
    return text


def catchment_numbers(text: str) -> tuple[str, ...]:
    """The numbers of a CHW's catchments, separated by spaces."""
    return tuple(catchment(part) for part in text.split())


def serial(text: str) -> int:
    """A household's or patient's serial, from 10 up."""
    number = _whole(text)
    if not FIRST_SERIAL <= number <= LAST_SERIAL:
        raise Wrong(f"serials go from {FIRST_SERIAL} to {LAST_SERIAL}")
    return number


def people(text: str) -> int | None:
    """How many live in a household; None when not known."""
    if not text:
        return None
    number = _whole(text)
    if number > PEOPLE_AT_MOST:
        raise Wrong(f"{number} people in one household: at most {PEOPLE_AT_MOST}")
    return number


def _whole(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise Wrong("write a whole number in digits")
    return int(text)


def sex(text: str) -> str | None:
    """F, M, or None when not known."""
    if text.upper() not in ("F", "M", ""):
        raise Wrong("write F or M, or leave it empty")
    return text.upper() or None


def written_code(text: str) -> str:
    """The digits of a household or patient code; empty when the column is not filled in."""
    found = parse_code(text) if text else (None, "")
    if found is None:
        raise Wrong("not a code: write its digits, such as 4177, or leave it empty")
    return found[1]


def duty_hours(text: str) -> str:
    """ "07:30-19:00 20:00-06:00", local time, over midnight too; empty means always."""
    for part in text.split():
        hours = _DUTY.fullmatch(part)
        if hours is None:
            raise Wrong("write hours as 07:30-19:00, several separated by spaces; empty means always")
        if hours[1] == hours[2]:
            raise Wrong("hours that begin and end at the same minute: leave it empty for always")
    return free_text(200)(" ".join(text.split()))


def birth_date(today: date) -> Callable[[str], Period]:
    """When someone was born, as the first and the last day that it may have been: a day `2025-09-10`, a month
    `2025-09`, a year `2025`, or two days `2025-08-24/2025-09-23`; (None, None) when empty."""

    def read(text: str) -> Period:
        if not text:
            return UNKNOWN
        born_from, born_to = _period(text)
        if born_from > today:
            raise Wrong("lies in the future")
        if born_from > born_to:
            raise Wrong("the second day comes before the first")
        if today - born_from > OLDEST:
            raise Wrong("lies more than 120 years back")
        return born_from, min(born_to, today)

    return read


def _period(text: str) -> tuple[date, date]:
    first, slash, last = text.partition("/")
    if slash:
        return _day(first.strip()), _day(last.strip())
    if _MONTH.fullmatch(text):
        begins = _day(f"{text}-01")
        return begins, (begins + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if _YEAR.fullmatch(text):
        return _day(f"{text}-01-01"), _day(f"{text}-12-31")
    day = _day(text)
    return day, day


def last_period(today: date) -> Callable[[str], date | None]:
    """The first day of the last period of a pregnancy under way; None when empty."""

    def read(text: str) -> date | None:
        if not text:
            return None
        lmp = _day(text)
        if lmp > today:
            raise Wrong("lies in the future")
        if today - lmp > PREGNANCY_AT_MOST:
            raise Wrong("more than 45 weeks back, that pregnancy has ended: leave it empty")
        return lmp

    return read


def _day(text: str) -> date:
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise Wrong("no such date: write year-month-day, such as 2025-09-10") from None


def birth_date_written(born_from: date | None, born_to: date | None) -> str:
    """What `birth_date` reads back: a day, or two days when only the span is known."""
    if born_from is None or born_to is None:
        return ""
    return born_from.isoformat() if born_from == born_to else f"{born_from.isoformat()}/{born_to.isoformat()}"
