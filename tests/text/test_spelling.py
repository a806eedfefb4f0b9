"""The same report from ten phones: every spelling of it comes to one."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.text.spelling import normalise


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("mal 417-7 Fievre2j,TDR+ cta", "MAL 417-7 FIEVRE2J,TDR+ CTA"),
        ("Fièvre", "FIEVRE"),
        ("Fie\u0300vre", "FIEVRE"),
        ("FI?VRE", "FI?VRE"),  # the accent was lost on the way: readers know what to do with it
        ("FI\ufffdVRE", "FI?VRE"),
        ("œdème ŒDÈME cæcum", "OEDEME OEDEME CAECUM"),
        ("ɲɛgɛn dɔ ŋ", "NYEGEN DO NG"),
        ("sɛ\u0301nɛ\u0300", "SENE"),
        ("ƝAMA ƐƆŊ", "NYAMA EONG"),
        ("ɓaɗƴe", "BADYE"),
        ("l’enfant ‘a’ “b” «c»", 'L\'ENFANT \'A\' "B" "C"'),
        ("417–7 417‑7 −1", "417-7 417-7 -1"),
        ("PB\u00a0112\u202fmm\u2003\tok", "PB 112 MM  OK"),
        ("M\u200bA\ufeffL\u00ad\u200e \u202a4177\u202c", "MAL 4177"),
        ("MAL\x004177\x1b\x07", "MAL4177"),
        ("MAL\r\n4177\rRAS\u2028FIN\x85", "MAL\n4177\nRAS\nFIN\n"),
        ("ＭＡＬ ４１７７＋", "MAL 4177+"),
        ("٤١٧٧ ۴۱۷۷ ߄߁߇߇", "4177 4177 4177"),
        ("2×3 38,5° 10² ½", "2×3 38,5° 10² ½"),  # 10² must not become 102
        ("straße", "STRASSE"),
        ("\ud83d", "?"),
        ("😀\ufe0f", "😀"),
        ("", ""),
    ],
)
def test_spellings(typed: str, read: str) -> None:
    assert normalise(typed) == read


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_no_single_character_needs_a_second_pass() -> None:
    def unstable(char: str) -> bool:
        once = normalise(char)
        return normalise(once) != once

    assert [hex(code) for code in range(0x20000) if unstable(chr(code))] == []


@given(st.text())
def test_composed_and_decomposed_text_read_the_same(text: str) -> None:
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(unicodedata.normalize("NFC", text))


@given(st.text())
def test_what_is_left_is_composed_and_has_no_control_characters_but_line_breaks(text: str) -> None:
    read = normalise(text)
    assert unicodedata.is_normalized("NFC", read)
    assert not [char for char in read if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]


@given(st.text(st.characters(max_codepoint=127, categories=["L", "N", "P", "S", "Zs"], exclude_characters="`")))
def test_plain_ascii_only_changes_case(text: str) -> None:
    assert normalise(text) == text.upper()


def test_a_huge_text_takes_time_in_proportion() -> None:
    """256 KB, the largest body accepted, of the dearest letters; a quadratic step would take minutes."""
    began = time.process_time()
    normalise("ɛ\u0301\u0300œ\u200b" * 50_000)
    assert time.process_time() - began < 5
