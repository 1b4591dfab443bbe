"""What channels were told, so that nothing is told twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "notices",
        sa.Column("channel", _EXACT_TEXT, nullable=False),
        sa.Column("thing", _EXACT_TEXT, nullable=False),
        sa.Column("value", _EXACT_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("channel", "thing", name=op.f("pk_notices")),
    )


def downgrade() -> None:
    """Drop it: every channel is told everything once more."""
    op.drop_table("notices")
