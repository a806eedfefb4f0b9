"""Each iCCM indicator counts whom it should, told as children a CHW might meet, on both sides of every threshold."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from smsgateway.care.figures.iccm import INDICATORS, Case, counted

DAY = date(2026, 11, 23)


def child(months: float | None = 14, danger: tuple[str, ...] = (), referred: bool = False, **answers: Any) -> Case:
    """A case of one report."""
    case = Case()
    born = None if months is None else date.fromordinal(DAY.toordinal() - int(months * 30.4375) - 1)
    case.add(SimpleNamespace(answers=answers, danger=list(danger), born_to=born), referred, DAY)
    return case


@pytest.mark.parametrize(
    ("code", "case", "counts"),
    [
        ("CH052b", child(), (0, 1)),
        ("CH052b", child(danger=("convulsions",)), (1, 1)),
        ("CH052a", child(), (0, 0)),
        ("CH052a", child(danger=("convulsions",)), (0, 1)),
        ("CH052a", child(danger=("convulsions",), referred=True), (1, 1)),
        ("CH052a", child(danger=("convulsions",), outcome="referred"), (1, 1)),
        ("CH063", child(muac_mm=115), (0, 1)),
        ("CH063", child(muac_mm=114), (1, 1)),
        ("CH063", child(muac_colour="red"), (1, 1)),
        ("CH063", child(muac_colour="yellow"), (0, 1)),
        ("CH063", child(danger=("oedema_feet",)), (1, 1)),
        ("CH063", child(months=5, muac_mm=100), (0, 0)),
        ("CH063", child(months=59.9, muac_mm=114), (1, 1)),
        ("CH063", child(months=60.5, muac_mm=114), (0, 0)),
        ("CH063", child(months=None, muac_mm=100), (0, 0)),  # nobody knows how old
        ("CH063", child(months=None, muac_mm=100, age_days=[400, 430]), (1, 1)),  # a visitor says so herself
        ("CH070", child(diarrhoea_days=None, treatments=["ors"]), (1, 1)),  # present, since when is not told
        ("CH070", child(diarrhoea_days=2, treatments=["act"]), (0, 1)),
        ("CH070", child(treatments=["zinc"]), (0, 0)),
        ("CH071", child(cough_days=3), (0, 1)),
        ("CH071", child(breaths_per_min=52, signs=["fast_breathing"]), (1, 1)),
        ("CH071", child(danger=("chest_indrawing",)), (1, 1)),
        ("CH071", child(fever_days=1), (0, 0)),
        ("CH072", child(signs=["fast_breathing"], treatments=["amoxicillin"]), (1, 1)),
        ("CH072", child(signs=["fast_breathing"], treatments=["act"]), (0, 1)),
        ("CH119", child(fever_days=1, rdt="negative"), (1, 1)),
        ("CH119", child(fever_days=None, rdt="invalid"), (0, 1)),
        ("CH119", child(temperature_c=37.5), (0, 1)),
        ("CH119", child(temperature_c=37.4, rdt="positive"), (0, 0)),
        ("CH121", child(rdt="positive"), (1, 1)),
        ("CH121", child(rdt="negative"), (0, 1)),
        ("CH121", child(rdt="invalid"), (0, 0)),
        ("CH122", child(rdt="positive", treatments=["act", "paracetamol"]), (1, 1)),
        ("CH122", child(rdt="positive", treatments=["rectal_artesunate"]), (0, 1)),
        ("CH123", child(rdt="positive", danger=("convulsions",), referred=True), (1, 1)),
        ("CH123", child(rdt="positive", referred=True), (0, 0)),
        ("CH124", child(treatments=["rectal_artesunate"]), (0, 1)),
        ("CH124", child(treatments=["rectal_artesunate"], referred=True), (1, 1)),
    ],
)
def test_a_child_counts_where_it_should(code: str, case: Case, counts: tuple[int, int]) -> None:
    assert counted([case])[code] == counts


def test_what_two_reports_of_a_day_say_belongs_together() -> None:
    case = child(fever_days=1)
    case.add(SimpleNamespace(answers={"rdt": "positive", "treatments": ["act"]}, danger=[], born_to=None), False, DAY)
    found = counted([case])
    assert (found["CH119"], found["CH122"]) == ((1, 1), (1, 1))


def test_no_numerator_exceeds_its_denominator() -> None:
    everything = child(danger=("convulsions",), referred=True, rdt="positive", treatments=["act"], fever_days=1)
    assert all(numerator <= denominator for numerator, denominator in counted([everything] * 3).values())
    assert set(counted([])) == set(INDICATORS)
