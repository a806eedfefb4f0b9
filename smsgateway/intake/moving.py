"""What follows when somebody lives elsewhere? `DEP 4177` left the area; `DEP 4177 09` lives in catchment 09 now, and
`DEP 4177 09-1512` in that household there: with a new code, which the CHW there is told.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select

from smsgateway.care import moves
from smsgateway.care.moves import NewHome
from smsgateway.care.people import Catchment, Located, catchment_numbered, locate, member_as_recipient
from smsgateway.care.word import send_word
from smsgateway.intake.care_reports import report_care
from smsgateway.intake.filing import Filed, answer_back, asking, file_or_correct
from smsgateway.intake.message import Judged, Message
from smsgateway.reading import say
from smsgateway.reading.models import Code, CodeState, Outcome
from smsgateway.reading.programme import Programme
from smsgateway.store.tables import assignments
from smsgateway.store.write import Tx
from smsgateway.text.codes import shown_full

NEWS_LASTS = timedelta(days=7)


def moved(tx: Tx, message: Message, judged: Judged, programme: Programme) -> str | None:
    """A person, or a household with everybody in it, lives elsewhere now."""
    verdict, place = judged.verdict, judged.place
    if verdict.outcome is not Outcome.ACCEPT or place is None or not (place.patient_id or place.household_id):
        return report_care(tx, message, judged, programme)
    to = verdict.answers.get("to")
    if to is None:
        return _left(tx, message, judged, programme, place)
    catchment, home = _destination(tx, message, str(to))
    if catchment is None or (home is None and "-" in str(to)):
        return answer_back(tx, message, asking(judged, "destination_unknown", str(to), filed=False), programme)
    return _resettled(tx, message, judged, programme, place, catchment, home)


def _left(tx: Tx, message: Message, judged: Judged, programme: Programme, place: Located) -> str:
    gone = [place.patient_id] if place.patient_id else moves.members_of(tx, place.household_id or UUID(int=0))
    filed = file_or_correct(tx, message, judged, programme, place)
    for person in gone:
        if person is not None:
            moves.left(tx, person, message.today, filed.report_id, message.now)
    return say.text(
        programme,
        "moved_away",
        message.language,
        who=say.who(programme, judged.verdict.person, message.language),
        code=say.shown_code(judged.verdict.subject),
    )


def _destination(tx: Tx, message: Message, to: str) -> tuple[Catchment | None, Located | None]:
    """The catchment that was named, in the same site, and the household there, if one was."""
    number, _, digits = to.partition("-")
    catchment = catchment_numbered(tx, number)
    if catchment is None or catchment.site_id != message.member.site_id:
        return None, None
    if not digits:
        return catchment, None
    found = locate(tx, Code(digits, number), (), message.today)
    is_household = found.facts.state is CodeState.FOUND and found.patient_id is None
    return catchment, found if is_household else None


def _resettled(
    tx: Tx,
    message: Message,
    judged: Judged,
    programme: Programme,
    place: Located,
    catchment: Catchment,
    household: Located | None,
) -> str:
    filed = file_or_correct(tx, message, judged, programme, place)
    people = _people(tx, place)
    home = _home(tx, message, filed, place, catchment, household, len(people))
    codes = [
        shown_full(catchment.number, moves.move_person(tx, person, home, filed.report_id, message.now))
        for person in people
    ]
    household_code = shown_full(catchment.number, home.code)
    old = say.shown_code(judged.verdict.subject)
    _tell_new_chw(tx, message, programme, judged, catchment, codes, household_code)
    if place.patient_id is None:
        return say.text(programme, "household_moved", message.language, old=old, household=household_code, codes=codes)
    return say.text(
        programme,
        "moved_to",
        message.language,
        who=say.who(programme, judged.verdict.person, message.language),
        old=old,
        code=codes[0],
        household=household_code,
    )


def _people(tx: Tx, place: Located) -> list[UUID]:
    if place.patient_id is not None:
        return [place.patient_id]
    return moves.members_of(tx, place.household_id) if place.household_id else []


def _home(
    tx: Tx,
    message: Message,
    filed: Filed,
    place: Located,
    catchment: Catchment,
    household: Located | None,
    people: int,
) -> NewHome:
    """The household there that was named, the whole household's own, or a new one."""
    if household is not None and household.household_id is not None:
        return NewHome(catchment, household.household_id, household.facts.code.digits)
    if place.patient_id is None and place.household_id is not None:
        return moves.move_household(tx, place.household_id, catchment, filed.report_id, message.now)
    return moves.new_household(tx, catchment, people, filed.report_id, message.now)


def _tell_new_chw(
    tx: Tx,
    message: Message,
    programme: Programme,
    judged: Judged,
    catchment: Catchment,
    codes: list[str],
    household: str,
) -> None:
    """Who visits there from now on reads whom, within their hours."""
    for chw_id in _chws_of(tx, catchment, message):
        chw = member_as_recipient(tx, chw_id)
        if chw is None or chw_id == message.member.id:
            continue
        text = say.text(
            programme,
            "moved_in",
            chw.language,
            who=say.who(programme, judged.verdict.person, chw.language),
            codes=codes or [household],
            household=household,
            old=_old_code(judged),
        )
        once = f"moved:{message.inbound_id.hex}:{judged.number}:{chw_id.hex}"
        send_word(tx, chw, text, programme, message.now, once=once, lasts=NEWS_LASTS)


def _chws_of(tx: Tx, catchment: Catchment, message: Message) -> list[UUID]:
    current = and_(
        assignments.c.starts_on <= message.today,
        or_(assignments.c.ends_on.is_(None), assignments.c.ends_on >= message.today),
    )
    query = select(assignments.c.staff_id).where(assignments.c.catchment_id == catchment.id, current)
    return list(tx.run(query).scalars())


def _old_code(judged: Judged) -> str:
    """With its catchment, as it is known elsewhere."""
    place = judged.place
    assert place is not None
    assert place.catchment is not None
    return shown_full(place.catchment.number, place.facts.code.digits)
