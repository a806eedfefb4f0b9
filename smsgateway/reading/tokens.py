"""Where does one word of a message end and the next begin? Cuts a text into words, numbers and signs.

Case, accents, spacing and punctuation were already levelled by `normalise`; here what was typed without spaces is cut
apart (`FIEVRE2J`, `MAL4177CONVULSION`), and words with lost accents or look-alike letters get their own spelling back.
Every token remembers where it stood, so that an answer can quote it. The time taken grows with the length of the text
and no faster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smsgateway.reading.lexicon import VOCABULARY, Kind, Lexicon, Word
from smsgateway.reading.mixed import pieces
from smsgateway.text.spelling import normalise

LONGEST_TEXT = 40_000  # characters: more than the 255 joined segments the networks can carry
LONGEST_RUN = 400  # characters without a space: more than two joined messages' worth of words
MOST_RESTORED = 200
_PAIRS_OF_A_PHONE = 4
LONGEST_NUMBER = 18

# A run of letters and digits with "?" only between them (FI?VRE), or one sign. Other scripts make words of their own.
_CHUNK = re.compile(r"[A-Z]+(?:\?+[A-Z]+)+|[A-Z0-9]+|[^\W\d_]+|[-+?;,.:=/°%#\n()!']")


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
        if chunk.isdecimal():
            tokens.append(Token(chunk, "n", start, end, start == before))
        elif chunk.isalpha():
            tokens.append(Token(chunk, "w", start, end, start == before, words.get(chunk)))
        elif ("?" in chunk and len(chunk) > 1) or len(chunk) > LONGEST_RUN:
            tokens.append(Token(chunk, "w", start, end, start == before))
        elif chunk[0].isalnum():
            tokens.extend(_cut(chunk, start, start == before, lexicon))
        elif chunk == "'":
            _elide(tokens, text, start)
        else:
            tokens.append(Token(chunk, "p", start, end, start == before))
        before = end
    pairs = sum(1 for token in tokens if token.kind == "n" and len(token.text) == 2)
    return _without_spaced_phones(tokens) if pairs >= _PAIRS_OF_A_PHONE else tokens


def _without_spaced_phones(tokens: list[Token]) -> list[Token]:
    """76 12 34 56: four or more pairs of digits are a phone number, never codes or values."""
    found: list[Token] = []
    i = 0
    while i < len(tokens):
        until = i
        while until < len(tokens) and tokens[until].kind == "n" and len(tokens[until].text) == 2:
            until += 2 if until + 1 < len(tokens) and tokens[until + 1].text in (".", "-", "/") else 1
        if until - i >= _PAIRS_OF_A_PHONE:
            digits = "".join(token.text for token in tokens[i:until] if token.kind == "n")
            found.append(Token(digits, "n", tokens[i].start, tokens[min(until, len(tokens)) - 1].end))
            i = until
        else:
            found.append(tokens[i])
            i += 1
    return found


def _elide(tokens: list[Token], text: str, at: int) -> None:
    """L'ENFANT, D'EAU, N'EST: the letter before the apostrophe is no word, and above all no digit."""
    if tokens and text[at + 1 : at + 2].isalpha():
        last = tokens[-1]
        if last.end == at and last.kind == "w" and len(last.text) <= 2 and not last.glued:
            tokens.pop()


def _cut(chunk: str, start: int, glued: bool, lexicon: Lexicon) -> list[Token]:
    """A run that mixes letters and digits."""
    tokens = []
    for text, offset, length in pieces(chunk, lexicon):
        at = start + offset
        kind = "n" if text.isdigit() else "w"
        tokens.append(Token(text, kind, at, at + length, glued, lexicon.words.get(text) if kind == "w" else None))
        glued = True
    return tokens


def restore(tokens: list[Token], lexicon: Lexicon, typed: str) -> None:
    """Give unknown words their spelling back where letters were lost (FI?VRE, D?C?D?) or look alike (FlEVRE, maI)."""
    searches = MOST_RESTORED
    for i, token in enumerate(tokens):
        if token.kind != "w" or token.word is not None or lexicon.knows(token.text) or searches <= 0:
            continue
        for shape in _shapes(tokens, i):
            searches -= 1
            spelt = lexicon.restored(shape)
            if spelt and ("?" in shape or _looks_the_same(typed[token.start : token.end], spelt)):
                token.text, token.word = spelt, lexicon.words.get(spelt)
                break


def _looks_the_same(typed: str, spelt: str) -> bool:
    """A small l among capitals passes for an I, a capital I among small letters for an l. NAL is no NAI."""
    others = [char for char, meant in zip(typed, spelt, strict=False) if char.upper() == meant]
    changed = {char for char, meant in zip(typed, spelt, strict=False) if char.upper() != meant}
    if changed == {"l"}:
        return any(map(str.isupper, others))
    return changed == {"I"} and any(map(str.islower, others))


def _shapes(tokens: list[Token], i: int) -> list[str]:
    """The word as it stands, and with the question marks that touch it as letters."""
    text = tokens[i].text
    before = "?" if i and tokens[i - 1].text == "?" and tokens[i].glued else ""
    after = "?" if i + 1 < len(tokens) and tokens[i + 1].text == "?" and tokens[i + 1].glued else ""
    return list(dict.fromkeys([text, text + after, before + text, before + text + after]))


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
    if not parts or len(parts) < 2 or not any(lexicon.carries_meaning(part) for part in parts):
        return None
    return parts


_SHORT_GLUE = frozenset({"PAS", "NON", "NOT"})
_GLUE = frozenset(
    {
        *(Kind.UNIT, Kind.NUMBER, Kind.SEX, Kind.NEGATION, Kind.PERSON, Kind.SIGNATURE, Kind.GREETING, Kind.DAY),
        *(Kind.ORDINARY, Kind.CONNECTOR, Kind.ASK),
    }
)


def _can_be_part(text: str, first: bool, lexicon: Lexicon) -> bool:
    if first and text in lexicon.keywords and len(text) > 2:
        return True
    word = lexicon.words.get(text)
    if not word:
        return False
    if word.kind in VOCABULARY:
        return len(text) > 2 or text == "PB"
    return (len(text) > 3 and word.kind in _GLUE) or text in _SHORT_GLUE


def typed_text(raw: str) -> tuple[str, str]:
    """The normalised text and one of the same length in which tokens can be quoted as they were typed."""
    text = normalise(raw[: LONGEST_TEXT + 1])
    return (text, raw) if len(raw) == len(text) else (text, text)
