"""What follows from a report, given what is known of the person? The clinical rules of the flow files, applied.

Pure: the facts and the time come in, a `Decision` goes out. A danger sign is never dropped: one that does not exist for
this person becomes "other serious", one that is denied stays and is asked about, and a rule that cannot be decided
asks, which a human hears of unless it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from smsgateway.reading.models import (
    Age,
    Code,
    CodeFacts,
    CodeState,
    Decision,
    Facts,
    Outcome,
    Part,
    Person,
    Question,
    Reading,
    Role,
    Verdict,
)
from smsgateway.reading.programme import Flow, Programme, Rule
from smsgateway.reading.schema import Group

DAYS_PER_MONTH = 30.4375
NEWBORN_MONTHS = 2
CHILDBEARING_MONTHS = 120
# Reports that somebody who died may still be the subject of; any other is asked about.
_OF_THE_DEAD = frozenset({"death", "cancel"})
_DOUBTS = frozenset({"unlikely"})
_REFUSED = frozenset({"value_of", "implausible", "unlikely", "unlikely_weight", "age_unit"})
_USABLE = frozenset({CodeState.FOUND, CodeState.UNCHECKED, CodeState.MOVED})


def judge(reading: Reading, facts: Sequence[Facts], now: datetime, programme: Programme) -> Decision:
    """One verdict a part; `facts` are in the order of the parts."""
    return Decision(tuple(_judge(part, known, programme) for part, known in zip(reading.parts, facts, strict=True)))


def _judge(part: Part, facts: Facts, programme: Programme) -> Verdict:
    if part.flow is None:
        return _danger_without_keyword(part, facts, programme) or _no_report(part, facts)
    flow = programme.flows[part.flow]
    if flow.subject == "referral":
        outcome = Outcome.ASK if part.questions else Outcome.ACCEPT
        return Verdict(
            part, outcome, part.answers, subject=part.referral, unclear=part.unclear, questions=part.questions
        )
    return _Judgement(part, facts, flow, programme).verdict()


def _danger_without_keyword(part: Part, facts: Facts, programme: Programme) -> Verdict | None:
    """`4177 PB 110`: a CHW's values that mean danger are urgent, though no keyword says what she reports."""
    if not part.answers or facts.role is not Role.CHW:
        return None
    flow = programme.flows["urgent"]
    verdict = _Judgement(replace(part, flow=flow.name), facts, replace(flow, rules=()), programme).verdict()
    return verdict if verdict.danger else None


def _no_report(part: Part, facts: Facts) -> Verdict:
    """`4177 BLORPT` is about somebody, and the word may have been a sign: kept unfiled, asked, and told to a human."""
    asks = bool(part.questions) and facts.role is not Role.UNKNOWN
    about = [each for each in facts.codes if each.state in _USABLE] if facts.role is Role.CHW else []
    may_be_sign = bool(part.unclear) and bool(about)
    return Verdict(
        part,
        Outcome.ASK if asks else Outcome.REJECT,
        part.answers,
        subject=str(about[0].code) if len(about) == 1 else part.referral,
        unclear=part.unclear if asks else (),
        questions=part.questions if asks else (),
        unclear_danger=asks and (may_be_sign or any(question.may_hide_danger for question in part.questions)),
        filed=False,
        person=about[0].person if len(about) == 1 else None,
    )


class _Judgement:
    def __init__(self, part: Part, facts: Facts, flow: Flow, programme: Programme) -> None:
        self.part, self.facts, self.flow, self.programme = part, facts, flow, programme
        self.questions: list[Question] = list(part.questions)
        self.unclear: list[str] = list(part.unclear)
        self.danger: dict[str, None] = {}
        self.treated: dict[str, None] = {}
        self.code: Code | None = None
        self.filed = True

    def verdict(self) -> Verdict:
        answers = dict(self.part.answers)
        if self.facts.insisted:
            self.take_doubtful(answers)
        self.subject(answers)
        self.person = self.who(answers)
        self.months = _months(self.person)
        self.group = _group(self.flow, self.person, self.months)
        if self.flow.signs == "danger":
            self.texted_signs()
            self.rules(answers)
        self.needs(answers)
        if len(self.danger) > 1:
            self.danger.pop("other_serious", None)
        danger = self.by_gravity(self.danger)
        treated = self.by_gravity(sign for sign in self.treated if sign not in self.danger)
        if treated:
            answers["signs"] = list(treated)
        outcome = self.outcome(danger)
        return Verdict(
            part=self.part,
            outcome=outcome,
            answers=answers,
            danger=danger,
            signs=treated,
            tier=min((self.programme.signs[sign].tier or 2 for sign in danger), default=None),
            subject=str(self.code) if self.code else self.part.referral,
            unclear=tuple(self.unclear),
            questions=tuple(self.questions),
            unclear_danger=outcome is Outcome.ASK and any(q.may_hide_danger for q in self.questions),
            filed=self.filed and outcome is not Outcome.REJECT,
            person=self.person,
        )

    def outcome(self, danger: Sequence[str]) -> Outcome:
        if danger:
            return Outcome.ALERT
        if self.facts.role is Role.UNKNOWN:
            return Outcome.REJECT
        return Outcome.ASK if self.questions or self.unclear else Outcome.ACCEPT

    def take_doubtful(self, answers: dict[str, Any]) -> None:
        """The same was sent again after it was refused as unlikely: it is meant."""
        for name, value in self.part.doubtful.items():
            answers[name] = {**answers.get(name, {}), **value} if isinstance(value, Mapping) else value
        meant = {question.about for question in self.questions if question.key in _DOUBTS}
        self.questions = [question for question in self.questions if question.key not in _DOUBTS]
        self.unclear = [text for text in self.unclear if text not in meant]

    # ------------------------------------------------------------ whom it is about

    def subject(self, answers: dict[str, Any]) -> None:
        if self.flow.subject == "households":
            self.households(answers)
        elif self.flow.subject in ("patient", "household", "person"):
            self.one_subject()

    def one_subject(self) -> None:
        looked_up = self.looked_up()
        usable = [code for code in looked_up if code.state in _USABLE]
        if len(usable) == 1:
            self.code = usable[0].code
            self.check_alive(usable[0])
            for other in looked_up:
                if other is not usable[0]:
                    self.ask("what_is", str(other.code), unclear=True, danger=True)
        elif usable:
            self.filed = False
            self.ask("which_code", ", ".join(str(code.code) for code in usable))
            self.unclear.extend(str(code.code) for code in usable)
        elif looked_up:
            self.filed = False
            self.failing(looked_up[0])
        elif (
            not self.part.answers.get("visitor")
            and not self.part.referral
            and (self.flow.sick or not self.flow.subject_optional)
        ):
            self.filed = False
            self.ask("household_missing" if self.flow.subject == "household" else "code_missing", "")

    def check_alive(self, found: CodeFacts) -> None:
        """Somebody who died has no symptoms: the code is somebody else's."""
        if found.person is not None and found.person.died and self.flow.name not in _OF_THE_DEAD:
            self.filed = False
            self.ask("died", str(found.code), unclear=True)

    def households(self, answers: dict[str, Any]) -> None:
        looked_up = self.looked_up()
        usable = [str(code.code) for code in looked_up if code.state in _USABLE]
        for code in looked_up:
            if code.state not in _USABLE:
                self.failing(code)
        if not looked_up:
            self.ask("household_missing", "")
        self.filed = bool(usable)
        if usable:
            answers["households"] = usable
        if len(looked_up) == 1 and usable and not self.unclear:
            self.code = looked_up[0].code

    def looked_up(self) -> list[CodeFacts]:
        """What is known of each code; one that nobody looked up counts as unchecked."""
        known = list(self.facts.codes)
        return known + [CodeFacts(code, CodeState.UNCHECKED) for code in self.part.codes[len(known) :]]

    def failing(self, code: CodeFacts) -> None:
        key = {
            CodeState.AMBIGUOUS: "which_catchment",
            CodeState.WRONG_KIND: "code_wrong_kind",
        }.get(code.state, "code_unknown")
        self.ask(key, str(code.code), unclear=True)

    def who(self, answers: Mapping[str, Any]) -> Person | None:
        known = self.facts.person
        if known is None and self.code is not None:
            known = next((code.person for code in self.looked_up() if code.code == self.code), None)
        if known is not None and known.age is not None:
            return known
        said = answers.get("age_days")
        age = Age(*said) if said else None
        if known is None:
            sex = answers.get("sex")
            return Person(sex=sex, age=age) if age or sex else None
        return known if age is None else _with_age(known, age)

    # ------------------------------------------------------------ what it means

    def texted_signs(self) -> None:
        for sign in self.part.signs:
            self.add(sign)
        for said in self.part.negated:
            sign = {"fever_days": "fever"}.get(said, said)
            if sign not in self.programme.signs:
                continue
            urgency = self.programme.signs[sign].urgency.get(self.group)
            if said in self.programme.signs or urgency == "urgent":
                self.add(sign)
                self.ask("negated", self.programme.label(sign, self.facts.language), danger=True)
        if self.part.nothing_to_report and (self.danger or self.treated):
            first = next(iter(self.danger or self.treated))
            self.ask("contradiction", self.programme.label(first, self.facts.language), danger=True)

    def add(self, texted: str) -> None:
        """A texted sign as it counts for this person."""
        sign = self.programme.signs[texted]
        urgency = sign.urgency.get(self.group)
        if urgency is None and self.group in sign.instead:
            self.add(sign.instead[self.group])
        elif urgency is None and self.flow.also_group and self.months is None and self.flow.also_group in sign.urgency:
            self.danger.setdefault(texted)
        elif urgency is None and sign.otherwise:
            self.danger.setdefault(sign.otherwise)
        elif urgency == "urgent":
            self.danger.setdefault(texted)
        elif urgency == "treat":
            self.treated.setdefault(texted)
            if sign.needs_age and self.months is None:
                self.ask("age", "", danger=True)

    def rules(self, answers: dict[str, Any]) -> None:
        values = dict(answers)
        values["months"] = self.months
        values["days"] = self.person.age.youngest if self.person and self.person.age else None
        values["group"] = self.group
        values["sick"] = self.flow.sick
        values["urgent"] = self.flow.name == "urgent"
        rules = (*self.flow.rules, *self.programme.rules)
        for alone in (False, True):
            for rule in rules:
                if rule.alone is alone and not (alone and self.danger):
                    self.apply(rule, values, answers)

    def doubt(self, rule: Rule, answers: dict[str, Any]) -> None:
        """A value that is unlikely at this age is refused once."""
        value = answers.pop(rule.doubt or "", None)
        if rule.question and value is not None:
            self.ask(rule.question, f"{value:g}" if isinstance(value, float) else str(value), unclear=True)

    def apply(self, rule: Rule, values: Mapping[str, Any], answers: dict[str, Any]) -> None:
        if rule.when.needs_saying and rule.when.fields.isdisjoint(values):
            return
        truth = rule.when(values)
        if rule.doubt:
            if truth and not self.facts.insisted:
                self.doubt(rule, answers)
        elif truth is None:
            if rule.unknown_asks and rule.sign not in self.danger:
                self.ask(rule.ask, "", danger=True)
        elif truth and rule.question:
            self.ask(rule.question, "", danger=rule.may_hide_danger)
        elif truth and rule.sign:
            urgency = self.programme.signs[rule.sign].urgency.get(self.group, "urgent")
            (self.danger if rule.urgent or urgency == "urgent" else self.treated).setdefault(rule.sign)

    def needs(self, answers: Mapping[str, Any]) -> None:
        said = {*answers}
        if self.part.signs or self.part.negated:
            said.add("signs")
        if self.part.nothing_to_report:
            said.add("none")
        if any(question.key == "vomits_everything" for question in self.questions):
            said.add("vomiting")
        for need in self.flow.needs:
            refused = any(q.key in _REFUSED or q.key.startswith("unit_of") for q in self.questions)
            if said.isdisjoint(need.any) and not refused:
                self.ask(need.ask, "", danger=need.may_hide_danger)

    def by_gravity(self, signs: Any) -> tuple[str, ...]:
        table = self.programme.signs
        return tuple(sorted(signs, key=lambda sign: (table[sign].tier or 9, table[sign].rank)))

    def ask(self, key: str, about: str, *, unclear: bool = False, danger: bool = False) -> None:
        question = Question(key, about, danger)
        if question not in self.questions:
            self.questions.append(question)
        if unclear and about not in self.unclear:
            self.unclear.append(about)


def _months(person: Person | None) -> float | None:
    return person.age.youngest / DAYS_PER_MONTH if person and person.age else None


def _group(flow: Flow, person: Person | None, months: float | None) -> Group:
    """Which rules are this person's: a known age under two months comes first, then a known pregnancy, then what the
    flow is about."""
    if months is not None and months < NEWBORN_MONTHS:
        return "newborn"
    if person and person.pregnant:
        return "pregnancy"
    if person and person.postpartum:
        return "postpartum"
    if flow.group in ("pregnancy", "postpartum") and months is not None and months < CHILDBEARING_MONTHS:
        return "child"
    return flow.group


def _with_age(person: Person, age: Age) -> Person:
    return replace(person, age=age)
