"""What does each report of a message mean, given what the register knows of its codes? Nothing is done about it yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smsgateway.care.people import Located, locate
from smsgateway.intake.message import Judged, Message
from smsgateway.reading.judge import judge
from smsgateway.reading.models import CodeState, Facts, Part
from smsgateway.reading.programme import Programme
from smsgateway.store.write import Tx

Places = tuple[Located, ...]  # of one report, in the order of its codes


def judged_message(tx: Tx, message: Message, programme: Programme) -> list[Judged]:
    """Every report of a message, judged by what the register says."""
    return judged_parts(message, places_of(tx, message, programme), programme)


def places_of(tx: Tx, message: Message, programme: Programme) -> list[Places]:
    """Where the codes of each report are found."""
    return [_places(tx, message, part, programme) for part in message.reading.parts]


def judged_parts(
    message: Message, places: Sequence[Places], programme: Programme, *, insisted: bool = False
) -> list[Judged]:
    """Every report of a message, judged; `insisted`: it was sent again after an unlikely value was refused."""
    facts = [
        Facts(
            role=message.member.role,
            language=message.language,
            codes=tuple(place.facts for place in some),
            insisted=insisted,
            today=message.today,
        )
        for some in places
    ]
    decision = judge(message.reading, facts, message.happened_at, programme)
    return [Judged(i, verdict, places[i]) for i, verdict in enumerate(decision.verdicts)]


def _places(tx: Tx, message: Message, part: Part, programme: Programme) -> Places:
    """Where the codes of one report are found, those of the wrong kind marked as such."""
    subject = programme.flows[part.flow].subject if part.flow else None
    found = (locate(tx, code, message.member.catchments, message.today) for code in part.codes)
    return tuple(_of_wrong_kind(place) if _is_wrong_kind(place, subject) else place for place in found)


def _is_wrong_kind(place: Located, subject: str | None) -> bool:
    """A household where a patient was needed, or the other way round."""
    is_patient, is_household = place.patient_id is not None, place.household_id is not None and place.patient_id is None
    return (subject == "patient" and is_household) or (subject in ("household", "households") and is_patient)


def _of_wrong_kind(place: Located) -> Located:
    return Located(replace(place.facts, state=CodeState.WRONG_KIND, person=None), place.catchment)
