"""What if nobody knows the sender? They are told once a day whom this number is for, and never again that day; and a
danger word from an unknown phone still reaches the site lead."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.care import wording
from smsgateway.care.people import leads_of, site_of_catchment
from smsgateway.outbox.queue import Draft, Rank, enqueue
from smsgateway.reading.judge import judge
from smsgateway.reading.models import Facts, Outcome, Reading, Role, Verdict
from smsgateway.reading.programme import Programme
from smsgateway.store.faults import raise_fault
from smsgateway.store.tables import strangers
from smsgateway.store.write import Tx

TOLD_EVERY = timedelta(days=1)


def take_stranger(
    tx: Tx, reading: Reading, phone: str, inbound_id: UUID, programme: Programme, language: str, now: datetime
) -> str | None:
    """Handle a message from an unknown phone; gives what it was answered."""
    facts = tuple(Facts(role=Role.UNKNOWN, language=language) for _ in reading.parts)
    verdict = judge(reading, facts, now, programme).leading
    if verdict.outcome is Outcome.ALERT:
        _alert_leads(tx, verdict, phone, programme, now)
    if not _not_told_today(tx, phone, now):
        return None
    text = wording.stranger(programme, language, alerted=verdict.outcome is Outcome.ALERT)
    enqueue(tx, Draft(phone=phone, body=text, rank=Rank.REPLY, inbound_id=inbound_id), now)
    return text


def _alert_leads(tx: Tx, verdict: Verdict, phone: str, programme: Programme, now: datetime) -> None:
    """Once an hour and phone: somebody frightened writes several times, and somebody hostile a thousand times."""
    written = next((code.catchment for code in verdict.part.codes if code.catchment), None)
    site_id = site_of_catchment(tx, written) if written else None
    leads = leads_of(tx, site_id)
    for lead in leads:
        enqueue(
            tx,
            Draft(
                phone=lead.phone,
                body=wording.stranger_alert(programme, lead.language, verdict.danger, phone),
                rank=Rank.URGENT,
                site_id=lead.site_id,
                staff_id=lead.staff_id,
                key=f"stranger:{phone}:{now:%Y%m%d%H}:{lead.staff_id}",
            ),
            now,
        )
    if not leads:
        raise_fault(tx, "nobody_reachable", f"stranger:{now:%Y%m%d%H}", None, now)


def _not_told_today(tx: Tx, phone: str, now: datetime) -> bool:
    insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(strangers)
    statement = insert.values(phone=phone, told_at=now).on_conflict_do_update(
        index_elements=["phone"], set_={"told_at": now}, where=strangers.c.told_at <= now - TOLD_EVERY
    )
    return tx.execute(statement.returning(strangers.c.phone)).first() is not None
