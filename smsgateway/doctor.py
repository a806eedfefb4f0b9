"""Is everything in place to go live? Looks, changes nothing, and says what to do about what it finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from smsgateway.app import UnknownChannel, open_channels
from smsgateway.reading.lint import check
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
    result = check(settings.flows)
    said = str(next(iter(result.findings))) if result.failed else f"{settings.flows} in order"
    return Examined("flows", not result.failed, said)


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
