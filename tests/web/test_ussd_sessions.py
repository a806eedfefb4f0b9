"""Whole USSD sessions over HTTP, in the shape the sandbox posts them (five fields, an empty first text): every menu of
every role is driven to its end, and each screen is one the network shows."""

from __future__ import annotations

import itertools

import pytest

from smsgateway.intake.ussd import UssdIntake
from smsgateway.reading.menus import Menus, load_menus
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme
from smsgateway.reading.ussd import ROOM
from smsgateway.text.gsm7 import Encoding, encoding_of, septets
from tests.support.field import CHW, GIRL, NURSE, SUPERVISOR, Field
from tests.web.conftest import Site

PHONES = {Role.CHW: CHW, Role.NURSE: NURSE, Role.SUPERVISOR: SUPERVISOR}
ENTRIES = ("1", "07", "120", "37", "2211", "3", "9")
_sessions = itertools.count(1)


class Dialled:
    """A session as the provider posts it."""

    def __init__(self, site: Site, phone: str) -> None:
        self.site, self.phone = site, phone
        self.id = f"ATUid_{next(_sessions):032x}"
        self.transcript: list[str] = []
        self.screen = self.post()

    def post(self) -> str:
        form = {
            "sessionId": self.id,
            "phoneNumber": self.phone,
            "networkCode": "99999",
            "serviceCode": "*384*1234#",
            "text": "*".join(self.transcript),
        }
        answer = self.site.post("ussd", form)
        assert answer.status == 200
        screen = answer.body.decode()
        assert screen.startswith(("CON ", "END "))
        assert encoding_of(screen) is Encoding.GSM7
        assert septets(screen[4:]) <= ROOM
        return screen

    def enter(self, entry: str) -> str:
        self.transcript.append(entry)
        self.screen = self.post()
        return self.screen

    def to_the_end(self) -> str:
        """Whatever leads on from each screen."""
        for _ in range(60):
            if self.screen.startswith("END"):
                return self.screen
            before = self.screen
            for entry in ENTRIES:
                if self.enter(entry) != before and not _asks_again(before, self.screen):
                    break
            else:
                raise AssertionError(f"nothing leads on from {before!r}")
        raise AssertionError("the session has no end")


def _asks_again(before: str, after: str) -> bool:
    return after.endswith(before.removeprefix("CON ").split("\n", 1)[0]) or before[4:] in after


@pytest.fixture
def menus(programme: Programme) -> Menus:
    return load_menus(programme)


@pytest.mark.parametrize("role", PHONES)
def test_every_menu_is_driven_to_its_end(site: Site, field: Field, menus: Menus, role: Role) -> None:
    field.text(CHW, f"MAL {GIRL} CONVULSION")  # so that there is a referral to answer
    assert isinstance(field.gateway.ussd, UssdIntake)
    for number, name in enumerate(menus.flows(role), 1):
        session = Dialled(site, PHONES[role])
        if "Reprendre" in session.screen:
            session.enter("2")
        session.enter(str(number))
        screen = session.to_the_end()
        assert "Erreur" not in screen, name
    assert "session_not_handled" not in field.faults()
