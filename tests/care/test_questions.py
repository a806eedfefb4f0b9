"""An answer says its figures in one SMS or two, in pages when it must, and to nobody else."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsgateway.care import figures
from smsgateway.care.figures import Feedback, FollowedUp, Period, Work
from smsgateway.care.people import Member
from smsgateway.care.questions import Asked, feedback_text, pages, percent, waited
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme, load_programme
from smsgateway.settings import shipped
from smsgateway.store.database import Store
from smsgateway.text.gsm7 import fits, segments
from tests.care.field import BEGIN, NOW, Field, Happening

DAY = 1440


@pytest.fixture(scope="module")
def programme() -> Programme:
    return load_programme(shipped("flows"))


# ---------------------------------------------------------------- pages


def more(left: int) -> str:
    return f"Encore {left}: SUITE"


item = st.text(alphabet="abcXYZ 0123456789é", min_size=1, max_size=60).map(lambda text: text.strip() or "x")


@given(st.lists(item, max_size=60), st.lists(item, max_size=20))
def test_pages_hold_every_item_once_in_order_and_fit(first: list[str], second: list[str]) -> None:
    numbered = [f"{place}:{text}" for place, text in enumerate(first + second)]
    lists = [("Un:", numbered[: len(first)]), ("Deux:", numbered[len(first) :])]
    written = pages([each for each in lists if each[1]] or [("Rien", [])], more)
    assert all(fits(page, 2) for page in written)
    assert all(page.endswith("SUITE") for page in written[:-1])
    assert not written[-1].endswith("SUITE")
    text = " ".join(written)
    places = [text.find(entry) for entry in numbered]
    assert -1 not in places
    assert places == sorted(places)


def test_a_page_says_how_many_are_left() -> None:
    written = pages([("Ouvertes 40:", [f"K{number} 07-4177 CONVULSION 2h" for number in range(40)])], more, "\n")
    left = [int(page.rsplit("Encore ", 1)[1].split(":")[0]) for page in written[:-1]]
    shown = [page.count("CONVULSION") for page in written]
    assert left == [40 - sum(shown[: place + 1]) for place in range(len(left))]
    assert sum(shown) == 40


def test_what_fits_is_one_page() -> None:
    assert pages([("Ruptures 2:", ["ASC05 CTA", "ASC07 TDR"])], more) == ["Ruptures 2: ASC05 CTA, ASC07 TDR"]


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("part", "whole", "said"), [(0, 3, 0), (1, 3, 33), (2, 3, 67), (1, 8, 13), (199, 200, 99), (200, 200, 100)]
)
def test_a_share_is_never_all_unless_it_is(part: int, whole: int, said: int) -> None:
    assert percent(part, whole) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [({"minutes": 3}, "3min"), ({"minutes": 61}, "1h"), ({"hours": 47}, "47h"), ({"hours": 50}, "2j")],
)
def test_how_long_somebody_waits(length: dict[str, int], said: str) -> None:
    assert waited(timedelta(**length)) == said


@pytest.mark.parametrize("language", ["fr", "en", "bm"])
def test_feedback_before_a_visit_is_one_sms_on_an_ordinary_month(programme: Programme, language: str) -> None:
    month = Period(date(2026, 10, 25), date(2026, 11, 23), ZoneInfo("Africa/Bamako"))
    work = Work(visits=131, sick=24, treated=21, same_day=9, next_day=6, onset_unknown=2, messages=88, to_correct=7)
    chw = figures.Chw(BEGIN, "ASC07")  # type: ignore[arg-type]
    text = feedback_text(programme, language, Feedback(chw, month, work, FollowedUp(31, 24)))
    for figure in ("131", "24", "21", "9/19 (47%)", "15/19 (79%)", "24/31", "7/88"):
        assert figure in text
    assert segments(text) <= 2


# ---------------------------------------------------------------- asked of a field


def ask(store: Store, field: Field, asker: str, programme: Programme) -> Asked:
    with store.read() as connection:
        return Asked(connection, field.members[asker], programme, NOW)


def test_answers_of_an_empty_field_say_that_there_is_nothing(store: Store, programme: Programme) -> None:
    field = Field().write(store)
    for asker in ("SUP0", "LEAD0", "ADMIN"):
        with store.read() as connection:
            asked = Asked(connection, field.members[asker], programme, NOW)
            answers = [
                *(asked.summary(None), asked.late(), asked.open_referrals(), asked.coverage()),
                *(asked.treated_24h(), asked.stockouts(), asked.one_chw("77")),
            ]
        assert all(len(pages) == 1 and fits(pages[0], 2) for pages in answers)
        assert "None" not in str(answers)


def test_a_supervisor_without_chws_gets_an_answer_too(store: Store, programme: Programme) -> None:
    field = Field().write(store)
    stray = Member(field.sites[0], field.sites[0], "SUP9", Role.SUPERVISOR, "fr", None, None)
    with store.read() as connection:
        asked = Asked(connection, stray, programme, NOW)
        assert asked.coverage() == ["Menages vus 2 fois ou plus 26/10-12/11: 0/0."]
        assert asked.late() == ["Aucun ASC silencieux, aucun suivi en retard."]


def test_the_chw_meant_is_that_of_the_code_then_of_the_catchment(store: Store, programme: Programme) -> None:
    field = Field()
    field.report(Happening(1, "visit", 0, None, 22 * DAY, {}))
    field.write(store)
    with store.read() as connection:
        asked = Asked(connection, field.members["SUP0"], programme, NOW)
        second = asked.scope.chws[1]
        for number in ("1", "01", second.numbers[0]):
            assert asked.one_chw(number)[0].startswith(f"{second.code} 26/10-12/11: 1 visites.")
        assert "aucun de vos ASC" in asked.one_chw("4")[0]  # hers is another supervisor's


def test_a_nurse_reads_the_open_referrals_of_her_clinic(store: Store, programme: Programme) -> None:
    field = Field()
    field.refer(0, NOW - timedelta(minutes=20))
    field.refer(4, NOW - timedelta(minutes=20))  # at the other clinic
    field.refer(1, NOW - timedelta(days=3), urgency="routine", state="received")
    field.write(store)
    with store.read() as connection:
        (answer,) = Asked(connection, field.members["INF0"], programme, NOW).open_referrals()
    assert answer.startswith("Ouvertes 2: K7 07-4177 CONVULSION 20min PAS RECU")
    assert answer.endswith("K7 07-4177 CONVULSION 3j recu ?")
