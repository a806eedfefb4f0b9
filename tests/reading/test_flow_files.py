"""What is wrong in a flow file is said with file, line, and what to write; what would do harm is found by the lint."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from smsgateway.reading.answer import read_line
from smsgateway.reading.lint import check, lengths
from smsgateway.reading.models import Role
from smsgateway.reading.programme import load_programme
from smsgateway.reading.schema import FlowError, flow_schema
from tests.reading.cases import FLOWS, programme

Edit = Callable[[str, str, str], Path]


BLINDNESS = "- {id: blindness, tier: 2, urgency: {child: urgent}, label: {fr: AVEUGLE, en: BLIND}}\n"


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """A copy of the flow files with one passage replaced."""
    folder = tmp_path / "flows"
    folder.mkdir()
    for path in FLOWS.glob("*.yaml"):
        shutil.copy(path, folder)

    def replace(name: str, old: str, new: str) -> Path:
        path = folder / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name}.yaml has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return replace


def test_the_flow_files_of_the_project_are_without_fault() -> None:
    assert [str(finding) for finding in check(FLOWS)] == []


def test_every_flow_of_the_design_is_there() -> None:
    designed = """
        register_household register_patient visit sick_child urgent refer follow_up pregnancy antenatal birth postnatal
        vaccination death stock family moved supervision cancel language away help training
        received arrived absent outcome left refused no_transport duty
        summary one_chw late open_referrals coverage treated_24h stockouts more unknown
    """
    assert set(designed.split()) <= set(programme().flows)


@pytest.mark.parametrize(
    ("file", "old", "new", "advice"),
    [
        ("visit", "subject: households", "subjekt: households", "no such key"),
        ("visit", "subject: households", "subject: houses", "subject"),
        ("visit", "version: 1", "version: 0", "version"),
        ("visit", "name: visit", "name: visits", "the file is called visit"),
        ("visit", "words: [signs,", "words: [signes,", "no group of words.yaml"),
        ("visit", "roles: [chw]", "roles: [chw", "not readable as YAML"),
        ("visit", "fr: [VIS,", "fr: [MAL,", "already means sick_child"),
        ("rules", "when: fever_days >= 7", "when: fevr_days >= 7", "not a known name"),
        ("rules", "sign: fever_7d", "sign: fever_8d", "not in signs.yaml"),
        ("rules", "sign: fever_7d", "urgent: false", "a rule leads to a sign or to a question"),
        ("texts", "Quel code patient?", "Quel {code patient?", "write values as"),
        ("signs", "tier: 1", "tier: 3", "tier"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start_with_its_place(
    edit: Edit, file: str, old: str, new: str, advice: str
) -> None:
    before = (FLOWS / f"{file}.yaml").read_text(encoding="utf-8")
    line = before[: before.index(old)].count("\n") + 1
    folder = edit(file, old, new)
    with pytest.raises(FlowError, match=advice) as raised:
        load_programme(folder)
    assert raised.value.file.name in (f"{file}.yaml", "visit.yaml", "sick_child.yaml")
    assert abs(raised.value.line - line) <= 3 or file == "visit"
    assert [finding.severity for finding in check(folder)] == ["error"]


@pytest.mark.parametrize(
    ("file", "old", "new", "finding"),
    [
        ("texts", "PARTEZ MAINTENANT", "PARTEZ " + "TOUT DE SUITE " * 12, "takes 2 segments, its budget is 1"),
        ("texts", "Quel code patient?", "Quel code de l'enfant à traîter?", "write i for î"),
        ("sick_child", "MAL code signes:", "MAL " + "code signes " * 10, "takes 2 segments"),
        ("words", "fr: [TIRAGE]", "fr: [TIRAGE], fr: [VIRAGE]", "duplicate key"),
        (
            "words",
            "fr: [PUSTULE, BOUTONS]",
            "fr: [PUSTULE, TIRAGES]",
            "TIRAGES means chest_indrawing and skin_pustules",
        ),
        ("words", "fr: [NUQUE, RAIDEUR]", "fr: [NUQUE, PALEURS]", "differ in fewer than 3 letters"),
        ("words", "fr: [TIRAGE]", "fr: [TIRAGE, VLSION]", "look the same"),
        ("words", "small_words: [DONNEE,", "small_words: [GAVE,", "GAVE is one letter from GRAVE"),
        ("visit", "fr: [VIS, VISITE, VISITES]", "fr: [VIS, VISITE, GROSSES]", "GROSSES"),
        ("visit", "fr: [VIS, VISITE, VISITES]", "fr: [VIS, OCL]", "same keys"),
        ("visit", "menu: {fr: Visite, en: Visit}", "menu: {fr: Visite}", "unreachable"),
        ("visit", "roles: [chw]", "roles: []", "unreachable"),
        ("sick_child", "ask: what_is_wrong", "ask: what_is_rong", "write ask_what_is_rong"),
        ("signs", "- {id: eye_pus", BLINDNESS + "- {id: eye_pus", "no word and no rule leads to blindness"),
        ("signs", "eye_pus, tier: 2", "eye_pus, tier: null", "eye_pus is urgent and has no tier"),
    ],
)
def test_the_lint_finds_what_would_do_harm(edit: Edit, file: str, old: str, new: str, finding: str) -> None:
    found = [str(each) for each in check(edit(file, old, new))]
    assert any(finding in each for each in found), found


def test_the_table_says_what_each_text_costs_and_in_which_language_it_comes() -> None:
    table = lengths(programme())
    assert {row.language for row in table} == {"fr", "en", "bm"}
    assert {row.written_in for row in table if row.language == "bm"} == {"fr"}  # none confirmed by a native speaker yet
    assert all(row.segments <= row.budget for row in table)


def test_names_of_staff_and_villages_become_ordinary_words() -> None:
    known = load_programme(FLOWS, names=["Fatou Crisette"], villages=["Convulsoin-Ba"])
    assert known.lexicon.words["CRISETTE"].silent
    wider = programme().with_ordinary(["Tirrage Sidi"])
    assert "TIRRAGE" in wider.lexicon.words
    assert "TIRRAGE" not in programme().lexicon.words


def test_no_keyword_of_one_role_means_two_things() -> None:
    for role in Role:
        for text, flow in programme().keywords[role].items():
            assert role in programme().flows[flow].roles, text


def test_the_schema_for_editors_is_the_one_the_loader_uses() -> None:
    written = (FLOWS / "flow.schema.json").read_text(encoding="utf-8")
    assert written == flow_schema(), "write flow_schema() of smsgateway/reading/schema.py to flows/flow.schema.json"


def test_the_worked_example_of_the_readme_works(edit: Edit) -> None:
    """PUITS 123 SEC: what the README tells to write is written, and read."""
    passages = re.findall(r"```yaml\n(.*?)```", (FLOWS / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    words, flow, question = passages[:3]
    new_word = words.split("circumstances:\n")[1]
    folder = edit("words", "circumstances:\n", f"circumstances:\n{new_word}")
    (folder / "well.yaml").write_text(flow, encoding="utf-8")
    with (folder / "texts.yaml").open("a", encoding="utf-8") as texts:
        texts.write(question)
    assert [str(finding) for finding in check(folder)] == []
    known = load_programme(folder)
    answer = read_line({"text": "puits 123 sec", "as": "chw", "chw": "07"}, known)
    assert (answer["flow"], answer["subject"], answer["answers"]) == ("well", "123", {"well_dry": True})
    assert read_line({"text": "WELL 123", "as": "chw", "chw": "07"}, known)["reply"].endswith("Is the well DRY?")
