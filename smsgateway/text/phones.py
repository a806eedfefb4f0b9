"""Whose number is this, written the one way we store it? E.164 from what a form, a file or a webhook gives.

A number is read or refused, never guessed: a letter O is not taken for a zero, an old eight-digit Ivorian
number is not completed. A refusal says what is wrong and what to write, without repeating the number, so that
it may be logged. And only a full phone number is ever answered by the service: an answer to a name or a short
code starts a reply loop.
"""

from __future__ import annotations

import re
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from smsgateway.text.spelling import normalise

DEFAULT_COUNTRIES = ("ML", "CI")
_REMEMBERED = 65_536  # more than the CHWs of a national programme: each number is parsed once
_LONGEST = 64  # characters; what is longer is no sender, and must not fill the memory of what was parsed


class PhoneFault(StrEnum):
    """Why a number was refused."""

    EMPTY = "empty"
    LETTER_FOR_DIGIT = "letter_for_digit"
    NOT_A_NUMBER = "not_a_number"
    TWO_NUMBERS = "two_numbers"
    OLD_IVORIAN = "old_ivorian"
    LOST_ZERO = "lost_zero"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    UNKNOWN_RANGE = "unknown_range"
    AMBIGUOUS = "ambiguous"


_ADVICE = {
    PhoneFault.EMPTY: "no phone number: write it with its country, such as +22376123456",
    PhoneFault.LETTER_FOR_DIGIT: "a letter stands among the digits: write zero as 0, not O, and one as 1",
    PhoneFault.NOT_A_NUMBER: "not a phone number: write digits only, with the country, such as +22376123456",
    PhoneFault.TWO_NUMBERS: "two numbers in one field: write one, or separate fields",
    PhoneFault.OLD_IVORIAN: (
        "a number of Cote d'Ivoire from before 2021: write the ten digits it has now, such as +2250712345678"
    ),
    PhoneFault.LOST_ZERO: "this number of Cote d'Ivoire lost its leading 0: write +225 and all ten digits",
    PhoneFault.TOO_SHORT: "digits are missing: Mali has 8 after +223, Cote d'Ivoire 10 after +225",
    PhoneFault.TOO_LONG: "too many digits: Mali has 8 after +223, Cote d'Ivoire 10 after +225",
    PhoneFault.UNKNOWN_RANGE: "no number begins like this: check its first digits and its country",
    PhoneFault.AMBIGUOUS: "valid in two countries: write it with its country, such as +22376123456",
}


class PhoneError(ValueError):
    """A number that cannot be read; `fault` says why, the message what to write. Neither repeats the
    number."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(_ADVICE[fault])
        self.fault = fault


class SenderKind(StrEnum):
    """Who a message came from. Only PHONE may be answered."""

    PHONE = "phone"
    SHORT_CODE = "short_code"
    ALPHANUMERIC = "alphanumeric"
    EMPTY = "empty"


_BETWEEN_NUMBERS = re.compile(r"[/;,|&\n]|\b(?:OU|ET|OR|AND)\b")
_PUNCTUATION = re.compile(r"[\s.()_/;,'-]")
_LOOKALIKES = re.compile(r"[0-9OIL+]*")
_NUMBER = re.compile(r"\+?[0-9]+")
_OLD_IVORIAN = re.compile(r"(?:\+?225)?[0-9]{8}")
_LOST_ZERO = re.compile(r"(?:\+?225)?[157][0-9]{8}")


def parse_phone(raw: str, country: str | None = None, defaults: tuple[str, ...] = DEFAULT_COUNTRIES) -> str:
    """E.164 ("+22376123456") of a number as people, files and webhooks write it. `country` is the ISO code of
    the place the number was given in; without it a national number must be valid in exactly one of
    `defaults`. Spaces, dots, `00`, digits of other scripts and a "+" lost on the way are read; raises
    PhoneError for all else."""
    return _parse(raw, (country,) if country else defaults)


@lru_cache(maxsize=_REMEMBERED)
def _parse(raw: str, countries: tuple[str, ...]) -> str:
    written = _written(raw)
    found = {_e164(number) for number in _candidates(written, raw, countries) if phonenumbers.is_valid_number(number)}
    if len(found) > 1:
        raise PhoneError(PhoneFault.AMBIGUOUS)
    if not found:
        raise PhoneError(_fault_of(written, raw, countries))
    return found.pop()


def _written(raw: str) -> str:
    """Digits with or without "+", or PhoneError: "00223 76.12-34-56" gives "+22376123456"."""
    text = normalise(raw).strip().removeprefix("TEL:")
    if not text.strip("+ "):
        raise PhoneError(PhoneFault.EMPTY)
    if sum(len(re.sub(r"[^0-9]", "", part)) >= 6 for part in _BETWEEN_NUMBERS.split(text)) > 1:
        raise PhoneError(PhoneFault.TWO_NUMBERS)
    text = _PUNCTUATION.sub("", text)
    if text.startswith("00"):
        text = "+" + text[2:]
    if not _NUMBER.fullmatch(text):
        if text.count("+") > 1:
            raise PhoneError(PhoneFault.TWO_NUMBERS)
        digits = sum(char.isdecimal() for char in text)
        mistyped = digits >= 4 and _LOOKALIKES.fullmatch(text)
        raise PhoneError(PhoneFault.LETTER_FOR_DIGIT if mistyped else PhoneFault.NOT_A_NUMBER)
    if len(text.lstrip("+")) > 15:  # E.164 knows none longer, and two Malian numbers are sixteen
        raise PhoneError(PhoneFault.TWO_NUMBERS)
    return text


def _candidates(written: str, raw: str, countries: tuple[str, ...]) -> list[PhoneNumber]:
    """Every number the digits may stand for."""
    if written.startswith("+"):
        return _read(written, None)
    national = [number for country in countries for number in _read(written, country)]
    return national + (_read("+" + written, None) if _lost_its_plus(written, raw, countries) else [])


def _lost_its_plus(written: str, raw: str, countries: tuple[str, ...]) -> bool:
    """A form decoder turns an unencoded "+" into a space (`from=+22376000001` arrives as " 22376000001"), and
    spreadsheets drop it: then it is known again by the country's calling code."""
    calling = tuple(str(phonenumbers.country_code_for_region(each)) for each in {*countries, *DEFAULT_COUNTRIES})
    return raw.startswith(" ") or written.startswith(calling)


def _read(text: str, region: str | None) -> list[PhoneNumber]:
    try:
        return [phonenumbers.parse(text, region)]
    except NumberParseException:
        return []


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _fault_of(written: str, raw: str, countries: tuple[str, ...]) -> PhoneFault:
    """Why no candidate is valid, the most telling reason first."""
    if "CI" in countries and _LOST_ZERO.fullmatch(written):
        return PhoneFault.LOST_ZERO
    if _OLD_IVORIAN.fullmatch(written) and (countries == ("CI",) or written.startswith(("0", "225", "+225"))):
        return PhoneFault.OLD_IVORIAN
    lengths = {phonenumbers.is_possible_number_with_reason(number) for number in _candidates(written, raw, countries)}
    if phonenumbers.ValidationResult.IS_POSSIBLE in lengths or not lengths:
        return PhoneFault.UNKNOWN_RANGE
    if lengths == {phonenumbers.ValidationResult.TOO_LONG}:
        return PhoneFault.TOO_LONG
    return PhoneFault.TOO_SHORT


def phone_of_sender(raw: str) -> str | None:
    """E.164 of a webhook's sender, None when it is no full phone number. More lenient than `parse_phone`: a
    number of possible length in a range opened yesterday is a phone too, and its danger sign is read."""
    return _phone_of_sender(raw) if len(raw) <= _LONGEST else None


@lru_cache(maxsize=_REMEMBERED)
def _phone_of_sender(raw: str) -> str | None:
    with suppress(PhoneError):
        return parse_phone(raw)
    with suppress(PhoneError):
        written = _written(raw)
        if not written.startswith("+") and _lost_its_plus(written, raw, DEFAULT_COUNTRIES):
            written = "+" + written
        for number in _read(written, None):
            if phonenumbers.is_possible_number(number):
                return _e164(number)
    return None


def kind_of_sender(raw: str) -> SenderKind:
    """What sort of sender a webhook names: a phone, a short code such as 21512, a name such as "MTN", or
    nothing."""
    if phone_of_sender(raw):
        return SenderKind.PHONE
    text = normalise(raw).strip()
    if not text.strip("+"):
        return SenderKind.EMPTY
    return SenderKind.SHORT_CODE if re.fullmatch(r"(?:TEL:)?[0-9+*# -]+", text) else SenderKind.ALPHANUMERIC


def is_sendable(sender: str) -> bool:
    """Whether this sender may be answered at all: only a full phone number, or replies would loop."""
    return phone_of_sender(sender) is not None


def masked(phone: str) -> str:
    """A number fit for logs: country code and last two digits ("+22376000101" gives "+223****01"). What is
    not E.164 keeps its last two characters at most, and only when long enough not to be given away by
    them."""
    if re.fullmatch(r"\+[0-9]{8,15}", phone):
        for length in (1, 2, 3):
            if int(phone[1 : 1 + length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
                return f"{phone[: 1 + length]}****{phone[-2:]}"
    return f"****{phone[-2:] if len(phone) >= 8 else ''}"


@lru_cache(maxsize=_REMEMBERED)
def national(phone: str) -> str:
    """An E.164 number as it is said, and dialled, within its country: "+22376000101" gives "76000101",
    "+2250712345678" gives "0712345678". Anything else comes back as it is."""
    numbers = _read(phone, None)
    if not numbers:
        return phone
    return re.sub(r"[^0-9]", "", phonenumbers.format_number(numbers[0], PhoneNumberFormat.NATIONAL))
