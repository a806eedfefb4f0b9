"""What does a supervisor read when she asks? Each question's answer in words, short enough for one SMS, two at most.

A long answer is cut into pages between its items, and says that `SUITE` brings the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from smsgateway.care import figures
from smsgateway.care.customs import Customs, customs_of
from smsgateway.care.figures import Feedback, OpenReferral, Period, Scope
from smsgateway.care.figures.feedback import feedback_in
from smsgateway.care.people import Member
from smsgateway.reading import say
from smsgateway.reading.models import Role
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import referrals
from smsgateway.text.gsm7 import fits, fold

SEGMENTS_AT_MOST = 2


class Asked:
    """A question being answered: by whom, when, in which words. Its methods give pages, of which the first is sent."""

    def __init__(self, connection: Connection, member: Member, programme: Programme, now: datetime) -> None:
        self.connection, self.member, self.programme, self.now = connection, member, programme, now
        self.customs: Customs = customs_of(programme)
        self.scope: Scope = figures.scope_of(connection, member, now)

    def text(self, key: str, **values: say.Value) -> str:
        return say.text(self.programme, key, self.member.language, **values)

    def this_period(self) -> Period:
        """The programme's current period, as far as today."""
        whole = figures.period_of(self.now, self.customs.period_starts_on, self.scope.zone)
        today = self.now.astimezone(self.scope.zone).date()
        return Period(whole.first, min(whole.last, today), whole.zone)

    # ------------------------------------------------------------ BILAN, ASC 07

    def summary(self, days: int | None) -> list[str]:
        """`BILAN 7`: what all of them did together."""
        period = figures.last_days(self.now, days or self.customs.summary_days, self.scope.zone)
        work = figures.total_work(self.connection, self.scope, period)
        followed = figures.followed_up(self.connection, self.scope, period, self.now)
        silent = figures.silent_chws(self.connection, self.scope, self.now, self.customs.silent_after_days)
        sent = figures.referred(self.connection, self.scope, period)
        out = figures.empty_shelves(figures.stock_levels(self.connection, self.scope, self.now))
        return [
            self.text(
                "summary",
                dates=dates(period),
                chws=len(self.scope.chws),
                silent=len(silent) or None,
                **_work_values(work),
                followed=of(followed.on_time, followed.due),
                urgent=sent.urgent,
                confirmed=sent.urgent_confirmed if sent.urgent else None,
                said=sent.urgent_said or None,
                stockouts=len({level.staff_id for level in out}) or None,
            )
        ]

    def one_chw(self, number: str) -> list[str]:
        """`ASC 07`: one CHW's figures of this period."""
        chw = self.scope.named(number)
        if chw is None:
            return [self.text("no_such_chw", number=number)]
        return [feedback_text(self.programme, self.member.language, self._feedback(chw), self._not_heard(chw))]

    def _feedback(self, chw: figures.Chw) -> Feedback:
        return feedback_in(self.connection, self.scope.only(chw), self.this_period(), self.now)

    def _not_heard(self, chw: figures.Chw) -> int | None:
        """The days since this CHW was heard of, when they are silent."""
        silent = figures.silent_chws(self.connection, self.scope.only(chw), self.now, self.customs.silent_after_days)
        return silent[0].days if silent else None

    # ------------------------------------------------------------ RETARD

    def late(self) -> list[str]:
        """`RETARD`: the CHWs nobody heard of, and follow-ups whose day has passed."""
        silent = figures.silent_chws(self.connection, self.scope, self.now, self.customs.silent_after_days)
        overdue = figures.overdue_follow_ups(self.connection, self.scope, self.now)
        if not silent and not overdue:
            return [self.text("late_none")]
        items = [
            self.text("late_silent_item", chw=each.chw, days=each.days)
            if each.days is not None
            else self.text("late_never_item", chw=each.chw)
            for each in silent
        ]
        behind = [self.text("late_follow_up_item", chw=code, n=count) for code, count in overdue.items()]
        head = self.text("late_silent", n=len(silent)) if silent else ""
        second = self.text("late_follow_ups", n=sum(overdue.values())) if overdue else ""
        return self._pages([(head, items), (second, behind)])

    # ------------------------------------------------------------ REF

    def open_referrals(self) -> list[str]:
        """`REF`: what is open at her clinic (a nurse), or was sent by her CHWs (a supervisor)."""
        if self.member.role is Role.NURSE:
            which = referrals.c.facility_id == self.member.facility_id
        else:
            which = figures.open_in(self.scope)
        found = figures.open_referrals(self.connection, which)
        if not found:
            return [self.text("open_referrals_none")]
        return self._pages(
            [(self.text("open_referrals", n=len(found)), [self._open_item(each) for each in found])], between="\n"
        )

    def _open_item(self, referral: OpenReferral) -> str:
        signs = [self.programme.label(sign, self.member.language) for sign in referral.danger[:1]]
        state = f"referral_state_{referral.state}"
        return self.text(
            "open_referral_item",
            referral=referral.code,
            code=referral.brief.get("code") or None,
            signs=signs or None,
            since=waited(self.now - referral.opened_at),
            state=self.text(state) if state in self.programme.texts else referral.state,
            chw=self.scope.code_of(referral.reporter_id) if referral.reporter_id else None,
        )

    # ------------------------------------------------------------ COUV, 24H

    def coverage(self) -> list[str]:
        """`COUV`: households visited often enough this period; catchments with the smallest share first."""
        period = self.this_period()
        found = figures.coverage(self.connection, self.scope, period, self.customs.visits_wanted)
        visited, households = sum(each.visited for each in found), sum(each.households for each in found)
        head = self.text(
            "coverage",
            dates=dates(period),
            times=self.customs.visits_wanted,
            share=of(visited, households) or "0/0",
        )
        worst = sorted(found, key=lambda each: (each.visited / each.households, each.catchment))
        items = [f"{each.catchment}: {each.visited}/{each.households}" for each in worst]
        return self._pages([(head, items if len(items) > 1 else [])])

    def treated_24h(self) -> list[str]:
        """`24H`: children treated in time this period; CHWs with the smallest share first."""
        period = self.this_period()
        works = figures.work_by_chw(self.connection, self.scope, period)
        whole = figures.total(works.values())
        if not whole.treated:
            return [self.text("treated_24h_none", dates=dates(period))]
        head = self.text("treated_24h", dates=dates(period), **_work_values(whole))
        rated = [
            (works[chw.id].by_next_day, works[chw.id].onset_known, chw.code)
            for chw in self.scope.chws
            if chw.id in works and works[chw.id].onset_known
        ]
        worst = sorted(rated, key=lambda each: (each[0] / each[1], each[2]))
        items = [f"{code} {timely}/{known}" for timely, known, code in worst]
        return self._pages([(head, items if len(items) > 1 else [])])

    # ------------------------------------------------------------ STOCK

    def stockouts(self) -> list[str]:
        """`STOCK`: what has run out, at whom, for how long."""
        out = figures.empty_shelves(figures.stock_levels(self.connection, self.scope, self.now))
        if not out:
            return [self.text("stockouts_none")]
        by_chw: dict[str, list[str]] = {}
        for level in out:
            days = (self.now - (level.out_since or self.now)).days
            by_chw.setdefault(self.scope.code_of(level.staff_id), []).append(
                self.text("stockout_item", item=self.item(level.item), days=days or None)
            )
        items = [f"{chw} {', '.join(shelf)}" for chw, shelf in by_chw.items()]
        return self._pages([(self.text("stockouts", n=len(by_chw)), items)], between="; ")

    def item(self, name: str) -> str:
        """An item as CHWs write it."""
        return item_word(self.programme, name, self.member.language)

    # ------------------------------------------------------------ pages

    def _pages(self, lists: Sequence[tuple[str, Sequence[str]]], between: str = ", ") -> list[str]:
        return pages(lists, lambda left: self.text("more_left", n=left), between)


def pages(lists: Sequence[tuple[str, Sequence[str]]], more: Callable[[int], str], between: str = ", ") -> list[str]:
    """Lists, each after its head, cut between items into texts of at most two segments; all but the last end with how
    many items are left."""
    written: list[str] = []
    page = ""
    pieces = [piece for head, items in lists for piece in _pieces(head, items, between)]
    for position, (joint, piece) in enumerate(pieces):
        left = len(pieces) - position - 1
        longer = page + joint + piece if page else piece
        if page and not fits(longer + (f"\n{more(left)}" if left else ""), SEGMENTS_AT_MOST):
            written.append(f"{page}\n{more(left + 1)}")
            longer = piece
        page = longer
    return [*written, page]


def _pieces(head: str, items: Sequence[str], between: str) -> list[tuple[str, str]]:
    """What stands before each item when it does not begin a page, and the item; the head goes with the first."""
    if not items:
        return [("\n", fold(head))] if head else []
    return [("\n", fold(f"{head} {items[0]}".strip())), *((between, fold(item)) for item in items[1:])]


# ---------------------------------------------------------------- words for figures


def feedback_text(programme: Programme, language: str, found: Feedback, silent: int | None = None) -> str:
    """One CHW's figures, for `ASC 07` and before a supervision visit."""
    work = found.work
    return say.text(
        programme,
        "one_chw",
        language,
        chw=found.chw.code,
        dates=dates(found.period),
        **_work_values(work),
        followed=of(found.followed.on_time, found.followed.due),
        corrected=of(work.to_correct, work.messages),
        silent=silent,
    )


def _work_values(work: figures.Work) -> Mapping[str, say.Value]:
    known = work.onset_known
    return {
        "visits": work.visits,
        "sick": work.sick,
        "treated": work.treated,
        "same_day": share(work.same_day, known),
        "next_day": share(work.by_next_day, known),
        "unknown": work.onset_unknown or None,
    }


def dates(period: Period) -> str:
    """`18/11-24/11`."""
    return f"{period.first:%d/%m}-{period.last:%d/%m}"


def of(part: int, whole: int) -> str | None:
    """`40/52`; None when there is nothing to have a part of."""
    return f"{part}/{whole}" if whole else None


def share(part: int, whole: int) -> str | None:
    """`46/83 (55%)`: the figure first, so that two of three is not taken for two thirds of many."""
    return f"{part}/{whole} ({percent(part, whole)}%)" if whole else None


def percent(part: int, whole: int) -> int:
    """Whole percent, rounded half up; never 100 unless all are."""
    rounded = (200 * part + whole) // (2 * whole)
    return 99 if rounded == 100 and part < whole else rounded


def waited(length: timedelta) -> str:
    """`25min`, `3h`, `2j`: alike in French and English but for the day's letter, which everybody reads."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes}min"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // (24 * 60)}j"


def item_word(programme: Programme, name: str, language: str) -> str:
    """An item of stock in the words of the language: CTA, ACT."""
    taught = programme.taught.get(name)
    if taught is None:
        return say.text(programme, f"word_item_{name}", language) if f"word_item_{name}" in programme.texts else name
    return taught.get(language) or taught["fr"]
