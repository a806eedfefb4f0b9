"""What some reports take that others do not: dates, months of pregnancy, counts of stock, a language, another CHW,
an area."""

from __future__ import annotations

from collections.abc import Callable

from smsgateway.reading.findings import Findings
from smsgateway.reading.lexicon import Kind
from smsgateway.reading.written_codes import codes_at
from smsgateway.text.codes import parse_referral

_STOCKED = frozenset({Kind.TREATMENT, Kind.TEST, Kind.PREVENTION})
_USUAL_STOCK = 999  # more of one thing in a CHW's box is unlikely, and possible
_MOST_STOCK = 99_999
_AREA = frozenset({"ZONE", "AREA"})
_TOWARDS = _AREA | {"VERS", "TO"}
SHORTEST_CODE = 3
LONGEST_CATCHMENT = 5
_OUT_OF_STOCK = frozenset({"RUPTURE", "STOCKOUT", "FINI", "ZERO"})
_BABY = ("sex", "weight_kg", "stillbirth")


def read(found: Findings, i: int) -> int:
    """Read what this flow takes at token i; returns where to go on, 0 when there is nothing of the kind."""
    for name in found.flow.takes:
        taken = _READERS[name](found, i)
        if taken:
            return taken
    return 0


def _date(found: Findings, i: int) -> int:
    """22/11: when it happened, or, after DDR, the last period."""
    date = found.line.date(i)
    if not date:
        word = found.line.tokens[i].word
        return i + 1 if word and word.kind is Kind.DATE and _date_follows(found, i) else 0
    before = i - 1
    while before >= 0 and found.line.text(before) in (":", "=", "-", "LE", "DU", "AU"):
        before -= 1
    said = found.line.tokens[before].word if before >= 0 else None
    found.answers["lmp" if said and said.kind is Kind.DATE else "date"] = date[0]
    return date[1]


def _date_follows(found: Findings, i: int) -> bool:
    after = found.line.past_connectors(i + 1)
    if not found.line.date(after):
        found.ask("date", found.line.text(i))
    return True


def _gestation(found: Findings, i: int) -> int:
    """5 MOIS, 20 SEM: how long she has been pregnant."""
    numeral = found.line.numeral(i)
    unit = found.line.unit(numeral.until) if numeral else None
    if numeral is None or unit not in ("week", "month") or not numeral.whole:
        return 0
    most = 43 if unit == "week" else 10
    if not 1 <= numeral.value <= most:
        found.refuse(i, numeral.until + 1, "implausible")
    else:
        found.answers[f"gestation_{unit}s"] = int(numeral.value)
    return numeral.until + 1


def _stock(found: Findings, i: int) -> int:
    """CTA 12 TDR 0: what is left of each; after RUPTURE nothing."""
    token = found.line.tokens[i]
    if token.word is None or token.word.kind not in _STOCKED:
        return 0
    stock = found.answers.setdefault("stock", {})
    numeral = found.line.numeral(found.line.past_connectors(i + 1))
    if numeral is None:
        if "out_of_stock" in found.answers or found.line.text(i + 1) in _OUT_OF_STOCK:
            stock[token.word.id] = 0
        else:
            found.ask("value_of", token.text)
        return i + 1
    possible = numeral.whole and 0 <= numeral.value <= _MOST_STOCK
    if possible and numeral.value > _USUAL_STOCK:
        counts = found.doubtful.get("stock", {})
        found.doubt(i, numeral.until, "stock", {**counts, token.word.id: int(numeral.value)})
    elif possible and stock.get(token.word.id, numeral.value) == numeral.value:
        stock[token.word.id] = int(numeral.value)
    else:
        found.refuse(i, numeral.until, "implausible")
    return numeral.until


def _language(found: Findings, i: int) -> int:
    language = found.programme.languages.get(found.line.text(i))
    if not language:
        return 0
    found.answers["language"] = language
    return i + 1


def _keyword(found: Findings, i: int) -> int:
    """AIDE MAL: the flow one asks about."""
    text = found.line.text(i)
    for flow in found.programme.flows.values():
        if any(text in forms for forms in flow.keywords.values()):
            found.answers["about"] = flow.name
            return i + 1
    return i + 1


def _chw(found: Findings, i: int) -> int:
    """ASC07, CHW 7: another CHW by her catchment."""
    if found.line.text(i) in ("ASC", "CHW") and found.line.is_number(i + 1) and len(found.line.text(i + 1)) <= 6:
        found.answers["chw"] = found.line.text(i + 1)
        return i + 2
    if found.line.is_number(i) and found.flow.number is None and len(found.line.text(i)) <= 4:
        found.answers.setdefault("chw", found.line.text(i))
        return i + 1
    return 0


def _referral(found: Findings, i: int) -> int:
    """ANN K7: the code of a referral."""
    letter, number = found.line.text(i), found.line.text(i + 1)
    code = parse_referral(letter + number) if len(letter) == 1 and len(number) <= 3 else None
    if code is None or found.referral not in (None, code):
        return 0
    found.referral = code
    return i + 2


def _destination(found: Findings, i: int) -> int:
    """DEP 4177 09, DEP 4177 09-151: the catchment, or the household there, where somebody lives now."""
    line = found.line
    if not found.codes:
        return 0
    if line.text(i) in _TOWARDS and line.is_number(i + 1):
        return _destination(found, i + 1) or _catchment(found, i + 1)
    if not line.is_number(i):
        return 0
    household, until = codes_at(line, i, None)
    if household and household[0].catchment:
        found.answers["to"] = str(household[0])
        return until
    return _catchment(found, i) if len(line.text(i)) < SHORTEST_CODE else 0


def _catchment(found: Findings, i: int) -> int:
    found.answers["to"] = found.line.text(i)
    return i + 1


def _area(found: Findings, i: int) -> int:
    """ZONE 04: in which of the sender's catchments."""
    if found.line.text(i) not in _AREA:
        return 0
    at = i + 2 if found.line.text(i + 1) in (":", "=", "-") else i + 1
    if not found.line.is_number(at) or len(found.line.text(at)) > LONGEST_CATCHMENT:
        return 0
    found.answers["catchment"] = found.line.text(at)
    return at + 1


def _birth(found: Findings, i: int) -> int:
    return 0


def sex(found: Findings, sex: str) -> None:
    """The sex of whom the report is about. In a birth report a second one begins a second baby."""
    answers = found.answers
    if "birth" not in found.flow.takes or "sex" not in answers:
        answers.setdefault("sex", sex)
        return
    babies = answers.setdefault("babies", [])
    babies.append({name: answers.pop(name) for name in _BABY if name in answers})
    answers["sex"] = sex


_READERS: dict[str, Callable[[Findings, int], int]] = {
    "date": _date,
    "gestation": _gestation,
    "stock": _stock,
    "language": _language,
    "keyword": _keyword,
    "chw": _chw,
    "birth": _birth,
    "referral": _referral,
    "destination": _destination,
    "area": _area,
}
