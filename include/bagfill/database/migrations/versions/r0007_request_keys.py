"""Idempotency keys of the HTTP API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "request_keys",
        sa.Column("key", _EXACT_TEXT, nullable=False),
        sa.Column("content", _EXACT_TEXT, nullable=False),
        sa.Column("request_id", _EXACT_TEXT, nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_request_keys")),
    )


def downgrade() -> None:
    """Drop it: requests that are sent again are new ones then."""
    op.drop_table("request_keys")
