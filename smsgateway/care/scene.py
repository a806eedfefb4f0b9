"""How does a referral stand right now? All that a decision about its next rung needs, gathered once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from smsgateway.care.history import LOST, Past, Referral, named, past_of
from smsgateway.care.posts import Clinic, Posts, clinic_of
from smsgateway.care.rungs import Ladder, Ladders, ladders_of
from smsgateway.care.timetable import Standing, Step, next_step, timetable
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx


@dataclass(frozen=True, slots=True)
class Scene:
    """One referral at one moment, with all that a decision about it needs."""

    tx: Tx
    programme: Programme
    ladders: Ladders
    clinic: Clinic
    ladder: Ladder
    referral: Referral
    past: Past
    posts: Posts
    now: datetime

    @property
    def standing(self) -> Standing:
        referral = self.referral
        return Standing(
            state=referral.state,
            urgency=referral.urgency,
            tier=referral.tier,
            since=referral.counted_from or referral.round_at,
            settled=referral.state_at,
            climbed=self.past.climbed_in(referral.round),
        )

    @property
    def waited(self) -> timedelta:
        """How long the person has waited, since the danger was reported."""
        return self.now - self.referral.round_at

    def written(self, rungs: Iterable[str]) -> frozenset[str]:
        """Rungs as the messages of this round carry them, also the second time (see `history.LOST`)."""
        return frozenset(named(each, self.referral.round) for rung in rungs for each in (rung, rung + LOST))

    def table(self) -> list[Step]:
        return timetable(self.ladders, self.ladder, self.standing, self.clinic.zone)

    def next(self) -> Step | None:
        return next_step(self.ladders, self.ladder, self.standing, self.clinic.zone)


def scene(
    tx: Tx,
    referral: Referral,
    programme: Programme,
    now: datetime,
    *,
    clinic: Clinic | None = None,
    past: Past | None = None,
) -> Scene:
    """Look at a referral; what is known already may be given."""
    ladders = ladders_of(programme)
    clinic = clinic or clinic_of(tx, referral.facility_id)
    past = past or past_of(tx, referral)
    posts = Posts(tx, ladders, referral, past.reporters, now)
    return Scene(tx, programme, ladders, clinic, ladders.of_site(clinic.site), referral, past, posts, now)
