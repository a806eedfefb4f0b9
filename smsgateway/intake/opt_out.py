"""What if somebody tells the operator to stop our messages? It is kept, and nothing is sent to that phone again: an
urgent message for it goes to the next person at once."""

from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite

from smsgateway.channels.messages import OptOut
from smsgateway.clock import Clock
from smsgateway.store.database import Store
from smsgateway.store.tables import opt_outs
from smsgateway.store.write import Task, Tx


def take_opt_out(store: Store, opt_out: OptOut, clock: Clock) -> None:
    """Keep it; a second one changes nothing."""
    store.do(opt_out_task(opt_out, clock))


def opt_out_task(opt_out: OptOut, clock: Clock) -> Task[None]:
    """What is written of an opt-out."""

    def work(tx: Tx) -> None:
        insert = (postgresql.insert if tx.dialect == "postgresql" else sqlite.insert)(opt_outs)
        row = {"phone": opt_out.phone, "channel": opt_out.channel, "at": clock.now()}
        tx.execute(insert.values(row).on_conflict_do_nothing(index_elements=["phone"]))

    return Task(work)
