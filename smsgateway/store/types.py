"""How are times and ids kept, alike on both databases? `UTCDateTime` gives back what was put in; ids are UUIDv7."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import ColumnElement, DateTime, String, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite returns naive values and forgets zones: a naive one going in is an error, every
    one coming out is aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """As SQLAlchemy's, for SQLite in one step: every row of every report holds some of these."""
        return _kept_in_sqlite if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _in_utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _kept_in_sqlite(value: datetime | None) -> str | None:
    """Year to microsecond, a text of 26 characters, as SQLAlchemy keeps a DateTime there."""
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = _in_utc(value)
    return value.isoformat(" ", "microseconds")[:26]


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {value!r}")
    return value.astimezone(UTC)


def as_kept(column: ColumnElement[UUID], dialect: str) -> ColumnElement[Any]:
    """An id as the database keeps it, to be read and given back by the thousand: on SQLite, where it is text, making
    UUIDs of them takes longer than finding them."""
    return type_coerce(column, String) if dialect == "sqlite" else column


def as_kept_value(value: UUID, dialect: str) -> object:
    """An id as `as_kept` gives it."""
    return value.hex if dialect == "sqlite" else value


def new_id() -> UUID:
    """A UUIDv7: made by the application, so that no database hands out numbers and a site can move to another; in
    the order of time, so that indexes grow at one end."""
    made: UUID = uuid_utils.compat.uuid7()
    return made
