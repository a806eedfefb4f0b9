"""Alembic's entry: runs the migrations on the connection it is given, and compares them with the tables."""

from typing import Any

from alembic import context

from smsgateway.store.tables import metadata
from smsgateway.store.types import UTCDateTime


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Migrations speak plain SQLAlchemy: they must still run when the code has moved on."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def include_object(_object: Any, name: str | None, kind: str, reflected: bool, _compared: Any) -> bool:
    """The partitions of the message log come and go; they are no difference."""
    return not (kind in ("table", "index") and reflected and (name or "").startswith("message_log_"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=render_item,
    include_object=include_object,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
