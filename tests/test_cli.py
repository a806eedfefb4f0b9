"""What can be done from a terminal, and what a mistake is answered with: one line that says what to do."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from smsgateway.cli import main
from smsgateway.logs import configure
from smsgateway.settings import shipped


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the machine that runs the tests, and a database of the test's own."""
    for name in [name for name in os.environ if name.startswith("SMSGATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SMSGATEWAY_DATABASE_URL", f"sqlite:///{tmp_path / 'cli.db'}")
    yield
    configure("INFO")  # the command line has pointed the log at a stream that is closed now


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def told(*arguments: str, stdin: str | bytes | None = None) -> str:
    """What a command that must succeed prints."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    """The one line with which a command that must fail does so: no traceback."""
    result = run(*arguments)
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result.stderr


# ---------------------------------------------------------------- read


def test_read_answers_in_the_shape_of_the_contract() -> None:
    answer = json.loads(told("read", "MAL 4177 CONVULSION", "--json", "--chw", "07", "--age-months", "14"))
    assert answer["flow"] == "sick_child"
    assert answer["subject"] == "4177"
    assert answer["danger"] == ["convulsions"]
    assert answer["outcome"] == "alert"
    assert {"answers", "corrected", "unclear", "reply"} <= set(answer)


def test_read_for_people_shows_the_reply() -> None:
    assert "PARTEZ MAINTENANT" in told("read", "MAL 4177 CONVULSION")


def test_read_checks_codes_against_the_demo_programme() -> None:
    known = json.loads(told("read", "MAL 4177 FIEVRE 2", "--json", "--people", "demo", "--chw", "07"))
    slip = json.loads(told("read", "MAL 4187 FIEVRE 2", "--json", "--people", "demo", "--chw", "07"))
    assert (known["subject"], known["outcome"]) == ("4177", "accept")
    assert (slip["subject"], slip["outcome"]) == (None, "ask")
    assert "4187" in slip["unclear"]


def test_read_stdin_answers_every_line_whatever_it_is() -> None:
    lines = [
        b'{"text": "MAL 4177 CONVULSION", "as": "chw", "chw": "07", "age_months": 14}',
        b'{"text": "RECU K7", "as": "nurse"}',
        b"not json",
        b"[]",
        b"",
        b"\xff\xfe",
        b'{"text": 5}',
        b'{"text": "URG", "as": "pilot"}',
        b'{"text": "URG", "as": "unknown"}',
        b"[" * 2000,
    ]
    answers = [json.loads(line) for line in told("read", "--stdin", stdin=b"\n".join(lines) + b"\n").splitlines()]
    assert len(answers) == len(lines)
    assert [answer.get("outcome") for answer in answers[:2]] == ["alert", "accept"]
    assert answers[8]["outcome"] == "alert"
    assert all("error" in answers[i] for i in (2, 3, 4, 5, 9))


def test_read_without_a_text_says_what_it_wants() -> None:
    assert "--stdin" in refused("read")


# ---------------------------------------------------------------- scenarios

STORY = """
people: demo
start: 2026-11-23T08:00:00+00:00
steps:
  - {at: +0m, from: "+22376000001", sms: "MAL {07/417} CONVULSION"}
  - {expect: {to: "+22376000101", contains: ["URGENT", "417-7"], within: 1m, class: urgent}}
"""


def test_a_story_that_holds(tmp_path: Path) -> None:
    file = tmp_path / "story.yaml"
    file.write_text(STORY)
    assert "ok" in told("scenario", "run", str(file))


def test_a_story_as_json_prints_every_message_with_its_virtual_time_class_and_segments(tmp_path: Path) -> None:
    file = tmp_path / "story.yaml"
    file.write_text(STORY)
    lines = [json.loads(line) for line in told("scenario", "run", "--json", str(file)).splitlines()]
    assert [line["direction"] for line in lines] == ["in", "out", "out"]
    assert [line.get("class") for line in lines] == [None, "urgent", "reply"]
    assert {line["at"] for line in lines} == {"2026-11-23T08:00:00+00:00"}
    assert lines[1]["segments"] == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{expect: {to: "+22376000201", contains: URGENT, within: 1m}}', "step 3"),
        ('{expect: {to: "+22376000101", contains: [NOTHING]}}', "step 3"),
        ('{expect: {none_to: "+22376000001"}}', "step 3"),
        ("{expect: {report: {flow: visit}}}", "step 3"),
        ("{expect: {referral: {state: received}}}", "step 3"),
        ('{at: +0m, receipt: {to: "+22376000009", status: Success}}', "step 3"),
        ("{at: -1m}", "steps.2.at"),
        ("{at: 3, from: 4}", "steps.2"),
        ('{at: +1m, sms: "URG"}', "from"),
        ("{expect: {}}", "expect"),
        ("{at: +1m, surprise: 1}", "surprise"),
    ],
)
def test_the_first_thing_that_does_not_hold_is_named_and_the_exit_is_1(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "story.yaml"
    file.write_text(f"{STORY}  - {line}\n")
    assert says in refused("scenario", "run", str(file))


def test_a_file_that_is_no_story(tmp_path: Path) -> None:
    file = tmp_path / "story.yaml"
    for content in ("- just a list", "{", "start: soon\nsteps: []", "start: 2026-11-23T08:00:00\nsteps: []"):
        file.write_text(content)
        assert "story.yaml" in refused("scenario", "run", str(file))
    assert "missing.yaml" in refused("scenario", "run", str(tmp_path / "missing.yaml"))


# ---------------------------------------------------------------- database and people


def test_a_database_from_nothing_to_people_and_out_again(tmp_path: Path) -> None:
    assert "revision" in told("db", "upgrade")
    assert "revision" in told("db", "upgrade")  # again is safe
    told("people", "import", str(shipped("flows") / "demo"))
    told("people", "export", str(tmp_path / "out"))
    exported = (tmp_path / "out" / "patients.csv").read_text().splitlines()
    assert exported[0].endswith(",code")
    assert any(line.startswith("07,417,12,F,20") and line.endswith("4177") for line in exported)


def test_importing_into_an_empty_file_says_to_upgrade() -> None:
    assert "upgrade" in refused("people", "import", str(shipped("flows") / "demo"))


def test_bad_rows_are_named_by_line_and_nothing_is_imported(tmp_path: Path) -> None:
    told("db", "upgrade")
    for file in (shipped("flows") / "demo").glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "patients.csv").open("a") as patients:
        patients.write("07,418,999,F,2025-09-10,\n")
    said = refused("people", "import", str(tmp_path))
    assert "patients.csv" in said
    assert "nothing was imported" in said


def test_files_that_somebody_keeps_saving_are_refused_in_one_line(tmp_path: Path) -> None:
    told("db", "upgrade")
    for file in (shipped("flows") / "demo").glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    patients, over = (tmp_path / "patients.csv").read_bytes(), threading.Event()

    def keep_saving() -> None:
        while not over.is_set():
            (tmp_path / "saved.tmp").write_bytes(patients)
            (tmp_path / "saved.tmp").replace(tmp_path / "patients.csv")

    somebody = threading.Thread(target=keep_saving)
    somebody.start()
    try:
        assert "nothing was imported, try again" in refused("people", "import", str(tmp_path))
    finally:
        over.set()
        somebody.join()


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("name", "value", "command"),
    [
        ("SMSGATEWAY_RATE", "fast", ("doctor",)),
        ("SMSGATEWAY_TIMEZONE", "Mars/Olympus", ("doctor",)),
        ("SMSGATEWAY_DATABASE_URL", "mysql://x", ("db", "upgrade")),
        ("SMSGATEWAY_WEBHOOK_SECRET", "", ("serve", "--port", "1")),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv(name, value)
    assert name in refused(*command)


def test_a_channel_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSGATEWAY_CHANNEL", "pigeon")
    assert "pigeon" in run("doctor").output


def test_a_flow_folder_with_a_mistake_is_named_by_file_and_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    shutil.copytree(shipped("flows"), folder)
    with (folder / "visit.yaml").open("a") as file:
        file.write("surprise: 1\n")
    monkeypatch.setenv("SMSGATEWAY_FLOWS_DIR", str(folder))
    assert "visit.yaml:" in refused("read", "VIS 123")


def test_the_shipped_flows_are_in_order() -> None:
    assert "in order" in told("flows", "check")


def test_doctor_says_what_is_missing_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "db upgrade" in result.output
    assert "SMSGATEWAY_WEBHOOK_SECRET" in result.output
