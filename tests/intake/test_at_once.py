"""Many people text at the same moment: nothing is mixed up, nothing waits for ever, nobody is told twice."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from smsgateway.text.codes import code_for
from tests.support.field import BOY, CHW, GIRL, NURSE, OTHER_CHW, SECOND_NURSE, Field

OF_SOGOLA = tuple(f"+223760000{number:02d}" for number in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11))


def all_at_once(field: Field, said: Iterable[tuple[str, str]]) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda each: field.take(*each), said))
    assert {row["state"] for row in field.messages()} == {"handled"}


def test_emergencies_of_one_clinic_get_a_code_each(field: Field) -> None:
    all_at_once(field, [(phone, f"MAL CONVULSION FIEVRE {days}") for phone in OF_SOGOLA for days in (1, 2, 3)])
    codes = [row["code"] for row in field.referrals()]
    assert len(codes) == len(set(codes)) == 30
    field.settle()
    alerts = [text for phone in (NURSE, SECOND_NURSE) for text in field.phone(phone) if text.startswith("URGENT ")]
    assert all(any(f"URGENT {code}" in text for text in alerts) for code in codes)


def test_ten_reports_about_one_child_are_one_open_referral(field: Field) -> None:
    all_at_once(field, [(phone, f"MAL 07-{GIRL} CONVULSION") for phone in OF_SOGOLA])
    assert len(field.reports()) == 10
    assert len(field.referrals()) == 1
    assert sorted(field.history()).count("joined") == 9


def test_two_children_of_two_clinics_named_in_opposite_orders(field: Field) -> None:
    """Each message locks both clinics, one this way and one the other way round: the database breaks the tie."""
    theirs = f"04-{code_for('04', 11)}"
    there = [(phone, f"MAL 07-{GIRL} CONVULSION MAL {theirs} CONVULSION") for phone in OF_SOGOLA[:5]]
    back = [(phone, f"MAL {theirs} CONVULSION MAL 07-{GIRL} CONVULSION") for phone in OF_SOGOLA[5:]]
    all_at_once(field, [each for pair in zip(there, back, strict=True) for each in pair])
    assert len(field.reports()) == 20
    assert len(field.referrals()) == 2


def test_the_same_answer_from_two_nurses_moves_the_referral_once(field: Field) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    told = len(field.phone(CHW))
    all_at_once(field, [(NURSE, "RECU"), (SECOND_NURSE, "RECEIVED"), (NURSE, "1")])
    field.settle()
    assert field.referral()["state"] == "received"
    assert len(field.phone(CHW)) == told + 1


def test_one_chws_messages_are_answered_each(field: Field) -> None:
    said = [f"MAL {code} FIEVRE {days}" for code in (GIRL, BOY) for days in range(1, 7)]
    all_at_once(field, [(CHW, text) for text in said] + [(OTHER_CHW, "AIDE")])
    assert len(field.reports()) == 12
    field.settle()
    assert len(field.phone(CHW)) == 12
