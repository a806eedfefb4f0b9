"""Is everything in place to go live? Looks, changes nothing, and says what to do about what it finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from smsgateway.app import UnknownChannel, open_channels
from smsgateway.care.customs import customs_of
from smsgateway.care.rungs import ladders_of
from smsgateway.care.schedules import schedules_of
from smsgateway.reading.lint import Finding, check, lengths
from smsgateway.reading.menus import load_menus
from smsgateway.reading.programme import load_programme
from smsgateway.reading.schema import FlowError
from smsgateway.settings import Settings
from smsgateway.store.database import open_store
from smsgateway.store.schema import current, head

SECRET_AT_LEAST = 16  # characters: the webhook's address is its only lock


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing looked at."""

    what: str
    fine: bool
    said: str


def examine(settings: Settings) -> Iterator[Examined]:
    """Everything that can be looked at without sending a message."""
    yield _secret(settings)
    yield _flows(settings)
    yield _database(settings)
    yield from _channels(settings)


def _secret(settings: Settings) -> Examined:
    length = len(settings.webhook_secret.get_secret_value())
    if length < SECRET_AT_LEAST:
        said = "set SMSGATEWAY_WEBHOOK_SECRET to at least 16 random characters; without it every webhook is refused"
        return Examined("webhook secret", False, said)
    return Examined("webhook secret", True, "set")


def _flows(settings: Settings) -> Examined:
    errors = [finding for finding in check_flows(settings.flows) if finding.severity == "error"]
    return Examined("flows", not errors, str(errors[0]) if errors else f"{settings.flows} in order")


def _database(settings: Settings) -> Examined:
    try:
        store = open_store(settings.database_url)
        with store.read() as connection:
            found = current(connection)
        store.close()
    except (SQLAlchemyError, OSError) as error:
        return Examined("database", False, f"cannot be reached ({type(error).__name__}): check SMSGATEWAY_DATABASE_URL")
    if found != head():
        return Examined("database", False, f"schema is at {found or 'nothing'}: run smsgateway db upgrade")
    return Examined("database", True, f"schema is at {found}")


def _channels(settings: Settings) -> Iterator[Examined]:
    try:
        channels = open_channels(settings)
    except (UnknownChannel, ValueError) as error:
        yield Examined("channel", False, str(error))
        return
    if settings.channel_in_use == "simulator":
        yield Examined("channel", False, "the simulator sends nothing: set SMSGATEWAY_CHANNEL=africastalking")
    for channel in channels:
        trouble = channel.probe()
        said = "account answers" if trouble is None else f"{trouble.fate.value}: {trouble.reason}"
        yield Examined(f"channel {channel.name}", trouble is None, said)
        channel.close()


# ---------------------------------------------------------------- the flow files


def check_flows(folder: Path) -> list[Finding]:
    """Everything wrong with a folder of flow files: the texts and words, and the files that others of us load."""
    findings = check(folder)
    try:
        programme = load_programme(folder)
        load_menus(programme)
        for load in (customs_of, ladders_of, schedules_of):
            load(programme)
    except FlowError as error:
        found = Finding(str(error.file), error.line, error.problem)
        findings += [] if found in findings else [found]
    return findings


def text_table(folder: Path) -> Iterator[str]:
    """Each text's septets and segments in each language, for whoever edits them; nothing when they cannot be read."""
    try:
        programme = load_programme(folder)
    except FlowError:
        return
    yield f"{'text':32} {'language':9} {'septets':>7} {'segments':>8} {'budget':>6}"
    for row in lengths(programme):
        language = row.language if row.language == row.written_in else f"{row.language} = {row.written_in}"
        yield f"{row.key:32} {language:9} {row.septets:>7} {row.segments:>8} {row.budget:>6}"
