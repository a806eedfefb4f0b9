"""A slip of the thumb never files a report under someone else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsgateway.text import codes

catchments = st.integers(0, 99_999).map(lambda number: f"{number:02}")
serials = st.integers(codes.FIRST_SERIAL, 99_999_999)


@pytest.mark.parametrize(("digits", "check"), [("07417", 7), ("0712", 3), ("0715", 1), ("0718", 0), ("572", 4)])
def test_check_digits_worked_out_by_hand(digits: str, check: int) -> None:
    assert codes.damm(digits) == check
    assert codes.damm(f"{digits}{check}") == 0


def test_serial_417_of_catchment_07() -> None:
    assert codes.check_digit("07", 417) == 7
    assert codes.code_for("07", 417) == "4177"
    assert codes.code_for("07", 12) == "123"
    assert codes.shown("4177") == "417-7"
    assert codes.shown_full("07", "4177") == "07-4177"
    assert codes.serial_of("4177") == 417


@pytest.mark.parametrize("serial", [-1, 0, 9, 100_000_000])
def test_serials_out_of_range_are_refused(serial: int) -> None:
    with pytest.raises(ValueError, match="serials go from"):
        codes.code_for("07", serial)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("4177", (None, "4177")),
        ("417-7", (None, "4177")),
        ("417 - 7", (None, "4177")),
        ("417/7", (None, "4177")),
        ("123", (None, "123")),
        ("12-3", (None, "123")),
        ("07-4177", ("07", "4177")),
        ("07/4177", ("07", "4177")),
        ("07-417-7", ("07", "4177")),
        ("7-4177", ("7", "4177")),
        ("40123-12345678-9", ("40123", "123456789")),
        (" 4177 ", (None, "4177")),
        ("12", None),  # a serial is 10 at least: this is a number of days
        ("1-2", None),
        ("1234567890", None),  # a phone number
        ("07-41", None),
        ("41-77", None),
        ("4177-", None),
        ("07-4177-7-7", None),
        ("٤١٧٧", None),  # digits of other scripts are spelling's work
        ("K7", None),
        ("", None),
    ],
)
def test_ways_of_writing_a_code(typed: str, read: tuple[str | None, str] | None) -> None:
    assert codes.parse_code(typed) == read


@given(catchments, serials)
def test_every_code_is_read_back_however_it_is_shown(catchment: str, serial: int) -> None:
    digits = codes.code_for(catchment, serial)
    assert codes.is_valid(catchment, digits)
    assert codes.parse_code(codes.shown(digits)) == codes.parse_code(digits) == (None, digits)
    assert codes.parse_code(codes.shown_full(catchment, digits)) == (catchment, digits)
    assert codes.serial_of(digits) == serial


def test_every_single_wrong_digit_and_every_swap_of_neighbours_is_caught() -> None:
    """The property that makes the code safe, over the whole table: for each state of the sum and each pair of
    digits. A sum of zero at the end, and rows that are permutations, carry it to codes of any length."""
    table = codes._DAMM
    assert all(sorted(row) == list(range(10)) for row in table)  # a wrong last digit changes the sum
    assert all(sorted(column) == list(range(10)) for column in zip(*table, strict=True))  # and it stays changed
    assert all(table[i][i] == 0 for i in range(10))
    for so_far in range(10):
        for x in range(10):
            for y in range(x):
                assert table[table[so_far][x]][y] != table[table[so_far][y]][x]


def test_slips_in_every_code_of_one_catchment() -> None:
    for serial in range(10, 2000):
        digits = codes.code_for("07", serial)
        for i in range(len(digits)):
            wrong = [digits[:i] + other + digits[i + 1 :] for other in "0123456789" if other != digits[i]]
            assert not any(codes.is_valid("07", typed) for typed in wrong)
        for i in range(len(digits) - 1):
            swapped = digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]
            assert swapped == digits or not codes.is_valid("07", swapped)


def test_a_code_under_the_wrong_catchment_fails_nine_times_in_ten() -> None:
    pairs = [(a, serial) for a in range(1, 100) for serial in range(10, 110)]
    accepted = sum(codes.is_valid("07", codes.code_for(f"{a:02}", serial)) for a, serial in pairs if a != 7)
    assert accepted / len(pairs) <= 0.11


def test_leading_zeros_of_a_catchment_do_not_matter() -> None:
    assert codes.is_valid("7", "4177")
    assert codes.is_valid("007", "4177")


@pytest.mark.parametrize(
    ("catchment", "digits"), [("07", "4178"), ("08", "4177"), ("07", "0000"), ("07", ""), ("", "4177"), ("x", "4177")]
)
def test_what_is_no_code_is_not_valid(catchment: str, digits: str) -> None:
    assert not codes.is_valid(catchment, digits)


@pytest.mark.parametrize(
    "typed",
    [
        "4171",  # wrong digit
        "4717",  # neighbours swapped
        "477",  # one left out
        "41777",  # doubled
        "41977",  # one too many
        "417",  # the check digit forgotten
    ],
)
def test_the_code_that_was_meant_is_near(typed: str) -> None:
    assert not codes.is_valid("07", typed)
    assert "4177" in codes.near("07", typed)


@given(catchments, serials, st.data())
def test_any_slip_is_found_again_and_all_near_codes_are_valid(catchment: str, serial: int, data: st.DataObject) -> None:
    digits = codes.code_for(catchment, serial)
    at = data.draw(st.integers(0, len(digits) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    typed = data.draw(
        st.sampled_from(
            [
                digits[:at] + digit + digits[at + 1 :],
                digits[:at] + digits[at : at + 2][::-1] + digits[at + 2 :],
                digits[:at] + digits[at + 1 :],
                digits[:at] + digit + digits[at:],
            ]
        )
    )
    found = codes.near(catchment, typed)
    assert typed == digits or digits in found
    assert typed not in found
    assert len(set(found)) == len(found)
    assert all(codes.is_valid(catchment, code) for code in found)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("K7", "K7"),
        ("k 7", "K7"),
        ("K-7", "K7"),
        ("K.7", "K7"),
        ("K07", "K7"),
        ("K007", "K7"),
        ("K1O", "K10"),
        ("KO7", "K7"),
        ("kl2", "K12"),
        ("Y999", "Y999"),
        ("K0", None),
        ("K1234", None),
        ("A7", None),  # no vowel is a referral letter
        ("L7", None),
        ("TOI", None),
        ("MOI", None),
        ("K", None),
        ("K7A", None),
        ("7K", None),
        ("", None),
    ],
)
def test_ways_of_writing_a_referral_code(typed: str, read: str | None) -> None:
    assert codes.parse_referral(typed) == read


@settings(max_examples=4)
@given(st.text(max_size=20))
def test_clinics_hand_out_every_referral_code_once_the_short_ones_first(clinic: str) -> None:
    order = list(codes.referral_codes(clinic))
    short = {f"{letter}{number}" for letter in codes.REFERRAL_LETTERS for number in range(1, 100)}
    long = {f"{letter}{number}" for letter in codes.REFERRAL_LETTERS for number in range(100, 1000)}
    assert len(order) == len(codes.referral_codes(clinic)) == 14_985
    assert set(order[: len(short)]) == short
    assert set(order[len(short) :]) == long


def test_a_clinic_keeps_its_order_for_ever() -> None:
    """Written down once: a changed order would hand out codes that are still on someone's paper."""
    assert list(codes.referral_codes("segou")[:6]) == ["T46", "M44", "M73", "T17", "Y1", "N71"]
    assert codes.referral_codes("segou")[-1] == codes.referral_codes("segou")[14_984]
    with pytest.raises(IndexError):
        codes.referral_codes("segou")[14_985]


def test_neighbouring_clinics_hand_out_different_codes() -> None:
    here, there = codes.referral_codes("segou"), codes.referral_codes("sogola")
    assert sum(a == b for a, b in zip(here[:200], there[:200], strict=True)) < 5


def test_codes_handed_out_on_one_day_seldom_look_alike() -> None:
    order = codes.referral_codes("segou")
    alike = sum(order[i][0] == order[i + 1][0] for i in range(1000))
    assert alike < 150


@given(st.sampled_from(list(codes.referral_codes("any"))))
def test_every_referral_code_is_read_back(code: str) -> None:
    assert codes.parse_referral(code) == code
    assert codes.parse_referral(f"{code[0].lower()} {code[1:]}") == code
