"""What is being handled? One message of a known member of staff, and each of its reports once it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from smsgateway.care.asked import Open
from smsgateway.care.people import Catchment, Located, Member
from smsgateway.care.reports import Origin
from smsgateway.reading.models import CodeState, Part, Reading, Verdict
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown, shown_full


def _nothing() -> None:
    """Nobody remembers anything."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a known member of staff, being handled."""

    inbound_id: UUID
    phone: str
    member: Member
    reading: Reading
    happened_at: datetime
    now: datetime
    channel: str
    answered_by_sms: bool = True
    continues: Open | None = None  # it answers what was asked about an earlier message
    said_no: bool = False  # with NON
    staff_changed: Callable[[], None] = _nothing  # to be called when this has changed what is known of staff
    goes_on: UUID | None = None  # the report that this session has filed already: it says more now
    hold_until: datetime | None = None  # an alert of a session that goes on is held back, and marked unfinished

    def origin(self, part: int) -> Origin:
        return Origin(self.inbound_id, part, self.member, self.channel, self.happened_at, self.now)

    @property
    def today(self) -> date:
        """The day on which what is reported happened, where the sender works."""
        return self.member.day(self.happened_at)

    @property
    def language(self) -> str:
        return self.member.language

    @property
    def own_catchment(self) -> Catchment | None:
        """Whose clinic hears of danger, where no code says otherwise. What is registered asks which one is meant."""
        return self.member.catchments[0] if self.member.catchments else None

    def own_numbered(self, number: str) -> Catchment | None:
        """The sender's catchment of that number, with or without leading zeros."""
        own = self.member.catchments
        return next((each for each in own if each.number.lstrip("0") == number.lstrip("0")), None)

    def new_code(self, catchment: Catchment, code: str) -> str:
        """A code as this sender will write it: with its catchment for who has several."""
        return shown(code) if len(self.member.catchments) == 1 else shown_full(catchment.number, code)


@dataclass(frozen=True, slots=True)
class Judged:
    """One part of the message, judged, with where its codes were found."""

    number: int
    verdict: Verdict
    places: tuple[Located, ...]

    @property
    def part(self) -> Part:
        return self.verdict.part

    @property
    def place(self) -> Located | None:
        """Whom it is about, once that is certain."""
        certain = (CodeState.FOUND, CodeState.MOVED)
        named = (place for place in self.places if str(place.facts.code) == self.verdict.subject)
        return next((place for place in named if place.facts.state in certain), None)


Applier = Callable[[Tx, Message, Judged, Programme], str | None]  # gives what the sender is answered
