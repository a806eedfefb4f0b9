"""Conditions of the flow files are three-valued, typed, and nothing but conditions."""

from __future__ import annotations

from typing import Any

import pytest

from smsgateway.reading.conditions import ConditionError, Name, Type, compile_condition

NAMES = {
    "fever_days": Name(Type.NUMBER),
    "muac_mm": Name(Type.NUMBER),
    "months": Name(Type.NUMBER, is_fact=True),
    "group": Name(Type.WORD, frozenset({"child", "newborn"}), is_fact=True),
    "rdt": Name(Type.WORD, frozenset({"positive", "negative"})),
    "treatments": Name(Type.LIST, frozenset({"act", "ors"})),
    "absent": Name(Type.FLAG),
}


@pytest.mark.parametrize(
    ("source", "values", "truth"),
    [
        ("fever_days >= 7", {"fever_days": 7}, True),
        ("fever_days >= 7", {"fever_days": 6}, False),
        ("fever_days >= 7", {"fever_days": None}, None),  # said, and nobody knows since when
        ("fever_days >= 7", {}, False),  # not said at all
        ("7 <= fever_days", {"fever_days": 7}, True),
        ("6 <= months < 60", {"months": 59}, True),
        ("6 <= months < 60", {"months": 60}, False),
        ("months < 2", {"months": None}, None),
        ("fever_days >= 7 and months < 2", {"fever_days": 3, "months": None}, False),  # false, whatever the age
        ("fever_days >= 7 and months < 2", {"fever_days": 8, "months": None}, None),
        ("fever_days >= 7 or months < 2", {"fever_days": 8, "months": None}, True),  # true, whatever the age
        ("fever_days >= 7 or months < 2", {"fever_days": 3, "months": None}, None),
        ("known(months) and months < 2", {"months": None}, False),
        ("not known(months)", {"months": None}, True),
        ("said(fever_days)", {"fever_days": None}, True),
        ("not said(fever_days)", {}, True),
        ("group != 'newborn'", {"group": "child"}, True),
        ("group == 'newborn'", {"group": "child"}, False),
        ("'act' in treatments", {"treatments": ["ors", "act"]}, True),
        ("'act' in treatments", {}, False),
        ("rdt in ('positive', 'negative')", {"rdt": "negative"}, True),
        ("absent", {"absent": True}, True),
        ("not absent", {}, True),
        ("absent or fever_days > 3", {"fever_days": None}, None),
    ],
)
def test_true_false_or_unknown(source: str, values: dict[str, Any], truth: bool | None) -> None:
    assert compile_condition(source, NAMES)(values) is truth


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("fevre_days > 3", "not a known name"),
        ("fever_days > 'three'", "only numbers"),
        ("fever_days == 'three'", "compared with"),
        ("group > 3", "only numbers"),
        ("group == 'baby'", "never 'baby'"),
        ("'aspirin' in treatments", "never 'aspirin'"),
        ("fever_days", "is no yes or no"),
        ("not fever_days > 3", "never said"),  # would be true of a report that does not speak of fever
        ("fever_days > muac_mm", "compare a name with"),
        ("__import__('os').system('true')", "not allowed"),
        ("fever_days.__class__", "not allowed"),
        ("[d for d in treatments]", "not allowed"),
        ("(lambda: 1)()", "not allowed"),
        ("fever_days > 3 > ", "cannot be read"),
        ("fever_days + 1 > 3", "compare a name with"),
        ("known(fever_days, months)", "not allowed"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_condition_says_what_to_write(source: str, advice: str) -> None:
    with pytest.raises(ConditionError, match=advice.replace("(", r"\(")):
        compile_condition(source, NAMES)


def test_a_condition_knows_which_answers_it_waits_for() -> None:
    assert compile_condition("fever_days >= 7 and months < 2", NAMES).fields == {"fever_days"}
    assert compile_condition("fever_days >= 7 and months < 2", NAMES).needs_saying
    assert not compile_condition("months < 2", NAMES).needs_saying
    assert not compile_condition("not said(fever_days)", NAMES).needs_saying
