"""The demo programme with reports that reach the reminders directly, and what stands and ended, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from smsgateway.care.filed import FiledReport
from smsgateway.care.followups import reported
from smsgateway.care.people import Catchment, locate
from smsgateway.care.schedules import Schedules, schedules_of
from smsgateway.reading.models import Code
from smsgateway.store.tables import assignments, catchments, due, due_log, reports, staff
from smsgateway.store.types import new_id
from smsgateway.store.write import Tx
from tests.support.field import GIRL, Field

MORNING = "06:30"


class Reminding:
    """What reports do to reminders, told by the codes of the demo programme."""

    def __init__(self, field: Field) -> None:
        self.field, self.store = field, field.store
        self.schedules: Schedules = schedules_of(field.gateway.programme)
        field.settle()  # enrols everybody

    @property
    def now(self) -> datetime:
        return self.field.clock.now()

    # ------------------------------------------------------------ what people report

    def report(
        self,
        flow: str,
        code: str | None = GIRL,
        *,
        by: str = "ASC07",
        at: datetime | None = None,
        danger: tuple[str, ...] = (),
        catchment: str = "07",
        **answers: Any,
    ) -> UUID:
        """File a report as intake does, and give its id. `code` is that of the patient, or of a household."""
        return self.store.write(lambda tx: self._file(tx, flow, code, by, at or self.now, danger, catchment, answers))

    def _file(
        self,
        tx: Tx,
        flow: str,
        code: str | None,
        by: str,
        at: datetime,
        danger: tuple[str, ...],
        number: str,
        answers: Mapping[str, Any],
    ) -> UUID:
        row = tx.execute(select(catchments).where(catchments.c.number == number)).one()
        catchment = Catchment(row.id, row.number, row.facility_id, row.site_id)
        place = locate(tx, Code(code), (catchment,), at.date()) if code else None
        report = FiledReport(
            report_id=new_id(),
            flow=flow,
            answers=answers,
            danger=danger,
            happened_at=at,
            site_id=row.site_id,
            staff_id=self.staff(by),
            catchment_id=row.id if place else None,
            household_id=place.household_id if place else None,
            patient_id=place.patient_id if place else None,
            code=code,
        )
        tx.insert(
            reports,
            {
                "id": report.report_id,
                "site_id": report.site_id,
                "inbound_id": new_id(),
                "part": 0,
                "item": 0,
                "flow": flow,
                "flow_version": 1,
                "channel": "sms",
                "staff_id": report.staff_id,
                "catchment_id": report.catchment_id,
                "household_id": report.household_id,
                "patient_id": report.patient_id,
                "answers": dict(answers),
                "danger": list(danger),
                "unclear": [],
                "state": "filed",
                "happened_at": at,
                "arrived_at": self.now,
            },
        )
        reported(tx, report, self.schedules, self.now)
        return report.report_id

    # ------------------------------------------------------------ what stands, and what ended

    def staff(self, code: str) -> UUID:
        with self.store.read() as connection:
            found: UUID = connection.execute(select(staff.c.id).where(staff.c.code == code)).scalar_one()
            return found

    def patient(self, code: str = GIRL, catchment: str = "07") -> UUID:
        def find(tx: Tx) -> UUID:
            row = tx.execute(select(catchments).where(catchments.c.number == catchment)).one()
            own = (Catchment(row.id, row.number, row.facility_id, row.site_id),)
            found = locate(tx, Code(code), own, self.now.date()).patient_id
            assert found is not None, f"{code} is nobody's"
            return found

        return self.store.write(find)

    def standing(self, code: str = GIRL, *kinds: str) -> list[str]:
        """The reminders about somebody that stand: schedule and step, the earliest first."""
        query = select(due.c.step).where(due.c.subject_id == self.patient(code), due.c.owner_id.is_not(None))
        if kinds:
            query = query.where(due.c.kind.in_(kinds))
        with self.store.read() as connection:
            return [_short(step) for step in connection.execute(query.order_by(due.c.starts_at)).scalars()]

    def ended(self, code: str = GIRL) -> dict[str, str]:
        """The reminders about somebody that ended, with the reason of each."""
        return self.reasons(self.patient(code))

    def reasons(self, subject: UUID) -> dict[str, str]:
        with self.store.read() as connection:
            rows = connection.execute(
                select(due_log.c.step, due_log.c.reason).where(due_log.c.subject_id == subject).order_by(due_log.c.id)
            )
            return {_short(row.step): row.reason for row in rows}

    def windows(self, code: str = GIRL) -> dict[str, tuple[datetime, datetime, datetime]]:
        """When each reminder about somebody is due, late and pointless."""
        with self.store.read() as connection:
            rows = connection.execute(
                select(due.c.step, due.c.starts_at, due.c.late_at, due.c.at).where(
                    due.c.subject_id == self.patient(code), due.c.owner_id.is_not(None)
                )
            )
            return {_short(row.step): (row.starts_at, row.late_at, row.at) for row in rows}

    def lists(self, number: str = "07") -> int:
        """How many reminders stand on a catchment's list."""
        with self.store.read() as connection:
            query = (
                select(due.c.id)
                .join(catchments, catchments.c.id == due.c.owner_id)
                .where(catchments.c.number == number)
            )
            return len(connection.execute(query).all())

    def assigned(self, number: str) -> list[UUID]:
        with self.store.read() as connection:
            query = (
                select(assignments.c.staff_id)
                .join(catchments, catchments.c.id == assignments.c.catchment_id)
                .where(catchments.c.number == number)
            )
            return list(connection.execute(query).scalars())


def _short(step: str) -> str:
    """Schedule and step; of what comes round by the calendar, the day it began."""
    parts = step.split(":")
    return f"{parts[0]} {parts[1] if len(parts[1]) == len('2026-11-23') else parts[-1]}"
