"""What has this programme settled for itself? Where its periods begin, what it calls silent, late and out of stock.

One file, `flows/programme.yaml`, checked when it is first read; a programme without the file has the defaults.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from smsgateway.reading.programme import Programme
from smsgateway.reading.schema import load_yaml

FILE = "programme.yaml"
Days = Annotated[int, Field(ge=1, le=366)]


class StockCustoms(BaseModel):
    """Which items must never run out, below which count they are low, when a lasting stock-out is told again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_items: tuple[str, ...] = ("act", "rdt", "ors", "zinc", "amoxicillin")
    low: dict[str, Annotated[int, Field(ge=0)]] = {}
    again_after_days: Days = 7


class Customs(BaseModel):
    """The settled numbers of a programme."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    period_starts_on: Annotated[int, Field(ge=1, le=28)] = 26
    visits_wanted: Annotated[int, Field(ge=1, le=31)] = 2
    summary_days: Days = 7
    silent_after_days: Days = 3
    stock: StockCustoms = StockCustoms()


def customs_of(programme: Programme) -> Customs:
    """The customs of a loaded programme; FlowError with file and line when its file does not fit."""
    return customs_in(programme.folder)


@lru_cache(maxsize=8)
def customs_in(folder: Path) -> Customs:
    """The customs of a folder of flow files."""
    path = folder / FILE
    return load_yaml(path, Customs) if path.is_file() else Customs()
