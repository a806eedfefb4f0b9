"""Is this a number, a word, or both run together? Takes apart what mixes letters and digits.

O and 0, I, l and 1, S and 5 look alike on a small screen: digits within letters become letters when that makes a known
word (`C0NVULSI0N`), letters that touch digits become digits (`4I77`, `12O`). A last S stays a letter: it may be a week.
"""

from __future__ import annotations

import re

from smsgateway.reading.lexicon import Kind, Lexicon

_RUNS = re.compile(r"[0-9]+|[A-Z?]+")
_AS_LETTERS = (str.maketrans("015", "OIS"), str.maketrans("015", "OLS"))
_AS_DIGITS = str.maketrans("OILS", "0115")
_DIGIT_LIKE = frozenset("OIL")
_UNIT_LETTERS = frozenset("JDSWMAYHF")  # and the sex that follows a code
_LONGEST_JOIN = 7  # runs: the five of C0NVULSI0N, and more
_MOST_RUNS = 40

Piece = tuple[str, int, int]  # text, offset, length as typed


def pieces(chunk: str, lexicon: Lexicon) -> list[Piece]:
    """The words and numbers that a run of letters and digits is made of."""
    if lexicon.knows(chunk):
        return [(chunk, 0, len(chunk))]  # 24H, PENTA1
    runs = [(match[0], match.start()) for match in _RUNS.finditer(chunk)]
    found: list[Piece] = []
    i = 0
    while i < len(runs):
        text, offset = runs[i]
        joined = _word_with_digits(runs, i, lexicon) if len(runs) <= _MOST_RUNS else None
        if joined:
            text, until = joined
            found.append((text, offset, runs[until - 1][1] + len(runs[until - 1][0]) - offset))
            i = until
        else:
            found.append((text, offset, len(text)))
            i += 1
    return _numbers_mended(found, lexicon)


def _word_with_digits(runs: list[tuple[str, int]], i: int, lexicon: Lexicon) -> tuple[str, int] | None:
    """A known word written with digits inside: the C0NVULSI0N of MAL4177C0NVULSI0N. Never a number and its unit,
    never a referral code."""
    for until in range(min(len(runs), i + _LONGEST_JOIN), i + 1, -1):
        text = "".join(run for run, _ in runs[i:until])
        if len(text) < 3 or text[:-1].isdigit() or text[1:].isdigit():
            continue  # 14J, K15
        known = [folded for table in _AS_LETTERS if lexicon.knows(folded := text.translate(table))]
        if known:
            return max(known, key=lexicon.carries_meaning), until
    return None


def _numbers_mended(found: list[Piece], lexicon: Lexicon) -> list[Piece]:
    mended: list[Piece] = []
    for text, offset, length in found:
        if text.isdigit():
            if mended and not mended[-1][0].isdigit():
                text, offset, length = _with_tail(mended, text, offset, length, lexicon)
        elif mended and mended[-1][0].isdigit():
            lead = _digits_in_front(text, lexicon)
            if lead:
                number, at, width = mended.pop()
                mended.append((number + lead.translate(_AS_DIGITS), at, width + len(lead)))
                text, offset, length = text[len(lead) :], offset + len(lead), length - len(lead)
        if text.isdigit() and mended and mended[-1][0].isdigit():
            number, at, width = mended.pop()
            text, offset, length = number + text, at, width + length
        if text:
            mended.append((text, offset, length))
    return mended


def _with_tail(mended: list[Piece], digits: str, offset: int, length: int, lexicon: Lexicon) -> Piece:
    """Look-alike letters before a number belong to it, unless they end a word: PBI20, l4; S only alone or between
    digits."""
    text, at, _ = mended[-1]
    if len(text) > 2 and lexicon.knows(text):
        return digits, offset, length
    between = len(mended) > 1 and mended[-2][0].isdigit()
    alike = _DIGIT_LIKE | {"S"} if between or text == "S" else _DIGIT_LIKE
    keep = len(text.rstrip("".join(alike)))
    rest = text[:keep]
    if keep == len(text) or not (len(rest) <= 1 or lexicon.knows(rest) or lexicon.knows(rest[:-1])):
        return digits, offset, length
    mended.pop()
    if rest:
        mended.append((rest, at, keep))
    taken = len(text) - keep
    return text[keep:].translate(_AS_DIGITS) + digits, offset - taken, length + taken


def _digits_in_front(text: str, lexicon: Lexicon) -> str:
    """Look-alike letters right after digits: all of a piece, or those before a word or a unit (3OM, 12OFIEVRE)."""
    if len(text) > 1 and lexicon.knows(text) and not (len(text) == 2 and text[1] in _UNIT_LETTERS):
        return ""
    lead = len(text) - len(text.lstrip("OIL"))
    rest = text[lead:]
    if len(rest) <= 1:
        return text[:lead]
    if lexicon.carries_meaning(rest):
        return "" if lexicon.is_beginning(text) else text[:lead]  # 331ORAS EL
    word = lexicon.words.get(rest)
    return text[:lead] if word and word.kind is Kind.UNIT else ""
