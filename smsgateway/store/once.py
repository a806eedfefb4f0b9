"""Did this happen before? One row of `seen` a thing, and its key decides, however many ask at the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.store.database import HOLD, sender_lock
from smsgateway.store.prepared import Prepared, Question
from smsgateway.store.tables import seen
from smsgateway.store.write import Tx

# RETURNING tells whether a row was written; psycopg does not always count the rows of an INSERT … ON CONFLICT.
_NEW = Prepared(
    sqlite.insert(seen).on_conflict_do_nothing(index_elements=["channel", "provider_id"]).returning(seen.c.at),
    postgresql.insert(seen).on_conflict_do_nothing(index_elements=["channel", "provider_id"]).returning(seen.c.at),
)
_KNOWN = Prepared(
    select(seen.c.subject_id, seen.c.at).where(
        seen.c.channel == bindparam("channel"), seen.c.provider_id == bindparam("key")
    )
)
_AGAIN = (
    update(seen)
    .where(seen.c.channel == bindparam("c"), seen.c.provider_id == bindparam("k"))
    .values(subject_id=bindparam("s"), at=bindparam("a"))
)


def first_time_of(
    tx: Tx, sender: str, channel: str, key: str, subject_id: UUID, now: datetime, also: Sequence[Question] = ()
) -> list[list[Any]] | None:
    """As `first_time`, of a message: its sender's place is held from now on, as by `lock_sender`. Gives the rows of
    what is asked `also`, at the same moment; None when the message was seen before."""
    hold = [(HOLD, {"key": sender_lock(sender)})] if tx.dialect == "postgresql" else []
    known = (_KNOWN, {"channel": channel, "key": key})
    answers = tx.ask_each(*hold, known, *also)
    if answers[len(hold)]:
        return None
    tx.insert(seen, {"channel": channel, "provider_id": key, "subject_id": subject_id, "at": now})
    return answers[len(hold) + 1 :]


def first_time(tx: Tx, channel: str, key: str, subject_id: UUID, now: datetime) -> bool:
    """Note that `key` was seen; False when it was before."""
    return bool(tx.ask(_NEW, channel=channel, provider_id=key, subject_id=subject_id, at=now))


def earlier_within(tx: Tx, channel: str, key: str, subject_id: UUID, now: datetime, within: timedelta) -> UUID | None:
    """Note that `key` was seen for `subject_id`; when it was seen already less than `within` ago, whose that was."""
    found = tx.ask(_KNOWN, channel=channel, key=key)
    if not found:
        tx.insert(seen, {"channel": channel, "provider_id": key, "subject_id": subject_id, "at": now})
        return None
    (known,) = found
    if now - known.at < within:
        earlier: UUID = known.subject_id
        return earlier
    belongs_to(tx, channel, key, subject_id, now)
    return None


def belongs_to(tx: Tx, channel: str, key: str, subject_id: UUID, now: datetime) -> None:
    """From now on `key` is `subject_id`'s."""
    tx.run(_AGAIN, {"c": channel, "k": key, "s": subject_id, "a": now})
