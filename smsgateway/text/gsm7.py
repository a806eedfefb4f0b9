"""What will this text cost to send, and how do we keep it cheap? Counts segments as networks bill them, and
folds letters that would more than halve the room of a message.

A text in the GSM-7 alphabet has 160 septets in one segment, any other has 70 UCS-2 units: one œ in an alert
makes it two segments. `segments` is exact (the extension table costs two septets, and neither an escape pair
nor a surrogate pair straddles two segments); `fold` never makes a text dearer, and leaves what it has no
honest replacement for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"

_OUTSIDE = re.compile(f"[^{re.escape(BASIC + EXTENSION)}]")
_EXTENDED = re.compile(f"[{re.escape(EXTENSION)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

# Replacements that a reader of French or Bambara does not stumble over. Accented letters not listed here lose
# their accent by decomposition (`_fold_one`). Superscripts and fractions stay: "10²" must never become 102.
_FOLDS = str.maketrans(
    {
        "ɛ": "e", "ɔ": "o", "ɲ": "ny", "ŋ": "ng", "Ɛ": "E", "Ɔ": "O", "Ɲ": "NY", "Ŋ": "NG",
        "ç": "c", "œ": "oe", "Œ": "OE", "ɓ": "b", "ɗ": "d", "ƴ": "y", "Ɓ": "B", "Ɗ": "D", "Ƴ": "Y",
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'", "ʼ": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"', "‹": "'", "›": "'",
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "•": "-", "·": "-",
        "…": "...", "°": "o", "º": "o", "№": "No", "×": "x", "≥": ">=", "≤": "<=", "→": "->",
        "\t": " ", "\v": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n", "\ufffd": "?",
    }
)  # fmt: skip
# "Ɲamina" is Nyamina, "ƝAMINA" is NYAMINA.
_CAPITAL_PAIR = re.compile("[ƝŊŒ](?=[a-zà-öø-ÿœɛɔɲŋ])")
_CAPITAL_FOLDS = {"Ɲ": "Ny", "Ŋ": "Ng", "Œ": "Oe"}


class Encoding(StrEnum):
    """How a text travels. Values are the names in reports and lint output."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


_SINGLE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_JOINED = {Encoding.GSM7: 153, Encoding.UCS2: 67}  # 6 octets of each go to the joining header


def encoding_of(text: str) -> Encoding:
    """GSM7 when every character is in the basic or the extension table; one other character makes it UCS2."""
    return Encoding.UCS2 if _OUTSIDE.search(text) else Encoding.GSM7


def septets(text: str) -> int:
    """Septets of a text in GSM-7, the extension table counting two; ValueError names what is not GSM-7."""
    strange = unfolded(text)
    if strange:
        raise ValueError(f"not GSM-7, has no septets: {', '.join(map(ascii, strange))}; fold the text first")
    return len(text) + len(_EXTENDED.findall(text))


def segments(text: str) -> int:
    """How many segments are billed. An empty text is one: networks carry, and charge for, an empty
    message."""
    encoding = encoding_of(text)
    wide = _EXTENDED if encoding is Encoding.GSM7 else _ASTRAL
    pairs = len(wide.findall(text))
    room = _JOINED[encoding]
    if len(text) + pairs <= _SINGLE[encoding]:
        return 1
    if not pairs:
        return -(-len(text) // room)
    return _packed((2 if wide.match(char) else 1 for char in text), room)


def _packed(widths: Iterable[int], room: int) -> int:
    """Segments when no unit may straddle a boundary: a pair that does not fit wastes the last place."""
    count, used = 1, 0
    for width in widths:
        if used + width > room:
            count, used = count + 1, 0
        used += width
    return count


def fits(text: str, segments_allowed: int = 1) -> bool:
    """Whether the text costs no more than so many segments."""
    return segments(text) <= segments_allowed


def unfolded(text: str) -> list[str]:
    """The characters that force UCS-2, each once, in order: what the lint names."""
    return list(dict.fromkeys(_OUTSIDE.findall(text)))


def fold(text: str) -> str:
    """The text in GSM-7 as far as that can be done honestly: composed (NFC), French and Bambara letters,
    typographic quotes, dashes and spaces replaced, invisible characters removed. What has no replacement
    stays as it is. Length may change (ɲ gives ny): count afterwards. Folding twice changes nothing."""
    if not _OUTSIDE.search(text):
        return text
    text = unicodedata.normalize("NFC", text)
    text = _CAPITAL_PAIR.sub(lambda pair: _CAPITAL_FOLDS[pair[0]], text)
    return _OUTSIDE.sub(lambda char: _fold_one(char[0]), text.translate(_FOLDS))


def echoed(text: str) -> str:
    """What somebody wrote, as it is said back to them: folded, and "?" for each character that has no place in GSM-7,
    since a single one would more than halve what fits into the SMS."""
    return _OUTSIDE.sub("?", fold(text))


def _fold_one(char: str) -> str:
    """A character no table line covers: by what kind of character it is."""
    kind = unicodedata.category(char)
    if kind == "Zs":
        return " "
    if kind in ("Cc", "Cf") or "\ufe00" <= char <= "\ufe0f":
        return ""
    if kind == "Cs":  # half an emoji, cut by some gateway: it cannot even be encoded
        return "?"
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if "\u0300" <= char <= "\u036f":  # ɛ́ has no composed form: its tone mark is left over
        return ""
    base = unicodedata.normalize("NFD", char).rstrip("".join(map(chr, range(0x300, 0x370))))
    return char if _OUTSIDE.search(base) else base


def shorten(text: str, segments_allowed: int = 1, ending: str = "...") -> str:
    """The text itself when it fits, else its longest beginning of whole words that fits together with
    `ending`; a single word too long for that is cut."""
    if fits(text, segments_allowed):
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[:middle] + ending, segments_allowed):
            low = middle
        else:
            high = middle - 1
    kept = text[:low]
    if not text[low : low + 1].isspace() and " " in kept:
        kept = kept[: kept.rindex(" ")]
    return kept.rstrip() + ending
