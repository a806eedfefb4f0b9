"""Whatever is typed is answered: in bounded time, without an error, and no danger is lost in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reading.cases import GIRL, heard, programme

WORDS = st.sampled_from(
    [*programme().lexicon.words, *programme().lexicon.keywords, *"+-?;,./:°'\n", "K7", "14M", "22/11", "3,1KG"]
)
ROLES = st.sampled_from(["chw", "nurse", "supervisor", "lead", "admin", "unknown"])
MESSY = st.lists(st.one_of(WORDS, st.integers(0, 10**20).map(str), st.text(max_size=6)), max_size=14).map(" ".join)
OUTCOMES = {"accept", "ask", "alert", "reject"}


@given(text=st.one_of(st.text(), MESSY), role=ROLES, chw=st.sampled_from([None, "07"]))
@settings(max_examples=300)
def test_reading_never_raises(text: str, role: str, chw: str | None) -> None:
    answer = heard(text, role=role, chw=chw)
    assert answer["outcome"] in OUTCOMES
    assert set(answer["danger"]) <= set(programme().signs)


@given(text=MESSY, role=ROLES)
@settings(max_examples=150)
def test_case_and_invisible_characters_change_nothing(text: str, role: str) -> None:
    plain = heard(text.upper(), role=role)
    for other in (
        text.upper() + "\u200b",
        "\ufeff" + text.upper(),
        text.upper().replace(" ", "  "),
        text.upper().replace(" ", "\u00a0"),
    ):
        noisy = heard(other, role=role)
        assert {**noisy, "reply": "", "unclear": [], "corrected": []} == {
            **plain,
            "reply": "",
            "unclear": [],
            "corrected": [],
        }


@given(
    junk=st.lists(
        st.one_of(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=8), st.integers(0, 9999).map(str))
    ),
    sign=st.sampled_from(["CONVULSION", "TIRAGE", "NE BOIT PAS", "SANG", "convulsoin", "INCONSCIENT", "BLOOD"]),
    first=st.booleans(),
)
@settings(max_examples=200)
def test_danger_is_not_lost_in_junk(junk: list[str], sign: str, first: bool) -> None:
    words = " ".join(junk)
    text = f"MAL {GIRL} {sign} {words}" if first else f"MAL {GIRL} {words} , {sign}"
    answer = heard(text, age_months=20)
    told = answer["outcome"] == "alert" or (answer["outcome"] == "ask" and answer["unclear"])
    assert told, text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "xqz " * 10_000 + "CONVULSION",
        "x " * 60_000 + "CONVULSION",
        "9" * 100_000,
        "MAL " + "9 " * 50_000,
        "O0" * 100_000,
        "F?" * 50_000,
        ",;\n" * 50_000,
        "BOIT NE NE NE " * 20_000,
        "MAL 4177 " * 30_000,
        " ".join(f"FIEVR{chr(65 + i % 26)}{chr(65 + i // 26)}" for i in range(600)),
        "مرحبا " * 30_000,
        "\0" * 100_000,
    ],
    ids=lambda text: f"{text[:8]!r} x {len(text)}",
)
@pytest.mark.parametrize("role", ["chw", "nurse"])
def test_huge_texts_take_bounded_time(text: str, role: str) -> None:
    before = time.process_time()
    answer = heard(text, role=role)
    assert time.process_time() - before < 3
    assert answer["outcome"] in OUTCOMES
    assert len(answer["unclear"]) <= 20
    assert len(answer["reply"]) < 320
    if "CONVULSION" in text:
        assert answer["danger"] == ["convulsions"]


@pytest.mark.parametrize(
    "text", ["=cmd|'/C calc'!A0", "{{7*7}}", "%s%s%n", "${jndi:ldap://x}", "<script>", "MAL 4177 {who} FIEVRE 2"]
)
def test_text_that_means_something_to_a_machine_is_only_text(text: str) -> None:
    assert heard(text)["outcome"] in OUTCOMES
    assert "49" not in heard(text)["reply"]
