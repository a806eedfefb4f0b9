"""Whom does a ladder mean? The nurse on duty, the second nurse, the supervisor, the lead: who holds the post right now.

Nobody who reported the person, and nobody who asked not to be texted, holds any post of that referral.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from smsgateway.care.duty import nurses_by_duty
from smsgateway.care.history import Referral
from smsgateway.care.hours import zone_named
from smsgateway.care.people import Recipient, leads_of, member_as_recipient, supervisor_of
from smsgateway.care.rungs import Ladders, Post
from smsgateway.care.zones import timezone_of
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import facilities, opt_outs
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class Clinic:
    """The clinic a referral goes to: its code, its site's code, its time zone."""

    code: str
    site: str
    zone: ZoneInfo


_its_site = facilities.alias("its_site")
_CLINIC = Prepared(
    select(facilities.c.code, _its_site.c.code.label("site"), timezone_of(facilities.c.id).label("timezone"))
    .select_from(facilities.outerjoin(_its_site, _its_site.c.id == facilities.c.site_id))
    .where(facilities.c.id == bindparam("facility"))
)


def clinic_of(tx: Tx, facility_id: UUID) -> Clinic:
    """Where it is; its zone is its own or that of the nearest place above it."""
    (row,) = tx.ask(_CLINIC, facility=facility_id)
    return Clinic(row.code, row.site or row.code, zone_named(row.timezone))


@dataclass
class Posts:
    """The holders of the posts around one referral, looked up as they are needed."""

    tx: Tx
    ladders: Ladders
    referral: Referral
    reporters: frozenset[UUID]
    now: datetime
    _nurses: list[Recipient] | None = field(default=None, init=False)

    def holders(self, posts: Iterable[Post]) -> list[Recipient]:
        """Who holds these, each person once, in order."""
        people = {person.staff_id: person for post in posts for person in self.holding(post)}
        return list(people.values())

    def holding(self, post: Post) -> list[Recipient]:
        """Who holds this one; nobody, when it is empty."""
        match post:
            case Post.NURSE:
                return self.nurses()[:1]
            case Post.SECOND_NURSE:
                return self.nurses()[1:2]
            case Post.ANY_NURSE:
                return self.nurses()
            case Post.SUPERVISOR:
                return self._eligible(self._supervisor())
            case Post.LEAD:
                return self._eligible(leads_of(self.tx, self.referral.site_id))[:1]
            case Post.ANY_LEAD:
                return self._eligible(leads_of(self.tx, self.referral.site_id))
            case Post.REPORTER:
                return self.reporter()

    def nurses(self) -> list[Recipient]:
        """In order of duty."""
        if self._nurses is None:
            by_duty = nurses_by_duty(self.tx, self.referral.facility_id, self.ladders.duty_lasts, self.now)
            self._nurses = self._eligible(by_duty)
        return self._nurses

    def reporter(self) -> list[Recipient]:
        """The CHW, at the phone the report came from."""
        person = member_as_recipient(self.tx, self.referral.reporter_id) if self.referral.reporter_id else None
        return [] if person is None else [_at(person, self.referral.reporter_phone)]

    def _supervisor(self) -> Iterator[Recipient]:
        person = supervisor_of(self.tx, self.referral.reporter_id) if self.referral.reporter_id else None
        if person is not None:
            yield person

    def _eligible(self, people: Iterable[Recipient]) -> list[Recipient]:
        others = [each for each in people if each.staff_id not in self.reporters]
        refusing = opted_out(self.tx, [each.phone for each in others])
        return [each for each in others if each.phone not in refusing and each.phone != self.referral.reporter_phone]


def _at(person: Recipient, phone: str) -> Recipient:
    return replace(person, phone=phone)


def opted_out(tx: Tx, phones: Collection[str]) -> set[str]:
    """Which of these phones want no messages."""
    found = tx.ask_each(*((_OPTED_OUT, {"phone": phone}) for phone in phones)) if phones else []
    return {row.phone for rows in found for row in rows}


_OPTED_OUT = Prepared(select(opt_outs.c.phone).where(opt_outs.c.phone == bindparam("phone")))
