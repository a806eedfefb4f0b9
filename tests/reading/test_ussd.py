"""USSD menus: every flow of every role can be walked to its end, on screens that fit, and says what an SMS would."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsgateway.reading.menus import Menus, load_menus
from smsgateway.reading.models import Role
from smsgateway.reading.programme import load_programme
from smsgateway.reading.ussd import ROOM, Context, Somebody, State, Turned, advance, ended, start
from smsgateway.settings import shipped
from smsgateway.text.gsm7 import Encoding, encoding_of, septets

PEOPLE = [Somebody(f"{n}{n % 10}", f"{n}-{n % 10} fille {n - 399} mois") for n in range(400, 430)]


@lru_cache
def the_menus() -> Menus:
    return load_menus(load_programme(shipped("flows")))


@pytest.fixture(scope="module")
def menus() -> Menus:
    return the_menus()


def known(code: str) -> str | None:
    return "child" if code in {one.code for one in PEOPLE} or code.startswith(("K7", "07-")) else None


def choices(kind: str) -> list[Somebody]:
    return PEOPLE if kind != "referral" else [Somebody("K7", "K7 fille 14 mois")]


CONTEXT = Context(choices, known)


def walk(menus: Menus, role: Role, language: str, *entries: str) -> Turned:
    turned = start(menus, role, language, CONTEXT)
    for entry in entries:
        turned = advance(menus, role, language, CONTEXT, turned.state, entry)
    return turned


def test_a_sick_child_is_reported_in_the_words_of_an_sms(menus: Menus) -> None:
    """Child, no sign, fever for two days, MUAC 120, RDT positive, ACT given."""
    turned = walk(menus, Role.CHW, "fr", "2", "1", "1", "2", "2", "2", "120", "2", "2", "1", "1")
    assert turned.finished
    assert turned.text == f"MAL {PEOPLE[0].code} FIEVRE 2 PB 120 TDR+ CTA"


def test_a_typed_code_is_taken_like_a_chosen_one(menus: Menus) -> None:
    assert walk(menus, Role.CHW, "fr", "2", PEOPLE[3].code).text == f"MAL {PEOPLE[3].code}"


def test_an_unknown_code_is_asked_again_with_the_reason(menus: Menus) -> None:
    turned = walk(menus, Role.CHW, "fr", "2", "9999")
    assert "9999 inconnu" in turned.screen
    assert turned.text == "MAL"


def test_a_number_means_whom_the_screen_showed_then(menus: Menus) -> None:
    """The list changes between two turns: somebody else is first now. "1" is still the one that was shown."""
    turned = walk(menus, Role.CHW, "fr", "2")
    other = Context(lambda _kind: [Somebody("5555", "555-5 garcon")], known)
    assert advance(menus, Role.CHW, "fr", other, turned.state, "1").text == f"MAL {PEOPLE[0].code}"


def test_signs_are_chosen_together_and_none_beside_a_sign_does_not_count(menus: Menus) -> None:
    assert walk(menus, Role.CHW, "fr", "2", "1", "2 6").text.endswith("CONVULSION TIRAGE")
    assert walk(menus, Role.CHW, "fr", "2", "1", "1 2").text.endswith("CONVULSION")
    assert walk(menus, Role.CHW, "fr", "2", "1", "2*6").text.endswith("CONVULSION TIRAGE"), "a typed * parts numbers"


def test_back_more_and_home_move_on_lists_only(menus: Menus) -> None:
    signs = walk(menus, Role.CHW, "fr", "2", "1")
    more = advance(menus, Role.CHW, "fr", CONTEXT, signs.state, "00")
    assert more.screen != signs.screen
    back = advance(menus, Role.CHW, "fr", CONTEXT, more.state, "0")
    assert back.text == "MAL"
    assert walk(menus, Role.CHW, "fr", "2", "1", "99").screen == start(menus, Role.CHW, "fr", CONTEXT).screen
    today = walk(menus, Role.CHW, "fr", "2", "1", "1", "2", "0")
    assert today.text.endswith("FIEVRE 0"), "on a question for days, 0 is today"


@pytest.mark.parametrize("entry", ["", "x", "44 jours", "-1", "1000", "39"])
def test_a_number_that_cannot_be_is_asked_again(menus: Menus, entry: str) -> None:
    turned = walk(menus, Role.CHW, "fr", "2", "1", "1", "2", entry)
    assert "FIEVRE" in turned.screen
    assert "FIEVRE" not in turned.text


def test_a_visitor_without_code_is_described(menus: Menus) -> None:
    turned = walk(menus, Role.CHW, "fr", "2", "31", "1", "1", "14", "2")
    assert turned.text == "MAL 0 F 14M CONVULSION"


def test_what_was_left_is_resumed_with_one_key(menus: Menus) -> None:
    left = walk(menus, Role.CHW, "fr", "2", "1", "1", "2", "2")
    again = Context(choices, known, unfinished=left.state)
    first = start(menus, Role.CHW, "fr", again)
    assert "Reprendre" in first.screen
    resumed = advance(menus, Role.CHW, "fr", again, first.state, "1")
    assert resumed.text == left.text
    fresh = advance(menus, Role.CHW, "fr", again, first.state, "2")
    assert fresh.screen == start(menus, Role.CHW, "fr", CONTEXT).screen


def test_a_stranger_is_told_so_and_no_more(menus: Menus) -> None:
    assert start(menus, Role.UNKNOWN, "fr", CONTEXT).screen.startswith("END ")


def test_a_long_answer_is_read_over_several_screens(menus: Menus) -> None:
    answer, seen = " ".join(f"mot{i}" for i in range(60)), []
    turned = ended(menus, "fr", {}, answer)
    for _ in range(10):
        fits_a_screen(turned)
        seen.append(turned.screen[4:].split("\n")[0])
        if turned.screen.startswith("END"):
            break
        turned = advance(menus, Role.CHW, "fr", CONTEXT, turned.state, "00")
    assert " ".join(seen) == answer


def fits_a_screen(turned: Turned) -> None:
    kind, body = turned.screen[:4], turned.screen[4:]
    assert kind in ("CON ", "END ")
    assert encoding_of(body) is Encoding.GSM7
    assert septets(body) <= ROOM, body


@pytest.mark.parametrize("language", ["fr", "en", "bm"])
@pytest.mark.parametrize("role", [Role.CHW, Role.NURSE, Role.SUPERVISOR])
def test_every_flow_of_every_menu_reaches_its_end(menus: Menus, role: Role, language: str) -> None:
    for number, name in enumerate(menus.flows(role), 1):
        turned = walk(menus, role, language, str(number))
        for _ in range(40):
            if turned.finished:
                break
            assert turned.state["flow"] == name
            fits_a_screen(turned)
            turned = _sensible(menus, role, language, turned)
        assert turned.finished, (name, turned.screen)
        assert turned.text.split()[0] in menus.programme.flows[name].keywords["en" if language == "en" else "fr"]


def _sensible(menus: Menus, role: Role, language: str, turned: Turned) -> Turned:
    """The first entry that leads on: an option, a code, a number, a date."""
    for entry in ("1", "120", "37", "07-4177", "2211", "3"):
        following = advance(menus, role, language, CONTEXT, turned.state, entry)
        before, after = turned.state, following.state
        moved = (after.get("slot"), len(after.get("queue", []))) != (before.get("slot"), len(before.get("queue", [])))
        if following.finished or following.text != turned.text or moved:
            return following
    raise AssertionError(f"nothing leads on from {turned.screen!r}")


@given(
    entries=st.lists(
        st.one_of(
            st.sampled_from(["0", "00", "99", "1", "2", "3", "1 3", "4177", "07-4177", "2,5", "", "*", "#", "é"]),
            st.text(max_size=12),
        ),
        max_size=25,
    ),
    language=st.sampled_from(["fr", "en"]),
    role=st.sampled_from(list(Role)),
)
@example(["²"], "fr", Role.CHW)
@example(["2", "²"], "fr", Role.CHW)
@example(["9" * 5000], "fr", Role.CHW)
def test_no_entry_breaks_a_session(entries: list[str], language: str, role: Role) -> None:
    menus = the_menus()
    turned = start(menus, role, language, CONTEXT)
    state: State = turned.state
    for entry in entries:
        fits_a_screen(turned)
        if turned.screen.startswith("END"):
            break
        turned = advance(menus, role, language, CONTEXT, state, entry)
        state = turned.state
        if turned.finished:
            break
