"""What does one report say? Words in any order, each optionally with a value, become the answers of a `Part`.

A bare number is a code, a number after a word its value. What cannot be read costs nothing that was read: it is kept as
unclear, and asked. No value is guessed: one outside its plausible range, or in a doubtful unit, is asked back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from smsgateway.reading.lexicon import Kind, Word
from smsgateway.reading.models import Code, Part, Question
from smsgateway.reading.programme import Flow, Programme
from smsgateway.reading.schema import Quantity
from smsgateway.reading.settle import Settled
from smsgateway.reading.tokens import LONGEST_NUMBER, Token
from smsgateway.text.codes import is_valid

DAYS_IN = {"day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
MOST_UNCLEAR = 12
_PHONE_DIGITS = 8
_SKIPPED_SIGNS = frozenset(":=-(#")
_DIGIT_LIKE = str.maketrans("OIL", "011")
_SINGLE = {Kind.COLOUR: "muac_colour", Kind.OUTCOME: "outcome"}
_MANY = {Kind.TREATMENT: "treatments", Kind.PREVENTION: "prevention", Kind.VACCINE: "vaccines", Kind.STEP: "steps"}


class PartReader:
    """Reads the tokens of one part, its keyword taken out, from left to right."""

    def __init__(
        self, tokens: list[Token], flow: Flow, programme: Programme, catchment: str | None, typed: str, settled: Settled
    ) -> None:
        self.tokens = tokens
        self.flow = flow
        self.programme = programme
        self.catchment = catchment
        self.typed = typed
        self.settled = settled
        self.answers: dict[str, Any] = {}
        self.signs: dict[str, None] = {}
        self.negated: dict[str, None] = {}
        self.codes: list[Code] = []
        self.unclear: list[str] = []
        self.questions: list[Question] = []
        self.nothing = False
        self.negation = False
        self.visitor = False
        self.pending_days: int | None = None
        self.phrase_before: Word | None = None

    def read(self) -> Part:
        i = 0
        while i < len(self.tokens):
            token = self.tokens[i]
            if token.kind == "n":
                i = self.number(i)
            elif token.kind == "w":
                if token.word is not None and token.word.kind is Kind.SIGNATURE and self.has_content():
                    self.tail(i + 1)
                    break
                i = self.word(i)
            else:
                if token.text in "\n;.":
                    self.negation = False
                i += 1
        return self.part()

    def part(self) -> Part:
        if self.visitor:
            self.answers["visitor"] = True
        return Part(
            flow=self.flow.name,
            codes=tuple(self.codes),
            answers=self.answers,
            signs=tuple(self.signs),
            negated=tuple(self.negated),
            nothing_to_report=self.nothing,
            corrected=tuple(self.settled.corrected),
            unclear=tuple(self.unclear),
            questions=tuple(self.questions),
        )

    def has_content(self) -> bool:
        return bool(self.answers or self.signs or self.codes or self.nothing or self.unclear or self.visitor)

    def tail(self, i: int) -> None:
        """After MERCI, ASC or a signature nothing counts, except that a danger word is never passed over."""
        for token in self.tokens[i:]:
            word = token.word
            if word and word.kind is Kind.SIGN and word.id not in ("none", "sight") and token.text == word.text:
                self.signs.setdefault(word.id)

    # ------------------------------------------------------------ words

    def word(self, i: int) -> int:
        token = self.tokens[i]
        word = token.word
        if word is None:
            return self.unknown(i)
        kind = word.kind
        if kind is Kind.CONNECTOR or kind is Kind.GREETING or kind is Kind.NAME:
            return i + 1
        if kind is Kind.NEGATION:
            self.negation = True
            return i + 1
        if kind is Kind.ORDINARY:
            return self.ordinary(i)
        if kind in (Kind.HARMLESS, Kind.SIGNATURE, Kind.UNIT, Kind.PERSON):
            return self.keyworded(i) if token.text in self.programme.lexicon.keywords else i + 1
        if kind is Kind.SEX:
            self.sex(word.id)
            return i + 1
        if kind is Kind.DAY:
            self.pending_days = int(word.id)
            return i + 1
        if kind is Kind.NUMBER:
            return self.number_word(i)
        return self.meaning(i, word)

    def meaning(self, i: int, word: Word) -> int:
        negated, self.negation = self.negation or self.denied_after(i), False
        kind = word.kind
        if kind is Kind.ASK:
            self.ask_about(i)
        elif kind is Kind.SIGN and self.flow.accepts(word):
            if word.id == "none":
                self.nothing = True
            else:
                (self.negated if negated else self.signs).setdefault(word.id)
        elif not self.flow.accepts(word):
            return self.foreign(i)
        elif kind is Kind.ASKED_BACK:
            self.ask("vomits_everything", self.quote(i), danger=True)
        elif kind is Kind.SYMPTOM:
            return self.symptom(i, word.id, negated)
        elif kind is Kind.MEASURE:
            return self.measure(i + 1, word.id)
        elif kind is Kind.TEST:
            return self.test(i + 1, word.id, negated)
        elif kind is Kind.RESULT:
            self.answers.setdefault("rdt", word.id)
        elif kind in _SINGLE:
            self.answers.setdefault(_SINGLE[kind], word.id)
        elif kind in _MANY:
            if not negated:
                given = self.answers.setdefault(_MANY[kind], [])
                if word.id not in given:
                    given.append(word.id)
        elif kind is Kind.CIRCUMSTANCE and not negated:
            self.answers[word.id] = True
        return i + 1

    def denied_after(self, i: int) -> bool:
        """CONVULSION NON, TIRAGE: NON."""
        i += 1
        while i < len(self.tokens) and self.tokens[i].text in ":=-":
            i += 1
        return i < len(self.tokens) and self.tokens[i].text in self.programme.no

    def foreign(self, i: int) -> int:
        """A known word that this report has no place for."""
        if self.tokens[i].text in self.programme.lexicon.keywords:
            return self.keyworded(i)
        self.not_read(i)
        return i + 1

    def keyworded(self, i: int) -> int:
        """A second keyword says nothing more; one of another flow may be a report that was run into this one."""
        return i + 1

    def unknown(self, i: int) -> int:
        token = self.tokens[i]
        text = token.text
        if text in self.programme.lexicon.keywords:
            return self.keyworded(i)
        if text in ("F", "M"):
            self.sex(text)
            return i + 1
        if len(text) == 1 and text in "OIL" and self.flow.visitor and not self.codes and text == "O":
            self.visitor = True
            return i + 1
        if text == "S" and token.glued and i and self.tokens[i - 1].kind == "n":
            return i + 1
        self.negation = False
        self.not_read(i)
        if i + 1 < len(self.tokens) and self.tokens[i + 1].kind == "n" and len(self.tokens[i + 1].text) < 3:
            return i + 2  # its value, most likely: never a code, and the whole is asked anyway
        return i + 1

    def ordinary(self, i: int) -> int:
        """An ordinary word says nothing; followed by a number it may be a slip of a word with a value: asked."""
        if self.tokens[i].text in self.programme.lexicon.keywords:
            return self.keyworded(i)
        after = self.tokens[i + 1] if i + 1 < len(self.tokens) else None
        if after and after.kind == "n" and len(after.text) < 3 and not self.unit_at(i + 2):
            self.not_read(i, until=i + 1)
            return i + 2
        return i + 1

    # ------------------------------------------------------------ symptoms, measures, tests

    def symptom(self, i: int, name: str, negated: bool) -> int:
        days, until = self.duration(i + 1, name)
        if days is None and until == i + 1 and self.pending_days is not None:
            days, self.pending_days = self.pending_days, None
        if negated:
            self.negated.setdefault(name)
            return until
        self.keep(name, days)
        return until

    def keep(self, name: str, value: float | int | None) -> None:
        """Of two values of one thing the more worrying one is kept, and the other asked about."""
        before = self.answers.get(name)
        if before is None or value is None:
            self.answers[name] = value if before is None else before
        elif value != before:
            worst = min if self.programme.quantities[name].worst == "low" else max
            self.answers[name] = worst(before, value)
            self.ask("two_values", self.word_of(name), danger=True)

    def duration(self, i: int, name: str) -> tuple[int | None, int]:
        """Whole days after a symptom: (days or None, where to go on)."""
        start = i
        i = self.past_connectors(i)
        if i >= len(self.tokens):
            return None, start
        token = self.tokens[i]
        if token.word is not None and token.word.kind is Kind.DAY:
            return int(token.word.id), i + 1
        found = self.numeral(i)
        if found is None:
            return None, start
        value, after, decimal = found
        if token.kind == "n" and (len(token.text) > 3 or (len(token.text) == 3 and not self.codes)):
            return None, start
        degrees = after < len(self.tokens) and self.tokens[after].text in ("°", "C", "DEGRES", "DEGRE", "CELSIUS")
        if degrees and self.quantity_fits("temperature_c", value):
            self.keep("temperature_c", value)
            return None, self.past_units(after)
        unit = self.unit_at(after)
        if unit and unit != "year":
            if decimal:
                return self.refused(i, after, "value")
            after += 1
            value = value // 24 if unit == "hour" else value * {"day": 1, "week": 7, "month": 30}[unit]
            return int(value), after
        spec = self.programme.quantities[name]
        if spec.mistaken_for and spec.mistaken_for.range[0] <= value <= spec.mistaken_for.range[1]:
            return self.refused(i, after, "degrees_or_days")
        if decimal or self.is_range(after) or not spec.plausible[0] <= value <= spec.plausible[1]:
            return self.refused(i, after, "value")
        return int(value), after

    def refused(self, i: int, until: int, key: str) -> tuple[None, int]:
        self.ask(key, self.quote(i, until), danger=True)
        self.unclear_text(self.quote(i, until))
        return None, until

    def is_range(self, i: int) -> bool:
        """2-3: which of them is not for us to choose."""
        following = self.tokens[i : i + 2]
        return len(following) == 2 and following[0].text == "-" and following[0].glued and following[1].kind == "n"

    def measure(self, i: int, name: str) -> int:
        spec = self.programme.quantities[name]
        start = i
        i = self.past_connectors(i)
        token = self.tokens[i] if i < len(self.tokens) else None
        if token and token.word and token.word.kind is Kind.COLOUR and name == "muac_mm":
            return i
        found = self.numeral(i) if token else None
        if found is None:
            self.ask("value_of", self.word_of(name), danger=self.flow.danger)
            return start
        value, after, _ = found
        value, after = self.with_lost_s(spec, value, after)
        if (
            token
            and token.kind == "n"
            and len(token.text) > 3
            and not self.quantity_fits(name, value)
            and not self.codes
        ):
            self.ask("value_of", self.word_of(name), danger=self.flow.danger)
            return start
        factor = spec.units.get(self.tokens[after].text) if after < len(self.tokens) else None
        if factor is not None:
            return self.measured(name, spec, value * factor, i, self.past_units(after))
        if spec.ask_unit and spec.ask_unit[0] <= value <= spec.ask_unit[1]:
            self.refused(i, after, f"unit_of_{name}")
            return after
        if spec.small_unit_from and value >= spec.small_unit_from[0]:
            value *= spec.small_unit_from[1]
        return self.measured(name, spec, value, i, after)

    def measured(self, name: str, spec: Quantity, value: float, i: int, until: int) -> int:
        if not spec.plausible[0] <= value <= spec.plausible[1]:
            self.refused(i, until, "implausible")
            return until
        self.keep(name, int(value + 1e-9) if spec.whole else round(value, 3))
        return until

    def with_lost_s(self, spec: Quantity, value: float, after: int) -> tuple[float, int]:
        """PB 12S is 125, RESP 4S is 45."""
        if spec.s_is_5 and after < len(self.tokens) and self.tokens[after].text == "S" and self.tokens[after].glued:
            return value * 10 + 5, after + 1
        return value, after

    def test(self, i: int, name: str, negated: bool) -> int:
        """The result after TDR: a sign, a word, or what was not done."""
        if negated:
            self.answers.setdefault(name, "not_done")
            return i
        skipped = 0
        while i < len(self.tokens) and skipped < 4:
            token = self.tokens[i]
            result = {"+": "positive", "-": "negative", "?": "invalid"}.get(token.text)
            if token.word and token.word.kind is Kind.RESULT:
                result = token.word.id
            elif token.text in ("PLUS", "MOINS", "P", "N"):
                result = "positive" if token.text in ("PLUS", "P") else "negative"
            if result:
                return self.resulted(name, result, i + 1)
            word = token.word
            if (token.kind == "p" and token.text in ":=(/") or (word and word.kind in _BEFORE_RESULT):
                skipped += 1
                i += 1
                continue
            break
        self.ask("result_of_test", "TDR")
        return i

    def resulted(self, name: str, result: str, i: int) -> int:
        while i < len(self.tokens) and self.tokens[i].text == "+" and result == "positive":
            i += 1  # TDR+++
        if self.answers.setdefault(name, result) != result:
            self.ask("two_values", "TDR")
        return i

    # ------------------------------------------------------------ numbers

    def number_word(self, i: int) -> int:
        found = self.numeral(i)
        if found is None:
            return i + 1
        return self.counted(i, found[0], found[1])

    def number(self, i: int) -> int:
        token = self.tokens[i]
        if self.is_visitor(i):
            self.visitor = True
            return i + 1
        if len(token.text) > LONGEST_NUMBER:
            self.not_read(i)
            return i + 1
        found = self.numeral(i)
        unit = self.unit_at(found[1]) if found else None
        if found and unit and (len(token.text) < 3 or found[2]):
            return self.counted(i, found[0], found[1])
        code = self.code_at(i)
        if code:
            return self.coded(i, *code)
        return self.counted(i, found[0], found[1]) if found else i + 1

    def is_visitor(self, i: int) -> bool:
        token = self.tokens[i]
        if not (self.flow.visitor and not self.codes and not self.visitor and set(token.text) == {"0"}):
            return False
        following = self.tokens[i + 1] if i + 1 < len(self.tokens) else None
        return not (following and following.kind == "n" and not following.glued) and not self.unit_at(i + 1)

    def coded(self, i: int, code: Code, until: int) -> int:
        if code in self.codes:
            return until
        if self.flow.subject in ("none", "referral", "chw") or (self.codes and len(code.digits) >= _PHONE_DIGITS):
            if len(code.digits) < _PHONE_DIGITS:
                self.not_read(i, until=until - 1)
            return until
        self.codes.append(code)
        return until

    def counted(self, i: int, value: float, until: int) -> int:
        """A number that is no code: an age, days before their symptom, the number a flow takes bare, or unclear."""
        unit = self.unit_at(until)
        if unit:
            return self.timed(i, value, unit, until)
        field = self.flow.number
        if field and field.field not in self.answers and value == int(value):
            if field.plausible[0] <= value <= field.plausible[1]:
                self.answers[field.field] = int(value)
            else:
                self.refused(i, until, "implausible")
            return until
        if (
            "age" in self.flow.words
            and "age_days" not in self.answers
            and (self.visitor or self.flow.subject == "household")
        ):
            self.refused(i, until, "age_unit")
            return until
        self.not_read(i, until=until - 1)
        return until

    def timed(self, i: int, value: float, unit: str, until: int) -> int:
        sex = self.sex_in_unit(until)
        after = until + 1
        symptom = self.symptom_after(after)
        if unit != "year" and symptom and value == int(value):
            days = value // 24 if unit == "hour" else value * {"day": 1, "week": 7, "month": 30}[unit]
            self.keep(symptom[0], int(days))
            return symptom[1]
        lonely = [name for name in self.programme.quantities if name in self.answers and self.answers[name] is None]
        since = i and self.tokens[i - 1].text in ("DEPUIS", "SINCE", "FOR", "A")
        if since and len(lonely) == 1 and unit in ("day", "week", "month") and value == int(value):
            self.answers[lonely[0]] = int(value * {"day": 1, "week": 7, "month": 30}[unit])
            return after
        if "age" in self.flow.words and unit != "hour":
            self.age(value, unit)
            if sex:
                self.sex(sex)
            return after
        self.not_read(i, until=until)
        return after

    def symptom_after(self, i: int) -> tuple[str, int] | None:
        """2 JOURS DE FIEVRE: the symptom that follows, when it has no value of its own."""
        i = self.past_connectors(i)
        if i >= len(self.tokens):
            return None
        word = self.tokens[i].word
        if not word or word.kind is not Kind.SYMPTOM or not self.flow.accepts(word):
            return None
        after = self.past_connectors(i + 1)
        if after < len(self.tokens) and self.numeral(after) and not self.looks_like_code(after):
            return None
        return word.id, i + 1

    def age(self, value: float, unit: str) -> None:
        """14M: the answer in months, and the interval of days in which such an age lies."""
        days = value * DAYS_IN[unit]
        youngest = int(days) if days == int(days) else int(days) + 1
        oldest = int((value + 1) * DAYS_IN[unit] - 1e-9) - (1 if unit == "week" else 0)
        if unit == "day":
            oldest = youngest
        if "age_days" in self.answers:  # 1 an 6 mois
            youngest += self.answers["age_days"][0]
            oldest = youngest + (oldest - int(days))
        months = {"month": value, "year": value * 12}.get(unit, round(days / DAYS_IN["month"], 2))
        months += self.answers.get("age_months", 0)
        if months > 12 * 120:
            self.ask("age", "")
            return
        self.answers["age_months"] = int(months) if months == int(months) else months
        self.answers["age_days"] = [youngest, max(youngest, oldest)]

    # ------------------------------------------------------------ codes

    def code_at(self, i: int) -> tuple[Code, int] | None:
        """The code that begins at this number, and where it ends: the reading that the check digit confirms, else the
        likeliest form."""
        candidates = list(self.candidates(i))
        own = self.catchment
        for code, until in candidates:
            home = code.catchment or own
            if home and is_valid(home, code.digits):
                return code, until
        return candidates[0] if candidates else None

    def candidates(self, i: int) -> Iterable[tuple[Code, int]]:
        tokens = self.tokens
        a = tokens[i].text
        b = tokens[i + 1] if i + 1 < len(tokens) else None
        c = tokens[i + 2] if i + 2 < len(tokens) else None
        if b and c and b.text in "-/" and c.kind == "n" and c.glued == b.glued:
            if len(c.text) == 1 and len(a) >= 2:
                yield Code(a + c.text), i + 3
            elif len(c.text) >= 3 and len(a) <= 6:
                yield self.with_catchment(a, i + 2)
        if b and c and b.text in ".," and c.kind == "n" and b.glued and c.glued and len(c.text) == 1 and len(a) >= 2:
            yield Code(a + c.text), i + 3
        if b and b.kind == "n" and not self.unit_at(i + 2):
            if a[0] == "0" and len(a) <= 3 and len(b.text) >= 3:
                yield self.with_catchment(a, i + 1)
            split_here = len(a) < 3 or (len(a) == 3 and len(b.text) == 1 and not self.flow.number)
            if split_here and len(a) + len(b.text) >= 3:
                yield Code(a + b.text), i + 2
        if b and b.text == "S" and b.glued and len(a) >= 2:
            yield Code(a + "5"), i + 2
        if len(a) >= 3:
            yield Code(a), i + 1
        if b and b.kind == "n" and len(a) >= 3 and len(a + b.text) <= 7 and not self.unit_at(i + 2):  # noqa: SIM102
            if self.catchment and is_valid(self.catchment, a + b.text):
                yield Code(a + b.text), i + 2

    def with_catchment(self, catchment: str, i: int) -> tuple[Code, int]:
        digits, until = self.tokens[i].text, i + 1
        following = self.tokens[until : until + 2]
        if (
            len(following) == 2
            and following[0].text == "-"
            and following[1].kind == "n"
            and len(following[1].text) == 1
        ):
            digits, until = digits + following[1].text, until + 2
        return Code(digits, catchment), until

    def looks_like_code(self, i: int) -> bool:
        token = self.tokens[i]
        return token.kind == "n" and len(token.text) >= 3

    # ------------------------------------------------------------ small readings

    def numeral(self, i: int) -> tuple[float, int, bool] | None:
        """A number in digits or words at i: (value, where to go on, whether it had decimals)."""
        if i >= len(self.tokens):
            return None
        token = self.tokens[i]
        if token.kind == "n":
            if len(token.text) > LONGEST_NUMBER:
                return None
            following = self.tokens[i + 1 : i + 3]
            if (
                len(following) == 2
                and following[0].text in ",.°"
                and following[0].glued
                and following[1].kind == "n"
                and following[1].glued
                and len(following[1].text) <= 2
                and len(token.text) <= 4
            ):
                return float(f"{token.text}.{following[1].text}"), i + 3, True
            return int(token.text), i + 1, False
        if token.word is not None and token.word.kind is Kind.NUMBER:
            return self.spelt_number(i)
        if token.kind == "w" and len(token.text) <= 2 and not token.text.strip("OIL"):
            return int(token.text.translate(_DIGIT_LIKE)), i + 1, False
        return None

    def spelt_number(self, i: int) -> tuple[float, int, bool] | None:
        value = self.programme.numbers[self.tokens[i].text]
        after = i + 1
        if value == 1 and not self.unit_at(after) and self.tokens[i].text != "ONE":
            return None  # an article
        if value >= 20 and after < len(self.tokens):
            if self.tokens[after].text == "ET":
                after += 1
            more = self.programme.numbers.get(self.tokens[after].text, 0) if after < len(self.tokens) else 0
            if 0 < more < 20:
                return value + more, after + 1, False
            after = i + 1
        return value, after, False

    def unit_at(self, i: int) -> str | None:
        """The unit of time after a number. A lone M that stands before another number is a sex."""
        if i >= len(self.tokens):
            return None
        token = self.tokens[i]
        if token.kind != "w":
            return None
        text = token.text
        unit = self.programme.units.get(text)
        if unit is None and token.glued and len(text) > 1 and text[-1] in "FM" and "age" in self.flow.words:
            unit = self.programme.units.get(text[:-1])
        if unit and len(text) == 1 and not token.glued:
            following = self.tokens[i + 1] if i + 1 < len(self.tokens) else None
            if text == "M" and following and following.kind == "n" and len(following.text) < 3:
                return None
            if text in "ADS" and following and following.kind == "w" and text != "S":
                return None  # "2 a trois ans": a preposition
        return unit

    def sex_in_unit(self, i: int) -> str | None:
        """14MF: months, and a girl."""
        text = self.tokens[i].text
        return text[-1] if len(text) > 1 and text not in self.programme.units else None

    def past_units(self, i: int) -> int:
        while i < len(self.tokens) and self.tokens[i].text in ("°", "C", "MM", "CM", "KG", "DEGRES", "CELSIUS"):
            i += 1
        return i + 1 if i < len(self.tokens) and self.tokens[i].text in _OTHER_UNITS else i

    def past_connectors(self, i: int) -> int:
        for _ in range(6):
            if i >= len(self.tokens):
                break
            token = self.tokens[i]
            if token.kind == "p" and token.text in _SKIPPED_SIGNS:
                i += 1
            elif token.kind == "w" and token.text in self.programme.value_connectors:
                if token.text in ("L",) and not (i + 1 < len(self.tokens) and self.tokens[i + 1].kind != "p"):
                    break
                i += 1
            else:
                break
        return i

    def quantity_fits(self, name: str, value: float) -> bool:
        low, high = self.programme.quantities[name].plausible
        return low <= value <= high

    def sex(self, sex: str) -> None:
        if "sex" in self.flow.words:
            self.answers.setdefault("sex", sex)

    def ask(self, key: str, about: str, danger: bool = False) -> None:
        question = Question(key, about, danger and self.flow.danger)
        if question not in self.questions and len(self.questions) < MOST_UNCLEAR:
            self.questions.append(question)

    def ask_about(self, i: int) -> None:
        self.ask("what_is", self.quote(i), danger=True)
        self.unclear_text(self.quote(i))

    def not_read(self, i: int, until: int | None = None) -> None:
        text = self.quote(i, (until if until is not None else i) + 1)
        self.unclear_text(text)
        self.ask("what_is", text, danger=True)

    def unclear_text(self, text: str) -> None:
        if text and text not in self.unclear and len(self.unclear) < MOST_UNCLEAR:
            self.unclear.append(text)

    def quote(self, i: int, until: int | None = None) -> str:
        last = self.tokens[(until or i + 1) - 1]
        return self.typed[self.tokens[i].start : last.end][:40].strip()

    def word_of(self, name: str) -> str:
        return self.programme.taught.get(name, {}).get("fr", name)


_BEFORE_RESULT = frozenset({Kind.CONNECTOR, Kind.ORDINARY, Kind.HARMLESS})
_OTHER_UNITS = frozenset({"MIN", "MN", "G", "GR", "KGS", "KILO", "KILOS"})
