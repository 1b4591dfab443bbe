"""What a storage service beside us is yet to be told of ingests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "shown_ingests",
        sa.Column("ingest_id", sa.Uuid(), nullable=False),
        sa.Column("refused", sa.Text()),
        sa.PrimaryKeyConstraint("ingest_id", name=op.f("pk_shown_ingests")),
    )
    op.create_table(
        "ingest_outbox",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("ingest_id", sa.Uuid(), nullable=False),
        sa.Column("body", _EXACT_TEXT, nullable=False),
        sa.Column("creates", sa.Boolean(), nullable=False),
        sa.Column("written", _MOMENT, nullable=False),
        sa.Column("due", _MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Text()),
        sa.ForeignKeyConstraint(
            ["ingest_id"], ["shown_ingests.ingest_id"], name=op.f("fk_ingest_outbox_shown_ingests")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ingest_outbox")),
    )
    op.create_index(op.f("ix_ingest_outbox_ingest_id_number"), "ingest_outbox", ["ingest_id", "number"])
    op.create_table(
        "outbox_senders",
        sa.Column("service", _EXACT_TEXT, nullable=False),
        sa.Column("holder", _EXACT_TEXT),
        sa.Column("ends", _MOMENT),
        sa.Column("paused_until", _MOMENT),
        sa.Column("why", sa.Text()),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_outbox_senders")),
    )


def downgrade() -> None:
    """Drop them: what was not sent is not sent any more."""
    op.drop_table("outbox_senders")
    op.drop_table("ingest_outbox")
    op.drop_table("shown_ingests")
