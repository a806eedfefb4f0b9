"""How is a report taken back? `ANN 4177`, `ANN K7`, and, for the report whose answer the sender has just read, ANN or
NON alone: never an open referral, which needs its code.
"""

from __future__ import annotations

from collections.abc import Sequence

from smsgateway.care import answers, cancelling
from smsgateway.care.cancelling import Sent
from smsgateway.care.families import household_code, relative
from smsgateway.care.history import Referral
from smsgateway.care.people import Located
from smsgateway.care.reports import Origin, file_report
from smsgateway.intake.filing import answer_back
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Outcome, Person
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx


def take_back(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """Take back what was named, or the last report that was answered."""
    if judged.verdict.outcome is not Outcome.ACCEPT:
        return answer_back(tx, message, judged, programme)
    back = _TakingBack(tx, message, judged, programme)
    if judged.part.referral is not None:
        return back.by_referral(judged.part.referral)
    if judged.place is not None:
        return back.by_code(judged.place)
    return back.last()


class _TakingBack:
    def __init__(self, tx: Tx, message: Message, judged: Judged, programme: Programme) -> None:
        self.tx, self.message, self.judged, self.programme = tx, message, judged, programme

    def by_referral(self, code: str) -> str:
        """ANN K7: the death that the sender told by it, else the referral and the report that opened it."""
        tx, member = self.tx, self.message.member
        referral = answers.meant_by(tx, member, code)
        if referral is None:
            return self.text("referral_unknown", referral=code)
        sent = cancelling.death_told_by(tx, member, referral) or cancelling.report_of(tx, member, referral)
        if sent is None:
            return self.text("referral_unknown", referral=code)
        if not sent.stands:
            return self.text("cancelled_before")
        return self.take([sent], named=True)

    def by_code(self, place: Located) -> str:
        """ANN 4177: the last report about them."""
        sent = cancelling.last_about(self.tx, self.message.member, place.patient_id, place.household_id)
        code = say.shown_code(self.judged.verdict.subject)
        return self.text("cancel_none", code=code) if sent is None else self.take([sent], named=True)

    def last(self) -> str:
        """ANN, NON: what the sender has before their eyes."""
        sent = cancelling.last_answered(self.tx, self.message.member, self.message.phone, self.message.now)
        standing = [each for each in sent if each.stands]
        if not standing:
            return self.text("cancelled_before" if sent else "cancel_none")
        if len({each.part for each in standing}) > 1:
            codes = [code for each in standing if (code := self.code_of(each))]
            return self.text("cancel_which", codes=list(dict.fromkeys(codes)))
        return self.take(standing, named=False)

    def take(self, sent: Sequence[Sent], *, named: bool) -> str:
        """Take these back, unless it is too late, somebody is at the clinic, or others rely on it."""
        tx, message, (first, *_) = self.tx, self.message, sent
        code = self.code_of(first)
        if message.now - first.arrived_at > cancelling.WITHIN:
            return self.text("cancel_too_late", code=code)
        if any(cancelling.is_relied_on(tx, each) for each in sent):
            return self.text("cancel_relied_on", code=code)
        referral = cancelling.open_referral_of(tx, first)
        if referral is not None and cancelling.is_seen(referral):
            return self.text("cancel_seen", referral=referral.code)
        if referral is not None and not named:
            return self.text("cancel_needs_code", referral=referral.code, who=self.who(first), code=code)
        kept = referral is not None and cancelling.stands_without(tx, referral, sent)
        who = self.who(first)
        cancelling.cancel(
            tx, sent, None if kept else referral, message.member, message.inbound_id, self.programme, message.now
        )
        tx.after_commit(message.staff_changed)  # a leave may have been taken back
        self.note(sent)
        return self.answer(first, referral, who=who, code=None if len(sent) > 1 else code, kept=kept)

    def answer(self, sent: Sent, referral: Referral | None, *, who: str, code: str | None, kept: bool) -> str:
        language = self.message.language
        flow = self.programme.flows.get(sent.flow)
        return self.text(
            "cancelled",
            who=who,
            code=code,
            keyword=flow.taught(language) if flow else sent.flow,
            said=say.understood(self.programme, sent.answers, language)
            + say.signs(self.programme, sent.danger, language),
            referral=referral.code if referral and not kept else None,
            kept=referral.code if referral and kept else None,
        )

    def note(self, sent: Sequence[Sent]) -> None:
        """The taking back is a report of its own, about nobody."""
        origin: Origin = self.message.origin(self.judged.number)
        file_report(
            self.tx,
            origin,
            flow=cancelling.FLOW,
            flow_version=self.programme.flows[cancelling.FLOW].version,
            answers={"cancelled": [str(each.id) for each in sent]},
            danger=(),
            unclear=(),
            place=None,
            filed=True,
        )

    # ------------------------------------------------------------ words

    def text(self, key: str, **values: say.Value) -> str:
        return say.text(self.programme, key, self.message.language, **values)

    def person_of(self, sent: Sent) -> Person | None:
        found = relative(self.tx, sent.patient_id, self.message.today) if sent.patient_id else None
        return found.person if found else None

    def who(self, sent: Sent) -> str:
        return say.who(self.programme, self.person_of(sent), self.message.language)

    def code_of(self, sent: Sent) -> str | None:
        person = self.person_of(sent)
        if person is not None:
            return person.code
        if sent.household_id is not None:
            return household_code(self.tx, sent.household_id)
        return None
