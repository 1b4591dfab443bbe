"""The tables, as SQLAlchemy Core objects. A change needs a revision in ``migrations/versions``: a test compares."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from bagfill.database.types import EXACT_TEXT, ROW_NUMBER, UtcDateTime

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

BAG_VERSIONS = Table(
    "bag_versions",
    METADATA,
    Column("space", EXACT_TEXT, primary_key=True),
    Column("external_identifier", EXACT_TEXT, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    # Key of the current storage manifest in the manifest store, and the SHA-256 (hex) of its bytes: what a damaged or
    # cut read gives is never taken for the manifest. The only columns that ever change.
    Column("pointer", EXACT_TEXT, nullable=False),
    Column("sha256", EXACT_TEXT, nullable=False),
    # Concrete files and their bytes, so that coverage is summed without opening a manifest.
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("added", UtcDateTime, nullable=False),
    CheckConstraint("version >= 1", name="version_from_1"),
    # The order in which missing bag versions are handed out: older versions first.
    Index(None, "version", "space", "external_identifier"),
)

REPLICAS = Table(
    "replicas",
    METADATA,
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("space", EXACT_TEXT, nullable=False),
    Column("external_identifier", EXACT_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("location", EXACT_TEXT, nullable=False),
    Column("registered", UtcDateTime, nullable=False),
    # Both empty for a replica that was learnt by import.
    Column("ingest_id", EXACT_TEXT),
    Column("receipt", EXACT_TEXT),
    ForeignKeyConstraint(
        ["space", "external_identifier", "version"],
        ["bag_versions.space", "bag_versions.external_identifier", "bag_versions.version"],
    ),
    UniqueConstraint("space", "external_identifier", "version", "location"),
    Index(None, "location", "version", "space", "external_identifier"),
)

CLAIMS = Table(
    "claims",
    METADATA,
    # No foreign key: the row outlives the bag version, because its token may never go back.
    Column("space", EXACT_TEXT, primary_key=True),
    Column("external_identifier", EXACT_TEXT, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("location", EXACT_TEXT, primary_key=True),
    # Empty when the claim was released.
    Column("holder", EXACT_TEXT),
    Column("token", BigInteger, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
    CheckConstraint("token >= 1", name="token_from_1"),
)

RECEIPT_CHAINS = Table(
    "receipt_chains",
    METADATA,
    # One row a location; locked by whoever appends a seal.
    Column("location", EXACT_TEXT, primary_key=True),
    # Number of its newest seal; 0 while there is none.
    Column("sequence", BigInteger, nullable=False),
)

RECEIPT_SEALS = Table(
    "receipt_seals",
    METADATA,
    Column("location", EXACT_TEXT, ForeignKey(RECEIPT_CHAINS.c.location), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("space", EXACT_TEXT, nullable=False),
    Column("external_identifier", EXACT_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    # Name of the receipt in the receipt store; one receipt is sealed once.
    Column("receipt", EXACT_TEXT, nullable=False),
    # The seal's text, byte for byte as it lies (or will lie) in the receipt store, and the SHA-256 (hex) of it.
    Column("document", EXACT_TEXT, nullable=False),
    Column("sha256", EXACT_TEXT, nullable=False),
    # When it was seen in the receipt store; empty until then.
    Column("written", UtcDateTime),
    CheckConstraint("sequence >= 1", name="sequence_from_1"),
    UniqueConstraint("location", "receipt"),
    Index(None, "location", "written", "sequence"),
)

INGESTS = Table(
    "ingests",
    METADATA,
    # Order of opening: dates of one moment are told apart by it.
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("space", EXACT_TEXT, nullable=False),
    Column("external_identifier", EXACT_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", EXACT_TEXT, nullable=False),
    Column("destination", EXACT_TEXT, nullable=False),
    Column("status", EXACT_TEXT, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("request_id", EXACT_TEXT, nullable=False),
    Column("callback_url", Text),
    Column("callback_status", EXACT_TEXT),
    Column("reason", EXACT_TEXT),
    # The campaign it belongs to and whose budget it spends; empty: none.
    Column("campaign", EXACT_TEXT),
    CheckConstraint("status IN ('accepted', 'processing', 'succeeded', 'failed')", name="status_known"),
    CheckConstraint("(callback_url IS NULL) = (callback_status IS NULL)", name="callback_whole"),
    Index(None, "space", "external_identifier", "version", "destination"),
    Index(None, "request_id"),
    Index(None, "created", "number"),
    Index(None, "status", "created", "number"),
    Index(None, "campaign", "status", "number"),
)

REQUEST_KEYS = Table(
    "request_keys",
    METADATA,
    # SHA-256 (hex) of client and idempotency key, and of the request that came with it first.
    Column("key", EXACT_TEXT, primary_key=True),
    Column("content", EXACT_TEXT, nullable=False),
    Column("request_id", EXACT_TEXT, nullable=False),
    Column("created", UtcDateTime, nullable=False),
)

INGEST_EVENTS = Table(
    "ingest_events",
    METADATA,
    Column("ingest_number", ROW_NUMBER, ForeignKey(INGESTS.c.number), primary_key=True, autoincrement=False),
    # Order of arrival within the ingest, from 0.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("description", Text, nullable=False),
    Column("created", UtcDateTime, nullable=False),
)

# How far a scan of a storage service's table is; no rows: none is under way.
SERVICE_SCANS = Table(
    "service_scans",
    METADATA,
    Column("service_table", EXACT_TEXT, primary_key=True),
    Column("segment", Integer, primary_key=True, autoincrement=False),
    # The same for all segments of one pass.
    Column("scan_id", EXACT_TEXT, nullable=False),
    # Of the next page, as DynamoDB gave it; empty at the beginning and at the end.
    Column("cursor", EXACT_TEXT),
    Column("rows_read", BigInteger, nullable=False),
    Column("is_done", Boolean, nullable=False),
)

# What a storage service beside us is shown of ingests.
SHOWN_INGESTS = Table(
    "shown_ingests",
    METADATA,
    Column("ingest_id", Uuid, primary_key=True),
    # Why the service would not create it; nothing more is sent about it until a person has seen to that.
    Column("refused", Text),
)

INGEST_OUTBOX = Table(
    "ingest_outbox",
    METADATA,
    # Order of writing: the order in which things about one ingest are told.
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("ingest_id", Uuid, ForeignKey(SHOWN_INGESTS.c.ingest_id), nullable=False),
    Column("body", EXACT_TEXT, nullable=False),
    Column("creates", Boolean, nullable=False),
    Column("written", UtcDateTime, nullable=False),
    Column("due", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    # What the service said when it refused it for good; the row stays to be looked at. Empty: it is to be sent.
    Column("refused", Text),
    Index(None, "ingest_id", "number"),
)

OUTBOX_SENDERS = Table(
    "outbox_senders",
    METADATA,
    Column("service", EXACT_TEXT, primary_key=True),
    # Who sends, and until when nobody else may; empty: nobody.
    Column("holder", EXACT_TEXT),
    Column("ends", UtcDateTime),
    # Nobody answered: nothing is tried before.
    Column("paused_until", UtcDateTime),
    # What was last said.
    Column("why", Text),
)

AUDITS = Table(
    "audits",
    METADATA,
    # Order of opening.
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("request_id", EXACT_TEXT, nullable=False),
    Column("location", EXACT_TEXT, nullable=False),
    # Scope; empty: every space, every bag of the space.
    Column("space", EXACT_TEXT),
    Column("external_identifier", EXACT_TEXT),
    Column("mode", EXACT_TEXT, nullable=False),
    # Whether it takes only what is due.
    Column("due", Boolean, nullable=False),
    # Of everything that was drawn at random.
    Column("seed", BigInteger, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    # Replicas that were chosen; empty until they were.
    Column("replicas", Integer),
    # The rest is empty until it has ended.
    Column("finished", UtcDateTime),
    Column("outcome", EXACT_TEXT),
    Column("summary", Text),
    CheckConstraint("mode IN ('list', 'read', 'sample')", name="mode_known"),
    CheckConstraint("outcome IN ('good', 'findings', 'unknown')", name="outcome_known"),
    CheckConstraint("(finished IS NULL) = (outcome IS NULL)", name="end_whole"),
    Index(None, "location", "finished", "number"),
    Index(None, "created", "number"),
)

FIXITY_EVENTS = Table(
    "fixity_events",
    METADATA,
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    # Follows from audit, replica and mode, so that the same event is recorded once.
    Column("id", Uuid, nullable=False, unique=True),
    # No foreign key: a repair and a conclusion leave events without an audit.
    Column("audit_id", Uuid),
    Column("space", EXACT_TEXT, nullable=False),
    Column("external_identifier", EXACT_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("location", EXACT_TEXT, nullable=False),
    Column("mode", EXACT_TEXT, nullable=False),
    Column("outcome", EXACT_TEXT, nullable=False),
    Column("occurred", UtcDateTime, nullable=False),
    # Of the replica, of what was read of it, and of what could not be read because it is archived.
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("files_read", BigInteger, nullable=False),
    Column("bytes_read", BigInteger, nullable=False),
    Column("files_archived", BigInteger, nullable=False),
    Column("findings", BigInteger, nullable=False),
    # Name of its record in the receipt store.
    Column("record", EXACT_TEXT, nullable=False),
    Column("detail", Text, nullable=False),
    CheckConstraint("mode IN ('list', 'read', 'sample')", name="mode_known"),
    CheckConstraint("outcome IN ('good', 'findings', 'unknown')", name="outcome_known"),
    Index(None, "space", "external_identifier", "version", "location", "occurred"),
    Index(None, "location", "space", "external_identifier", "version", "occurred"),
    Index(None, "audit_id"),
)

WAIVERS = Table(
    "waivers",
    METADATA,
    # Order of granting: the last about the same bag version, path and code counts.
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    # No foreign key: why a bag was let through is worth knowing after it was deleted.
    Column("space", EXACT_TEXT, nullable=False),
    Column("external_identifier", EXACT_TEXT, nullable=False),
    Column("version", Integer, nullable=False),
    Column("path", EXACT_TEXT, nullable=False),
    Column("code", EXACT_TEXT, nullable=False),
    Column("who", EXACT_TEXT, nullable=False),
    Column("why", Text, nullable=False),
    Column("granted", UtcDateTime, nullable=False),
    # Empty: it never ends.
    Column("ends", UtcDateTime),
    Index(None, "space", "external_identifier", "version"),
)

CAMPAIGNS = Table(
    "campaigns",
    METADATA,
    # Order of creation.
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("name", EXACT_TEXT, nullable=False, unique=True),
    # What it is to do, as JSON; may name many bags, so it is not read when something is booked.
    Column("definition", Text, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("state", EXACT_TEXT, nullable=False),
    Column("why", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("changed", UtcDateTime),
    Column("caps", Text, nullable=False),
    # What it has booked. Money is text, here and below: SQLite keeps no exact decimals.
    Column("money", EXACT_TEXT, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    # The latest moment at which something was booked or refused, and what of the above belongs to its day.
    Column("seen", UtcDateTime),
    Column("money_today", EXACT_TEXT, nullable=False),
    Column("bytes_today", BigInteger, nullable=False),
    Column("requests_today", BigInteger, nullable=False),
    # Before this moment no further request fits the rate.
    Column("free_from", UtcDateTime),
)

CAMPAIGN_DOCUMENTS = Table(
    "campaign_documents",
    METADATA,
    Column("campaign", ROW_NUMBER, ForeignKey(CAMPAIGNS.c.number), primary_key=True, autoincrement=False),
    # Such as "plan".
    Column("what", EXACT_TEXT, primary_key=True),
    Column("document", Text, nullable=False),
)

CAMPAIGN_EVENTS = Table(
    "campaign_events",
    METADATA,
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("campaign", ROW_NUMBER, ForeignKey(CAMPAIGNS.c.number), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", EXACT_TEXT, nullable=False),
    Column("what", Text, nullable=False),
    Index(None, "campaign", "number"),
)

CAMPAIGN_BOOKINGS = Table(
    "campaign_bookings",
    METADATA,
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("campaign", ROW_NUMBER, ForeignKey(CAMPAIGNS.c.number), nullable=False),
    Column("ingest_id", EXACT_TEXT, nullable=False),
    Column("kind", EXACT_TEXT, nullable=False),
    Column("part", EXACT_TEXT, nullable=False),
    Column("round", Integer, nullable=False),
    Column("booked", UtcDateTime, nullable=False),
    # Whether the act has begun.
    Column("begun", Boolean, nullable=False),
    Column("money", EXACT_TEXT, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    # What it came to; empty as long as the booking is open.
    Column("actual_money", EXACT_TEXT),
    Column("actual_bytes", BigInteger),
    Column("actual_requests", BigInteger),
    UniqueConstraint("campaign", "ingest_id", "kind", "part", "round"),
    CheckConstraint("kind IN ('thaw', 'copy')", name="kind_known"),
    CheckConstraint("(actual_money IS NULL) = (actual_requests IS NULL)", name="settlement_whole"),
    Index(None, "campaign", "number"),
)

RELEASES = Table(
    "releases",
    METADATA,
    # A person says that a bag may be tried again; of one bag and destination the last counts.
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    # No foreign key: as of waivers.
    Column("space", EXACT_TEXT, nullable=False),
    Column("external_identifier", EXACT_TEXT, nullable=False),
    Column("destination", EXACT_TEXT, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", EXACT_TEXT, nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "space", "external_identifier", "destination"),
)

THAWS = Table(
    "thaws",
    METADATA,
    # The newest request for an object. No foreign key: it outlives ingests, and what others asked for counts too.
    Column("location", EXACT_TEXT, primary_key=True),
    Column("key", EXACT_TEXT, primary_key=True),
    Column("etag", EXACT_TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("tier", EXACT_TEXT, nullable=False),
    Column("days", Integer, nullable=False),
    # Who asked; empty when a reservation was given back.
    Column("holder", EXACT_TEXT, nullable=False),
    Column("chunk", EXACT_TEXT, nullable=False),
    Column("stand", EXACT_TEXT, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("lease_ends", UtcDateTime, nullable=False),
    Column("kind", EXACT_TEXT, nullable=False),
    # Thaws of these bytes that were accepted, this one included.
    Column("times", Integer, nullable=False),
    Column("paid", Boolean, nullable=False),
    # When the copy goes away, as the provider said; empty until it did.
    Column("until", UtcDateTime),
    CheckConstraint("stand IN ('reserved', 'asked')", name="stand_known"),
    CheckConstraint("kind IN ('archived', 'faster', 'longer')", name="kind_known"),
    CheckConstraint("days >= 1 AND times >= 0 AND size >= 0", name="numbers_sound"),
    Index(None, "chunk"),
    # What is old enough to be removed.
    Index(None, "until"),
)

THAW_PACES = Table(
    "thaw_paces",
    METADATA,
    # One row an account: until when its request rate is taken.
    Column("account", EXACT_TEXT, primary_key=True),
    Column("taken", UtcDateTime, nullable=False),
)

LOCATION_SHARES = Table(
    "location_shares",
    METADATA,
    # One row for each process that works at a location with limits.
    Column("location", EXACT_TEXT, primary_key=True),
    Column("holder", EXACT_TEXT, primary_key=True),
    Column("ends", UtcDateTime, nullable=False),
)

SHARD_TIMINGS = Table(
    "shard_timings",
    METADATA,
    # What a finished shard took: forecasts are learnt from the newest. No foreign key: it outlives ingests.
    Column("ingest_id", EXACT_TEXT, primary_key=True),
    Column("activity", EXACT_TEXT, primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("source", EXACT_TEXT, nullable=False),
    Column("destination", EXACT_TEXT, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    # Of one worker; and from beginning to end, which is longer when the worker had several shards in hand.
    Column("seconds", Double, nullable=False),
    Column("lasted", Double, nullable=False),
    Column("ended", UtcDateTime, nullable=False),
    CheckConstraint("activity IN ('copy', 'verify')", name="activity_known"),
    CheckConstraint("files >= 0 AND bytes >= 0 AND seconds >= 0 AND lasted >= 0", name="numbers_sound"),
    Index(None, "destination", "activity", "ended"),
    Index(None, "source", "destination", "activity", "ended"),
)

THAW_TIMINGS = Table(
    "thaw_timings",
    METADATA,
    # What one group of thaw requests took, by storage class: from an object's request until it was seen readable.
    Column("location", EXACT_TEXT, primary_key=True),
    Column("chunk", EXACT_TEXT, primary_key=True),
    Column("storage_class", EXACT_TEXT, primary_key=True),
    Column("tier", EXACT_TEXT, primary_key=True),
    Column("first", Double, nullable=False),
    Column("last", Double, nullable=False),
    Column("seen", UtcDateTime, nullable=False),
    CheckConstraint("first >= 0 AND last >= first", name="order_sound"),
    Index(None, "location", "seen"),
)

NOTICES = Table(
    "notices",
    METADATA,
    # How things stood when a channel was told of them last.
    Column("channel", EXACT_TEXT, primary_key=True),
    Column("thing", EXACT_TEXT, primary_key=True),
    Column("value", EXACT_TEXT, nullable=False),
)

COVERAGE_COUNTS = Table(
    "coverage_counts",
    METADATA,
    # How much of each space is where: changed in the transactions that write bag versions and replicas.
    Column("space", EXACT_TEXT, primary_key=True),
    # Empty: the whole space.
    Column("location", EXACT_TEXT, primary_key=True),
    Column("bag_versions", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

COVERAGE_DAYS = Table(
    "coverage_days",
    METADATA,
    # The counts as they were last on each day (UTC, as YYYY-MM-DD).
    Column("day", EXACT_TEXT, primary_key=True),
    Column("space", EXACT_TEXT, primary_key=True),
    Column("location", EXACT_TEXT, primary_key=True),
    Column("bag_versions", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
