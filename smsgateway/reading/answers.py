"""Which answer to a referral is this? RECU K7, K7 recu, ARRIVE, ABSENT, an outcome, or a bare number.

The answer word comes first, greetings and the small words of a sentence apart: what an operator writes ("Vous avez recu
un appel de ...") must acknowledge nothing. PAS and NON never mean arrived.
"""

from __future__ import annotations

from collections.abc import Sequence

from smsgateway.reading.lexicon import Kind, Word
from smsgateway.reading.models import Correction, Part, Question, Role
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.settle import Settled
from smsgateway.reading.tokens import Token
from smsgateway.text.codes import REFERRAL_LETTERS, parse_referral

_STRENGTH = {"absent": 4, "outcome": 3, "refused": 3, "arrived": 2, "received": 1}


def read_answer(
    tokens: list[Token], role: Role, programme: Programme, typed: str, settled: Settled
) -> tuple[Part, ...] | None:
    """The parts this answer consists of (one a referral code); None when it is no answer."""
    tokens = [token for token in tokens if token.kind != "p" or token.text in "-\n;."]
    digit = _bare_digit(tokens, role, programme)
    if digit:
        return (Part(digit.name, text=typed[:160]),)
    codes, rest = _codes(tokens, programme)
    found = _answer_word(rest, role, programme, typed, settled)
    if not found:
        return _code_alone(codes, rest, programme) if role is Role.NURSE else None
    flow, at, negated = found
    says_more = len(rest) > at + 1 or tells_of_death(rest[at])
    if role is not Role.NURSE and not codes and flow.name in ("outcome", "arrived") and says_more:
        return None  # of whom?
    if negated and flow.negated == "ask":
        question = Question("what_then", "")
        return tuple(Part(flow.name, referral=code, questions=(question,)) for code in codes or (None,))
    if negated and flow.negated:
        flow = programme.flows[flow.negated]
    answers = _answers(rest, at, flow, programme)
    unclear, questions = _unread(rest, at, flow, codes, typed)
    return tuple(
        Part(
            flow.name,
            referral=code,
            answers=dict(answers),
            corrected=tuple(settled.corrected),
            unclear=unclear,
            questions=questions,
            text=" ".join(typed.split())[:160],
        )
        for code in codes or (None,)
    )


def _code_alone(codes: Sequence[str], rest: Sequence[Token], programme: Programme) -> tuple[Part, ...] | None:
    """K7, and no word that says what about it: asked, unless it was danger that was spoken of."""
    if not codes or any(token.word and token.word.kind is Kind.SIGN for token in rest):
        return None
    return tuple(Part(None, referral=code, questions=(Question("what_then"),)) for code in codes)


def _bare_digit(tokens: Sequence[Token], role: Role, programme: Programme) -> Flow | None:
    words = [token for token in tokens if not (token.word and token.word.kind in (Kind.GREETING, Kind.SIGNATURE))]
    words = [token for token in words if token.kind != "p"]
    if len(words) != 1 or words[0].kind != "n":
        return None
    for flow in programme.flows.values():
        if flow.digit is not None and str(flow.digit) == words[0].text and role in flow.roles:
            return flow
    return None


def _codes(tokens: list[Token], programme: Programme) -> tuple[tuple[str, ...], list[Token]]:
    """The referral codes, each once, and the other tokens."""
    codes: dict[str, None] = {}
    rest: list[Token] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        following = tokens[i + 1] if i + 1 < len(tokens) else None
        if following and following.text == "-" and following.glued and i + 2 < len(tokens):
            following = tokens[i + 2]
        letter = token.text[-1:] if token.kind == "w" else ""
        whole = len(token.text) == 1
        if letter and letter in REFERRAL_LETTERS and following and following.kind == "n" and len(following.text) <= 3:
            code = parse_referral(letter + following.text)
            word = _word_before(token, programme) if not whole and following.glued else None
            if code and (whole or word):
                codes.setdefault(code)
                if word:
                    rest.append(word)
                i = tokens.index(following, i) + 1
                continue
        rest.append(token)
        i += 1
    return tuple(codes), rest


def _word_before(token: Token, programme: Programme) -> Token | None:
    """RECUK7: the answer word glued to its code."""
    text = token.text[:-1]
    if text in programme.lexicon.keywords:
        return Token(text, "w", token.start, token.end - 1, token.glued, programme.lexicon.words.get(text))
    return None


def _answer_word(
    tokens: Sequence[Token], role: Role, programme: Programme, typed: str, settled: Settled
) -> tuple[Flow, int, bool] | None:
    """The strongest answer word of those that come first, its place, and whether it is denied."""
    keywords = programme.keywords[role]
    best: tuple[Flow, int, bool] | None = None
    denied = False
    for i, token in enumerate(tokens):
        if token.kind != "w":
            continue
        flow = _flow_of(token, keywords, role, programme, typed, settled)
        if flow:
            after = tokens[i + 1].text if i + 1 < len(tokens) else ""
            this = (flow, i, denied or after in ("PAS", "NON", "NOT", "NO"))
            if best is None or _STRENGTH.get(flow.name, 0) > _STRENGTH.get(best[0].name, 0):
                best = this
            denied = False
        elif token.text in _DENIALS or (token.word and token.word.kind is Kind.NEGATION):
            denied = True
        elif best is None and token.text not in programme.answer_fillers:
            return None
        if i > 30:
            break
    return best


_DENIALS = frozenset({"PAS", "NON", "NOT", "NO", "JAMAIS", "NEVER"})


def tells_of_death(token: Token) -> bool:
    """DECEDE, DCD: to a CHW a word of other reports, and an answer only beside a referral's code."""
    return token.word is not None and token.word.kind is Kind.OUTCOME and token.word.id == "died"


def _flow_of(
    token: Token, keywords: object, role: Role, programme: Programme, typed: str, settled: Settled
) -> Flow | None:
    name = programme.keywords[role].get(token.text)
    if name is None and role is Role.CHW and tells_of_death(token):
        name = "outcome"
    if name is None and token.word is None and settled.searches > 0:
        settled.searches -= 1

        def mine(word: Word) -> bool:
            return word.kind is Kind.KEYWORD and word.text in programme.keywords[role]

        lexicon = programme.lexicon
        found = lexicon.begins(token.text, mine) or lexicon.slip_of(token.text, mine)
        if found:
            settled.corrected.append(Correction(typed[token.start : token.end], found.text))
            name = programme.keywords[role][found.text]
    flow = programme.flows[name] if name else None
    return flow if flow and flow.subject == "referral" else None


def _answers(tokens: Sequence[Token], at: int, flow: Flow, programme: Programme) -> dict[str, object]:
    """The outcome, and in how many days to follow up (SUIVI 3)."""
    answers: dict[str, object] = {}
    if "outcomes" in flow.words:
        for token in tokens[at:]:
            if token.word and token.word.kind is Kind.OUTCOME:
                answers.setdefault("outcome", token.word.id)
    for i, token in enumerate(tokens[:-1]):
        if token.text in ("SUIVI", "FUP") and tokens[i + 1].kind == "n" and len(tokens[i + 1].text) <= 2:
            answers["follow_up_days"] = int(tokens[i + 1].text)
    return answers


def _unread(
    tokens: Sequence[Token], at: int, flow: Flow, codes: Sequence[str], typed: str
) -> tuple[tuple[str, ...], tuple[Question, ...]]:
    """RECU 7, RECU 5000: a number that is no referral code is asked about, so that nothing wrong is acknowledged."""
    if codes or flow.name == "outcome":
        return (), ()
    for token in tokens[at + 1 :]:
        if token.kind == "n" and not (token.word and token.word.kind is Kind.UNIT):
            text = typed[token.start : token.end][:12]
            return (text,), (Question("which_referral", text),)
    return (), ()
