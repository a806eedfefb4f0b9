"""What was meant by a word that stands in no list? Joins, completes, unfolds, splits and corrects, in that order.

Every step takes only what has one meaning; a word that keeps several, or none, stays unread, for the answer to ask
about. The work is bounded however long the message is: beyond the first unknown words nothing is searched any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from smsgateway.reading.lexicon import VOCABULARY, Accepts, Compound, Kind, Lexicon
from smsgateway.reading.models import Correction
from smsgateway.reading.tokens import Token, split_glued

MOST_SEARCHED = 60  # unknown words of one message looked at closely
_JOINABLE = VOCABULARY | {Kind.ASK, Kind.HARMLESS, Kind.NUMBER, Kind.UNIT}
_BETWEEN_SIGNS = frozenset({"-", "\n"})
_ANY_SIGN = frozenset("-\n.,:/!")
_BETWEEN_PARTS = 3  # small words that may stand between two parts of a compound


@dataclass(slots=True)
class Settled:
    """What was changed on the way, and how many searches are left."""

    corrected: list[Correction] = field(default_factory=list)
    searches: int = MOST_SEARCHED


def find_compounds(tokens: list[Token], lexicon: Lexicon) -> list[Token]:
    """The tokens with each compound (BOIT PAS, MAL DE TETE) made one token."""
    first_parts = lexicon.first_parts
    if first_parts.isdisjoint([token.text for token in tokens]):
        return tokens
    found: list[Token] = []
    i = 0
    while i < len(tokens):
        match = _compound_at(tokens, i, lexicon)
        if match and not _is_keyword_first(tokens, i, match, lexicon, first=not found):
            compound, until = match
            found.extend(_merged(tokens[i:until], compound))
            i = until
        else:
            found.append(tokens[i])
            i += 1
    return found


def _compound_at(tokens: list[Token], i: int, lexicon: Lexicon) -> tuple[Compound, int] | None:
    token = tokens[i]
    if token.text not in lexicon.first_parts:
        return None
    for text in (token.text, token.text[:-1] if token.text.endswith("S") else ""):
        for compound in lexicon.compounds.get(text, ()):
            until = _follow(tokens, i + 1, compound, lexicon)
            if until:
                return compound, until
    return None


def _follow(tokens: list[Token], j: int, compound: Compound, lexicon: Lexicon) -> int:
    """Where the compound ends that began before j; 0 when the next words are not its parts. Not even a full stop
    parts a danger sign (NOT. FEEDING)."""
    parts = compound.parts
    signs = _ANY_SIGN if compound.word.kind is Kind.SIGN else _BETWEEN_SIGNS
    between = 0
    part = 1
    while part < len(parts):
        if j >= len(tokens):
            return 0
        token = tokens[j]
        if token.kind == "w" and token.text in (parts[part], parts[part] + "S"):
            part += 1
            between = 0
        elif between < _BETWEEN_PARTS and (token.text in lexicon.connectors or token.text in signs):
            between += 1
        else:
            return 0
        j += 1
    return j


def _is_keyword_first(
    tokens: list[Token], i: int, match: tuple[Compound, int], lexicon: Lexicon, *, first: bool
) -> bool:
    """MAL VENTRE and MAL TETE PAS begin with the keyword; MAL DE TETE is a headache."""
    if tokens[i].text not in lexicon.keywords:
        return False
    last = match[1] - 1
    if _compound_at(tokens, last, lexicon):
        return True
    word = tokens[last].word
    return first and last == i + 1 and word is not None and word.kind in VOCABULARY


def _merged(tokens: list[Token], compound: Compound) -> list[Token]:
    first, last = tokens[0], tokens[-1]
    if compound.word.kind is Kind.HARMLESS and first.word and first.word.kind is Kind.TEST:
        rest = Token(last.text, "w", tokens[1].start, last.end, word=compound.word)  # TDR RAPIDE is a TDR all the same
        return [first, rest]
    text = " ".join(token.text for token in tokens)
    return [Token(text, "w", first.start, last.end, first.glued, compound.word)]


def settle(tokens: list[Token], lexicon: Lexicon, accepts: Accepts, typed: str, settled: Settled) -> list[Token]:
    """The tokens with every word read that can be read in a flow which accepts these words."""
    done: list[Token] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.kind != "w" or token.word is not None:
            done.append(token)
            i += 1
            continue
        joined = _joined(done, tokens, i, lexicon)
        if joined:
            done.append(joined)
            i += 2
            continue
        if settled.searches > 0 and len(token.text) > 1:
            settled.searches -= 1
            compound = _compound_slip(done, tokens, i, lexicon, accepts, typed, settled)
            if compound:
                done.append(compound[0])
                i = compound[1]
                continue
            done.extend(_searched(token, tokens, i, lexicon, accepts, typed, settled))
        else:
            done.append(token)
        i += 1
    return done


def _joined(done: list[Token], tokens: list[Token], i: int, lexicon: Lexicon) -> Token | None:
    """CONVUL SION: this unknown word together with the next one, or with the one before, is a word."""
    token = tokens[i]
    if i + 1 < len(tokens) and tokens[i + 1].kind == "w":
        after = tokens[i + 1]
        word = lexicon.words.get(token.text + after.text)
        if word and word.kind in _JOINABLE:
            return Token(word.text, "w", token.start, after.end, token.glued, word)
    if done and done[-1].kind == "w":
        before = done[-1]
        word = lexicon.words.get(before.text + token.text)
        if word and word.kind in _JOINABLE:
            done[-1] = Token(word.text, "w", before.start, token.end, before.glued, word)
            token.kind = ""
    return None


def _compound_slip(
    done: list[Token], tokens: list[Token], i: int, lexicon: Lexicon, accepts: Accepts, typed: str, settled: Settled
) -> tuple[Token, int] | None:
    """BOIT PSA, STIF NECK: a slip in one part of a compound, read as a slip in the whole."""
    token = tokens[i]
    small = [word.text for word in reversed(done[-3:]) if word.text in lexicon.connectors]
    before = done[-1 - len(small)] if len(done) > len(small) and done[-len(small) - 1].kind == "w" else None
    after = i + 1
    while after < len(tokens) and after < i + 4 and tokens[after].text in lexicon.connectors:
        after += 1
    following = tokens[after] if after < len(tokens) and tokens[after].kind == "w" else None
    for first, last in ((before, token), (token, following)):
        if first is None or last is None or not (first.text in lexicon.parts or last.text in lexicon.parts):
            continue
        word = lexicon.slip_of(first.text + last.text, accepts)
        if word and word.compound:
            settled.corrected.append(Correction(typed[first.start : last.end], word.text))
            if first is before:
                del done[-1 - len(small) :]
            return Token(
                word.text, "w", first.start, last.end, first.glued, word
            ), after + 1 if first is token else i + 1
    return None


def _searched(
    token: Token, tokens: list[Token], i: int, lexicon: Lexicon, accepts: Accepts, typed: str, settled: Settled
) -> list[Token]:
    if not token.kind:
        return []
    text = token.text
    if "?" in text:
        return _split_at_mark(token, lexicon)
    word = lexicon.begins(text, accepts)
    if not word:
        parts = split_glued(text, lexicon)
        if parts:
            return cut_glued(parts, token, lexicon)
        word = lexicon.slip_of(text, accepts)
    if word and word.kind is not Kind.KEYWORD:
        settled.corrected.append(Correction(typed[token.start : token.end], word.text))
        token.word = word
    return [token]


def cut_glued(parts: list[str], token: Token, lexicon: Lexicon) -> list[Token]:
    """One token a part of a glued word."""
    cut: list[Token] = []
    at = token.start
    for part in parts:
        cut.append(Token(part, "w", at, at + len(part), bool(cut) or token.glued, lexicon.words.get(part)))
        at += len(part)
    return cut


def _split_at_mark(token: Token, lexicon: Lexicon) -> list[Token]:
    """TDR?FIEVRE and AMOX?D?ME: two words with a mark between, or a lost letter at the head of the second."""
    for mark in re.finditer(r"\?+", token.text):
        first, rest, tail = token.text[: mark.start()], token.text[mark.start() :], token.text[mark.end() :]
        if not lexicon.carries_meaning(first):
            continue
        restored = lexicon.restored(rest) or (tail if lexicon.carries_meaning(tail) else None)
        if restored:
            at = token.start + mark.start()
            head = Token(first, "w", token.start, at, token.glued, lexicon.words.get(first))
            sign = [Token("?", "p", at, at + 1, True)] if restored == tail else []
            return [head, *sign, Token(restored, "w", at, token.end, True, lexicon.words.get(restored))]
    return [token]
