"""Which number stands here, and in which unit? Looks ahead in a line of tokens without changing anything.

A number may be in digits or in words, have a decimal comma or stop, and letters where digits were meant; a single
letter after it is its unit (`14M`, `2J`, `1S` is one week) and never folded into a digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from smsgateway.reading.lexicon import VOCABULARY, Kind
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.tokens import LONGEST_NUMBER, Token

DAYS_IN = {"day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
WHOLE_DAYS_IN = {"day": 1, "week": 7, "month": 30}
DEGREES = frozenset({"°", "C", "DEGRES", "DEGRE", "CELSIUS"})

_STOPPING_SIGNS = frozenset("+?%°")
_MOST_PASSED = 6
_DIGIT_LIKE = str.maketrans("OIL", "011")
_WITH_VALUE_UNITS = DEGREES | {"MM", "CM", "KG", "KGS", "KILO", "KILOS", "G", "GR", "MIN", "MN", "CPM"}


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number, where the tokens go on after it, and whether it was written with decimals."""

    value: float
    until: int
    decimal: bool = False

    @property
    def whole(self) -> bool:
        return self.value == int(self.value)


@dataclass(slots=True)
class Line:
    """The tokens of one part, with what is needed to understand its numbers."""

    tokens: list[Token]
    flow: Flow
    programme: Programme

    def text(self, i: int) -> str:
        """The token's text, empty beyond the end."""
        return self.tokens[i].text if i < len(self.tokens) else ""

    def is_number(self, i: int, glued: bool = False) -> bool:
        return i < len(self.tokens) and self.tokens[i].kind == "n" and (self.tokens[i].glued or not glued)

    def numeral(self, i: int) -> Numeral | None:
        """The number at i; None when there is none."""
        if i >= len(self.tokens):
            return None
        token = self.tokens[i]
        if token.kind == "n":
            if len(token.text) > LONGEST_NUMBER:
                return None
            decimals = self._decimals(i)
            if decimals:
                return Numeral(float(f"{token.text}.{decimals}"), i + 3, decimal=True)
            return Numeral(int(token.text), i + 1)
        if token.word is not None and token.word.kind is Kind.NUMBER:
            return self._spelt(i)
        if token.kind == "w" and len(token.text) <= 2 and not token.text.strip("OIL"):
            return Numeral(int(token.text.translate(_DIGIT_LIKE)), i + 1)
        return None

    def _decimals(self, i: int) -> str:
        """The decimals of 11,2, 38.5 or 39°5; commas also separate codes, which are longer."""
        if len(self.tokens[i].text) > 4 or not (self.is_number(i + 2, glued=True) and self.tokens[i + 1].glued):
            return ""
        decimals = self.tokens[i + 2].text
        return decimals if self.tokens[i + 1].text in ",.°" and len(decimals) <= 2 else ""

    def _spelt(self, i: int) -> Numeral | None:
        """A number in words: DIX SEPT, VINGT ET UN, CENT VINGT. UN and UNE are articles unless a unit follows."""
        numbers = self.programme.numbers
        value = numbers[self.tokens[i].text]
        if value == 1 and not self.unit(i + 1) and self.tokens[i].text != "ONE":
            return None
        if self.text(i) == "QUATRE" and self.text(i + 1) in ("VINGT", "VINGTS"):
            value, i = 80, i + 1
        after = i + 1
        while self.text(after) in ("ET", "-", "AND"):
            after += 1
        more = numbers.get(self.text(after), 0)
        room = {10: range(7, 10), 100: range(1, 100)}.get(value, range(1, 20) if value >= 20 else range(0))
        if more in room:
            rest = self._spelt(after) if value == 100 else Numeral(more, after + 1)
            return Numeral(value + rest.value, rest.until) if rest else Numeral(value, i + 1)
        return Numeral(value, i + 1)

    def unit(self, i: int) -> str | None:
        """The unit of time at i. A lone M before another number is a sex, a lone A or D before a word a preposition."""
        if i >= len(self.tokens) or self.tokens[i].kind != "w":
            return None
        token = self.tokens[i]
        text = token.text
        unit = self.programme.units.get(text)
        if unit is None and token.glued and len(text) > 1 and text[-1] in "FM" and "age" in self.flow.words:
            unit = self.programme.units.get(text[:-1])
        if unit and len(text) == 1 and not token.glued and i + 1 < len(self.tokens):
            following = self.tokens[i + 1]
            if text == "M" and following.kind == "n" and len(following.text) < 3:
                return None
            if text in "AD" and following.kind == "w":
                return None
        return unit

    def sex_in_unit(self, i: int) -> str | None:
        """14MF: months, and a girl."""
        text = self.text(i)
        return text[-1] if len(text) > 1 and text not in self.programme.units else None

    def past_connectors(self, i: int) -> int:
        """Where a value may stand after a word: FIEVRE : DEPUIS 2, PB DE 112."""
        for _ in range(_MOST_PASSED):
            if i >= len(self.tokens):
                break
            token = self.tokens[i]
            if token.kind == "p":
                if token.text in _STOPPING_SIGNS:
                    break
            elif token.kind != "w" or token.text not in self.programme.value_connectors or self._is_digit_l(i):
                break
            i += 1
        return i

    def _is_digit_l(self, i: int) -> bool:
        """An L without an apostrophe was typed for a 1, unless somebody stands behind it (L ENFANT)."""
        if self.text(i) != "L":
            return False
        word = self.tokens[i + 1].word if i + 1 < len(self.tokens) else None
        return word is None or word.kind in VOCABULARY or word.kind is Kind.UNIT

    def past_units(self, i: int) -> int:
        """Past the unit of a measure: MM, °C, KG, PAR MIN."""
        while i < len(self.tokens) and self.text(i) in _WITH_VALUE_UNITS:
            i += 1
        if self.text(i) in ("/", "PAR") and self.text(i + 1) in ("MIN", "MN", "MINUTE"):
            i += 2
        return i

    def is_range(self, i: int) -> bool:
        """2-3 jours: which of them is not for us to choose."""
        return self.text(i) == "-" and self.tokens[i].glued and self.is_number(i + 1)

    def date(self, i: int, today: date | None = None) -> tuple[str, int] | None:
        """22/11, 22-11, 22.11.2026: ("11-22" or "2026-11-22", where to go on)."""
        if not (self.is_number(i) and self.is_number(i + 2)) or self.text(i + 1) not in ("/", "-", "."):
            return None
        day, month = self.text(i), self.text(i + 2)
        if len(day) > 2 or len(month) > 2:
            return None
        if self.text(i + 1) == "." and self.text(i + 3) != ".":
            return None  # 3.1 is a number
        year, until = "", i + 3
        if self.text(i + 3) == self.text(i + 1) and self.is_number(i + 4) and len(self.text(i + 4)) in (2, 4):
            year, until = self.text(i + 4), i + 5
        try:
            full = date(int(year) + (2000 if len(year) == 2 else 0) if year else 2024, int(month), int(day))
        except ValueError:
            return None
        return (full.isoformat() if year else full.strftime("%m-%d")), until
