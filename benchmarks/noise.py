"""How do real messages differ from those on the card? Seeded reports of known meaning, and what phones do to them.

The kinds of noise are those that public test suites of earlier SMS health systems record. A report is made of groups
(a word and its value), so that a noise can know what it touches; its meaning is worked out here, apart from the reader,
from the thresholds as the clinical sources state them.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from smsgateway.text.codes import code_for

CATCHMENT = "07"


@dataclass(frozen=True)
class Report:
    """A message in groups of tokens, and what it means. `text` replaces the groups once a noise works on letters."""

    role: str
    keyword: str
    groups: tuple[tuple[str, ...], ...]
    flow: str
    subject: str | None
    answers: dict[str, Any]
    danger: frozenset[str]
    outcome: str
    age_months: float | None = None
    language: str = "fr"
    text: str | None = None
    noises: tuple[str, ...] = ()
    truncated: bool = False

    def written(self) -> str:
        if self.text is not None:
            return self.text
        return " ".join([self.keyword, *(" ".join(group) for group in self.groups)])


# ---------------------------------------------------------------- clean reports

SIGNS = {
    "child": {
        "convulsions": ["CONVULSION", "CONVULSE", "CRISE", "FITS"],
        "unconscious": ["INCONSCIENT", "COMA", "EVANOUI", "LETHARGIE", "UNCONSCIOUS", "SLEEPY"],
        "not_feeding": [
            "BOITPAS",
            "TETEPAS",
            "BOIT PAS",
            "NE TETE PAS",
            "BOIT PLUS",
            "NOFEED",
            "NOT FEEDING",
            "NOTDRINKING",
        ],
        "vomits_everything": ["VOMITOUT", "VOMIT TOUT", "VOMITTOUT", "VOMITSALL", "VOMITS ALL"],
        "chest_indrawing": ["TIRAGE", "INDRAWING"],
        "blood_in_stool": ["SANG", "BLOOD"],
        "oedema_feet": ["OEDEME", "PIEDGONFLE", "OEDEMA", "SWELLING", "PIED GONFLE", "GONFLE"],
        "stiff_neck": ["NUQUE", "RAIDEUR", "STIFFNECK"],
        "severe_pallor": ["PALEUR", "ANEMIE", "PALLOR"],
        "other_serious": ["GRAVE", "SERIOUS", "RESPIREMAL", "RESPIRE MAL"],
    },
    "newborn": {
        "convulsions": ["CONVULSION"],
        "not_feeding": ["TETEPAS", "TETE PAS", "NOFEED"],
        "cold": ["FROID", "COLDBODY"],
        "no_movement": ["IMMOBILE", "BOUGE PAS", "NOTMOVING"],
        "cord_infection": ["NOMBRIL", "OMBILIC", "UMBILICUS"],
        "skin_pustules": ["PUSTULE", "BOUTONS"],
        "jaundice": ["JAUNISSE", "JAUNDICE"],
        "eye_pus": ["PUSYEUX", "PUS YEUX", "EYEPUS"],
        "low_birth_weight": ["PETITPOIDS", "PETIT POIDS", "TOOSMALL"],
        "fast_breathing": ["RESPIREVITE", "RESPIRE VITE", "RAPIDE", "FASTBREATH"],
    },
    "pregnancy": {
        "bleeding": ["HEMORRAGIE", "SAIGNEMENT", "SAIGNE", "BLEEDING", "SANG"],
        "severe_headache": ["MALTETE", "MAL DE TETE", "MAUX DE TETE", "CEPHALEE", "HEADACHE"],
        "blurred_vision": ["FLOU", "VOITFLOU", "VISION", "BLURRED"],
        "swelling_face_hands": ["GONFLE", "SWOLLENFACE"],
        "abdominal_pain": ["MALVENTRE", "MAL AU VENTRE", "VENTRE", "BELLYPAIN"],
        "reduced_fetal_movement": ["BOUGEPAS", "BOUGE PLUS", "BOUGE MOINS", "BABYSTILL"],
        "waters_broken": ["LIQUIDE", "PERTEEAUX", "PERTE DES EAUX", "WATERSBROKE"],
        "labour_at_home": ["TRAVAIL", "CONTRACTION", "LABOUR"],
        "foul_discharge": ["ODEUR", "MALODORANT", "FOULSMELL"],
        "breathlessness": ["ESSOUFFLE", "BREATHLESS"],
    },
}
SYMPTOMS = {
    "fever_days": (["FIEVRE", "FEVER"], "fever_7d", 7),
    "cough_days": (["TOUX", "TOUSSE", "COUGH"], "cough_14d", 14),
    "diarrhoea_days": (["DIARRHEE", "DIARRHOEA"], "diarrhoea_14d", 14),
}
TREATMENTS = {
    "act": ["CTA", "COARTEM", "ACT"],
    "amoxicillin": ["AMOX", "AMOXICILLINE"],
    "ors": ["SRO", "ORASEL", "ORS"],
    "zinc": ["ZINC"],
    "rutf": ["ATPE", "PLUMPY", "RUTF"],
    "paracetamol": ["PARACETAMOL"],
}


def clean_report(rng: random.Random) -> Report:
    """One report as the card teaches it."""
    make = rng.choices(
        [_sick_child, _urgent, _visit, _patient, _household, _answer, _antenatal, _newborn], [12, 2, 3, 3, 1, 3, 2, 2]
    )[0]
    return make(rng)


def _code(rng: random.Random) -> str:
    return code_for(CATCHMENT, rng.choice([rng.randint(10, 99), rng.randint(100, 999), rng.randint(1000, 2500)]))


def _sick_child(rng: random.Random) -> Report:
    code, months = _code(rng), rng.randint(2, 59)
    groups: list[tuple[str, ...]] = []
    answers: dict[str, Any] = {}
    danger: set[str] = set()
    treated: set[str] = set()
    for name, (words, sign, limit) in rng.sample(list(SYMPTOMS.items()), rng.randint(0, 2)):
        days = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 20]) if rng.random() < 0.5 else rng.randint(0, 5)
        groups.append((rng.choice(words), str(days)))
        answers[name] = days
        if days >= limit:
            danger.add(sign)
        if name == "fever_days":
            treated.add("fever")
    if rng.random() < 0.3:
        breaths = rng.randint(20, 80)
        groups.append((rng.choice(["RESP", "RESPIRATION"]), str(breaths)))
        answers["breaths_per_min"] = breaths
        if breaths >= (50 if months < 12 else 40):
            treated.add("fast_breathing")
    if rng.random() < 0.4:
        muac = rng.randint(100, 150)
        groups.append((rng.choice(["PB", "MUAC"]), str(muac)))
        answers["muac_mm"] = muac
        if months >= 6 and muac < 115:
            danger.add("muac_red")
        elif months >= 6 and muac < 125:
            treated.add("muac_yellow")
        elif muac < 115:
            groups.pop()
            del answers["muac_mm"]
    if rng.random() < 0.4:
        groups.append(
            ("TDR" if rng.random() < 0.7 else "RDT", rng.choice(["+", "-", "POS", "NEG", "POSITIF", "NEGATIF"]))
        )
        answers["rdt"] = "positive" if groups[-1][1][0] in "+P" else "negative"
    for treatment in rng.sample(list(TREATMENTS), rng.randint(0, 2)):
        groups.append((rng.choice(TREATMENTS[treatment]),))
        answers.setdefault("treatments", []).append(treatment)
    if rng.random() < 0.35 or not groups:
        for sign in rng.sample(list(SIGNS["child"]), rng.choice([1, 1, 1, 2])):
            groups.append(tuple(rng.choice(SIGNS["child"][sign]).split()))
            danger.add(sign)
    if len(danger) > 1:
        danger.discard("other_serious")
    if treated:
        answers["signs"] = sorted(treated)
    english = rng.random() < 0.15
    return Report(
        "chw", "SICK" if english else "MAL", ((code,), *groups), "sick_child", code, answers, frozenset(danger),
        "alert" if danger else "accept", months,
    )  # fmt: skip


def _urgent(rng: random.Random) -> Report:
    code, sign = _code(rng), rng.choice(list(SIGNS["child"]))
    words = tuple(rng.choice(SIGNS["child"][sign]).split())
    keyword = rng.choice(["URG", "URGENCE"])
    return Report("chw", keyword, ((code,), words), "urgent", code, {}, frozenset({sign}), "alert", rng.randint(6, 59))


def _newborn(rng: random.Random) -> Report:
    code, sign = _code(rng), rng.choice(list(SIGNS["newborn"]))
    words = tuple(rng.choice(SIGNS["newborn"][sign]).split())
    return Report("chw", "MAL", ((code,), words), "sick_child", code, {}, frozenset({sign}), "alert", 1)


def _antenatal(rng: random.Random) -> Report:
    code = _code(rng)
    if rng.random() < 0.3:
        return Report("chw", "CPN", ((code,), ("2",), ("TPI",), ("FER",)), "antenatal", code,
                      {"contact": 2, "prevention": ["iptp", "iron"]}, frozenset(), "accept")  # fmt: skip
    sign = rng.choice(list(SIGNS["pregnancy"]))
    words = tuple(rng.choice(SIGNS["pregnancy"][sign]).split())
    return Report("chw", "CPN", ((code,), words), "antenatal", code, {}, frozenset({sign}), "alert")


def _visit(rng: random.Random) -> Report:
    codes = sorted({_code(rng) for _ in range(rng.randint(1, 3))})
    groups = tuple((code,) for code in codes)
    subject = codes[0] if len(codes) == 1 else None
    return Report(
        "chw", rng.choice(["VIS", "VISITE"]), groups, "visit", subject, {"households": codes}, frozenset(), "accept"
    )


def _patient(rng: random.Random) -> Report:
    code, sex = _code(rng), rng.choice("FM")
    unit, most = rng.choice([("M", 36), ("A", 40)])
    number = rng.randint(2, most)
    answers = {"sex": sex, "age_months": number * (12 if unit == "A" else 1)}
    return Report(
        "chw", "ENR", ((code,), (sex,), (f"{number}{unit}",)), "register_patient", code, answers, frozenset(), "accept"
    )


def _household(rng: random.Random) -> Report:
    people = rng.randint(2, 15)
    return Report("chw", "MEN", ((str(people),), ("ACCORD",)), "register_household", None,
                  {"people": people, "consent": True}, frozenset(), "accept")  # fmt: skip


def _answer(rng: random.Random) -> Report:
    code = f"{rng.choice('CDFHJKMNPRTVWXY')}{rng.randint(1, 99)}"
    keyword, flow = rng.choice(
        [("RECU", "received"), ("ARRIVE", "arrived"), ("ABSENT", "absent"), ("RECEIVED", "received")]
    )
    return Report("nurse", keyword, ((code,),), flow, code, {}, frozenset(), "accept")


# ---------------------------------------------------------------- noise

Noise = Callable[[random.Random, Report], Report]
_KEYBOARD = ("AZERTYUIOP", "QSDFGHJKLM", "WXCVBN")
NEAR_KEYS = {key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _KEYBOARD for i, key in enumerate(row)}
ACCENTED = {
    "FIEVRE": "fièvre", "DIARRHEE": "diarrhée", "OEDEME": "œdème", "HEMORRAGIE": "hémorragie", "ANEMIE": "anémie",
    "PALEUR": "pâleur", "LETHARGIE": "léthargie", "EVANOUI": "évanoui", "CEPHALEE": "céphalée", "GONFLE": "gonflé",
    "TETE": "tête", "RECU": "reçu", "ARRIVE": "arrivé", "PIEDGONFLE": "piedgonflé", "ESSOUFFLE": "essoufflé",
}  # fmt: skip
NUMBER_WORDS = ["zero", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
                "treize", "quatorze", "quinze", "seize"]  # fmt: skip


def _mixed_case(rng: random.Random) -> Callable[[str], str]:
    return lambda text: "".join(rng.choice([char.lower(), char.upper()]) for char in text)


def case(rng: random.Random, report: Report) -> Report:
    text = report.written()
    how = rng.choice([str.lower, str.title, str.swapcase, _mixed_case(rng)])
    return replace(report, text=how(text))


def glued(rng: random.Random, report: Report) -> Report:
    """One space is lost somewhere, or all of those between letters and digits."""
    text = report.written()
    spaces = [i for i in range(1, len(text) - 1) if text[i] == " "]
    if not spaces:
        return report
    between = [i for i in spaces if text[i - 1].isdigit() != text[i + 1].isdigit()]
    where = between if rng.random() < 0.5 and between else [rng.choice(between or spaces)]
    return replace(report, text="".join(char for i, char in enumerate(text) if i not in where))


def letters_glued(rng: random.Random, report: Report) -> Report:
    text = report.written()
    spaces = [i for i in range(1, len(text) - 1) if text[i] == " " and text[i - 1].isalpha() and text[i + 1].isalpha()]
    if not spaces:
        return report
    at = rng.choice(spaces)
    return replace(report, text=text[:at] + text[at + 1 :])


def spaces(rng: random.Random, report: Report) -> Report:
    return replace(
        report, text="".join(c + " " * rng.randint(0, 2) if c == " " else c for c in f"  {report.written()} ")
    )


def split_word(rng: random.Random, report: Report) -> Report:
    words = report.written().split(" ")
    long = [i for i, word in enumerate(words) if word.isalpha() and len(word) >= 6 and i]
    if not long:
        return report
    i = rng.choice(long)
    at = rng.randint(2, len(words[i]) - 2)
    words[i] = words[i][:at] + " " + words[i][at:]
    return replace(report, text=" ".join(words))


def separators(rng: random.Random, report: Report) -> Report:
    mark = rng.choice([",", ".", ", ", ". ", " - ", ":", "/", " / ", ";", " , ", ",,", "..."])
    if report.text is not None:
        text = report.text
        at = [i for i, char in enumerate(text) if char == " "]
        if not at:
            return report
        i = rng.choice(at)
        return replace(report, text=text[:i] + mark + " " + text[i + 1 :])
    groups = [" ".join(group) for group in report.groups]
    return replace(report, text=report.keyword + " " + mark.join(groups) + rng.choice(["", ".", " .", "!"]))


def invisible(rng: random.Random, report: Report) -> Report:
    text = report.written().replace(" ", rng.choice(["\u00a0", " ", "\u202f", "\t"]))
    i = rng.randint(0, len(text))
    return replace(report, text=text[:i] + rng.choice(["\u200b", "\ufeff", "\u200d", "\u00ad"]) + text[i:])


def quotes(rng: random.Random, report: Report) -> Report:
    pair = rng.choice(["“”", "«»", "‘’", '""', "()"])
    return replace(report, text=pair[0] + report.written() + pair[1])


def line_breaks(rng: random.Random, report: Report) -> Report:
    return replace(report, text=report.written().replace(" ", rng.choice(["\n", "\r\n", " \n"]), rng.randint(1, 5)))


def accents(rng: random.Random, report: Report) -> Report:
    text = report.written()
    for plain, accented in ACCENTED.items():
        text = text.replace(plain, rng.choice([accented, accented.upper(), unicodedata.normalize("NFD", accented)]))
    return replace(report, text=text)


def lost_accents(rng: random.Random, report: Report) -> Report:
    text = report.written()
    for plain, accented in ACCENTED.items():
        text = text.replace(plain, "".join("?" if ord(char) > 127 else char for char in accented))
    return replace(report, text=text)


def swaps(rng: random.Random, report: Report) -> Report:
    """O and 0, I, l and 1, S and 5, where a hand would not see the difference."""
    pairs = {"O": "0", "0": "O", "I": "1l", "1": "Il", "L": "1", "S": "5", "5": "S"}
    text = report.written()
    allowed = [i for i, char in enumerate(text) if char in pairs and i >= len(report.keyword)]
    # A lone letter after a number is its unit, and a duration has no S for 5.
    allowed = [i for i in allowed if not (text[i] == "5" and not _s_may_be_5(text, i))]
    allowed = [i for i in allowed if not (text[i].isalpha() and len(_word_at(text, i)) < 3)]
    if not allowed:
        return report
    i = rng.choice(allowed)
    return replace(report, text=text[:i] + rng.choice(pairs[text[i]]) + text[i + 1 :])


def _word_at(text: str, i: int) -> str:
    start = text.rfind(" ", 0, i) + 1
    end = text.find(" ", i)
    return text[start : end if end >= 0 else len(text)]


def _s_may_be_5(text: str, i: int) -> bool:
    before = text[: text.rfind(" ", 0, i) + 1].split()
    return bool(before) and before[-1] in ("PB", "MUAC", "RESP", "RESPIRATION") and len(_word_at(text, i)) > 1


def units(rng: random.Random, report: Report) -> Report:
    def with_unit(group: tuple[str, ...]) -> tuple[str, ...]:
        if len(group) != 2 or not group[1].isdigit():
            return group
        word, value = group
        if word in ("PB", "MUAC"):
            cm = f"{int(value) // 10},{int(value) % 10}cm"
            return word, rng.choice([value + "mm", value + " mm", cm, cm.replace(",", ".")])
        if any(word in words for words, _, _ in SYMPTOMS.values()):
            return word, value + rng.choice(["j", " j", " jours", "jours", "J", " days"])
        return group

    if report.text is not None:
        return report
    return replace(report, groups=tuple(map(with_unit, report.groups)))


def number_words(rng: random.Random, report: Report) -> Report:
    def spelt(group: tuple[str, ...]) -> tuple[str, ...]:
        if len(group) == 2 and group[1].isdigit() and int(group[1]) < len(NUMBER_WORDS) and group[1] != "1":
            return group[0], NUMBER_WORDS[int(group[1])]
        return group

    return report if report.text is not None else replace(report, groups=tuple(map(spelt, report.groups)))


def wrong_order(rng: random.Random, report: Report) -> Report:
    if report.text is not None or report.flow in ("antenatal",):
        return report
    groups = list(report.groups)
    rng.shuffle(groups)
    if rng.random() < 0.3 and report.flow != "register_household":
        return replace(report, text=" ".join([" ".join(groups[0]), report.keyword, *map(" ".join, groups[1:])]))
    return replace(report, groups=tuple(groups))


def prefix(rng: random.Random, report: Report) -> Report:
    words = report.written().split(" ")
    long = [i for i, word in enumerate(words) if word.isalpha() and len(word) >= 7 and i]
    if not long:
        return report
    i = rng.choice(long)
    words[i] = words[i][: rng.randint(5, len(words[i]) - 1)]
    return replace(report, text=" ".join(words))


def besides(rng: random.Random, report: Report) -> Report:
    """Ordinary words and names beside words."""
    if report.role != "chw":
        return report
    extra = rng.choice(
        ["BOIT BIEN", "AUCUN SIGNE", "PRISE", "Diarra", "Sangaré", "enfant", "TETE BIEN", "Kone", "MANGE BIEN", "bebe",
         "PAS DE SIGNE", "au centre", "donné", "Traore", "PALU", "test rapide"]
    )  # fmt: skip
    if report.text is not None:
        return replace(report, text=f"{report.text} {extra}")
    groups = list(report.groups)
    groups.insert(rng.randint(0, len(groups)) if extra not in ("Diarra", "Kone", "Sangaré") else len(groups), (extra,))
    return replace(report, groups=tuple(groups))


def typo(rng: random.Random, report: Report) -> Report:
    """One letter: its neighbour on the keyboard, left out, doubled, or exchanged with the next."""
    words = report.written().split(" ")
    able = [i for i, word in enumerate(words) if word.isalpha() and word.isascii() and len(word) >= 4 and i]
    if not able:
        return report
    i = rng.choice(able)
    words[i] = slip(rng, words[i])
    return replace(report, text=" ".join(words))


def slip(rng: random.Random, word: str) -> str:
    at = rng.randrange(len(word))
    kind = rng.choice(["near", "omitted", "doubled", "exchanged"])
    if kind == "near":
        return word[:at] + rng.choice(NEAR_KEYS.get(word[at].upper(), "A")) + word[at + 1 :]
    if kind == "omitted":
        return word[:at] + word[at + 1 :]
    if kind == "doubled":
        return word[:at] + word[at] + word[at:]
    at = rng.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def mixed_languages(rng: random.Random, report: Report) -> Report:
    pairs = [("FIEVRE", "FEVER"), ("TOUX", "COUGH"), ("TDR", "RDT"), ("CTA", "ACT"), ("SRO", "ORS"), ("SANG", "BLOOD")]
    text = report.written()
    for fr, en in pairs:
        if rng.random() < 0.5:
            text = text.replace(fr, en)
    return replace(report, text=text)


def signature(rng: random.Random, report: Report) -> Report:
    end = rng.choice(
        [
            "Merci Awa",
            "MERCI",
            "merci docteur",
            "ASC Moussa",
            "Merci ASC 07",
            "merci beaucoup Mme Xzewq",
            "ASC Awa Konate",
        ]
    )
    return replace(report, text=f"{report.written()} {end}")


def leading(rng: random.Random, report: Report) -> Report:
    start = rng.choice(["MUSO", "SANTE", "Bonjour", "bonjour docteur", "ASC", "Allo", "ICCM", "bonsoir,"])
    if report.role == "nurse":
        start = rng.choice(["Bonjour", "bonjour docteur", "Bonsoir"])
    return replace(report, text=f"{start} {report.written()}")


def truncated(rng: random.Random, report: Report) -> Report:
    text = report.written()
    return replace(report, text=text[: rng.randint(max(4, len(text) * 2 // 3), len(text) - 1)], truncated=True)


NOISES: dict[str, Noise] = {
    noise.__name__: noise
    for noise in (
        case,
        glued,
        letters_glued,
        spaces,
        split_word,
        separators,
        invisible,
        quotes,
        line_breaks,
        accents,
        lost_accents,
        swaps,
        units,
        number_words,
        wrong_order,
        prefix,
        besides,
        typo,
        mixed_languages,
        signature,
        leading,
        truncated,
    )
}
_ON_GROUPS = ("units", "number_words", "wrong_order", "besides")


def noisy(rng: random.Random, report: Report, names: list[str]) -> Report:
    """The report with these noises, those that work on groups first."""
    for name in sorted(names, key=lambda each: (each not in _ON_GROUPS, each == "truncated", each == "case")):
        report = replace(NOISES[name](rng, report), noises=(*report.noises, name))
    return report


# ---------------------------------------------------------------- verdicts


@dataclass
class Tally:
    """How messages of one kind of noise were understood."""

    messages: int = 0
    exact: int = 0
    asked: int = 0
    missed: list[str] = field(default_factory=list)
    wrong_sign: list[str] = field(default_factory=list)
    wrong_patient: list[str] = field(default_factory=list)
    false_alarm: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def line_for(report: Report) -> dict[str, Any]:
    line: dict[str, Any] = {"text": report.written(), "as": report.role, "chw": CATCHMENT}
    if report.age_months is not None:
        line["age_months"] = report.age_months
    return line


def settle_account(report: Report, answer: dict[str, Any], tally: Tally) -> None:
    """Count one answer against what was meant."""
    told = (
        f"{report.written()!r} -> {answer['flow']} {answer['subject']} {answer['answers']} {answer['danger']} "
        f"{answer['outcome']} {answer['unclear']} wanted {report.flow} {report.subject} {report.answers} "
        f"{sorted(report.danger)}"
    )
    tally.messages += 1
    said = {name: value for name, value in answer["answers"].items() if name not in ("age_days",)}
    if "signs" in said:
        said["signs"] = sorted(said["signs"])
    exact = (
        answer["flow"] == report.flow and answer["subject"] == report.subject and answer["outcome"] == report.outcome
        and set(answer["danger"]) == report.danger and _sorted_lists(said) == _sorted_lists(report.answers)
    )  # fmt: skip
    if exact:
        tally.exact += 1
        return
    bad = False
    if answer["subject"] not in (None, report.subject):
        tally.wrong_patient.append(told)
        bad = True
    if report.danger and answer["outcome"] != "alert" and not report.truncated and not answer["unclear"]:
        tally.missed.append(told)
        bad = True
    if (
        report.truncated
        and report.danger
        and answer["outcome"] == "accept"
        and answer["answers"].keys() >= report.answers.keys()
    ):
        tally.missed.append(told)
        bad = True
    if not report.danger and answer["outcome"] == "alert":
        tally.false_alarm.append(told)
        bad = True
    if (
        report.danger
        and answer["outcome"] == "alert"
        and not set(answer["danger"]) <= report.danger | {"other_serious"}
        and not answer["corrected"]
    ):
        tally.wrong_sign.append(told)
        bad = True
    if answer["outcome"] in ("ask", "alert") and not bad:
        tally.asked += 1
    if not bad:
        tally.other.append(told)


def _sorted_lists(answers: dict[str, Any]) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, list) else value for name, value in answers.items()}
