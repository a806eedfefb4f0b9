"""What does this SMS say? `read(text, role, programme)` gives every report, answer and question in it.

It never raises, whatever was typed, and takes time in proportion to the length of the text. A good part is never lost
by a bad one, and a danger word never by anything around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from smsgateway.reading.answers import read_answer, tells_of_death
from smsgateway.reading.lexicon import VOCABULARY, Accepts, Kind, Word
from smsgateway.reading.models import Correction, Part, Question, Reading, Role
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.report import read_report
from smsgateway.reading.settle import Settled, cut_glued, find_compounds, settle
from smsgateway.reading.tokens import LONGEST_TEXT, Token, restore, split_glued, tokenise, typed_text
from smsgateway.reading.written_codes import LONGEST_CODE
from smsgateway.text.codes import is_valid
from smsgateway.text.spelling import normalise

MOST_PARTS = 20
_LONGEST_QUOTE = 160
_MOST_LOOKED_AT = 4  # unknown words among which a mistyped keyword is looked for
_REPORTED = frozenset(
    {Kind.SIGN, Kind.ASKED_BACK, Kind.SYMPTOM, Kind.MEASURE, Kind.TEST, Kind.COLOUR, Kind.TREATMENT, Kind.OUTCOME}
)
_HAS_MEANING_BEFORE_KEYWORD = VOCABULARY | {Kind.ASK, Kind.NEGATION, Kind.UNIT, Kind.NUMBER, Kind.SEX, Kind.HARMLESS}


@dataclass(frozen=True, slots=True)
class _Keyword:
    """The keyword of a part: what it stands for, and the other tokens, with how many of them stood before it."""

    flow: Flow
    text: str
    rest: list[Token]
    before: int


def read(text: str, role: Role | str, programme: Programme, catchment: str | None = None) -> Reading:
    """The message as this sender means it. `catchment` is the sender's number, where there is only one: its check
    digit then settles where a code begins and ends."""
    role = Role(role)
    normalised, typed = typed_text(text)
    tokens = tokenise(normalised, programme.lexicon)
    restore(tokens, programme.lexicon, typed)
    tokens = find_compounds(tokens, programme.lexicon)
    settled = Settled()
    answers = programme.answer_words[role]
    if role is Role.NURSE or any(token.text in answers or tells_of_death(token) for token in tokens):
        answer = read_answer(tokens, role, programme, typed, settled)
        if answer:
            return Reading(answer, _language(programme, tokens))
    parts: list[Part] = []
    for some in _split(tokens, programme.report_words[role], programme, catchment)[:MOST_PARTS]:
        settled = Settled(searches=settled.searches)
        parts.append(_read_part(some, role, programme, catchment, typed, settled))
    if len(text) > LONGEST_TEXT:
        parts.append(_beyond_reading(text, role, programme))
    return Reading(_worth_keeping(parts), _language(programme, tokens))


def _language(programme: Programme, tokens: Sequence[Token]) -> str | None:
    for token in tokens:
        keyword = programme.lexicon.keywords.get(token.text)
        if keyword:
            return keyword.language
    return None


def _split(
    tokens: list[Token], keywords: Mapping[str, str], programme: Programme, catchment: str | None
) -> list[list[Token]]:
    """One list of tokens a report: a new one begins at a keyword after `;` or a line break, or directly before a
    code, once the report before has had its own keyword. After `;` or a line break another patient's code is enough:
    the keyword is meant to be the same."""
    parts: list[list[Token]] = [[]]
    keyword: Token | None = None
    for i, token in enumerate(tokens):
        flow = keywords.get(token.text) if token.kind == "w" else None
        breaks = i > 0 and tokens[i - 1].text in (";", "\n")
        if flow:
            if keyword and (breaks or _subject_follows(tokens, i + 1, programme.flows[flow])):
                before = programme.flows[keywords[keyword.text]]
                if any(_means_something(each) for each in parts[-1] if each.text not in keywords):
                    parts.append([])
                elif "keyword" in before.takes:
                    parts[-1] = []  # AIDE MAL 4177 FIEVRE 2 is a report
                elif before.subject == "none":
                    parts.append([])
                else:
                    continue  # URG MAL 4177, VISITE DU MENAGE 123: nothing but the first keyword was said before it
            keyword = token
        elif keyword and breaks and programme.flows[keywords[keyword.text]].subject == "patient":
            parts.extend([[keyword]] if _is_next_patient(tokens, i, parts[-1], catchment) else [])
        parts[-1].append(token)
    return parts


def _is_next_patient(tokens: Sequence[Token], i: int, part: Sequence[Token], catchment: str | None) -> bool:
    """Whether a number on a new line is the code of somebody else, and no value of the word before it."""
    token = tokens[i]
    if token.kind != "n" or not 3 <= len(token.text) <= LONGEST_CODE:
        return False
    said = [each for each in part if each.kind in "nw"]
    last = said[-1].word if said else None
    if last and last.kind in (Kind.SYMPTOM, Kind.MEASURE, Kind.TEST):
        return False
    has_code = any(each.kind == "n" and len(each.text) >= 3 for each in part)
    follows = next((each for each in tokens[i + 1 :] if each.kind != "p"), None)
    return has_code and follows is not None and (catchment is None or is_valid(catchment, token.text))


def _subject_follows(tokens: Sequence[Token], i: int, flow: Flow) -> bool:
    while i < len(tokens) and tokens[i].text in (":", "-", ".", ",", "="):
        i += 1
    if i >= len(tokens) or tokens[i].kind != "n":
        return False
    if flow.subject in ("patient", "household", "households", "person"):
        hyphenated = i + 1 < len(tokens) and tokens[i + 1].text == "-"
        return len(tokens[i].text) >= 3 or hyphenated or (flow.visitor and not tokens[i].text.strip("0"))
    return flow.number is not None


def _read_part(
    tokens: list[Token], role: Role, programme: Programme, catchment: str | None, typed: str, settled: Settled
) -> Part:
    words = " ".join(typed[tokens[0].start : tokens[-1].end].split())[:_LONGEST_QUOTE] if tokens else ""
    keyword = _keyword(tokens, role, programme, typed, settled)
    if keyword is None:
        return replace(_without_keyword(tokens, role, programme, catchment, typed, settled), text=words)
    flow = keyword.flow
    rest = _after_junk(keyword, programme, typed, settled)
    rest = find_compounds(settle(rest, programme.lexicon, flow.accepts, typed, settled), programme.lexicon)
    said = flow.sets.get(keyword.text, {})
    return replace(read_report(rest, flow, programme, catchment, typed, settled, said), text=words)


def _keyword(tokens: list[Token], role: Role, programme: Programme, typed: str, settled: Settled) -> _Keyword | None:
    """The first keyword of this role; failing that, one glued to the next word, split in two, or mistyped."""
    keywords = programme.report_words[role]
    for i, token in enumerate(tokens):
        flow = keywords.get(token.text) if token.kind == "w" else None
        if flow:
            return _Keyword(programme.flows[flow], token.text, [*tokens[:i], *tokens[i + 1 :]], i)
    unknown = [i for i, token in enumerate(tokens) if token.kind == "w" and token.word is None and len(token.text) > 1]
    for i in unknown[:_MOST_LOOKED_AT]:
        found = _hidden_keyword(tokens, i, keywords, programme, typed, settled)
        if found:
            return found
    return None


def _hidden_keyword(
    tokens: list[Token], i: int, keywords: Mapping[str, str], programme: Programme, typed: str, settled: Settled
) -> _Keyword | None:
    token, lexicon = tokens[i], programme.lexicon
    before, after = tokens[:i], tokens[i + 1 :]
    parts = split_glued(token.text, lexicon)
    if parts and parts[0] in keywords:
        cut = cut_glued(parts, token, lexicon)
        return _Keyword(programme.flows[keywords[parts[0]]], parts[0], [*before, *cut[1:], *after], i)
    joined = token.text + after[0].text if after and after[0].kind == "w" else ""
    if joined in keywords:
        return _Keyword(programme.flows[keywords[joined]], joined, [*before, *after[1:]], i)
    mine = _keyword_of(keywords)
    word = lexicon.begins(token.text, mine) or lexicon.slip_of(token.text, mine)
    if word is None:
        return None
    settled.corrected.append(Correction(typed[token.start : token.end], word.text))
    return _Keyword(programme.flows[keywords[word.text]], word.text, [*before, *after], i)


def _keyword_of(keywords: Mapping[str, str]) -> Accepts:
    def accepts(word: Word) -> bool:
        return word.kind is Kind.KEYWORD and word.text in keywords

    return accepts


def _after_junk(keyword: _Keyword, programme: Programme, typed: str, settled: Settled) -> list[Token]:
    """What stands before the keyword: a greeting, an operator's shared keyword or other words are dropped, unless they
    mean something; longer numbers stay, since a code may come first."""
    if not keyword.before:
        return keyword.rest
    before = settle(keyword.rest[: keyword.before], programme.lexicon, keyword.flow.accepts, typed, settled)
    worth = (i for i, token in enumerate(before) if _means_something(token) or _hides_something(token, programme))
    first = next(worth, len(before))
    if first and before[first - 1 : first + 1] and before[first - 1].kind == "n" and first < len(before):
        first -= 1  # 30M ENR: the number of the unit
    return [*before[first:], *keyword.rest[keyword.before :]]


def _hides_something(token: Token, programme: Programme) -> bool:
    """SNAG MAL 4177: an unread word before the keyword is junk, unless it may have been SANG."""
    return token.kind == "w" and token.word is None and programme.lexicon.may_be_danger(token.text)


def _means_something(token: Token) -> bool:
    if token.kind == "n":
        return len(token.text) > 2
    if token.text in ("F", "M"):
        return True
    return token.word is not None and token.word.kind in _HAS_MEANING_BEFORE_KEYWORD


def _without_keyword(
    tokens: list[Token], role: Role, programme: Programme, catchment: str | None, typed: str, settled: Settled
) -> Part:
    """No keyword: a danger word is urgent whoever sent it; a CHW's code, or words of a report, are asked about."""
    words = [token for token in tokens if token.kind != "p"]
    if role is Role.CHW and words and words[0].text in programme.no and "cancel" in programme.flows:
        taken_back = _taken_back(tokens, programme, catchment, typed, settled)  # NON right after an answer
        if taken_back is not None:
            return taken_back
    flow = programme.flows["urgent"]
    tokens = find_compounds(settle(tokens, programme.lexicon, flow.accepts, typed, settled), programme.lexicon)
    part = read_report(tokens, flow, programme, catchment, typed, settled, {})
    if part.signs or part.negated:
        return replace(part, keyword=False)
    kinds = {token.word.kind for token in tokens if token.word is not None}
    if role is not Role.CHW or not (part.codes or kinds & _REPORTED or Kind.ASK in kinds):
        return Part(None, part.codes, keyword=False)
    hides_danger = bool(kinds & _REPORTED) or (Kind.ASK in kinds and bool(part.codes or Kind.PERSON in kinds))
    questions = (
        *(question for question in part.questions if question.key == "vomits_everything"),
        Question("which_report", may_hide_danger=hides_danger),
    )
    return Part(None, part.codes, None, part.answers, unclear=part.unclear, questions=questions, keyword=False)


def _taken_back(
    tokens: list[Token], programme: Programme, catchment: str | None, typed: str, settled: Settled
) -> Part | None:
    """NON, NON 4177, NON K7, and nothing more."""
    rest = [token for token in tokens if token.text not in programme.no]
    part = read_report(rest, programme.flows["cancel"], programme, catchment, typed, settled, {})
    return None if part.unclear or part.signs or part.negated else replace(part, keyword=False)


def _worth_keeping(parts: list[Part]) -> tuple[Part, ...]:
    """Without the empty pieces between two separators, and without what was typed twice."""
    kept: dict[int, Part] = {}
    wordless: list[Part] = []
    for i, part in enumerate(parts):
        without_words = replace(part, text="")
        if (part.flow or part.codes or part.questions) and without_words not in wordless:
            kept[i] = part
            wordless.append(without_words)
    return tuple(kept.values()) or (parts[0] if parts else Part(None),)


def _beyond_reading(text: str, role: Role, programme: Programme) -> Part:
    """What lies beyond any SMS is not read word by word, but a danger word in it still counts."""
    words = programme.lexicon.words
    signs: dict[str, None] = {}
    for piece in normalise(text[LONGEST_TEXT:]).split():
        word = words.get(piece)
        if word and word.kind is Kind.SIGN and word.id not in ("none", "sight"):
            signs[word.id] = None
    question = Question("too_long", may_hide_danger=role is Role.CHW)
    return Part("urgent" if signs else None, signs=tuple(signs), questions=(question,))
