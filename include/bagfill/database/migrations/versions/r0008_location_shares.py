"""Who works at a location right now, so that its limits hold for all together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "location_shares",
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("holder", _EXACT_TEXT, nullable=False),
        sa.Column("ends", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("location", "holder", name=op.f("pk_location_shares")),
    )


def downgrade() -> None:
    """Drop it: every process begins its lease anew."""
    op.drop_table("location_shares")
