"""Which person does a typed code mean, and was it typed right? Household, patient and referral codes.

A household or patient code is a serial of its catchment and a Damm check digit over the catchment's digits,
then the serial: catchment 07, serial 417 is shown `417-7`, or `07-4177` from outside. Every single wrong
digit and every adjacent transposition is caught, so a slip never files a report under someone else. A
referral code is a consonant and one to three digits (`K7`), given out in an order in which neighbours do not
look alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import overload

FIRST_SERIAL = 10  # so that a code has at least three digits, and no code is as short as a count of days
MAX_DIGITS = 9
REFERRAL_LETTERS = "CDFHJKMNPRTVWXY"  # no vowel (no words), none that is read as a digit or taken for another letter

# The standard totally anti-symmetric quasigroup of order 10 (H. M. Damm, 2004): row = so far, column = next.
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)

# 4177, 417-7, 07-4177, 07-417-7, each also with "/" and with spaces around the hyphen.
_CATCHMENT = re.compile(r"[0-9]{1,6}")
_BARE = re.compile(r"([0-9]{3,9})")
_HYPHENATED = re.compile(r"([0-9]{2,8})\s*[-/]\s*([0-9])")
_FULL = re.compile(r"([0-9]{1,6})\s*[-/]\s*([0-9]{3,9})")
_FULL_HYPHENATED = re.compile(r"([0-9]{1,6})\s*[-/]\s*([0-9]{2,8})\s*[-/]\s*([0-9])")
_REFERRAL = re.compile(rf"([{REFERRAL_LETTERS}])\s*[-.]?\s*([0-9OIL]{{1,3}})")
_LETTER_DIGITS = str.maketrans("OIL", "011")


def damm(digits: str) -> int:
    """The Damm digit of a string of ASCII digits; 0 when the last of them is the right check digit of the
    others. Leading zeros do not change it: catchment 7 and catchment 07 give the same codes."""
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return interim


def check_digit(catchment: str, serial: int) -> int:
    """The check digit of a serial in a catchment (its number as digits, "07")."""
    return damm(f"{catchment}{serial}")


def code_for(catchment: str, serial: int) -> str:
    """The digits a CHW types for a serial of her catchment: ("07", 417) gives "4177"."""
    if serial < FIRST_SERIAL or len(str(serial)) >= MAX_DIGITS:
        raise ValueError(f"serial {serial} of catchment {catchment}: serials go from {FIRST_SERIAL} to 99999999")
    return f"{serial}{check_digit(catchment, serial)}"


def shown(digits: str) -> str:
    """As shown to the CHW of the catchment: "4177" gives "417-7"."""
    return f"{digits[:-1]}-{digits[-1]}"


def shown_full(catchment: str, digits: str) -> str:
    """As shown to anyone else: ("07", "4177") gives "07-4177"."""
    return f"{catchment}-{digits}"


def serial_of(digits: str) -> int:
    """The serial within a code: "4177" gives 417."""
    return int(digits[:-1])


def parse_code(text: str) -> tuple[str | None, str] | None:
    """Reads one written code of normalised text into (catchment or None, digits), the catchment as it was
    typed; None when it does not have the form of a code. The check digit is not looked at: `is_valid`
    does."""
    text = text.strip()
    if found := _BARE.fullmatch(text):
        return None, found[1]
    if found := _HYPHENATED.fullmatch(text):
        return None, found[1] + found[2]
    if found := _FULL.fullmatch(text):
        return found[1], found[2]
    if found := _FULL_HYPHENATED.fullmatch(text):
        return found[1], found[2] + found[3]
    return None


def is_valid(catchment: str, digits: str) -> bool:
    """Whether these digits can be a code of this catchment: form and check digit. Whether anyone has it is
    another question."""
    if not (_CATCHMENT.fullmatch(catchment) and _BARE.fullmatch(digits)) or digits[0] == "0":
        return False
    return damm(catchment + digits) == 0


def near(catchment: str, digits: str) -> list[str]:
    """Valid codes of the catchment one slip of the thumb away from what was typed, the likeliest slips first:
    two neighbours swapped, one wrong digit, one left out, one too many. The caller keeps those that exist."""
    return [code for code in dict.fromkeys(_slips(digits)) if code != digits and is_valid(catchment, code)]


def _slips(digits: str) -> Iterator[str]:
    for i in range(len(digits) - 1):
        yield digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]
    for i in range(len(digits)):
        for other in "0123456789":
            yield digits[:i] + other + digits[i + 1 :]
    for i in range(len(digits) + 1):
        for other in "0123456789":
            yield digits[:i] + other + digits[i:]
    for i in range(len(digits)):
        yield digits[:i] + digits[i + 1 :]


def parse_referral(text: str) -> str | None:
    """Reads a referral code: `K7`, `k 7`, `K-07` (leading zeros dropped) and `K1O` (O, I and L stand for
    digits) give "K7", "K7", "K7", "K10". None when it is none: at least one true digit is required, since TOI
    and MOI are words."""
    found = _REFERRAL.fullmatch(text.strip().upper())
    if not found or not any(char.isdecimal() for char in found[2]):
        return None
    number = int(found[2].translate(_LETTER_DIGITS))
    return f"{found[1]}{number}" if number else None


def referral_codes(seed: str) -> ReferralCodes:
    """Every referral code once, in the order in which the clinic of this seed hands them out."""
    return ReferralCodes(seed)


@dataclass(frozen=True, slots=True)
class ReferralCodes(Sequence[str]):
    """The referral codes of one clinic in its own scrambled order, the same for ever: all of one and two
    digits first, then those of three. Any position is computed at once, so a counter per clinic is all that
    is stored."""

    seed: str

    def __len__(self) -> int:
        return len(REFERRAL_LETTERS) * 999

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[str]: ...
    def __getitem__(self, position: int | slice) -> str | Sequence[str]:
        if isinstance(position, slice):
            return [self._at(each) for each in range(*position.indices(len(self)))]
        if not -len(self) <= position < len(self):
            raise IndexError(f"a clinic has {len(self)} referral codes, there is no number {position}")
        return self._at(position % len(self))

    def _at(self, position: int) -> str:
        short = len(REFERRAL_LETTERS) * 99
        if position < short:
            return self._scrambled(position, first=1, numbers=99)
        return self._scrambled(position - short, first=100, numbers=900)

    def _scrambled(self, position: int, first: int, numbers: int) -> str:
        """Letter and number shift each other in turn by keyed amounts (a Feistel network). Each shift can be
        undone, so no code is missed or met twice, and nothing need be shuffled or remembered."""
        number, letter = divmod(position, len(REFERRAL_LETTERS))
        for turn in range(4):
            number = (number + self._shift(turn, first, letter)) % numbers
            letter = (letter + self._shift(turn + 4, first, number)) % len(REFERRAL_LETTERS)
        return f"{REFERRAL_LETTERS[letter]}{first + number}"

    def _shift(self, turn: int, first: int, by: int) -> int:
        return int.from_bytes(blake2b(f"{self.seed}/{first}/{turn}/{by}".encode(), digest_size=8).digest())
