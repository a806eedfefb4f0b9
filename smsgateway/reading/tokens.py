"""Where does one word of a message end and the next begin? Cuts a text into words, numbers and signs.

Case, accents, spacing and punctuation were already levelled by `normalise`; here what was typed without spaces is cut
apart (`FIEVRE2J`, `MAL4177CONVULSION`), and digits that stand for letters, or letters that stand for digits, are put
right where only one reading makes sense. Every token remembers where it stood, so that an answer can quote it. The time
taken grows with the length of the text and no faster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smsgateway.reading.lexicon import VOCABULARY, Kind, Lexicon, Word
from smsgateway.text.spelling import normalise

LONGEST_TEXT = 40_000  # characters: more than the 255 joined segments the networks can carry
MOST_TOKENS = 12_000
LONGEST_NUMBER = 18

# A run of letters and digits with "?" only between them (FI?VRE), or one sign. Other scripts make words of their own.
_CHUNK = re.compile(r"[A-Z0-9]+(?:\?[A-Z0-9]+)*|[^\W\d_]+|[-+?;,.:=/°%#\n()!']")
_RUNS = re.compile(r"[0-9]+|[A-Z?]+")
_AS_LETTERS = (str.maketrans("015", "OIS"), str.maketrans("015", "OLS"))
_AS_DIGITS = str.maketrans("OILS", "0115")
_DIGIT_LIKE = frozenset("OIL")


@dataclass(slots=True)
class Token:
    """`kind` is "w" for a word, "n" for a number, "p" for a sign. `glued` says that nothing stood before it but the
    token before; `word` is its exact meaning, if it has one. `start` and `end` are places in the normalised text."""

    text: str
    kind: str
    start: int
    end: int
    glued: bool = False
    word: Word | None = None
    harmless: bool = False


def tokenise(text: str, lexicon: Lexicon) -> list[Token]:
    """The tokens of an already normalised text, exact words looked up."""
    tokens: list[Token] = []
    words = lexicon.words
    before = -1
    for match in _CHUNK.finditer(text, 0, LONGEST_TEXT):
        chunk = match[0]
        start, end = match.span()
        first = chunk[0]
        if chunk.isdigit():
            tokens.append(Token(chunk, "n", start, end, start == before))
        elif chunk.isalpha():
            tokens.append(Token(chunk, "w", start, end, start == before, words.get(chunk)))
        elif first.isalnum():
            tokens.extend(_cut(chunk, start, start == before, lexicon))
        elif first == "'":
            _elide(tokens, start)
        else:
            tokens.append(Token(chunk, "p", start, end, start == before))
        before = end
        if len(tokens) >= MOST_TOKENS:
            break
    return tokens


def _elide(tokens: list[Token], at: int) -> None:
    """L'ENFANT, D'EAU, N'EST: the letter before the apostrophe is no word, and above all no digit."""
    if tokens and tokens[-1].end == at and tokens[-1].kind == "w" and len(tokens[-1].text) <= 2:
        tokens.pop()


def _cut(chunk: str, start: int, glued: bool, lexicon: Lexicon) -> list[Token]:
    """A run that mixes letters, digits and lost accents."""
    whole = _as_word(chunk, lexicon)
    if whole:
        return [Token(whole, "w", start, start + len(chunk), glued, lexicon.words.get(whole))]
    tokens = []
    for text, offset, length in _pieces(chunk, lexicon):
        at = start + offset
        kind = "n" if text.isdigit() else "w"
        tokens.append(Token(text, kind, at, at + length, glued, lexicon.words.get(text) if kind == "w" else None))
        glued = True
    return tokens


def _as_word(chunk: str, lexicon: Lexicon) -> str | None:
    """The word a run is, digits taken for letters: 24H, PENTA1, C0NVULSI0N; `?` is left for later."""
    if chunk in lexicon.words or chunk in lexicon.keywords:
        return chunk
    if len(chunk) < 3 or "?" in chunk:
        return chunk if "?" in chunk and not any(char.isdigit() for char in chunk) else None
    if chunk[:-1].isdigit():  # 14J, 1S: a number and its unit, never a word
        return None
    for table in _AS_LETTERS:
        folded = chunk.translate(table)
        if (folded in lexicon.words and lexicon.words[folded].kind in VOCABULARY) or folded in lexicon.keywords:
            return folded
    return None


def _pieces(chunk: str, lexicon: Lexicon) -> list[tuple[str, int, int]]:
    """(text, offset, length) of each piece of a mixed run, its look-alike letters and digits put right."""
    runs = [(match[0], match.start()) for match in _RUNS.finditer(chunk)]
    pieces: list[tuple[str, int, int]] = []
    i = 0
    while i < len(runs):
        joined = _joined_word(runs, i, lexicon) if len(runs) <= 40 else None
        if joined:
            word, until = joined
            offset = runs[i][1]
            pieces.append((word, offset, runs[until - 1][1] + len(runs[until - 1][0]) - offset))
            i = until
        else:
            pieces.append((runs[i][0], runs[i][1], len(runs[i][0])))
            i += 1
    return _numbers_mended(pieces, lexicon)


def _joined_word(runs: list[tuple[str, int]], i: int, lexicon: Lexicon) -> tuple[str, int] | None:
    """A vocabulary word written with digits inside, within a longer run: the C0NVULSI0N of MAL4177C0NVULSI0N."""
    for until in range(min(len(runs), i + 7), i + 1, -1):
        text = "".join(run for run, _ in runs[i:until])
        if until - i == 2 and text[:-1].isdigit():
            continue
        for table in _AS_LETTERS:
            folded = text.translate(table)
            word = lexicon.words.get(folded)
            if len(folded) > 2 and ((word and word.kind in VOCABULARY) or (i == 0 and folded in lexicon.keywords)):
                return folded, until
    return None


def _numbers_mended(pieces: list[tuple[str, int, int]], lexicon: Lexicon) -> list[tuple[str, int, int]]:
    """Letters that touch digits and look like them become digits: 4I77, 12O, PBI20, O7. A last S is left: it may be a
    week."""
    mended: list[tuple[str, int, int]] = []
    for text, offset, length in pieces:
        number_before = bool(mended) and mended[-1][0].isdigit()
        if text.isdigit() and mended and not number_before:
            text, offset, length = _take_tail(mended, text, offset, length, lexicon)
            number_before = bool(mended) and mended[-1][0].isdigit()
        elif number_before and not text.isdigit():
            lead = _leading_digits(text, lexicon)
            if lead:
                number, at, width = mended.pop()
                mended.append((number + lead.translate(_AS_DIGITS), at, width + len(lead)))
                text, offset, length = text[len(lead) :], offset + len(lead), length - len(lead)
                if not text:
                    continue
        if text.isdigit() and number_before:
            number, at, width = mended.pop()
            text, offset, length = number + text, at, width + length
        mended.append((text, offset, length))
    return mended


def _take_tail(
    mended: list[tuple[str, int, int]], digits: str, offset: int, length: int, lexicon: Lexicon
) -> tuple[str, int, int]:
    """Look-alike letters at the end of the piece before a number belong to the number, unless they end a word."""
    text, at, _ = mended[-1]
    if text in lexicon.words or text in lexicon.keywords:
        return digits, offset, length
    inner = len(mended) > 1 and mended[-2][0].isdigit()
    alike = _DIGIT_LIKE | {"S"} if inner or text == "S" else _DIGIT_LIKE
    keep = len(text)
    while keep and text[keep - 1] in alike:
        keep -= 1
    rest = text[:keep]
    if keep == len(text) or (rest and rest not in lexicon.words and rest not in lexicon.keywords):
        return digits, offset, length
    taken = len(text) - keep
    if rest:
        mended[-1] = (rest, at, keep)
    else:
        mended.pop()
    return text[keep:].translate(_AS_DIGITS) + digits, offset - taken, length + taken


def _leading_digits(text: str, lexicon: Lexicon) -> str:
    """Look-alike letters that follow digits: all of a piece, or those before a word."""
    if len(text) > 1 and (text in lexicon.words or text in lexicon.keywords):
        return ""
    lead = 0
    while lead < len(text) and text[lead] in _DIGIT_LIKE:
        lead += 1
    rest = text[lead:]
    return text[:lead] if lead and (not rest or rest in lexicon.words or rest in lexicon.keywords) else ""


def split_glued(text: str, lexicon: Lexicon) -> list[str] | None:
    """The parts of words typed without a space, when every part is vocabulary: FIEVRETOUX, MALCONVULSION. SANGARE is a
    name, not SANG."""
    if not 5 <= len(text) <= 60:
        return None
    best: list[list[str] | None] = [[]] + [None] * len(text)
    for i in range(len(text)):
        so_far = best[i]
        if so_far is None:
            continue
        for j in range(i + 2, min(len(text), i + 16) + 1):
            known = best[j]
            if (known is None or len(known) > len(so_far) + 1) and _can_be_part(text[i:j], i == 0, lexicon):
                best[j] = [*so_far, text[i:j]]
    parts = best[-1]
    if not parts or len(parts) < 2 or not any(_carries_meaning(part, lexicon) for part in parts):
        return None
    return parts


_GLUE = frozenset(
    {Kind.UNIT, Kind.NUMBER, Kind.SEX, Kind.NEGATION, Kind.PERSON, Kind.SIGNATURE, Kind.GREETING, Kind.DAY}
)


def _can_be_part(text: str, first: bool, lexicon: Lexicon) -> bool:
    if first and text in lexicon.keywords and len(text) > 2:
        return True
    word = lexicon.words.get(text)
    if not word:
        return False
    if word.kind in VOCABULARY:
        return len(text) > 2 or text == "PB"
    return (len(text) > 3 and word.kind in _GLUE) or text in ("PAS", "NON", "DEPUIS")


def _carries_meaning(text: str, lexicon: Lexicon) -> bool:
    word = lexicon.words.get(text)
    return text in lexicon.keywords or (word is not None and word.kind in VOCABULARY)


def typed_text(raw: str) -> tuple[str, str]:
    """The normalised text and one of the same length in which tokens can be quoted as they were typed."""
    text = normalise(raw[: LONGEST_TEXT + 1])
    return (text, raw) if len(raw) == len(text) else (text, text)
