"""Prepared statements say the same as SQLAlchemy's own, only faster: same rows, same types, same errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from smsgateway.store.database import Store
from smsgateway.store.inserts import insert_all, insert_many
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import due, inbound, seen
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
DUE = Prepared(
    select(due.c.id, due.c.at, due.c.detail).where(due.c.kind == "unclear", due.c.subject_id == bindparam("who"))
)
NEW = Prepared(
    sqlite.insert(seen).on_conflict_do_nothing().returning(seen.c.at),
    postgresql.insert(seen).on_conflict_do_nothing().returning(seen.c.at),
)


def due_row(step: str, who: object) -> dict[str, object]:
    return {
        "id": new_id(),
        "site_id": new_id(),
        "kind": "unclear",
        "subject_id": who,
        "step": step,
        "at": NOON,
        "detail": {"quote": "FIEVRE à 2"},
        "failures": 0,
    }


@pytest.mark.parametrize("count", [1, 3])
def test_rows_come_back_as_they_went_in(store: Store, count: int) -> None:
    who = new_id()
    rows = [due_row(f"s{i}", who) for i in range(count)]
    store.write(lambda tx: insert_many(tx.connection, due, rows))
    for _ in range(2):
        found = store.write(lambda tx: DUE(tx.connection, who=who))
        assert [(row.id, row.at, row.detail) for row in found] == [(row["id"], NOON, row["detail"]) for row in rows]


def test_what_is_buffered_is_found_too(store: Store) -> None:
    """Two messages of one sender in one group commit: the second answers what the first was asked."""
    who = new_id()

    def work(tx: Tx) -> int:
        tx.insert(due, due_row("asked", who))
        return len(tx.ask(DUE, who=who))

    assert store.write(work) == 1


def test_only_what_a_statement_could_find_is_written_for_it(store: Store) -> None:
    """Sixteen CHWs report in one group commit: their rows go in together, at the end."""

    def work(tx: Tx) -> bool:
        tx.insert(due, due_row("another's", another := new_id()))
        tx.insert(due, {**due_row("another kind", who := new_id()), "kind": "rung"})
        tx.ask(DUE, who=who)
        return tx.rows.are_seen_by(DUE, {"who": another}) and not tx.rows.are_seen_by(DUE, {"who": who})

    assert store.write(work)


def test_of_a_joined_table_any_row_may_matter() -> None:
    joined = Prepared(select(due.c.id).outerjoin(seen, seen.c.subject_id == due.c.id).where(due.c.step == "s"))
    assert joined.would_see({seen: [{"channel": "sms"}]}, {})
    assert not joined.would_see({due: [due_row("t", new_id())]}, {})


def test_nothing_found_is_no_row(store: Store) -> None:
    assert store.write(lambda tx: DUE(tx.connection, who=new_id())) == []


def test_an_insert_that_changes_nothing_returns_nothing(store: Store) -> None:
    row = {"channel": "sms", "provider_id": "x", "subject_id": new_id(), "at": NOON}
    assert len(store.write(lambda tx: NEW(tx.connection, **row))) == 1
    assert store.write(lambda tx: NEW(tx.connection, **row)) == []


def test_a_broken_rule_is_the_same_error_as_ever(store: Store) -> None:
    row = {"channel": "sms", "provider_id": "x", "subject_id": new_id(), "at": NOON}
    store.write(lambda tx: insert_many(tx.connection, seen, [row]))
    with pytest.raises(IntegrityError) as caught:
        store.write(lambda tx: insert_many(tx.connection, seen, [row]))
    assert "2026" not in str(caught.value), "values of a statement are never shown"


def test_rows_of_several_tables_go_in_together(store: Store) -> None:
    """However many they are."""
    for count in (1, 3, 9):
        who = new_id()
        some = [due_row(f"s{number}", who) for number in range(count)]
        keys = [{"channel": "x", "provider_id": f"{who}:{n}", "subject_id": who, "at": NOON} for n in range(count)]

        def work(tx: Tx, some: list[dict[str, object]] = some, keys: list[dict[str, object]] = keys) -> None:
            insert_all(tx.connection, [(seen, keys), (due, some)])

        store.write(work)
        with store.read() as connection:
            found = DUE(connection, who=who)
        assert [(row.id, row.at, row.detail) for row in found] == [(row["id"], NOON, row["detail"]) for row in some]
        with store.read() as connection:
            assert len(connection.execute(select(seen.c.at).where(seen.c.subject_id == who)).all()) == count


TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), answer=TEXTS, raw=st.binary())
def test_whatever_was_texted_comes_back_as_it_went_in(store: Store, text: str, answer: str | None, raw: bytes) -> None:
    """Quotes, braces, backslashes, any letter and any byte, whatever they go through on their way."""
    kept = {
        "id": new_id(),
        "site_id": None,
        "channel": "sms",
        "provider_id": str(new_id()),
        "sender": "+22300000001",
        "recipient": "12345",
        "text": text,
        "raw": raw,
        "sent_at": NOON - timedelta(microseconds=1),
        "arrived_at": NOON,
        "staff_id": None,
        "state": "handled",
        "attempts": 1,
        "error": None,
        "answer": answer,
    }
    detail = {"a": [text, answer, None, 1.5, True], text: {"b": 2**60}}
    who = new_id()
    store.write(
        lambda tx: insert_all(tx.connection, [(inbound, [kept]), (due, [{**due_row("s", who), "detail": detail}])])
    )
    with store.read() as connection:
        (found,) = connection.execute(select(inbound).where(inbound.c.id == kept["id"])).mappings()
        assert {name: found[name] for name in kept} == kept
        assert DUE(connection, who=who)[0].detail == detail


def test_nothing_of_what_goes_in_together_stays_when_one_row_is_refused(store: Store) -> None:
    key = {"channel": "x", "provider_id": "twice", "subject_id": new_id(), "at": NOON}
    who = new_id()
    with pytest.raises(IntegrityError):
        store.write(lambda tx: insert_all(tx.connection, [(due, [due_row("s", who)]), (seen, [key, key])]))
    assert store.write(lambda tx: DUE(tx.connection, who=who)) == []
