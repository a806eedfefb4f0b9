"""What must be known of a report once it is filed? What reminders are begun and ended by, in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from smsgateway.care.people import Located
from smsgateway.care.reports import Origin
from smsgateway.reading.models import CodeState


@dataclass(frozen=True, slots=True)
class FiledReport:
    """A report as it was filed. `code` is the person's, as their own CHW types it (digits); None for whom nobody knows
    a code."""

    report_id: UUID
    flow: str
    answers: Mapping[str, Any]
    danger: Sequence[str]
    happened_at: datetime
    site_id: UUID
    staff_id: UUID
    catchment_id: UUID | None
    household_id: UUID | None
    patient_id: UUID | None
    code: str | None


def filed_report(
    report_id: UUID,
    origin: Origin,
    flow: str,
    answers: Mapping[str, Any],
    danger: Sequence[str],
    place: Located | None,
) -> FiledReport:
    """A report that was filed just now, from what filed it."""
    catchment = place.catchment if place else None
    return FiledReport(
        report_id=report_id,
        flow=flow,
        answers=answers,
        danger=danger,
        happened_at=origin.happened_at,
        site_id=catchment.site_id if catchment else origin.member.site_id,
        staff_id=origin.member.id,
        catchment_id=catchment.id if catchment else None,
        household_id=place.household_id if place else None,
        patient_id=place.patient_id if place else None,
        code=_code_now(place) if place else None,
    )


def _code_now(place: Located) -> str:
    """The person's code as digits; of somebody who moved, the new one."""
    if place.facts.state is CodeState.MOVED and place.facts.now:
        return place.facts.now.partition("-")[2]
    return place.facts.code.digits
