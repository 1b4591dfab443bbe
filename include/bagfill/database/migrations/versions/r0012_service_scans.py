"""How far scans of a storage service's table are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "service_scans",
        sa.Column("service_table", _EXACT_TEXT, nullable=False),
        sa.Column("segment", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scan_id", _EXACT_TEXT, nullable=False),
        sa.Column("cursor", _EXACT_TEXT),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("is_done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("service_table", "segment", name=op.f("pk_service_scans")),
    )


def downgrade() -> None:
    """Drop it: the next scan begins at the beginning."""
    op.drop_table("service_scans")
