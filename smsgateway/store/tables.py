"""What is remembered? Every table of the service, in the field's words.

Every fact carries its `site_id`, every key is made by the application, and what must not happen twice is a unique key.
Time columns are UTC. Names of columns that end in `_at` are moments, `_on` dates.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from smsgateway.store.types import UTCDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Json = JSON().with_variant(JSONB(), "postgresql")


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True)


def _site(*, known: bool = True) -> Column[object]:
    """The site a fact belongs to; unknown only for a message from a stranger."""
    return Column("site_id", Uuid, nullable=not known)


def _ref(name: str, target: str, *, required: bool = True) -> Column[object]:
    return Column(name, Uuid, ForeignKey(target), nullable=not required)


# ---------------------------------------------------------------- the register: places, people, codes

facilities = Table(
    "facilities",
    metadata,
    _id(),
    _site(),
    Column("code", String(40), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(20), nullable=False),  # country, district, site, clinic
    _ref("parent_id", "facilities.id", required=False),
    Column("timezone", String(60)),
    Column("arm", String(40)),
    Column("referrals_given", Integer, nullable=False, server_default="0"),  # the clinic's next referral code
)

staff = Table(
    "staff",
    metadata,
    _id(),
    _site(),
    Column("code", String(40), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("name", String(200), nullable=False),
    Column("language", String(5), nullable=False),
    _ref("facility_id", "facilities.id", required=False),
    _ref("supervisor_id", "staff.id", required=False),
    Column("on_duty", String(200), nullable=False, server_default=""),  # "07:30-19:00 …" local; empty = always
    Index("ix_staff_facility_role", "facility_id", "role"),
    Index("ix_staff_site_role", "site_id", "role"),
)

phones = Table(
    "phones",
    metadata,
    Column("phone", String(20), primary_key=True),  # E.164: a phone is one person's, a person may have several
    _ref("staff_id", "staff.id"),
    _site(),
    Column("position", SmallInteger, nullable=False),  # 0 is the one we text
    Index("ix_phones_staff_id", "staff_id"),
)

catchments = Table(
    "catchments",
    metadata,
    _id(),
    _site(),
    Column("number", String(9), nullable=False, unique=True),  # as written, "07"
    _ref("facility_id", "facilities.id"),  # its clinic
    Column("next_serial", Integer, nullable=False),  # starts at 10; households and patients share the counter
)

assignments = Table(
    "assignments",
    metadata,
    _id(),
    _site(),
    _ref("catchment_id", "catchments.id"),
    _ref("staff_id", "staff.id"),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),  # last day, null while it lasts
    UniqueConstraint("catchment_id", "staff_id", "starts_on"),
    Index("ix_assignments_staff_id", "staff_id"),
)

households = Table(
    "households",
    metadata,
    _id(),
    _site(),
    _ref("catchment_id", "catchments.id"),
    Column("serial", Integer, nullable=False),
    Column("people", Integer),
    Column("village", String(120)),
    Column("consent", Boolean, nullable=False, server_default=text("false")),
    Column("registered_at", UTCDateTime, nullable=False),
    UniqueConstraint("catchment_id", "serial"),
)

patients = Table(
    "patients",
    metadata,
    _id(),
    _site(),
    _ref("catchment_id", "catchments.id"),
    Column("serial", Integer, nullable=False),
    _ref("household_id", "households.id"),
    Column("sex", String(1)),  # F, M
    Column("born_from", Date),  # birth date as an interval: equal when it is known exactly
    Column("born_to", Date),
    Column("lmp", Date),  # last period of a pregnancy under way, the earliest it can have been
    Column("lmp_to", Date),  # and the latest, when only weeks or months of pregnancy were said
    Column("pregnancy_lost_on", Date),
    Column("delivered_on", Date),  # the last birth, alive or not
    Column("mother_id", Uuid),  # of a child whose birth was reported here
    Column("died_on", Date),
    Column("left_on", Date),  # lives elsewhere now
    Column("registered_at", UTCDateTime, nullable=False),
    UniqueConstraint("catchment_id", "serial"),
    Index("ix_patients_household_id", "household_id"),
    Index(
        "ix_patients_mother_id",
        "mother_id",
        postgresql_where=text("mother_id IS NOT NULL"),
        sqlite_where=text("mother_id IS NOT NULL"),
    ),
)

# One row a serial: households and patients can never share one, and a moved person's old code still resolves.
codes = Table(
    "codes",
    metadata,
    Column("catchment_id", Uuid, ForeignKey("catchments.id"), primary_key=True),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    _site(),
    Column("kind", String(10), nullable=False),  # household, patient
    Column("subject_id", Uuid, nullable=False),
    Column("now_catchment_id", Uuid, ForeignKey("catchments.id")),
    Column("now_serial", Integer),
    Column("void", Boolean, nullable=False, server_default=text("false")),  # given by mistake, and taken back
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("phone", String(20), primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("at", UTCDateTime, nullable=False),
)

# Counters that say when something rarely changing did change, so that every process may keep it in memory.
revisions = Table(
    "revisions",
    metadata,
    Column("name", String(20), primary_key=True),  # register
    Column("number", Integer, nullable=False),
)

# ---------------------------------------------------------------- what came in

inbound = Table(
    "inbound",
    metadata,
    _id(),
    _site(known=False),
    Column("channel", String(20), nullable=False),
    Column("provider_id", String(200), nullable=False),
    Column("sender", String(64), nullable=False),
    Column("recipient", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("sent_at", UTCDateTime),
    Column("arrived_at", UTCDateTime, nullable=False),
    Column("staff_id", Uuid),
    Column("state", String(10), nullable=False),  # handled, failed (to be tried again), given_up (told to a human)
    Column("attempts", SmallInteger, nullable=False),
    Column("error", String(200)),  # the kind of the last failure, never the message's words
    Column("answer", Text),  # what was answered: a repeated report gets it again
    UniqueConstraint("channel", "provider_id"),
    Index(
        "ix_inbound_failed",
        "arrived_at",
        postgresql_where=text("state = 'failed'"),
        sqlite_where=text("state = 'failed'"),
    ),
    Index("ix_inbound_sender", "sender", "arrived_at"),
)
# Written out: with a parameter neither database would know that it asks for what the index above has.
FAILED = inbound.c.state == literal_column("'failed'")

# What has been counted already: provider ids of callbacks, and fingerprints of contents for 12 h. Kept 30 days.
seen = Table(
    "seen",
    metadata,
    Column("channel", String(20), primary_key=True),
    Column("provider_id", String(200), primary_key=True),
    Column("subject_id", Uuid, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Index("ix_seen_at", "at"),
)

# The pages of a long answer that its asker has not asked for yet.
answer_pages = Table(
    "answer_pages",
    metadata,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    _site(),
    Column("pages", Json, nullable=False),
    Column("at", UTCDateTime, nullable=False),
)

strangers = Table(
    "strangers",
    metadata,
    Column("phone", String(64), primary_key=True),
    Column("told_at", UTCDateTime, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    _id(),
    _site(),
    Column("inbound_id", Uuid, nullable=False),  # written last in the same transaction, so not a foreign key
    Column("part", SmallInteger, nullable=False),  # which report of the message
    Column("item", SmallInteger, nullable=False),  # which household of a list
    Column("flow", String(40), nullable=False),
    Column("flow_version", Integer, nullable=False),
    Column("channel", String(20), nullable=False),  # sms, ussd
    Column("staff_id", Uuid, ForeignKey("staff.id"), nullable=False),
    Column("catchment_id", Uuid),
    Column("household_id", Uuid),
    Column("patient_id", Uuid),
    Column("answers", Json, nullable=False),
    Column("danger", Json, nullable=False),
    Column("unclear", Json, nullable=False),
    Column("state", String(10), nullable=False),  # filed, unfiled (whose is it?), cancelled, replaced
    Column("replaced_by", Uuid),  # the correction that says all that stands
    Column("happened_at", UTCDateTime, nullable=False),
    Column("arrived_at", UTCDateTime, nullable=False),
    UniqueConstraint("inbound_id", "part", "item"),
    Index("ix_reports_staff_id", "staff_id", "arrived_at"),
    Index("ix_reports_patient_id", "patient_id", "arrived_at"),
    Index("ix_reports_household_id", "household_id", "arrived_at"),
    # Figures count by when something happened: of a whole site, and of one supervisor's CHWs.
    Index("ix_reports_site_id_happened_at", "site_id", "happened_at", "state"),
    Index("ix_reports_staff_id_happened_at", "staff_id", "happened_at", "state"),
    Index(
        "ix_reports_stock",
        "staff_id",
        "happened_at",
        postgresql_where=text("flow = 'stock'"),
        sqlite_where=text("flow = 'stock'"),
    ),
)

# Months that are over, counted once; true as long as there are as many reports, and as many that stand.
month_work = Table(
    "month_work",
    metadata,
    Column("subject_id", Uuid, primary_key=True),  # a site, or a CHW
    Column("month", Date, primary_key=True),  # its first day
    _site(),
    Column("zone", String(60), nullable=False),  # of the days counted
    *(
        Column(name, Integer, nullable=False)
        for name in (
            *("reports", "filed", "visits", "absent", "sick", "treated", "same_day", "next_day", "onset_unknown"),
            *("messages", "to_correct"),
        )
    ),
)

# What a report changed in the register, so that cancelling it puts it back.
register_changes = Table(
    "register_changes",
    metadata,
    _id(),
    _site(),
    Column("report_id", Uuid, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("what", String(20), nullable=False),  # a table of the register
    Column("row_id", Uuid, nullable=False),
    Column("before", Json),  # null: the row is new
    Index("ix_register_changes_report_id", "report_id"),
)

# Questions that went back to a sender and wait for an answer: OUI, NON, cm, 4177.
asked = Table(
    "asked",
    metadata,
    Column("inbound_id", Uuid, primary_key=True),
    Column("part", SmallInteger, primary_key=True),
    _site(),
    _ref("staff_id", "staff.id"),
    Column("report_id", Uuid),
    Column("flow", String(40)),
    Column("subject", String(20)),
    Column("text", Text, nullable=False),  # what was written, to be read again with the answer in it
    Column("questions", Json, nullable=False),  # of each its key and what it is about
    Column("at", UTCDateTime, nullable=False),
    Index("ix_asked_staff_id", "staff_id", "at"),
)

# Who is doing an exercise, and until when.
trainings = Table(
    "trainings",
    metadata,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    _site(),
    Column("ends_at", UTCDateTime, nullable=False),
    Column("last_at", UTCDateTime, nullable=False),  # the last message of the exercise
    Column("last_id", Uuid, nullable=False),
)

# Every turn of a USSD session with the screen it was answered: the same transcript gets the same screen again, and the
# numbers of a screen keep meaning what they meant on it (`state`).
ussd_turns = Table(
    "ussd_turns",
    metadata,
    _id(),
    _site(known=False),
    Column("channel", String(20), nullable=False),
    Column("session", String(128), nullable=False),
    Column("transcript_hash", String(32), nullable=False),  # the transcript itself may be longer than an index takes
    Column("transcript", Text, nullable=False),
    Column("phone", String(64), nullable=False),
    Column("state", Json, nullable=False),
    Column("screen", Text, nullable=False),
    Column("open", Boolean, nullable=False),  # a flow was begun and not finished: it can be resumed
    Column("at", UTCDateTime, nullable=False),
    UniqueConstraint("channel", "session", "transcript_hash"),
    Index("ix_ussd_turns_phone", "phone", "at"),
    Index("ix_ussd_turns_at", "at"),
)

# ---------------------------------------------------------------- referral care

referrals = Table(
    "referrals",
    metadata,
    _id(),
    _site(),
    Column("code", String(4), nullable=False),
    Column("code_live", Boolean, nullable=False),  # a code is unique at its clinic while live: open, then 30 days
    _ref("facility_id", "facilities.id"),
    _ref("patient_id", "patients.id", required=False),
    _ref("report_id", "reports.id", required=False),
    _ref("reporter_id", "staff.id", required=False),
    Column("reporter_phone", String(64), nullable=False),
    Column("urgency", String(10), nullable=False),  # urgent, routine
    Column("tier", SmallInteger, nullable=False),
    Column("certain", Boolean, nullable=False),
    Column("danger", Json, nullable=False),
    Column("brief", Json, nullable=False),  # who and what, to be worded in any recipient's language
    Column("state", String(12), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("state_at", UTCDateTime, nullable=False),  # the present state began
    # The ladder is climbed once, and again after each danger report on a referral that had been answered.
    Column("round", SmallInteger, nullable=False),
    Column("round_at", UTCDateTime, nullable=False),  # the danger report of this round
    Column("counted_from", UTCDateTime),  # its alert was taken by the provider: rungs count from here
    # What is measured, in the order in which it should happen
    Column("onset_on", Date),  # the first symptom, when the days were told
    Column("reported_at", UTCDateTime, nullable=False),
    Column("opened_at", UTCDateTime, nullable=False),
    Column("handed_at", UTCDateTime),  # the first alert was taken by the provider
    Column("delivered_at", UTCDateTime),
    Column("received_at", UTCDateTime),
    Column("left_at", UTCDateTime),
    Column("arrived_at", UTCDateTime),  # as the clinic says
    Column("chw_arrived_at", UTCDateTime),  # as the CHW says: never mixed with the other
    Column("outcome", String(20)),
    Column("outcome_by", String(12)),  # the role of who said so: a CHW's word is no clinic's
    Column("outcome_at", UTCDateTime),
    Column("closed_at", UTCDateTime),
    Index("ix_referrals_report_id", "report_id"),
    Index(
        "uq_referrals_live_code",
        "facility_id",
        "code",
        unique=True,
        postgresql_where=text("code_live"),
        sqlite_where=text("code_live = 1"),  # as SQLAlchemy asks for it there
    ),
    Index("ix_referrals_live_site", "site_id", postgresql_where=text("code_live"), sqlite_where=text("code_live = 1")),
    Index(
        "uq_referrals_open_patient",
        "patient_id",
        unique=True,
        postgresql_where=text("open AND patient_id IS NOT NULL"),
        sqlite_where=text("open = 1 AND patient_id IS NOT NULL"),
    ),
    Index("ix_referrals_site_id_opened_at", "site_id", "opened_at"),
    Index("ix_referrals_reporter_id_opened_at", "reporter_id", "opened_at"),
)

referral_events = Table(
    "referral_events",
    metadata,
    _id(),
    _site(),
    _ref("referral_id", "referrals.id"),
    Column("kind", String(20), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("staff_id", Uuid),
    Column("message_id", Uuid),
    Column("inbound_id", Uuid),
    Column("detail", Json, nullable=False),
    Index("ix_referral_events_referral_id", "referral_id", "at"),
)

# Who said last by SMS that they are on duty or off it; after a day the written hours of `staff` count again.
duty = Table(
    "duty",
    metadata,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    _site(),
    Column("on_duty", Boolean, nullable=False),
    Column("at", UTCDateTime, nullable=False),
)

due = Table(
    "due",
    metadata,
    _id(),
    _site(),
    Column("kind", String(20), nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("step", String(80), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("detail", Json, nullable=False),
    Column("failures", SmallInteger, nullable=False),  # how often acting on it went wrong
    # 0: somebody waits for it (rungs, unclear reports); 1: it can wait its turn (reminders, digests)
    Column("rank", SmallInteger, nullable=False, server_default="0"),
    # Of a reminder, whose `at` is when it becomes pointless: on whose list it stands (a catchment's, or one person's)
    Column("owner_id", Uuid),
    Column("starts_at", UTCDateTime),
    Column("late_at", UTCDateTime),
    Column("told_at", UTCDateTime),  # last put into a digest
    UniqueConstraint("kind", "subject_id", "step"),
    Index("ix_due_rank", "rank", "at"),
    Index("ix_due_failed", "at", postgresql_where=text("failures > 0"), sqlite_where=text("failures > 0")),
    Index(
        "ix_due_owner_id",
        "owner_id",
        "starts_at",
        postgresql_where=text("owner_id IS NOT NULL"),
        sqlite_where=text("owner_id IS NOT NULL"),
    ),
)

# How each reminder ended, and why: nothing that was due is forgotten without a reason.
due_log = Table(
    "due_log",
    metadata,
    _id(),  # the reminder's own
    _site(),
    Column("kind", String(20), nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("step", String(80), nullable=False),
    Column("owner_id", Uuid),
    Column("starts_at", UTCDateTime, nullable=False),
    Column("late_at", UTCDateTime, nullable=False),
    Column("pointless_at", UTCDateTime, nullable=False),
    Column("told_at", UTCDateTime),  # never, when null
    Column("ended_at", UTCDateTime, nullable=False),  # of a fulfilled one: when what was reported happened
    Column("reason", String(20), nullable=False),  # see care/followups.py
    Column("report_id", Uuid),
    Column("staff_id", Uuid),
    Column("detail", Json, nullable=False),
    Index("ix_due_log_subject_id", "subject_id"),
    Index("ix_due_log_owner_id", "owner_id", "ended_at"),
    Index("ix_due_log_site_id_late_at", "site_id", "late_at"),
)

# Away from a day to a day, both included, and who takes over, if anybody.
leaves = Table(
    "leaves",
    metadata,
    _id(),
    _site(),
    _ref("staff_id", "staff.id"),
    _ref("cover_id", "staff.id", required=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("report_id", Uuid),
    Index("ix_leaves_staff_id", "staff_id", "ends_on"),
    Index("ix_leaves_cover_id", "cover_id", "ends_on"),
)

# A fault is something a human must see: nobody reachable for an urgent referral, a message we could not handle.
faults = Table(
    "faults",
    metadata,
    _id(),
    _site(known=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("cleared_at", UTCDateTime),
    UniqueConstraint("kind", "subject"),
)

# ---------------------------------------------------------------- what goes out

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _site(known=False),
    Column("rank", SmallInteger, nullable=False),  # 0 urgent, 1 reply, 2 reminder, 3 notice
    Column("phone", String(20), nullable=False),
    Column("staff_id", Uuid),
    Column("body", Text, nullable=False),
    Column("segments", SmallInteger, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("not_before", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime),
    Column("attempts", SmallInteger, nullable=False),
    Column("lease", Uuid),  # the fence: only who holds it may record what became of the message
    Column("lease_until", UTCDateTime),
    Column("channel", String(20)),  # the channel it was last given to
    Column("doubtful", Boolean, nullable=False),  # one hand-over had an unknown end
    Column("reason", String(80)),
    Column("withdrawn", String(80)),  # why it is wanted no longer: said while it was being handed over
    Column("referral_id", Uuid),
    Column("rung", String(40)),
    Column("inbound_id", Uuid),
    Column("key", String(120), unique=True),  # told once: the same key is never queued twice
    Index("ix_outbox_rank_not_before", "rank", "not_before", "id"),  # the order of claiming, ties and all
    Index("ix_outbox_referral_id", "referral_id"),
    Index(
        "ix_outbox_expires_at",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL"),
        sqlite_where=text("expires_at IS NOT NULL"),
    ),
)

message_log = Table(
    "message_log",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("created_at", UTCDateTime, primary_key=True),
    _site(known=False),
    Column("rank", SmallInteger, nullable=False),
    Column("phone", String(20), nullable=False),
    Column("staff_id", Uuid),
    Column("body", Text, nullable=False),
    Column("segments", SmallInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("channel", String(20)),
    Column("provider_id", String(200)),
    Column(
        "status", String(12), nullable=False
    ),  # handed_over, submitted, failed, delivered, unknown, gave_up, expired, withdrawn
    Column("reason", String(80)),
    Column("returned", Boolean, nullable=False),  # care was told that it failed: that happens once
    Column("cost", String(40)),
    Column("referral_id", Uuid),
    Column("rung", String(40)),
    Column("inbound_id", Uuid),
    Column("key", String(120)),
    Column("settled_at", UTCDateTime, nullable=False),
    Column("delivered_at", UTCDateTime),
    Index("ix_message_log_referral_id", "referral_id"),
    Index("ix_message_log_phone", "phone", "created_at"),
    postgresql_partition_by="RANGE (created_at)",
)

# Which message a provider's id belongs to: unpartitioned, so that a receipt finds it by key. Kept 30 days.
handovers = Table(
    "handovers",
    metadata,
    Column("channel", String(20), primary_key=True),
    Column("provider_id", String(200), primary_key=True),
    Column("phone", String(20), primary_key=True),
    Column("message_id", Uuid, nullable=False),
    Column("message_created_at", UTCDateTime, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Index("ix_handovers_at", "at"),
    Index("ix_handovers_message_id", "message_id"),
)

receipts = Table(
    "receipts",
    metadata,
    _id(),
    Column("channel", String(20), nullable=False),
    Column("provider_id", String(200), nullable=False),
    Column("phone", String(64), nullable=False),
    Column("status", String(12), nullable=False),
    Column("provider_status", String(64), nullable=False),
    Column("reason", String(80)),
    Column("raw", LargeBinary, nullable=False),
    Column("arrived_at", UTCDateTime, nullable=False),
    Column("message_id", Uuid),  # null while parked: it came before its message was recorded
    UniqueConstraint("channel", "provider_id", "phone", "provider_status"),
    Index("ix_receipts_arrived_at", "arrived_at"),
)

channel_states = Table(
    "channel_states",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("next_free", Float, nullable=False),  # GCRA: theoretical arrival time, seconds since 1970
    Column("slow_until", UTCDateTime),
    Column("paused_until", UTCDateTime),
    Column("pause_reason", String(80)),
    Column("probes", Integer, nullable=False),
)

# Parents before children, for rows that are written in bulk.
WRITE_ORDER = {table: position for position, table in enumerate(metadata.sorted_tables)}
