"""How do we read what people typed on any phone? `normalise` brings all spellings of a letter to one.

The same word arrives in capitals or not, with or without accents, composed or decomposed, with Bambara
letters, with quotes, dashes and spaces that a smartphone "corrected", with digits of another script. After
`normalise` only one form is left: upper case, plain letters, ASCII digits, "\\n" between lines. It judges
nothing: `?` (an accent lost on the way) and every sign without a plain form stay. It is linear, and free for
the plain ASCII that most phones send.
"""

from __future__ import annotations

import re
import unicodedata

_LETTERS = {
    "Ɛ": "E", "Ɔ": "O", "Ɲ": "NY", "Ŋ": "NG",  # Bambara, Dioula
    "Ɓ": "B", "Ɗ": "D", "Ƴ": "Y", "Ƙ": "K", "Ɠ": "G",  # Fulfulde, Hausa
    "Œ": "OE", "Æ": "AE", "Ø": "O", "Đ": "D", "Ł": "L",
}  # fmt: skip
_SIGNS = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "\uff40": "'", "´": "'", "ʼ": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "…": "...",
    "\ufffd": "?",  # a decoder's mark for a lost letter is the same thing as a phone's "?"
}  # fmt: skip
_BREAKS = dict.fromkeys("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\n")
_SPACES = dict.fromkeys("\t\xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))), " ")
# Zeros of the digits met on phones there: Arabic-Indic, extended Arabic-Indic, N'Ko, fullwidth.
DIGITS = {
    chr(ord(zero) + value): str(value) for zero in ("\u0660", "\u06f0", "\u07c0", "\uff10") for value in range(10)
}
_FULLWIDTH = {chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)}

_PLAIN = str.maketrans({**_FULLWIDTH, **DIGITS, **_LETTERS, **_SIGNS, **_BREAKS, **_SPACES})
# Control characters, zero-width and direction marks, variation selectors, tags; accents, once decomposed.
_REMOVED = re.compile(
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\xad\u0300-\u036f\u061c\u180e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def normalise(text: str) -> str:
    """The one form of a text that readers compare: see the module. Normalising twice changes nothing."""
    if text.isascii() and text.isprintable() and "`" not in text:
        return text.upper()
    plain = text.replace("\r\n", "\n").upper()
    if not plain.isascii():
        # Decomposed before the tables look: Ǣ is an Æ with a macron.
        plain = unicodedata.normalize("NFD", _LONE_SURROGATE.sub("?", plain))
    return unicodedata.normalize("NFC", _REMOVED.sub("", plain.translate(_PLAIN)))
