"""The thaw ledger, and the request rate that all runs share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "thaws",
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("key", _EXACT_TEXT, nullable=False),
        sa.Column("etag", _EXACT_TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("tier", _EXACT_TEXT, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("holder", _EXACT_TEXT, nullable=False),
        sa.Column("chunk", _EXACT_TEXT, nullable=False),
        sa.Column("stand", _EXACT_TEXT, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("lease_ends", _MOMENT, nullable=False),
        sa.Column("kind", _EXACT_TEXT, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("paid", sa.Boolean(), nullable=False),
        sa.Column("until", _MOMENT),
        sa.CheckConstraint("stand IN ('reserved', 'asked')", name=op.f("ck_thaws_stand_known")),
        sa.CheckConstraint("kind IN ('archived', 'faster', 'longer')", name=op.f("ck_thaws_kind_known")),
        sa.CheckConstraint("days >= 1 AND times >= 0 AND size >= 0", name=op.f("ck_thaws_numbers_sound")),
        sa.PrimaryKeyConstraint("location", "key", name=op.f("pk_thaws")),
    )
    op.create_index(op.f("ix_thaws_chunk"), "thaws", ["chunk"])
    op.create_table(
        "thaw_paces",
        sa.Column("account", _EXACT_TEXT, nullable=False),
        sa.Column("taken", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_thaw_paces")),
    )


def downgrade() -> None:
    """Drop them: what is under way is asked for again, which costs nothing while it is."""
    op.drop_table("thaw_paces")
    op.drop_table("thaws")
