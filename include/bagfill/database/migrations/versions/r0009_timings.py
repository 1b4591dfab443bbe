"""What shards and thaws took, for forecasts; and which thaws are over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make two tables and an index."""
    op.create_table(
        "shard_timings",
        sa.Column("ingest_id", _EXACT_TEXT, nullable=False),
        sa.Column("activity", _EXACT_TEXT, nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("source", _EXACT_TEXT, nullable=False),
        sa.Column("destination", _EXACT_TEXT, nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("lasted", sa.Double(), nullable=False),
        sa.Column("ended", _MOMENT, nullable=False),
        sa.CheckConstraint("activity IN ('copy', 'verify')", name=op.f("ck_shard_timings_activity_known")),
        sa.CheckConstraint(
            "files >= 0 AND bytes >= 0 AND seconds >= 0 AND lasted >= 0", name=op.f("ck_shard_timings_numbers_sound")
        ),
        sa.PrimaryKeyConstraint("ingest_id", "activity", "shard", name=op.f("pk_shard_timings")),
    )
    for columns in (["destination", "activity", "ended"], ["source", "destination", "activity", "ended"]):
        op.create_index(op.f(f"ix_shard_timings_{'_'.join(columns)}"), "shard_timings", columns)
    op.create_table(
        "thaw_timings",
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("chunk", _EXACT_TEXT, nullable=False),
        sa.Column("storage_class", _EXACT_TEXT, nullable=False),
        sa.Column("tier", _EXACT_TEXT, nullable=False),
        sa.Column("first", sa.Double(), nullable=False),
        sa.Column("last", sa.Double(), nullable=False),
        sa.Column("seen", _MOMENT, nullable=False),
        sa.CheckConstraint("first >= 0 AND last >= first", name=op.f("ck_thaw_timings_order_sound")),
        sa.PrimaryKeyConstraint("location", "chunk", "storage_class", "tier", name=op.f("pk_thaw_timings")),
    )
    op.create_index(op.f("ix_thaw_timings_location_seen"), "thaw_timings", ["location", "seen"])
    op.create_index(op.f("ix_thaws_until"), "thaws", ["until"])


def downgrade() -> None:
    """Drop them: forecasts start from what is declared again."""
    op.drop_index(op.f("ix_thaws_until"), "thaws")
    op.drop_table("thaw_timings")
    op.drop_table("shard_timings")
