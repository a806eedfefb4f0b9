"""Who texts is remembered, and forgotten as soon as anybody changed it: also when somebody else's change was undone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from smsgateway.care.people import Directory, Member
from smsgateway.store.revisions import register_changed
from smsgateway.store.tables import staff
from smsgateway.store.write import Tx
from tests.support.field import CHW, Field

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_second_passes(directory: Directory) -> None:
    directory._checked = float("-inf")


def who(field: Field, directory: Directory) -> Member:
    member = field.store.write(lambda tx: directory.who(tx, CHW, NOON))
    assert member is not None
    return member


def speaks(field: Field, member: Member, language: str) -> None:
    """Somebody else's process, or an import, changes it."""

    def work(tx: Tx) -> None:
        tx.execute(update(staff).where(staff.c.id == member.id).values(language=language))
        register_changed(tx)

    field.store.write(work)


def test_a_change_elsewhere_is_known_within_a_second(field: Field) -> None:
    directory = Directory()
    member = who(field, directory)
    speaks(field, member, "en")
    a_second_passes(directory)
    assert who(field, directory).language == "en"


def test_a_change_that_was_undone_hides_no_other_that_bears_its_number(field: Field) -> None:
    directory = Directory()
    member = who(field, directory)

    def undone(tx: Tx) -> None:
        register_changed(tx)
        a_second_passes(directory)
        directory.who(tx, CHW, NOON)
        raise RuntimeError("and taken back")

    with pytest.raises(RuntimeError):
        field.store.write(undone)
    assert who(field, directory).language == "fr"
    speaks(field, member, "en")
    a_second_passes(directory)
    assert who(field, directory).language == "en"


def test_what_was_never_committed_is_not_remembered(field: Field) -> None:
    directory = Directory()
    member = who(field, directory)

    def undone(tx: Tx) -> None:
        tx.execute(update(staff).where(staff.c.id == member.id).values(language="en"))
        directory.forget()
        found = directory.who(tx, CHW, NOON)
        assert found is not None
        assert found.language == "en"
        raise RuntimeError("and taken back")

    with pytest.raises(RuntimeError):
        field.store.write(undone)
    assert who(field, directory).language == "fr"


def test_what_was_asked_before_a_change_was_noticed_is_asked_again(field: Field) -> None:
    """The question goes with others, before it is known whether anything changed: the answer may be what changed."""
    directory = Directory()
    member = who(field, directory)
    directory.forget()
    early = directory.asks(CHW)
    assert len(early.questions) == 1
    answers = field.store.write(lambda tx: tx.ask_each(*early.questions))
    speaks(field, member, "en")
    a_second_passes(directory)
    found = field.store.write(lambda tx: directory.who(tx, CHW, NOON, early, answers))
    assert found is not None
    assert found.language == "en"
    assert who(field, directory).language == "en", "what was stale is not remembered either"
