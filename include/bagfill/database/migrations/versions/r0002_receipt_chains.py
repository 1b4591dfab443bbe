"""The chain of seals of each location.

Replicas that were registered before it keep their receipts, which no seal follows: the chain begins with the next one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "receipt_chains",
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("location", name=op.f("pk_receipt_chains")),
    )
    op.create_table(
        "receipt_seals",
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("receipt", _EXACT_TEXT, nullable=False),
        sa.Column("document", _EXACT_TEXT, nullable=False),
        sa.Column("sha256", _EXACT_TEXT, nullable=False),
        sa.Column("written", _MOMENT),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_receipt_seals_sequence_from_1")),
        sa.PrimaryKeyConstraint("location", "sequence", name=op.f("pk_receipt_seals")),
        sa.UniqueConstraint("location", "receipt", name=op.f("uq_receipt_seals_location_receipt")),
        sa.ForeignKeyConstraint(
            ["location"], ["receipt_chains.location"], name=op.f("fk_receipt_seals_receipt_chains")
        ),
    )
    columns = ["location", "written", "sequence"]
    op.create_index(op.f(f"ix_receipt_seals_{'_'.join(columns)}"), "receipt_seals", columns)


def downgrade() -> None:
    """Drop them; the seals stay in the receipt store."""
    op.drop_table("receipt_seals")
    op.drop_table("receipt_chains")
