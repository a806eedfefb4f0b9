"""What does a USSD code show? The screens of the role, one turn a request; what a session says is filed like an SMS.

The provider sends the whole transcript each time and no number of the turn. So a transcript that was answered is
answered the same again and changes nothing; a new one is a stored one, a star, and one entry, which may hold stars
itself. A turn that gives a danger sign queues the alert at once, held back two minutes (`care/unfinished`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, update

from smsgateway.care import corrections, unfinished
from smsgateway.care.choices import choices_of, group_of
from smsgateway.care.people import Directory, Member
from smsgateway.channels.messages import Turn
from smsgateway.clock import Clock
from smsgateway.intake.apply import file_message
from smsgateway.intake.care_reports import report_care
from smsgateway.intake.judging import judged_message
from smsgateway.intake.message import Message
from smsgateway.logs import whereabouts
from smsgateway.reading import say, ussd
from smsgateway.reading.menus import Menus
from smsgateway.reading.models import Outcome, Role
from smsgateway.reading.sms import read
from smsgateway.reading.ussd import Context, State, Turned
from smsgateway.store.database import Store, lock_sender
from smsgateway.store.faults import raise_fault
from smsgateway.store.prepared import Prepared
from smsgateway.store.tables import inbound, ussd_turns
from smsgateway.store.types import new_id
from smsgateway.store.write import Task, Tx, Work
from smsgateway.text.phones import masked

log = structlog.get_logger(__name__)

RESUMED_WITHIN = timedelta(minutes=30)
_OWN = "_"  # keys of the state that are ours and not the screens'

_TURNS = Prepared(
    select(ussd_turns.c.transcript_hash, ussd_turns.c.transcript, ussd_turns.c.state, ussd_turns.c.screen)
    .where(ussd_turns.c.channel == bindparam("channel"), ussd_turns.c.session == bindparam("session"))
    .order_by(ussd_turns.c.at)
)
_LEFT = Prepared(
    select(ussd_turns.c.state, ussd_turns.c.session, ussd_turns.c.open)
    .where(ussd_turns.c.phone == bindparam("phone"), ussd_turns.c.at >= bindparam("since"))
    .order_by(ussd_turns.c.at.desc(), ussd_turns.c.id.desc())
    .limit(1)
)


class UssdIntake:
    """Takes every USSD turn."""

    def __init__(self, store: Store, menus: Menus, directory: Directory, clock: Clock, language: str = "fr") -> None:
        self._store = store
        self._menus = menus
        self._directory = directory
        self._clock = clock
        self._language = language

    def take(self, turn: Turn) -> str:
        """The screen for one turn, with its CON or END; raises StoreUnavailable when it cannot be stored."""
        return self._store.do(self.task(turn))

    def task(self, turn: Turn) -> Task[str]:
        """What is written of one turn, with its screen; if it could not be handled, a fault for a human to see."""
        now = self._clock.now()

        def instead(error: Exception) -> Work[str]:
            kind = type(error).__name__
            log.error("turn not handled", sender=masked(turn.phone), error=kind)
            log.debug("why", error=kind, where=whereabouts(error))
            return lambda tx: self._fault(tx, turn, now)

        return Task(lambda tx: self._taken(tx, turn, now), instead)

    def _fault(self, tx: Tx, turn: Turn, now: datetime) -> str:
        raise_fault(tx, "session_not_handled", turn.session[:80], None, now)
        return "END " + say.text(self._menus.programme, "ussd_failed", self._language)

    def _taken(self, tx: Tx, turn: Turn, now: datetime) -> str:
        lock_sender(tx, turn.phone)
        turns = tx.ask(_TURNS, channel=turn.channel, session=turn.session)
        digest = hashlib.blake2b(turn.text.encode(), digest_size=16).hexdigest()
        for stored in turns:
            if stored.transcript_hash == digest:
                return str(stored.screen)
        member = self._directory.who(tx, turn.phone, now)
        session = _Session(tx, self._menus, member, turn, now, self._language, self._directory.forget)
        turned = session.begin() if not turns else session.go_on(turns)
        self._keep(tx, turn, digest, turned, member, now)
        return turned.screen

    def _keep(self, tx: Tx, turn: Turn, digest: str, turned: Turned, member: Member | None, now: datetime) -> None:
        state = turned.state
        tx.insert(
            ussd_turns,
            {
                "id": new_id(),
                "site_id": member.site_id if member else None,
                "channel": turn.channel,
                "session": turn.session,
                "transcript_hash": digest,
                "transcript": turn.text,
                "phone": turn.phone,
                "state": state,
                "screen": turned.screen,
                "open": state.get("at") == "flow" and (bool(state.get("said")) or f"{_OWN}report" in state),
                "at": now,
            },
        )


class _Session:
    """One turn of one session."""

    def __init__(
        self,
        tx: Tx,
        menus: Menus,
        member: Member | None,
        turn: Turn,
        now: datetime,
        language: str,
        staff_changed: Callable[[], None],
    ) -> None:
        self.staff_changed = staff_changed
        self.tx, self.menus, self.member, self.turn, self.now = tx, menus, member, turn, now
        self.role = member.role if member else Role.UNKNOWN
        self.language = member.language if member else language

    # ------------------------------------------------------------ which screen

    def begin(self) -> Turned:
        """The first request; a code that was dialled with entries behind it (*384*1*2#) is walked through."""
        turned = ussd.start(self.menus, self.role, self.language, self.context(resumable=True))
        for entry in self.turn.text.split("*") if self.turn.text else ():
            turned = self.entered(turned, entry)
        return turned

    def go_on(self, turns: list[Any]) -> Turned:
        """One entry more than the longest stored transcript this one begins with."""
        before = [stored for stored in turns if _continues(stored.transcript, self.turn.text)]
        if not before:
            return self.begin()
        last = max(before, key=lambda stored: len(stored.transcript))
        entry = self.turn.text[len(last.transcript) + 1 :] if last.transcript else self.turn.text
        return self.entered(Turned(last.state, last.screen), entry)

    def entered(self, before: Turned, entry: str) -> Turned:
        if before.screen.startswith("END"):
            return before
        turned = ussd.advance(self.menus, self.role, self.language, self.context(), before.state, entry)
        turned = replace(turned, state=_carried(before.state, turned.state))
        if turned.finished:
            return self.finished(turned)
        if turned.text:
            self.look_for_danger(turned)
        return turned

    def context(self, *, resumable: bool = False) -> Context:
        member, tx, now = self.member, self.tx, self.now
        if member is None:
            return Context(choices=lambda _kind: (), known=lambda _code: None)
        return Context(
            choices=lambda kind: choices_of(tx, member, kind, self.menus.programme, now),
            known=lambda code: group_of(tx, member, code, now),
            unfinished=self.left_before() if resumable else None,
        )

    def left_before(self) -> State | None:
        """What this phone's last session, dropped not long ago, had said."""
        rows = self.tx.ask(_LEFT, phone=self.turn.phone, since=self.now - RESUMED_WITHIN)
        return rows[0].state if rows and rows[0].open else None

    # ------------------------------------------------------------ what it says

    def message(self, text: str, inbound_id: UUID, *, held: bool, goes_on: UUID | None = None) -> Message:
        assert self.member is not None
        own = self.member.catchments
        reading = read(text, self.role, self.menus.programme, own[0].number if len(own) == 1 else None)
        return Message(
            inbound_id,
            self.turn.phone,
            self.member,
            reading,
            self.now,
            self.now,
            channel="ussd",
            answered_by_sms=self.menus.receipt_by_sms and not held,
            staff_changed=self.staff_changed,
            goes_on=goes_on,
            hold_until=self.now + unfinished.HELD_BACK if held else None,
        )

    def look_for_danger(self, turned: Turned) -> None:
        """Alert of what has been said so far; nothing is filed yet of what holds no danger, and the register changes
        when all is said."""
        state = turned.state
        if self.member is None or not self.menus.programme.flows[state["flow"]].danger:
            return
        report_id = self.filed_before(state)
        inbound_id = UUID(state[f"{_OWN}inbound"]) if report_id is not None else new_id()
        message = self.message(turned.text, inbound_id, held=True, goes_on=report_id)
        judged = judged_message(self.tx, message, self.menus.programme)[0]
        if judged.verdict.outcome is not Outcome.ALERT or state.get(f"{_OWN}said") == turned.text:
            return
        report_care(self.tx, message, judged, self.menus.programme)
        if report_id is None:
            self.note_inbound(inbound_id, turned.text, None)
            state[f"{_OWN}inbound"] = str(inbound_id)
            state[f"{_OWN}report"] = str(self.report_of(inbound_id))
        state[f"{_OWN}said"] = turned.text

    def finished(self, turned: Turned) -> Turned:
        """File what was said, or complete what was filed when danger was first said, and show the answer."""
        if self.member is None:
            return turned
        report_id = self.filed_before(turned.state)
        inbound_id = UUID(turned.state[f"{_OWN}inbound"]) if report_id is not None else new_id()
        message = self.message(turned.text, inbound_id, held=False, goes_on=report_id)
        answer = file_message(self.tx, message, self.menus.programme)
        if report_id is None:
            self.note_inbound(inbound_id, turned.text, answer)
        else:
            said = {"text": turned.text, "answer": answer}
            self.tx.execute(update(inbound).where(inbound.c.id == inbound_id).values(said))
        shown = ussd.ended(self.menus, self.language, {"at": "answer"}, answer or "OK")
        return replace(shown, text=turned.text)

    def filed_before(self, state: State) -> UUID | None:
        """The report this session filed when danger was said, unless it was taken back or corrected since by SMS."""
        if f"{_OWN}report" not in state:
            return None
        standing = corrections.report(self.tx, UUID(state[f"{_OWN}report"]))
        return None if standing is None else standing.id

    def report_of(self, inbound_id: UUID) -> UUID:
        return unfinished.report_of(self.tx, inbound_id)

    def note_inbound(self, inbound_id: UUID, text: str, answer: str | None) -> None:
        """What the session said, kept as the message it stands for."""
        self.tx.insert(
            inbound,
            {
                "id": inbound_id,
                "site_id": self.member.site_id if self.member else None,
                "channel": "ussd",
                "provider_id": f"{self.turn.session}:{inbound_id.hex}",
                "sender": self.turn.phone,
                "recipient": self.turn.service_code,
                "text": text,
                "raw": self.turn.raw,
                "sent_at": None,
                "arrived_at": self.now,
                "staff_id": self.member.id if self.member else None,
                "state": "handled",
                "attempts": 1,
                "error": None,
                "answer": answer,
            },
        )


def _continues(stored: str, transcript: str) -> bool:
    """Whether `transcript` is a stored one, a star, and one entry; the first entry has no star before it."""
    return transcript.startswith(f"{stored}*") if stored else bool(transcript)


def _carried(before: State, after: State) -> State:
    """Our own keys stay with a flow until it ends, also when its screens go back."""
    if after.get("at") not in ("flow", "filed"):
        return after
    source = before.get("left", before)
    if source.get("flow") != after.get("flow"):
        return after
    return {**after, **{key: value for key, value in source.items() if key.startswith(_OWN)}}
