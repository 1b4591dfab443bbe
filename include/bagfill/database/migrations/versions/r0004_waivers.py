"""Waivers: decisions that a known bag version may break a certain rule."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "waivers",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("path", _EXACT_TEXT, nullable=False),
        sa.Column("code", _EXACT_TEXT, nullable=False),
        sa.Column("who", _EXACT_TEXT, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("granted", _MOMENT, nullable=False),
        sa.Column("ends", _MOMENT),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_waivers")),
    )
    op.create_index(
        op.f("ix_waivers_space_external_identifier_version"), "waivers", ["space", "external_identifier", "version"]
    )


def downgrade() -> None:
    """Drop it with every waiver."""
    op.drop_table("waivers")
