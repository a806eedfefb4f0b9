"""Whatever anybody texts: nothing raises, everything is stored once, and danger from a CHW is somebody's business."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsgateway.reading.answer import read_line
from smsgateway.reading.programme import Programme
from smsgateway.store.database import open_store
from smsgateway.store.tables import referral_events
from smsgateway.text.codes import code_for
from smsgateway.text.gsm7 import Encoding, encoding_of, segments
from tests.conftest import empty
from tests.support.field import (
    BOY,
    CHW,
    ENGLISH_CHW,
    GIRL,
    HOUSEHOLD,
    LEAD,
    NURSE,
    OTHER_CHW,
    SECOND_NURSE,
    STRANGER,
    SUPERVISOR,
    TWO_CATCHMENTS,
    Field,
)

SENDERS = (
    *(CHW, CHW, CHW, OTHER_CHW, TWO_CATCHMENTS, ENGLISH_CHW, NURSE, SECOND_NURSE, SUPERVISOR, LEAD),
    *("+22376000401", STRANGER, "+2250712345678", "MTN", "36000", "", "+0", "Info Santé"),
)
CHWS = frozenset({CHW, OTHER_CHW, TWO_CATCHMENTS, ENGLISH_CHW})

# The shapes of real messages; each hole is filled with anything that people put there.
SHAPES = (
    "MAL {code} {word} {word}",
    "mal{code}{word}",
    "MAL {code} FIEVRE {number} TDR{sign} {word} PB {number}",
    "URG {word}",
    "URG",
    "{word} {code}",
    "REF {code} {word} {number}",
    "VIS {code} {code} {word}",
    "MEN {number} ACCORD",
    "ENR {code} {word} {number}M",
    "RECU {referral}",
    "{referral} {word}",
    "{number}",
    "SUIVI {code} {word}",
    "GRO {code} DDR {number}/{number}",
    "NAI {code} F {number},{number}KG",
    "DEC {code} {number}/{number}",
    "STOCK CTA {number} TDR {number}",
    "ANN {code}",
    "NON",
    "AIDE {word}",
    "BILAN {number}",
    "CONGE {number} ASC05",
    "MAL {code} {word} MAL {code} {word} URG {code}",
    "{any}",
    "MAL {code} {any}",
)
WORDS = (
    *("CONVULSION", "convulsoin", "TIRAGE", "SANG", "FIEVRE", "TOUX 15", "PB 112", "PB 11,2", "VOMIT TOUT", "OEDEME"),
    *("RAS", "PAS DE CONVULSION", "GUERI", "ABSENT", "ARRIVE", "EMPIRE", "XYZZQ", "Aminata", "merci", "F", "CTA", ""),
)
CODES = (GIRL, BOY, HOUSEHOLD, "417-7", "4171", "07-4177", "07-417-7", "0", "999999", "", code_for("04", 11), "4 1 7 7")


@dataclass(frozen=True)
class Text:
    sender: str
    body: str
    minutes: int
    repeated: int


HOLES: dict[str, st.SearchStrategy[str]] = {
    "{code}": st.sampled_from(CODES),
    "{word}": st.sampled_from(WORDS),
    "{number}": st.integers(0, 200).map(str),
    "{sign}": st.sampled_from("+-?"),
    "{referral}": st.sampled_from(("K7", "W82", "k 7", "", "N83")),
    "{any}": st.text(max_size=120),
}


def filled(shape: str) -> st.SearchStrategy[str]:
    pieces = (HOLES.get(piece, st.just(piece)) for piece in re.split(r"(\{\w+\})", shape))
    return st.tuples(*pieces).map("".join)


FreshField = Callable[[], Field]


@pytest.fixture
def fresh_field(database_url: str, programme: Programme) -> Iterator[FreshField]:
    """Makes the field of one example after the other, each as if nothing had been before."""
    with ExitStack() as opened:

        def make() -> Field:
            opened.close()
            if database_url.startswith("postgresql"):
                empty(database_url)
            store = open_store(database_url if database_url.startswith("postgresql") else "sqlite://")
            opened.callback(store.close)
            return Field(store, programme)

        yield make


bodies = st.one_of(st.sampled_from(SHAPES).flatmap(filled), st.text(max_size=400)).map(
    lambda body: body.replace("\0", " ")  # as every channel does
)
texts = st.builds(Text, st.sampled_from(SENDERS), bodies, st.sampled_from((0, 0, 1, 4, 30)), st.sampled_from((1, 1, 2)))


@given(st.lists(texts, min_size=1, max_size=8))
@settings(max_examples=40)
def test_any_conversation(fresh_field: FreshField, conversation: list[Text]) -> None:
    field = fresh_field()
    for number, text in enumerate(conversation):
        alarms = len(alarm(field))
        for _ in range(text.repeated):
            field.take(text.sender, text.body, id=f"at-{number}")
        if text.sender in CHWS and has_convulsions(field, text.body):
            assert len(alarm(field)) > alarms, f"nobody was told of {text.body!r}"
        field.pass_time(minutes=text.minutes)
    stored = field.messages()
    assert [(row["sender"], row["text"]) for row in stored] == [(text.sender, text.body) for text in conversation]
    assert {row["state"] for row in stored} == {"handled"}
    for report in field.reports():
        assert not report["danger"] or report["id"] in reported_in_referrals(field)
    for phone, said in field.everything_sent():
        assert phone.startswith("+")
        assert encoding_of(said) is Encoding.GSM7
        assert segments(said) <= 2, said


def has_convulsions(field: Field, body: str) -> bool:
    """Whether reading alone, without the register, finds a sign that is urgent at any age."""
    answer = read_line({"text": body, "as": "chw"}, field.gateway.programme)
    return answer["outcome"] == "alert" and "convulsions" in answer["danger"]


def alarm(field: Field) -> list[str]:
    """What shows that somebody was told, or that a human sees that nobody could be."""
    return [kind for kind in (*field.history(), *field.faults()) if kind in ALARMING]


ALARMING = frozenset({"opened", "joined", "repeated", "nobody_reachable"})


def reported_in_referrals(field: Field) -> set[UUID]:
    """The reports of which some referral knows."""
    opened = {row["report_id"] for row in field.referrals()}
    return opened | {
        UUID(row["detail"]["report"]) for row in field.rows(referral_events) if row["detail"].get("report")
    }
