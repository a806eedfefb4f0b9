"""What does the environment say? One frozen object, read once at start, with an error that names the variable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The folder `name` (flows, migrations): inside an installed package, or beside it in a checkout."""
    for candidate in (PACKAGE / "_shipped" / name, PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the folder {name!r} is neither inside the installed package nor beside it")


class Settings(BaseSettings):
    """The environment (prefix `SMSGATEWAY_`). Secrets never show in a log or a traceback."""

    model_config = SettingsConfigDict(env_prefix="SMSGATEWAY_", frozen=True, extra="ignore")

    database_url: str = "sqlite:///var/smsgateway.db"
    flows_dir: Path | None = None
    timezone: str = "UTC"  # Bamako and Abidjan keep UTC all year
    default_language: str = "fr"
    channel: str | None = None
    fallback_channel: str | None = None
    webhook_secret: SecretStr = SecretStr("")
    at_username: str = "sandbox"
    at_api_key: SecretStr = SecretStr("")
    at_sender_id: str | None = None
    at_base_url: str | None = None
    rate: Annotated[float, Field(gt=0, le=10_000)] = 20.0  # messages a second over all processes
    bind: str = "127.0.0.1:8000"
    web_threads: Annotated[int, Field(ge=1, le=256)] = 32
    urgent_lanes: Annotated[int, Field(ge=1, le=64)] = 4
    other_lanes: Annotated[int, Field(ge=1, le=64)] = 4

    @field_validator("database_url")
    @classmethod
    def _driver_named(cls, url: str) -> str:
        """`postgresql://` means psycopg 3 here; anything but SQLite and PostgreSQL is refused."""
        if url.startswith("postgres://"):
            url = "postgresql://" + url.removeprefix("postgres://")
        if url.startswith("postgresql://"):
            return "postgresql+psycopg://" + url.removeprefix("postgresql://")
        if url.startswith(("postgresql+psycopg://", "sqlite:")):
            return url
        raise ValueError("use sqlite:///path/to/file.db or postgresql://user@host/database")

    @field_validator("timezone")
    @classmethod
    def _zone_known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no IANA time zone; write one such as Africa/Bamako")
        return name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def channel_in_use(self) -> str:
        """The channel named, else Africa's Talking when there is a key for it, else the simulator, which sends
        nothing anywhere: `serve` and `doctor` say so."""
        return self.channel or ("africastalking" if self.at_api_key.get_secret_value() else "simulator")

    @property
    def flows(self) -> Path:
        """The programme's folder of flow files."""
        return self.flows_dir or shipped("flows")
