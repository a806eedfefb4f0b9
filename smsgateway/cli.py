"""What can be done from a terminal? Every command of the contract; each tells what went wrong and what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from smsgateway.settings import Settings

if TYPE_CHECKING:
    from smsgateway.store.database import Store


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="smsgateway")
def main() -> None:
    """SMS and USSD service for community health workers. Settings come from SMSGATEWAY_… in the environment."""
    from smsgateway.logs import configure, wanted_level

    configure(wanted_level())


def settings_from_environment(**overrides: Any) -> Settings:
    """The settings, or a message naming the variable that is wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"SMSGATEWAY_{'_'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        raise click.ClickException("; ".join(lines)) from error


# ---------------------------------------------------------------- serving


@main.command()
@click.option("--host", help="Address to listen on; default from SMSGATEWAY_BIND.")
@click.option("--port", type=int, help="Port to listen on; default from SMSGATEWAY_BIND.")
@click.option("--no-clock", is_flag=True, help="Only the webhooks: sending and clock are left to `worker` processes.")
def serve(host: str | None, port: int | None, no_clock: bool) -> None:
    """Take webhooks, send messages, keep the clock: one service, all embedded."""
    from smsgateway.serve import serve_forever

    settings = settings_from_environment()
    bound_host, _, bound_port = settings.bind.rpartition(":")
    with _explained():
        serve_forever(settings, host or bound_host or "127.0.0.1", port or int(bound_port), clock=not no_clock)


@main.command()
def worker() -> None:
    """Send messages and keep the clock, beside `serve --no-clock` processes (PostgreSQL)."""
    from smsgateway.serve import work_forever

    with _explained():
        work_forever(settings_from_environment())


@main.command()
@click.option("--port", type=int, default=8000, show_default=True)
@click.option("--once", is_flag=True, help="Play the conversation and stop.")
def demo(port: int, once: bool) -> None:
    """Play a first conversation on simulated phones, then serve."""
    from smsgateway.demo import run_demo

    with _explained():
        run_demo(port=port, once=once)


# ---------------------------------------------------------------- database and people


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema to the newest revision; safe to run again."""
    from smsgateway.store.database import open_store
    from smsgateway.store.schema import upgrade

    with _explained():
        store = open_store(settings_from_environment().database_url)
        click.echo(f"schema is at revision {upgrade(store.engine)}")
        store.close()


@main.group()
def people() -> None:
    """Facilities, staff, households and patients."""


@people.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def people_import(folder: Path) -> None:
    """Import the programme files of FOLDER: everything, or nothing and a list of what is wrong."""
    from smsgateway.transfer import ImportRefused, RegisterBusy, import_people, rows_ahead

    settings = settings_from_environment()
    with _explained(), _current_store(settings) as store:
        try:
            with _bar("importing", rows_ahead(folder)) as advance:
                summary = import_people(store, folder, datetime.now(settings.zone).date(), advance)
        except ImportRefused as refused:
            for line in refused.lines:
                click.echo(line, err=True)
            raise click.ClickException("nothing was imported") from refused
        except RegisterBusy as busy:
            raise click.ClickException(str(busy)) from busy
        click.echo(str(summary))


@people.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def people_export(folder: Path) -> None:
    """Write the programme files to FOLDER, with a `code` column for households and patients."""
    from smsgateway.transfer import export_people

    with (
        _explained(),
        _current_store(settings_from_environment()) as store,
        _bar("exporting", None) as advance,
    ):
        export_people(store, folder, advance)


@contextmanager
def _current_store(settings: Settings) -> Iterator[Store]:
    """The database, once it is known to be at the code's schema."""
    from smsgateway.store.database import open_store
    from smsgateway.store.schema import require_current

    store = open_store(settings.database_url)
    try:
        require_current(store.engine)
        yield store
    finally:
        store.close()


@contextmanager
def _bar(label: str, length: int | None) -> Iterator[Any]:
    with click.progressbar(length=length or 0, label=label, file=sys.stderr) as bar:
        yield bar.update


# ---------------------------------------------------------------- flows, reading, scenarios


@main.group()
def flows() -> None:
    """What the programme says."""


@flows.command("check")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def flows_check(folder: Path | None) -> None:
    """Check the flow files: texts within their budget, words far enough apart, every danger sign alerting."""
    from smsgateway.doctor import check_flows, text_table

    chosen = folder or settings_from_environment().flows
    findings = check_flows(chosen)
    for row in text_table(chosen):
        click.echo(row)
    for finding in findings:
        click.echo(f"{finding.severity}: {finding}", err=True)
    if any(finding.severity == "error" for finding in findings):
        sys.exit(1)
    click.echo("flows are in order")


@main.command("evaluate")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--people", help="Check codes against the programme files of a folder, or of the demo programme.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
def evaluate_command(file: Any, people: str | None, markdown: bool) -> None:
    """How well are the messages of FILE understood? A JSON object a line: a message and what it means."""
    from smsgateway.evaluate import BadLine, evaluate, table
    from smsgateway.reading.programme import load_programme

    settings = settings_from_environment()
    with _explained():
        programme = load_programme(settings.flows)
    try:
        result = evaluate(file, programme, _register(people, settings))
    except BadLine as error:
        raise click.ClickException(f"{file.name}: {error}") from error
    for line in table(result, markdown=markdown):
        click.echo(line)
    for how, text in result.failures[:20]:
        click.echo(f"{how}: {text!r}", err=True)
    if result.failures:
        sys.exit(1)


@main.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "start", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day.")
@click.option("--to", "end", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last day.")
@click.option("--site", help="Code of one site; all when not given.")
@click.option("--format", "formats", multiple=True, default=("csv",), show_default=True, help="csv, parquet.")
@click.option("--with-phones", is_flag=True, help="Also phone numbers and the words of messages.")
def export_command(
    folder: Path, start: datetime, end: datetime, site: str | None, formats: tuple[str, ...], with_phones: bool
) -> None:
    """Write reports, referrals, messages and indicators of a period to FOLDER."""
    from smsgateway.care.customs import customs_of
    from smsgateway.export import ExportRefused, export_data, rows_ahead
    from smsgateway.reading.programme import load_programme
    from smsgateway.store.database import open_store

    settings = settings_from_environment()
    with _explained():
        store = open_store(settings.database_url)
        customs = customs_of(load_programme(settings.flows))
        try:
            with _bar("exporting", rows_ahead(store, start.date(), end.date(), site)) as advance:
                written = export_data(
                    store, folder, start.date(), end.date(), site, formats, with_phones, advance, customs
                )
        except ExportRefused as refused:
            raise click.ClickException(str(refused)) from refused
        finally:
            store.close()
    for name, rows in written.items():
        click.echo(f"{name}: {rows} rows")


@main.command("cards")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("docs/cards"))
def cards(folder: Path) -> None:
    """Write the printable cards for CHWs, nurses and supervisors, in French and English, to FOLDER."""
    from smsgateway.cards import write_cards

    with _explained():
        for path in write_cards(settings_from_environment().flows, folder):
            click.echo(path)


@main.command("read")
@click.argument("text", required=False)
@click.option("--as", "role", default="chw", show_default=True, help="Role of the sender.")
@click.option("--stdin", "from_stdin", is_flag=True, help="One JSON object a line in, one out.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON object.")
@click.option("--people", help="Check codes against the programme files of a folder, or of the demo programme.")
@click.option("--chw", help="Catchment of the sender, such as 07.")
@click.option("--age-months", type=float, help="Age of the person, in place of the register.")
def read_command(
    text: str | None,
    role: str,
    from_stdin: bool,
    as_json: bool,
    people: str | None,
    chw: str | None,
    age_months: float | None,
) -> None:
    """How would TEXT be understood? Needs no database."""
    from smsgateway.reading.answer import read_line
    from smsgateway.reading.programme import load_programme

    settings = settings_from_environment()
    with _explained():
        programme = load_programme(settings.flows)
    register = _register(people, settings)
    if from_stdin:
        for line in sys.stdin.buffer:
            sys.stdout.write(_answer_line(line, programme, register) + "\n")
        return
    if text is None:
        raise click.UsageError("give a TEXT, or --stdin")
    given = {"text": text, "as": role, "chw": chw, "age_months": age_months}
    answer = read_line({key: value for key, value in given.items() if value is not None}, programme, register)
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else _for_people(answer))


def _answer_line(line: bytes, programme: Any, register: Any) -> str:
    """One line in, one line out, whatever the line is."""
    from smsgateway.reading.answer import read_line

    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return json.dumps({"error": 'each line must be a JSON object such as {"text": "URG", "as": "chw"}'})
    return json.dumps(read_line(given, programme, register), ensure_ascii=False)


def _for_people(answer: dict[str, Any]) -> str:
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in answer.items() if key != "reply"]
    return "\n".join([*lines, "", str(answer.get("reply", ""))])


def _register(people: str | None, settings: Settings) -> Any:
    if people is None:
        return None
    from smsgateway.transfer import ImportRefused, ProgrammeFiles

    folder = settings.flows / "demo" if people == "demo" else Path(people)
    try:
        return ProgrammeFiles.load(folder, datetime.now(UTC).date())
    except (OSError, ImportRefused) as error:
        raise click.ClickException(f"--people {people}: {error}") from error


@main.group()
def scenario() -> None:
    """Stories the service must live up to."""


@scenario.command("run")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print every message as one JSON line.")
def scenario_run(files: tuple[Path, ...], as_json: bool) -> None:
    """Play scenario FILES on a virtual clock and an in-memory database."""
    from smsgateway.scenario import Unmet
    from smsgateway.simulation import run_scenario

    settings = settings_from_environment()
    for path in files:
        try:
            run_scenario(path, settings, lambda line: _emit(line) if as_json else None)
        except Unmet as unmet:
            click.echo(f"{path}: {unmet}", err=True)
            sys.exit(1)
        if not as_json:
            click.echo(f"{path}: ok")


def _emit(line: dict[str, Any]) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))


# ---------------------------------------------------------------- looking


@main.command()
def doctor() -> None:
    """Check settings, flows, database and provider credentials."""
    from smsgateway.doctor import examine

    healthy = True
    for finding in examine(settings_from_environment()):
        healthy = healthy and finding.fine
        click.echo(f"{'ok  ' if finding.fine else 'FAIL'} {finding.what}: {finding.said}")
    if not healthy:
        sys.exit(1)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what a user can mend into one line."""
    from sqlalchemy.exc import OperationalError

    from smsgateway.app import UnknownChannel
    from smsgateway.demo import DemoFailed
    from smsgateway.reading.schema import FlowError
    from smsgateway.serve import MisSet
    from smsgateway.store.schema import AlreadyServed, NotUpgraded
    from smsgateway.store.write import StoreUnavailable

    try:
        yield
    except (AlreadyServed, NotUpgraded, UnknownChannel, FlowError, MisSet, DemoFailed) as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, StoreUnavailable) as error:
        raise click.ClickException(f"the database cannot be reached: {error.__cause__ or error}") from error
