"""Where does a code begin and end? `4177`, `417-7`, `417 7`, `07-4177`: a number in a message is a code.

Where the sender's catchment is known, the check digit decides between several ways of putting digits together; where it
is not, the likeliest form is taken, and never one that a thumb would have had to type a value for.
"""

from __future__ import annotations

from collections.abc import Iterator

from smsgateway.reading.models import Code
from smsgateway.reading.numerals import Line
from smsgateway.text.codes import is_valid

LONGEST_CODE = 7  # digits: longer numbers are phones
_SHORTEST = 3
_SPLIT = 5  # digits of a code typed in two, at most


def codes_at(line: Line, i: int, catchment: str | None) -> tuple[tuple[Code, ...], int]:
    """The code that begins at number i, and where the tokens go on: none when it has no code's form, two when the
    check digit confirms it with and without the digit that stands apart, so that one has to be asked for."""
    candidates = list(_candidates(line, i))
    if catchment and _is_list(line, i, catchment):
        return (Code(line.text(i)),), i + 1
    for code, until in candidates:
        home = code.catchment or catchment
        apart = code.catchment is None and until == i + 2 and line.is_number(i + 1)
        if home and apart and is_valid(home, line.text(i + 1)):
            continue  # 14 6879: the second number is a code of its own
        if home and is_valid(home, code.digits):
            alone = Code(line.text(i))
            if until == i + 2 and code.catchment is None and alone != code and is_valid(home, alone.digits):
                return (alone, code), until
            return (code,), until
    return ((candidates[0][0],), candidates[0][1]) if candidates else ((), i)


def _candidates(line: Line, i: int) -> Iterator[tuple[Code, int]]:
    """Every way of reading a code here, likeliest first."""
    first = line.text(i)
    yield from _hyphenated(line, i, first)
    if line.is_number(i + 1) and not line.unit(i + 2):
        second = line.text(i + 1)
        if first[0] == "0" and len(first) <= 3 and len(second) >= _SHORTEST:
            yield _of_catchment(line, first, i + 1)
        if _was_split(line, first, second):
            yield Code(first + second), i + 2
    if line.text(i + 1) == "S" and line.tokens[i + 1].glued and len(first) >= 2:
        yield Code(first + "5"), i + 2
    if len(first) >= _SHORTEST:
        yield Code(first), i + 1
        if line.is_number(i + 1) and len(line.text(i + 1)) < _SHORTEST and not line.unit(i + 2):
            yield Code(first + line.text(i + 1)), i + 2  # 1234 5: only a check digit makes it one


def _hyphenated(line: Line, i: int, first: str) -> Iterator[tuple[Code, int]]:
    if not line.is_number(i + 2):
        return
    sign, second = line.tokens[i + 1], line.tokens[i + 2]
    if sign.text in ("-", "/") and second.glued == sign.glued:
        if len(second.text) == 1 and len(first) >= 2:
            yield Code(first + second.text), i + 3
        elif len(second.text) >= _SHORTEST and len(first) <= 6 and (sign.glued or first[0] == "0"):
            yield _of_catchment(line, first, i + 2)
    elif sign.text in (".", ",") and sign.glued and second.glued and len(second.text) == 1 and len(first) >= 2:
        yield Code(first + second.text), i + 3


def _is_list(line: Line, i: int, catchment: str) -> bool:
    """226/5597: two codes of the sender's own, and no catchment 226."""
    return (
        line.flow.subject == "households"
        and line.is_number(i + 2)
        and line.text(i + 1) in ("-", "/")
        and is_valid(catchment, line.text(i))
        and is_valid(catchment, line.text(i + 2))
    )


def _was_split(line: Line, first: str, second: str) -> bool:
    """417 7 was typed for 417-7; in a flow that takes a bare number, the second one is that."""
    if line.flow.number is not None and len(first) >= _SHORTEST:
        return False
    both = len(first + second)
    return (len(first) < _SHORTEST and _SHORTEST <= both <= _SPLIT) or (len(first) == 3 and len(second) == 1)


def _of_catchment(line: Line, catchment: str, i: int) -> tuple[Code, int]:
    digits, until = line.text(i), i + 1
    if line.text(until) == "-" and line.is_number(until + 1) and len(line.text(until + 1)) == 1:
        digits, until = digits + line.text(until + 1), until + 2
    return Code(digits, catchment), until
