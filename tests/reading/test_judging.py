"""What the register knows changes what a report means; what it does not know is asked, never assumed."""

from __future__ import annotations

import pytest

from smsgateway.reading.judge import judge
from smsgateway.reading.models import Age, CodeFacts, CodeState, Facts, Outcome, Person, Role, Verdict
from smsgateway.reading.sms import read
from tests.reading.cases import BOY, GIRL, NOON, programme


def judged(text: str, *states: CodeState, person: Person | None = None, near: tuple[str, ...] = ()) -> Verdict:
    """The verdict on a message whose codes have these states in the register."""
    reading = read(text, Role.CHW, programme())
    (part,) = reading.parts
    found = tuple(
        CodeFacts(code, state, person if state is CodeState.FOUND else None, near)
        for code, state in zip(part.codes, states, strict=True)
    )
    return judge(reading, [Facts(Role.CHW, codes=found)], NOON, programme()).leading


def test_a_code_nobody_has_files_nothing_and_still_alerts() -> None:
    verdict = judged("MAL 4178 CONVULSION", CodeState.FAILED, near=("417-7",))
    assert (verdict.outcome, verdict.danger, verdict.tier) == (Outcome.ALERT, ("convulsions",), 1)
    assert (verdict.subject, verdict.filed, verdict.unclear) == (None, False, ("4178",))


def test_a_code_valid_in_two_catchments_is_asked() -> None:
    verdict = judged("MAL 4177 FIEVRE 2", CodeState.AMBIGUOUS)
    assert (verdict.outcome, verdict.subject, verdict.questions[0].key) == (Outcome.ASK, None, "which_catchment")


def test_a_household_is_no_patient() -> None:
    verdict = judged("MAL 123 FIEVRE 2", CodeState.WRONG_KIND)
    assert (verdict.outcome, verdict.filed, verdict.questions[0].key) == (Outcome.ASK, False, "code_wrong_kind")


def test_the_old_code_of_somebody_who_moved_still_counts() -> None:
    assert judged("MAL 4177 FIEVRE 2", CodeState.MOVED).subject == GIRL


def test_two_patients_in_one_report_are_filed_under_neither() -> None:
    verdict = judged(f"MAL {GIRL} {BOY} CONVULSION", CodeState.FOUND, CodeState.FOUND)
    assert (verdict.subject, verdict.filed, verdict.outcome) == (None, False, Outcome.ALERT)
    assert verdict.unclear == (GIRL, BOY)


def test_of_two_numbers_the_one_that_is_a_code_counts_and_the_other_is_asked() -> None:
    verdict = judged(f"MAL {GIRL} 999 FIEVRE 2", CodeState.FOUND, CodeState.FAILED)
    assert (verdict.subject, verdict.outcome, verdict.unclear) == (GIRL, Outcome.ASK, ("999",))


def test_a_pregnant_woman_known_to_the_register_is_judged_as_one() -> None:
    woman = Person(sex="F", age=Age(9000, 9364), pregnant=True)
    assert judged("MAL 4177 SANG", CodeState.FOUND, person=woman).danger == ("bleeding",)
    assert judged("MAL 4177 FIEVRE 1", CodeState.FOUND, person=woman).danger == ("fever",)
    assert judged("MAL 4177 VUE", CodeState.FOUND, person=woman).danger == ("blurred_vision",)


def test_a_newborn_known_to_the_register_alerts_with_any_sickness() -> None:
    newborn = Person(sex="F", age=Age(20, 20))
    assert judged("MAL 4177 TOUX 1", CodeState.FOUND, person=newborn).danger == ("other_serious",)


def test_what_the_message_says_of_age_counts_only_where_the_register_knows_none() -> None:
    known = Person(age=Age(600, 600))
    assert judged("MAL 4177 F 1M RESP 60", CodeState.FOUND, person=known).danger == ()
    assert judged("MAL 4177 F 1M RESP 60", CodeState.FOUND, person=Person(sex="F")).danger == ("fast_breathing",)


@pytest.mark.parametrize(
    ("text", "tier"), [("MAL 4177 CONVULSION", 1), ("MAL 4177 SANG", 2), ("MAL 4177 TOUX 2", None)]
)
def test_tier_of_the_gravest_sign(text: str, tier: int | None) -> None:
    assert judged(text, CodeState.FOUND).tier == tier


def test_of_several_reports_the_most_urgent_stands_for_the_message() -> None:
    reading = read(f"MAL {GIRL} SANG; MAL {BOY} CONVULSION; VIS 123", Role.CHW, programme())
    facts = [Facts(Role.CHW)] * len(reading.parts)
    decision = judge(reading, facts, NOON, programme())
    assert [verdict.outcome for verdict in decision.verdicts] == [Outcome.ALERT, Outcome.ALERT, Outcome.ACCEPT]
    assert decision.leading.danger == ("convulsions",)
