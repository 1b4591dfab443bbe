"""First tables: bag versions, replicas, claims, ingests and their events.

Column types are spelled out here and not taken from ``tables.py``, which goes on changing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    _bag_versions()
    _replicas()
    _claims()
    _ingests()


def downgrade() -> None:
    """Drop them with everything in them."""
    for table in ("ingest_events", "ingests", "claims", "replicas", "bag_versions"):
        op.drop_table(table)


def _bag_versions() -> None:
    op.create_table(
        "bag_versions",
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pointer", _EXACT_TEXT, nullable=False),
        sa.Column("sha256", _EXACT_TEXT, nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("added", _MOMENT, nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_bag_versions_version_from_1")),
        sa.PrimaryKeyConstraint("space", "external_identifier", "version", name=op.f("pk_bag_versions")),
    )
    op.create_index(
        op.f("ix_bag_versions_version_space_external_identifier"),
        "bag_versions",
        ["version", "space", "external_identifier"],
    )


def _replicas() -> None:
    op.create_table(
        "replicas",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("registered", _MOMENT, nullable=False),
        sa.Column("ingest_id", _EXACT_TEXT),
        sa.Column("receipt", _EXACT_TEXT),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_replicas")),
        sa.ForeignKeyConstraint(
            ["space", "external_identifier", "version"],
            ["bag_versions.space", "bag_versions.external_identifier", "bag_versions.version"],
            name=op.f("fk_replicas_bag_versions"),
        ),
        sa.UniqueConstraint(
            "space",
            "external_identifier",
            "version",
            "location",
            name=op.f("uq_replicas_space_external_identifier_version_location"),
        ),
    )
    op.create_index(
        op.f("ix_replicas_location_version_space_external_identifier"),
        "replicas",
        ["location", "version", "space", "external_identifier"],
    )


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("holder", _EXACT_TEXT),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires", _MOMENT, nullable=False),
        sa.CheckConstraint("token >= 1", name=op.f("ck_claims_token_from_1")),
        sa.PrimaryKeyConstraint("space", "external_identifier", "version", "location", name=op.f("pk_claims")),
    )


def _ingests() -> None:
    op.create_table(
        "ingests",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", _EXACT_TEXT, nullable=False),
        sa.Column("destination", _EXACT_TEXT, nullable=False),
        sa.Column("status", _EXACT_TEXT, nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
        sa.Column("request_id", _EXACT_TEXT, nullable=False),
        sa.Column("callback_url", sa.Text()),
        sa.Column("callback_status", _EXACT_TEXT),
        sa.Column("reason", _EXACT_TEXT),
        sa.CheckConstraint(
            "status IN ('accepted', 'processing', 'succeeded', 'failed')", name=op.f("ck_ingests_status_known")
        ),
        sa.CheckConstraint(
            "(callback_url IS NULL) = (callback_status IS NULL)", name=op.f("ck_ingests_callback_whole")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ingests")),
        sa.UniqueConstraint("id", name=op.f("uq_ingests_id")),
    )
    for columns in (
        ["space", "external_identifier", "version", "destination"],
        ["request_id"],
        ["created", "number"],
        ["status", "created", "number"],
    ):
        op.create_index(op.f(f"ix_ingests_{'_'.join(columns)}"), "ingests", columns)
    op.create_table(
        "ingest_events",
        sa.Column("ingest_number", _ROW_NUMBER, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("ingest_number", "position", name=op.f("pk_ingest_events")),
        sa.ForeignKeyConstraint(["ingest_number"], ["ingests.number"], name=op.f("fk_ingest_events_ingests")),
    )
