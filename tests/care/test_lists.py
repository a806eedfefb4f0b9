"""A list of things to do in one SMS: all of it when it fits, never more than two segments, nothing dropped unsaid."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from smsgateway.care.lists import Entry, Rounds, fitted
from smsgateway.text.gsm7 import segments

HEAD = "A faire 24/11:"
LEGEND = "(! = en retard)"


def follow_ups(count: int, *, late: bool = False) -> list[Entry]:
    return [Entry("SUIVI", f"{100 + n}-{n % 10}", late) for n in range(count)]


def test_groups_teach_the_keyword_of_the_report() -> None:
    entries = [Entry("SUIVI", "417-7", late=True), Entry("SUIVI", "20-4"), Entry("CPN", "19-5"), Entry("STOCK", "")]
    assert fitted(HEAD, entries, legend=LEGEND) == f"{HEAD} SUIVI 417-7! 20-4. CPN 19-5. STOCK. {LEGEND}"


def test_what_needs_no_code_can_be_late_too() -> None:
    assert fitted(HEAD, [Entry("STOCK", "", late=True)]) == f"{HEAD} STOCK!."


def test_one_segment_when_all_of_it_fits() -> None:
    assert segments(fitted(HEAD, follow_ups(20))) == 1


def test_two_when_not_and_the_rest_is_counted() -> None:
    text = fitted(HEAD, follow_ups(100))
    assert segments(text) == 2
    named, more = len(re.findall(r"\d+-\d", text)), re.search(r"\+(\d+)\.", text)
    assert more is not None
    assert named + int(more[1]) == 100


def test_households_fill_the_room_that_is_left_and_no_more() -> None:
    behind = Rounds("MENAGES", tuple(f"{n}-1" for n in range(10, 60)))
    text = fitted(HEAD, follow_ups(5), behind)
    assert segments(text) == 1
    assert "MENAGES 10-1 11-1" in text
    assert text.endswith("+30.") or re.search(r"\+\d+\.$", text)


def test_households_alone() -> None:
    assert fitted(HEAD, [], Rounds("MENAGES", ("12-3", "15-1"))) == f"{HEAD} MENAGES 12-3 15-1."


def test_without_room_for_a_code_their_number_is_said() -> None:
    for filler in range(100, 159 - len(HEAD)):
        text = fitted(HEAD, [Entry("x" * filler, "")], Rounds("MENAGES", tuple(f"{n}-1" for n in range(10, 60))))
        assert segments(text) == 1


labels = st.sampled_from(["SUIVI", "SUIVI PB", "CPON", "VAC", "TERME DEPASSE REF", "STOCK"])
codes = st.from_regex(r"\A[0-9]{2,5}-[0-9]\Z") | st.just("")


@given(
    entries=st.lists(st.builds(Entry, labels, codes, st.booleans()), max_size=120),
    households=st.lists(codes.filter(bool), max_size=150),
    legend=st.sampled_from(["", LEGEND]),
)
def test_never_more_than_two_segments(entries: list[Entry], households: list[str], legend: str) -> None:
    text = fitted(HEAD, entries, Rounds("MENAGES", tuple(households)), legend=legend)
    assert 1 <= segments(text) <= 2
    if entries:
        assert entries[0].label in text  # the most urgent is always there
