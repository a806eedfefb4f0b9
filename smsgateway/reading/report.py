"""What does one report say? Words in any order, each optionally with a value, become the answers of a `Part`.

A bare number is a code, a number after a word its value. What cannot be read costs nothing that was read: it is kept as
unclear, and asked. No value is guessed: one outside its plausible range, or in a doubtful unit, is asked back.
"""

from __future__ import annotations

from collections.abc import Mapping

from smsgateway.reading import particulars
from smsgateway.reading.findings import Findings
from smsgateway.reading.lexicon import Kind, Word
from smsgateway.reading.models import Code, Part
from smsgateway.reading.numerals import Line, Numeral
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.quantities import age, days_of, duration, measure, past_quantity, test_result, weight
from smsgateway.reading.settle import Settled
from smsgateway.reading.tokens import LONGEST_NUMBER, Token
from smsgateway.reading.written_codes import LONGEST_CODE, codes_at

_ONE_OF = {Kind.COLOUR: "muac_colour", Kind.OUTCOME: "outcome"}
_SOME_OF = {
    Kind.TREATMENT: "treatments",
    Kind.PREVENTION: "prevention",
    Kind.VACCINE: "vaccines",
    Kind.STEP: "steps",
}
_SAY_NOTHING = frozenset(
    {
        Kind.GREETING,
        Kind.SMALL,
        Kind.NAME,
        Kind.DAY,
        Kind.HARMLESS,
        Kind.SIGNATURE,
        Kind.UNIT,
        Kind.PERSON,
        Kind.NEGATION,
    }
)
_GIVEN = frozenset({Kind.TREATMENT, Kind.PREVENTION})
_ABOUT_TEST = frozenset({"TEST", "PALU", "RAPIDE"})
_NO_SIGN = frozenset({"none", "sight"})


def read_report(
    tokens: list[Token],
    flow: Flow,
    programme: Programme,
    catchment: str | None,
    typed: str,
    settled: Settled,
    said: Mapping[str, bool],
) -> Part:
    """The part that these tokens make in this flow; its keyword was taken out, its words were settled. `said` is what
    the keyword itself already says."""
    line = Line(tokens, flow, programme)
    return _Reader(Findings(flow, programme, line, typed, settled.corrected, dict(said)), catchment).read()


class _Reader:
    def __init__(self, found: Findings, catchment: str | None) -> None:
        self.found, self.catchment = found, catchment
        self.line, self.flow, self.programme = found.line, found.flow, found.programme
        self.denied = False

    def read(self) -> Part:
        i, tokens = 0, self.line.tokens
        while i < len(tokens):
            token = tokens[i]
            taken = particulars.read(self.found, i) if self.flow.takes else 0
            if taken:
                i = taken
            elif token.kind == "n":
                i = self.number(i)
            elif token.kind == "w":
                if token.word is not None and token.word.kind is Kind.SIGNATURE and self.found.has_content():
                    self.after_signature(i + 1)
                    break
                i = self.word(i)
            else:
                if token.text in ("\n", ";", ".") and self.denied:
                    self.denied = False
                    before = tokens[i - 1]
                    if before.word is not None and before.word.kind is Kind.NEGATION and before.word.silent:
                        self.found.not_read(i - 1)  # of what?
                i += 1
        if self.was_cut_off():
            self.found.not_read(len(tokens) - 1)
        return self.found.part()

    def was_cut_off(self) -> bool:
        """A text that ends in NOT, NE or a single letter had more to say."""
        last = self.line.tokens[-1].word if self.line.tokens else None
        if last is None:
            return False
        return last.silent and (self.denied or (self.flow.danger and last.kind is Kind.CONNECTOR))

    def after_signature(self, i: int) -> None:
        """What follows MERCI, ASC or a signature is ignored, except that a danger word is never passed over."""
        for token in self.line.tokens[i:]:
            word = token.word
            if word is None or word.kind is not Kind.SIGN or word.id in _NO_SIGN:
                continue
            if word.compound or token.text == word.text:
                self.found.signs.setdefault(word.id)

    # ------------------------------------------------------------ words

    def word(self, i: int) -> int:
        token = self.line.tokens[i]
        word = token.word
        if word is None:
            return self.unknown(i)
        kind = word.kind
        if kind is Kind.CONNECTOR:
            return i + 1  # PAS DE CONVULSION
        denied, self.denied = self.denied, kind is Kind.NEGATION
        if kind is Kind.ORDINARY:
            return self.ordinary(i)
        if kind is Kind.SEX:
            self.sex(word.id)
        elif kind is Kind.NUMBER:
            return self.spelt_number(i)
        elif kind not in _SAY_NOTHING:
            return self.meaning(i, word, denied or self.is_denied_after(i))
        return i + 1

    def meaning(self, i: int, word: Word, denied: bool) -> int:
        """A word of the vocabulary in a report that may or may not have a place for it."""
        kind, found = word.kind, self.found
        if kind is Kind.ASK:
            with_number = self.line.is_number(i + 1) and len(self.line.text(i + 1)) < 3
            found.not_read(i, i + 2 if with_number else i + 1)
            return i + 2 if with_number else i + 1
        if not self.flow.accepts(word):
            self.foreign(i)
        elif kind is Kind.SIGN:
            if word.id == "none":
                found.nothing_to_report = True
            else:
                (found.negated if denied else found.signs).setdefault(word.id)
        elif kind is Kind.ASKED_BACK:
            found.refuse(i, i + 1, "vomits_everything")
        elif kind is Kind.SYMPTOM:
            return self.symptom(i, word.id, denied)
        elif kind is Kind.MEASURE:
            return i + 1 if denied else measure(found, i + 1, word.id)
        elif kind is Kind.TEST:
            return test_result(found, i + 1, word.id, negated=denied)
        elif kind is Kind.RESULT:
            self.lone_result(i, word)
        elif not denied:
            self.answer(word)
            if kind in _GIVEN:
                return past_quantity(self.line, i + 1)
        return i + 1

    def lone_result(self, i: int, word: Word) -> None:
        """TEST POSITIF: a result needs no TDR before it where a test is spoken of."""
        if any(not _ABOUT_TEST.isdisjoint(token.text.split()) for token in self.line.tokens[max(0, i - 3) : i]):
            self.found.answers.setdefault("rdt", word.id)
        else:
            self.found.not_read(i)

    def answer(self, word: Word) -> None:
        answers = self.found.answers
        if word.kind in _ONE_OF:
            if answers.setdefault(_ONE_OF[word.kind], word.id) != word.id:
                self.found.ask("two_values", word.text, danger=True)
        elif word.kind in _SOME_OF:
            given = answers.setdefault(_SOME_OF[word.kind], [])
            if word.id not in given:
                given.append(word.id)
        elif word.kind is Kind.CIRCUMSTANCE:
            answers[word.id] = True

    def is_denied_after(self, i: int) -> bool:
        """CONVULSION NON, TIRAGE: NON. The denial is used up."""
        i += 1
        while self.line.text(i) in (":", "=", "-"):
            i += 1
        if self.line.text(i) not in self.programme.no:
            return False
        self.line.tokens[i].word = None
        self.line.tokens[i].kind = ""
        return True

    def foreign(self, i: int) -> None:
        """A known word that this report has no place for."""
        if not self.is_keyword(i):
            self.found.not_read(i)

    def is_keyword(self, i: int) -> bool:
        """A second keyword without a code of its own says nothing more than the first."""
        return self.line.text(i) in self.programme.lexicon.keywords

    def unknown(self, i: int) -> int:
        text = self.line.text(i)
        if self.is_keyword(i):
            return i + 1
        if text in ("F", "M") and self.is_sex(i):
            self.sex(text)
            return i + 1
        if text == "T" and self.line.text(i + 1) == "°" and "measures" in self.flow.words:
            return measure(self.found, i + 2, "temperature_c")
        if text == "O" and self.flow.visitor and not self.found.codes:
            self.found.answers["visitor"] = True
            return i + 1
        if text == "S" and self.line.tokens[i].glued and self.line.is_number(i - 1):
            return i + 1
        self.denied = False
        self.found.not_read(i)
        # Its value, most likely: no code, and asked about anyway.
        return i + 2 if self.line.is_number(i + 1) and len(self.line.text(i + 1)) < 3 else i + 1

    def is_sex(self, i: int) -> bool:
        """A lone F or M, unless it is what was left of a cut-off word."""
        if "sex" not in self.flow.words:
            return False
        is_last = i == len(self.line.tokens) - 1
        return not (is_last and self.flow.danger and self.found.codes and "age_days" not in self.found.answers) or (
            "birth" in self.flow.takes
        )

    def ordinary(self, i: int) -> int:
        """An ordinary word says nothing; followed by a number it may be a slip of a word with a value: asked."""
        if self.line.is_number(i + 1) and len(self.line.text(i + 1)) < 3 and not self.is_keyword(i):
            numeral = self.line.numeral(i + 1)
            if numeral and not self.line.unit(numeral.until) and self.line.text(i + 1) != "0":
                self.found.not_read(i, i + 2)
                return i + 2
        return i + 1

    def symptom(self, i: int, name: str, denied: bool) -> int:
        days, until = duration(self.found, i + 1, name)
        if denied and days is None:
            self.found.negated.setdefault(name)
            return until
        self.found.keep(name, days)
        if denied:  # PAS DE FIEVRE 3: which of both?
            self.found.ask("negated", self.found.word_of(name), danger=True)
        return until

    def sex(self, sex: str) -> None:
        if "sex" in self.flow.words:
            particulars.sex(self.found, sex)

    # ------------------------------------------------------------ numbers

    def spelt_number(self, i: int) -> int:
        numeral = self.line.numeral(i)
        if numeral is None or (self.flow.number is None and not self.line.unit(numeral.until)):
            return i + 1  # the DEUX of DEUX PIEDS
        return self.counted(i, numeral.value, numeral.until)

    def number(self, i: int) -> int:
        text = self.line.text(i)
        if self.is_visitor(i):
            self.found.answers["visitor"] = True
            return i + 1
        numeral = self.line.numeral(i)
        if numeral is None or len(text) > LONGEST_NUMBER:
            self.found.not_read(i)
            return i + 1
        if self.line.unit(numeral.until) and (len(text) < 3 or numeral.decimal):
            return self.counted(i, numeral.value, numeral.until)
        if "measures" in self.flow.words and self.weighs(numeral):
            return weight(self.found, i, numeral)
        codes, until = codes_at(self.line, i, self.catchment)
        if codes and not (numeral.decimal and self.line.text(numeral.until) in ("°", "CM")):
            return self.coded(i, codes, until)
        return self.counted(i, numeral.value, numeral.until)

    def weighs(self, numeral: Numeral) -> bool:
        """3,1KG and 2900G need no POIDS before them; a lone G is a unit only where it touches its number."""
        unit = self.line.text(numeral.until)
        factors = self.programme.quantities["weight_kg"].units
        return unit in factors and (len(unit) > 1 or self.line.tokens[numeral.until].glued)

    def is_visitor(self, i: int) -> bool:
        if not self.flow.visitor or self.found.codes or self.line.text(i).strip("0"):
            return False
        return not self.line.is_number(i + 1) and not self.line.unit(i + 1) and self.line.text(i + 1) not in ("-", "/")

    def coded(self, i: int, codes: tuple[Code, ...], until: int) -> int:
        digits = len(codes[0].digits)
        if self.flow.subject in ("none", "referral", "chw"):
            if digits <= LONGEST_CODE:
                return self.bare(i, until) if digits <= 4 else self.unread(i, until)
        elif digits > LONGEST_CODE and self.flow.subject == "households":
            return self.unread(i, until)  # a phone, or two codes without a space
        elif digits <= LONGEST_CODE or not self.found.codes:
            self.found.codes.extend(code for code in codes if code not in self.found.codes)
        return until

    def bare(self, i: int, until: int) -> int:
        numeral = self.line.numeral(i)
        return self.counted(i, numeral.value, numeral.until) if numeral else until

    def unread(self, i: int, until: int) -> int:
        self.found.not_read(i, until)
        return until

    def counted(self, i: int, value: float, until: int) -> int:
        """A number that is no code: an age, days before their symptom, the number a flow takes bare, or unclear."""
        unit = self.line.unit(until)
        if unit:
            return self.timed(i, value, unit, until)
        number = self.flow.number
        if number and number.field not in self.found.answers and value == int(value):
            if number.plausible[0] <= value <= number.plausible[1]:
                self.found.answers[number.field] = int(value)
            else:
                self.found.refuse(i, until, "implausible")
            return until
        if "age" in self.flow.words and "age_days" not in self.found.answers and self.has_new_person():
            self.found.refuse(i, until, "age_unit")
            return until
        return self.unread(i, until)

    def has_new_person(self) -> bool:
        return self.flow.subject == "household" or "visitor" in self.found.answers

    def timed(self, i: int, value: float, unit: str, until: int) -> int:
        """A number with a unit of time, not straight after a symptom."""
        after = until + 1
        whole = value == int(value)
        symptom = self.symptom_after(after)
        if unit != "year" and symptom and whole and not self.is_their_age(i, unit):
            self.found.keep(symptom[0], days_of(value, unit))
            return symptom[1]
        lonely = [name for name, said in self.found.answers.items() if said is None]
        if self.line.text(i - 1) in ("DEPUIS", "SINCE", "FOR") and len(lonely) == 1 and unit != "year" and whole:
            self.found.answers[lonely[0]] = days_of(value, unit)
            return after
        if "age" in self.flow.words and unit != "hour":
            sex = self.line.sex_in_unit(until)
            age(self.found, value, unit)
            if sex:
                self.sex(sex)
            return after
        if self.flow.number and self.flow.number.field == "days" and whole and unit in ("day", "week", "month"):
            self.found.answers["days"] = days_of(value, unit)
            return after
        return self.unread(i, after)

    def is_their_age(self, i: int, unit: str) -> bool:
        """MAL 0 F 14M FIEVRE: of somebody without a code the age is told first, and no fever lasts 14 months."""
        if "age" not in self.flow.words or "age_days" in self.found.answers or not self.has_new_person():
            return False
        before = self.line.tokens[i - 1].word if i else None
        return (
            unit == "month" or (before is not None and before.kind is Kind.SEX) or self.line.text(i - 1) in ("F", "M")
        )

    def symptom_after(self, i: int) -> tuple[str, int] | None:
        """2 JOURS DE FIEVRE: the symptom that follows, when it has no value of its own."""
        i = self.line.past_connectors(i)
        word = self.line.tokens[i].word if i < len(self.line.tokens) else None
        if not word or word.kind is not Kind.SYMPTOM or not self.flow.accepts(word):
            return None
        after = self.line.past_connectors(i + 1)
        if self.line.numeral(after) and not (self.line.is_number(after) and len(self.line.text(after)) >= 3):
            return None
        return word.id, i + 1
