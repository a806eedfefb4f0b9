"""Who must know what was answered? The CHW what became of the child they sent, and at any hour whoever can still help
it: never the person who said it, and not the one who knows already.

News that somebody must act on is worth as much as an alert: when it does not arrive, the next different person is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from smsgateway.care import calls
from smsgateway.care.climbing import SAID, tell_under
from smsgateway.care.people import Member, Recipient, member_as_recipient
from smsgateway.care.rungs import Post
from smsgateway.care.scene import Scene
from smsgateway.care.states import Answer, Event
from smsgateway.care.telling import heard_by, inform
from smsgateway.reading.models import Role

AT_THE_CLINIC: Final = frozenset({Role.NURSE})
_BY_WHOM: Final = frozenset({"received_above", "died_says_chw"})  # texts with the phone of who said it


class Audience(StrEnum):
    REPORTER = "reporter"
    SUPERVISOR = "supervisor"
    NURSE = "nurse"
    ABOVE = "above"  # supervisors and leads who had been told
    ALERTED = "alerted"  # everybody who had been told


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who hears of an event. `act`: somebody must act on it now, at any hour."""

    audiences: tuple[Audience, ...]
    act: bool = False
    urgent: bool = False


_HEARERS: Final[Mapping[Event, Hearers]] = {
    Event.RECEIVED: Hearers((Audience.REPORTER, Audience.ABOVE)),
    Event.ARRIVED: Hearers((Audience.REPORTER,)),
    Event.ABSENT: Hearers((Audience.REPORTER, Audience.SUPERVISOR), act=True),
    Event.REFUSED: Hearers((Audience.REPORTER, Audience.SUPERVISOR), act=True),
    Event.NO_TRANSPORT: Hearers((Audience.NURSE, Audience.SUPERVISOR), act=True),
    Event.TRANSFERRED: Hearers((Audience.REPORTER,)),
    Event.OUTCOME: Hearers((Audience.REPORTER,)),
    Event.DIED: Hearers((Audience.REPORTER, Audience.SUPERVISOR)),
    Event.CANCELLED: Hearers((Audience.ALERTED,), urgent=True),
}
# At the clinic they still wait for whom the CHW says is dead.
_DEATH_BY_CHW: Final = Hearers((Audience.REPORTER, Audience.SUPERVISOR, Audience.ALERTED))


def spread(view: Scene, said: Answer, by: Member) -> None:
    """Tell everybody who must know."""
    hearers = _DEATH_BY_CHW if _is_death_by_chw(said, by) else _HEARERS.get(said.event, Hearers(()))
    people: dict[UUID, tuple[Audience, Recipient]] = {}
    for audience in hearers.audiences:
        for person in _audience(view, audience):
            people.setdefault(person.staff_id, (audience, person))
    for audience, person in people.values():
        if person.staff_id == by.id:
            continue
        if hearers.act:
            tell_under(view, person, words(view, said.event, person), f"{SAID}{said.event.value}")
        else:
            text = _words(view, said, audience, person, by)
            about = f"{said.event.value}#{view.referral.round}{said.outcome or ''}{by.role.value[:1]}"
            inform(view.tx, view.referral, person, text, view.now, about=about, urgent=hearers.urgent)


def words(view: Scene, event: Event, person: Recipient) -> str:
    """News that somebody must act on."""
    return calls.news(view.programme, person.language, view.referral, event.value)


def _words(view: Scene, said: Answer, audience: Audience, person: Recipient, by: Member) -> str:
    key = _key(said, audience, by)
    return calls.news(
        view.programme,
        person.language,
        view.referral,
        key,
        outcome=said.outcome,
        words=said.words,
        phone=_phone_of(view, by) if key in _BY_WHOM else None,
    )


def _audience(view: Scene, audience: Audience) -> list[Recipient]:
    match audience:
        case Audience.REPORTER:
            return view.posts.reporter()
        case Audience.SUPERVISOR:
            return view.posts.holders((Post.SUPERVISOR,)) or view.posts.holders((Post.LEAD,))
        case Audience.NURSE:
            return view.posts.holders((Post.NURSE,))
        case Audience.ABOVE:
            return [each for each in _heard(view) if each.role in (Role.SUPERVISOR, Role.LEAD)]
        case Audience.ALERTED:
            return _heard(view)


def _heard(view: Scene) -> list[Recipient]:
    people = [member_as_recipient(view.tx, each) for each in heard_by(view.tx, view.referral)]
    return [each for each in people if each is not None and each.staff_id not in view.past.reporters]


def _key(said: Answer, audience: Audience, by: Member) -> str:
    """The text: an alert that was answered above the clinic is not the clinic's answer."""
    if said.event is Event.RECEIVED and by.role not in AT_THE_CLINIC:
        return "received_above"
    if said.event is Event.RECEIVED and audience is Audience.ABOVE:
        return "answered"
    return "died_says_chw" if _is_death_by_chw(said, by) else said.event.value


def _is_death_by_chw(said: Answer, by: Member) -> bool:
    return said.event is Event.DIED and by.role is Role.CHW


def _phone_of(view: Scene, member: Member) -> str | None:
    person = member_as_recipient(view.tx, member.id)
    return person.phone if person else None
