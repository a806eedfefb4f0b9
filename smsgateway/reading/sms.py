"""What does this SMS say? `read(text, role, programme)` gives every report, answer and question in it.

It never raises, whatever was typed, and takes time in proportion to the length of the text. A good part is never lost
by a bad one, and a danger word never by anything around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smsgateway.reading.answers import read_answer
from smsgateway.reading.lexicon import Kind
from smsgateway.reading.models import Part, Question, Reading, Role
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.report import PartReader
from smsgateway.reading.settle import Settled, find_compounds, settle
from smsgateway.reading.tokens import LONGEST_TEXT, Token, tokenise, typed_text

MOST_PARTS = 20
MOST_QUOTED = 160
_ANY_REPORT = ("urgent", "sick_child")
_DANGEROUS = frozenset({Kind.SIGN, Kind.ASK, Kind.ASKED_BACK, Kind.SYMPTOM, Kind.MEASURE, Kind.TEST, Kind.COLOUR})


def read(text: str, role: Role | str, programme: Programme, catchment: str | None = None) -> Reading:
    """The message as this sender means it. `catchment` is the sender's number, where there is only one: its check
    digit then settles where a code begins and ends."""
    role = Role(role)
    normalised, typed = typed_text(text)
    tokens = find_compounds(tokenise(normalised, programme.lexicon), programme.lexicon)
    keywords = programme.keywords[role]
    settled = Settled()
    if role is Role.NURSE or any(_is_answer(programme, keywords.get(token.text)) for token in tokens):
        answer = read_answer(tokens, role, programme, typed, settled)
        if answer:
            return Reading(answer, _language(programme, tokens))
    parts = [
        _read_part(some, role, programme, catchment, typed, settled)
        for some in _split(tokens, keywords, programme)[:MOST_PARTS]
    ]
    if len(text) > LONGEST_TEXT:
        parts.append(_too_long(programme, role, text))
    parts = _merged(parts)
    return Reading(tuple(parts) or (Part(None),), _language(programme, tokens))


def _is_answer(programme: Programme, flow: str | None) -> bool:
    return flow is not None and programme.flows[flow].subject == "referral"


def _language(programme: Programme, tokens: Sequence[Token]) -> str | None:
    for token in tokens:
        keyword = programme.lexicon.keywords.get(token.text)
        if keyword:
            return keyword.language
    return None


def _split(tokens: list[Token], keywords: Mapping[str, str], programme: Programme) -> list[list[Token]]:
    """One list of tokens a report: a new one begins at a keyword after `;` or a line break, or directly before a
    code, once the report before has had its own keyword."""
    parts: list[list[Token]] = [[]]
    begun = False
    for i, token in enumerate(tokens):
        flow = keywords.get(token.text) if token.kind == "w" else None
        if flow:
            before = tokens[i - 1].text if i else ""
            if begun and (before in ";\n" or _code_follows(tokens, i + 1, programme.flows[flow])):
                parts.append([])
            begun = True
        parts[-1].append(token)
    return parts


def _code_follows(tokens: Sequence[Token], i: int, flow: Flow) -> bool:
    while i < len(tokens) and tokens[i].text in ":-.,=":
        i += 1
    if i >= len(tokens) or tokens[i].kind != "n":
        return False
    if flow.subject in ("patient", "household", "households", "person"):
        hyphen = i + 1 < len(tokens) and tokens[i + 1].text == "-"
        return len(tokens[i].text) >= 3 or hyphen or (flow.visitor and tokens[i].text == "0")
    return flow.number is not None


def _read_part(
    tokens: list[Token], role: Role, programme: Programme, catchment: str | None, typed: str, settled: Settled
) -> Part:
    settled = Settled(searches=settled.searches)
    flow, at, rest = _keyword(tokens, role, programme, typed, settled)
    words = _text_of(tokens, typed)
    if flow is None:
        part = _without_keyword(tokens, role, programme, catchment, typed, settled)
    else:
        rest = _without_junk(rest, at, programme, flow, typed, settled)
        rest = settle(rest, programme.lexicon, flow.accepts, typed, settled)
        rest = find_compounds(rest, programme.lexicon)
        part = PartReader(rest, flow, programme, catchment, typed, settled).read()
    return _with_text(part, words)


def _keyword(
    tokens: list[Token], role: Role, programme: Programme, typed: str, settled: Settled
) -> tuple[Flow | None, int, list[Token]]:
    """The flow of the first keyword, where it stood, and the tokens without it. A keyword may be glued to what follows,
    look like itself (VlS), be the beginning or a slip of a long one."""
    keywords = programme.keywords[role]
    for i, token in enumerate(tokens):
        flow = keywords.get(token.text) if token.kind == "w" else None
        if flow:
            return programme.flows[flow], i, [*tokens[:i], *tokens[i + 1 :]]
    return _hidden_keyword(tokens, role, programme, typed, settled)


def _hidden_keyword(
    tokens: list[Token], role: Role, programme: Programme, typed: str, settled: Settled
) -> tuple[Flow | None, int, list[Token]]:
    from smsgateway.reading.models import Correction
    from smsgateway.reading.tokens import split_glued

    keywords = programme.keywords[role]
    lexicon = programme.lexicon
    looked = 0
    for i, token in enumerate(tokens):
        if token.kind != "w" or token.word is not None:
            continue
        looked += 1
        if looked > 4:
            break
        parts = split_glued(token.text, lexicon)
        if parts and parts[0] in keywords:
            at = token.start
            cut: list[Token] = []
            for part in parts:
                cut.append(Token(part, "w", at, at + len(part), bool(cut), lexicon.words.get(part)))
                at += len(part)
            return programme.flows[keywords[parts[0]]], i, [*tokens[:i], *cut[1:], *tokens[i + 1 :]]
        joined = token.text + tokens[i + 1].text if i + 1 < len(tokens) and tokens[i + 1].kind == "w" else ""
        if joined in keywords:
            return programme.flows[keywords[joined]], i, [*tokens[:i], *tokens[i + 2 :]]

        def mine(word: object, keywords: Mapping[str, str] = keywords) -> bool:
            return getattr(word, "text", None) in keywords and getattr(word, "kind", None) is Kind.KEYWORD

        alike = lexicon.look_alike(token.text)
        word = alike if alike and mine(alike) else None
        word = word or lexicon.begins(token.text, mine) or lexicon.slip_of(token.text, mine)
        if word:
            settled.corrected.append(Correction(typed[token.start : token.end], word.text))
            return programme.flows[keywords[word.text]], i, [*tokens[:i], *tokens[i + 1 :]]
    return None, 0, tokens


def _without_junk(
    rest: list[Token], at: int, programme: Programme, flow: Flow, typed: str, settled: Settled
) -> list[Token]:
    """What stands before the keyword: a greeting, an operator's shared keyword or other words are dropped, unless they
    mean something; numbers stay, since a code may come first."""
    if not at:
        return rest
    before = settle(rest[:at], programme.lexicon, flow.accepts, typed, settled)
    kept = [
        token
        for token in before
        if (token.kind == "n" and len(token.text) > 2)
        or token.text in "-/"
        or (token.word and token.word.kind in _MEANT)
    ]
    return [*kept, *rest[at:]]


_MEANT = _DANGEROUS | {
    Kind.TREATMENT, Kind.OUTCOME, Kind.CIRCUMSTANCE, Kind.RESULT, Kind.NEGATION, Kind.UNIT, Kind.NUMBER, Kind.SEX,
    Kind.VACCINE, Kind.PREVENTION, Kind.HARMLESS,
}  # fmt: skip


def _without_keyword(
    tokens: list[Token], role: Role, programme: Programme, catchment: str | None, typed: str, settled: Settled
) -> Part:
    """No keyword: a danger word is urgent whoever sent it; from a CHW, words of a report are asked about."""
    flow = programme.flows["urgent"]
    settle_with = settle(tokens, programme.lexicon, flow.accepts, typed, settled)
    settle_with = find_compounds(settle_with, programme.lexicon)
    if role is Role.CHW and len([t for t in tokens if t.kind != "p"]) == 1 and tokens[0].text in programme.no:
        return Part(_flow_named(programme, "cancel"))
    part = PartReader(settle_with, flow, programme, catchment, typed, settled).read()
    if part.signs or part.negated:
        return part
    if role is Role.CHW and any(token.word and token.word.kind in _DANGEROUS for token in settle_with):
        question = Question("which_report", "", may_hide_danger=True)
        questions = (question, *(q for q in part.questions if q.key != "what_is"))
        return Part(None, part.codes, None, part.answers, unclear=part.unclear, questions=questions)
    return Part(None, part.codes)


def _flow_named(programme: Programme, name: str) -> str | None:
    return name if name in programme.flows else None


def _merged(parts: list[Part]) -> list[Part]:
    """Two parts that say nothing different are one: a message typed twice, an empty piece between two separators."""
    kept: list[Part] = []
    for part in parts:
        empty = part.flow is None and not (part.codes or part.answers or part.unclear or part.questions)
        if (empty and len(parts) > 1) or part in kept:
            continue
        kept.append(part)
    return kept


def _text_of(tokens: Sequence[Token], typed: str) -> str:
    return " ".join(typed[tokens[0].start : tokens[-1].end].split())[:MOST_QUOTED] if tokens else ""


def _with_text(part: Part, text: str) -> Part:
    from dataclasses import replace

    return replace(part, text=text)


def _too_long(programme: Programme, role: Role, text: str) -> Part:
    """What lies beyond any SMS is not read word by word, but a danger word in it still counts."""
    from smsgateway.text.spelling import normalise

    lexicon = programme.lexicon
    tail = normalise(text[LONGEST_TEXT:])
    ids = {
        word.id: None
        for piece in tail.split()
        if (word := lexicon.words.get(piece)) and word.kind is Kind.SIGN and word.id not in ("none", "sight")
    }
    question = Question("too_long", "", may_hide_danger=role is Role.CHW)
    return Part("urgent" if ids else None, signs=tuple(ids), questions=(question,))
