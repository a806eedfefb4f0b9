"""Which value belongs to this symptom, measure or test? Days, millimetres, degrees, breaths, kilograms, plus or minus.

A value outside its plausible range, and one whose unit would change what it means, is asked back and never folded:
`PB 11,2` may be millimetres or centimetres, `FIEVRE 39` days or degrees.
"""

from __future__ import annotations

from smsgateway.reading.findings import Findings
from smsgateway.reading.lexicon import Kind
from smsgateway.reading.numerals import DAYS_IN, DEGREES, WHOLE_DAYS_IN, Line, Numeral
from smsgateway.reading.schema import Quantity

_BEFORE_RESULT = frozenset({Kind.CONNECTOR, Kind.ORDINARY, Kind.SMALL, Kind.HARMLESS})
_RESULT_SIGNS = {"+": "positive", "-": "negative", "?": "invalid", "PLUS": "positive", "MOINS": "negative"}
_PASSED = frozenset(":=(/,.;\n")
_MOST_SKIPPED = 5
_DOSES = frozenset({"CP", "CPS", "COMPRIME", "COMPRIMES", "SACHET", "SACHETS", "MG", "ML", "X", "FOIS", "TABS"})
_OLDEST_MONTHS = 120 * 12


def duration(found: Findings, i: int, name: str) -> tuple[int | None, int]:
    """The whole days after a symptom, None when they are not said: (days, where to go on)."""
    line = found.line
    start, i = i, line.past_connectors(i)
    if i >= len(line.tokens):
        return None, start
    token = line.tokens[i]
    if token.word is not None and token.word.kind is Kind.DAY:
        return int(token.word.id), i + 1
    numeral = line.numeral(i)
    if numeral is None or _is_rather_a_code(found, i):
        return None, start
    if line.text(numeral.until) in DEGREES and _fits(found, "temperature_c", numeral.value):
        found.keep("temperature_c", numeral.value)
        return None, line.past_units(numeral.until)
    if line.date(i) or (line.is_number(i) and "S" in found.typed[token.start : token.end].upper()):
        return _refused(found, i, numeral.until + 2 if line.date(i) else numeral.until, "value")
    unit = line.unit(numeral.until)
    if line.text(numeral.until) == "M" and not line.tokens[numeral.until].glued:
        # Months, a sex, or a word cut off: too much hangs on it.
        return _refused(found, i, numeral.until + 1, "value")
    if unit and unit != "year" and not numeral.decimal:
        return days_of(numeral.value, unit), numeral.until + 1
    spec = found.programme.quantities[name]
    if spec.mistaken_for and spec.mistaken_for.range[0] <= numeral.value <= spec.mistaken_for.range[1]:
        return _refused(found, i, numeral.until, "degrees_or_days")
    if numeral.decimal or line.is_range(numeral.until) or not _fits(found, name, numeral.value):
        return _refused(found, i, numeral.until, "value")
    return int(numeral.value), numeral.until


def days_of(value: float, unit: str) -> int:
    """Whole days of a duration; hours count as full days only."""
    return int(value // 24 if unit == "hour" else value * WHOLE_DAYS_IN[unit])


def _is_rather_a_code(found: Findings, i: int) -> bool:
    """FIEVRE 4177: no fever lasts so long; the number is the code, unless that came before."""
    token = found.line.tokens[i]
    return token.kind == "n" and (len(token.text) > 3 or (len(token.text) == 3 and not found.codes))


def _refused(found: Findings, i: int, until: int, key: str) -> tuple[None, int]:
    found.refuse(i, until, key)
    return None, until


def _fits(found: Findings, name: str, value: float) -> bool:
    low, high = found.programme.quantities[name].plausible
    return low <= value <= high


def measure(found: Findings, i: int, name: str) -> int:
    """Read the value after a measure's word; returns where to go on."""
    line, spec = found.line, found.programme.quantities[name]
    start, i = i, line.past_connectors(i)
    numeral = line.numeral(i)
    if numeral is None:
        word = line.tokens[i].word if i < len(line.tokens) else None
        if word and word.kind is Kind.COLOUR and name == "muac_mm":
            found.answers["muac_colour"] = word.id  # PB ROUGE, and PB ROUGE 112
            numeral = line.numeral(i + 1)
            fits = numeral is not None and len(line.text(i + 1)) < 4 and _fits(found, name, numeral.value)
            return measure(found, i + 1, name) if fits else i + 1
        found.ask("value_of", found.word_of(name), danger=True)
        return start
    numeral = _with_last_s(line, spec, numeral)
    if line.is_number(i) and len(line.text(i)) > 3 and not found.codes and not _fits(found, name, numeral.value):
        found.ask("value_of", found.word_of(name), danger=True)
        return start
    factor = spec.units.get(line.text(numeral.until))
    if factor is None:
        if spec.ask_unit and spec.ask_unit[0] <= numeral.value <= spec.ask_unit[1]:
            found.refuse(i, numeral.until, f"unit_of_{name}")
            return numeral.until
        factor = spec.small_unit_from[1] if spec.small_unit_from and numeral.value >= spec.small_unit_from[0] else 1
    return measured(found, name, numeral.value * factor, i, line.past_units(numeral.until))


def measured(found: Findings, name: str, value: float, i: int, until: int) -> int:
    """Keep a value in the field's own unit, or ask when it is implausible."""
    spec = found.programme.quantities[name]
    # Written with more decimals than the tape has, a value keeps its colour: 114.9 mm is red.
    value = int(value + 1e-9) if spec.whole else round(value, 3)
    if _fits(found, name, value):
        found.keep(name, value)
    elif spec.possible and spec.possible[0] <= value <= spec.possible[1]:
        found.doubt(i, until, name, value)
    else:
        found.refuse(i, until, "implausible")
    return until


def weight(found: Findings, i: int, numeral: Numeral) -> int:
    """3,1KG, 2900G, 3KG100: a weight that says so itself; returns where to go on."""
    line = found.line
    value, until = (
        numeral.value * found.programme.quantities["weight_kg"].units[line.text(numeral.until)],
        numeral.until + 1,
    )
    if line.is_number(until, glued=True) and numeral.whole and len(line.text(until)) <= 3:
        value += float(f"0.{line.text(until)}")
        until += 1
    return measured(found, "weight_kg", value, i, until)


def _with_last_s(line: Line, spec: Quantity, numeral: Numeral) -> Numeral:
    """PB 12S is 125, RESP 4S is 45: these have no weeks."""
    until = numeral.until
    if spec.s_is_5 and line.text(until) == "S" and line.tokens[until].glued and numeral.whole:
        return Numeral(numeral.value * 10 + 5, until + 1)
    return numeral


def past_quantity(line: Line, i: int) -> int:
    """CTA 6 CP, SRO 2 SACHETS, PARACETAMOL 500MG: how much was given is nobody's code and no answer."""
    if not line.is_number(i):
        return i
    if line.text(i + 1) in _DOSES:
        return i + 2
    return i + 1 if len(line.text(i)) < 3 and not line.unit(i + 1) and line.text(i + 1) not in ("-", "/") else i


def test_result(found: Findings, i: int, name: str, *, negated: bool) -> int:
    """The result after TDR: a sign, a word, or that it was not done; returns where to go on."""
    if negated:
        found.answers.setdefault(name, "not_done")
        return i
    line = found.line
    start = i
    for _ in range(_MOST_SKIPPED):
        if i >= len(line.tokens):
            break
        token = line.tokens[i]
        word = token.word
        if word and word.kind is Kind.RESULT:
            return _resulted(found, name, word.id, i + 1)
        if token.text == "-" and (line.text(i + 1) == "+" or _is_result(line, i + 1)):
            if line.text(i + 1) == "+":
                break  # a dash between two things, or a minus?
        elif token.text in _RESULT_SIGNS:
            return _resulted(found, name, _RESULT_SIGNS[token.text], i + 1)
        elif token.text not in _PASSED and not (word and word.kind in _BEFORE_RESULT):
            break
        i += 1
    if line.text(start) != "RAPIDE":  # TDR RAPIDE without a result is only spoken of
        found.ask("result_of_test", "TDR")
    return start


def _is_result(line: Line, i: int) -> bool:
    word = line.tokens[i].word if i < len(line.tokens) else None
    return word is not None and word.kind is Kind.RESULT


def _resulted(found: Findings, name: str, result: str, i: int) -> int:
    while found.line.text(i) == "+" and result == "positive":
        i += 1  # TDR+++
    if found.answers.setdefault(name, result) != result:
        found.ask("two_values", "TDR")
    return i


def age(found: Findings, value: float, unit: str) -> None:
    """14M: the answer in months, and the interval of days in which such an age lies; 1 an 6 mois add up."""
    days = value * DAYS_IN[unit]
    youngest = int(days) if days == int(days) else int(days) + 1
    span = {"day": 1, "week": 7}.get(unit) or int(DAYS_IN[unit])
    months = {"month": value, "year": value * 12}.get(unit, round(days / DAYS_IN["month"], 2))
    if "age_days" in found.answers:
        youngest += found.answers["age_days"][0]
        months += found.answers["age_months"]
    if months > _OLDEST_MONTHS:
        found.ask("age")
        return
    found.answers["age_months"] = int(months) if months == int(months) else months
    found.answers["age_days"] = [youngest, youngest + span - 1]
