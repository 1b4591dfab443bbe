"""Campaigns, the ledger of what they spend, and releases of bags that needed a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and give each ingest room for its campaign."""
    op.add_column("ingests", sa.Column("campaign", _EXACT_TEXT))
    op.create_index(op.f("ix_ingests_campaign_status_number"), "ingests", ["campaign", "status", "number"])
    op.create_table(
        "campaigns",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", _EXACT_TEXT, nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
        sa.Column("state", _EXACT_TEXT, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed", _MOMENT),
        sa.Column("caps", sa.Text(), nullable=False),
        *_spend("money", "bytes", "requests"),
        sa.Column("seen", _MOMENT),
        *_spend("money_today", "bytes_today", "requests_today"),
        sa.Column("free_from", _MOMENT),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("name", name=op.f("uq_campaigns_name")),
    )
    op.create_table(
        "campaign_documents",
        sa.Column("campaign", _ROW_NUMBER, nullable=False, autoincrement=False),
        sa.Column("what", _EXACT_TEXT, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "what", name=op.f("pk_campaign_documents")),
        _of_campaign("campaign_documents"),
    )
    op.create_table(
        "campaign_events",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("campaign", _ROW_NUMBER, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("who", _EXACT_TEXT, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_campaign_events")),
        _of_campaign("campaign_events"),
    )
    op.create_index(op.f("ix_campaign_events_campaign_number"), "campaign_events", ["campaign", "number"])
    op.create_table(
        "campaign_bookings",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("campaign", _ROW_NUMBER, nullable=False),
        sa.Column("ingest_id", _EXACT_TEXT, nullable=False),
        sa.Column("kind", _EXACT_TEXT, nullable=False),
        sa.Column("part", _EXACT_TEXT, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("booked", _MOMENT, nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        *_spend("money", "bytes", "requests"),
        sa.Column("actual_money", _EXACT_TEXT),
        sa.Column("actual_bytes", sa.BigInteger()),
        sa.Column("actual_requests", sa.BigInteger()),
        sa.CheckConstraint("kind IN ('thaw', 'copy')", name=op.f("ck_campaign_bookings_kind_known")),
        sa.CheckConstraint(
            "(actual_money IS NULL) = (actual_requests IS NULL)", name=op.f("ck_campaign_bookings_settlement_whole")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_campaign_bookings")),
        sa.UniqueConstraint(
            "campaign",
            "ingest_id",
            "kind",
            "part",
            "round",
            name=op.f("uq_campaign_bookings_campaign_ingest_id_kind_part_round"),
        ),
        _of_campaign("campaign_bookings"),
    )
    op.create_index(op.f("ix_campaign_bookings_campaign_number"), "campaign_bookings", ["campaign", "number"])
    op.create_table(
        "releases",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("destination", _EXACT_TEXT, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("who", _EXACT_TEXT, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_releases")),
    )
    op.create_index(
        op.f("ix_releases_space_external_identifier_destination"),
        "releases",
        ["space", "external_identifier", "destination"],
    )


def downgrade() -> None:
    """Drop them, with every campaign and what it spent."""
    for table in ("releases", "campaign_bookings", "campaign_events", "campaign_documents", "campaigns"):
        op.drop_table(table)
    op.drop_index(op.f("ix_ingests_campaign_status_number"), "ingests")
    op.drop_column("ingests", "campaign")


def _spend(money: str, volume: str, requests: str) -> tuple[sa.Column[str], sa.Column[int], sa.Column[int]]:
    return (
        sa.Column(money, _EXACT_TEXT, nullable=False),
        sa.Column(volume, sa.BigInteger(), nullable=False),
        sa.Column(requests, sa.BigInteger(), nullable=False),
    )


def _of_campaign(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["campaign"], ["campaigns.number"], name=op.f(f"fk_{table}_campaign_campaigns"))
