"""Look-ups that went through whole tables find their rows by an index: on SQLite a live code and an open referral (a
Boolean is compared with 1 there, which an index on those "WHERE open" is not used for), what expires, a site's staff."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PARTIAL = (
    ("uq_referrals_live_code", ["facility_id", "code"], True, "code_live = 1"),
    ("ix_referrals_live_site", ["site_id"], False, "code_live = 1"),
    ("uq_referrals_open_patient", ["patient_id"], True, "open = 1 AND patient_id IS NOT NULL"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, columns, unique, where in PARTIAL:
            op.drop_index(name, table_name="referrals")
            op.create_index(name, "referrals", columns, unique=unique, sqlite_where=sa.text(where))
    op.create_index(
        "ix_outbox_expires_at",
        "outbox",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
        sqlite_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index("ix_staff_site_role", "staff", ["site_id", "role"])
