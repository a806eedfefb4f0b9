"""The evaluation counts what it says it counts: each way of taking a message, and a table of them."""

from __future__ import annotations

import json

import pytest

from smsgateway.evaluate import NEVER, BadLine, Taken, evaluate, judged, table
from smsgateway.reading.programme import Programme

MEANT = {"subject": "4177", "flow": "sick_child", "danger": ["convulsions"], "outcome": "alert", "answers": {}}
ANSWER = {**MEANT, "corrected": [], "unclear": []}


@pytest.mark.parametrize(
    ("meant", "answer", "how"),
    [
        ({}, {}, Taken.EXACTLY),
        ({}, {"subject": "4182"}, Taken.WRONG_PATIENT),
        ({}, {"subject": None}, Taken.UNCLEAR),
        ({}, {"danger": [], "outcome": "accept"}, Taken.MISSED),
        ({}, {"danger": [], "outcome": "ask", "unclear": ["CONVX"]}, Taken.ASKED),
        ({}, {"danger": ["jaundice"]}, Taken.WRONG_SIGN),
        ({}, {"danger": ["jaundice"], "corrected": [{"from": "JAUN", "to": "JAUNISSE"}]}, Taken.UNCLEAR),
        ({"danger": [], "outcome": "accept"}, {}, Taken.FALSE_ALARM),
        ({"answers": {"muac_mm": 112}}, {"answers": {"muac_mm": 113}}, Taken.UNCLEAR),
        ({"answers": {"treatments": ["ors", "act"]}}, {"answers": {"treatments": ["act", "ors"]}}, Taken.EXACTLY),
    ],
)
def test_how_a_message_was_taken(meant: dict[str, object], answer: dict[str, object], how: Taken) -> None:
    assert judged({**MEANT, **meant}, {**ANSWER, **answer}) is how


def test_a_file_of_messages_becomes_a_table(programme: Programme) -> None:
    lines = [
        json.dumps({**MEANT, "text": "MAL 4177 CONVULSION", "as": "chw", "chw": "07", "age_months": 14}),
        json.dumps(
            {**MEANT, "text": "mal 4177 convulsoin", "as": "chw", "chw": "07", "age_months": 14, "noise": "typo"}
        ),
        "",
    ]
    result = evaluate(lines, programme)
    assert result.total.messages == 2
    assert result.total.taken[Taken.EXACTLY] == 2
    assert not result.failures
    text = list(table(result))
    assert text[1].startswith("none")
    assert text[-1].startswith("all")
    assert len(list(table(result, markdown=True))) == 5


def test_what_must_not_happen_is_named(programme: Programme) -> None:
    line = json.dumps({**MEANT, "text": "MAL 4177 FIEVRE 1", "as": "chw", "chw": "07", "age_months": 30})
    result = evaluate([line], programme)
    assert result.failures == [(Taken.MISSED, "MAL 4177 FIEVRE 1")]
    assert Taken.MISSED in NEVER


@pytest.mark.parametrize("line", ["{", "[]", '{"text": 1, "outcome": "ask"}', '{"text": "URG"}'])
def test_a_line_that_says_nothing_is_named(programme: Programme, line: str) -> None:
    with pytest.raises(BadLine, match="line 2"):
        evaluate(["", line], programme)
