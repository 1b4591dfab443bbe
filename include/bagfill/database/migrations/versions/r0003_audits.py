"""Audits, and the fixity events they leave about replicas."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "audits",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", _EXACT_TEXT, nullable=False),
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("space", _EXACT_TEXT),
        sa.Column("external_identifier", _EXACT_TEXT),
        sa.Column("mode", _EXACT_TEXT, nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("created", _MOMENT, nullable=False),
        sa.Column("replicas", sa.Integer()),
        sa.Column("finished", _MOMENT),
        sa.Column("outcome", _EXACT_TEXT),
        sa.Column("summary", sa.Text()),
        _mode_known("audits"),
        _outcome_known("audits"),
        sa.CheckConstraint("(finished IS NULL) = (outcome IS NULL)", name=op.f("ck_audits_end_whole")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audits")),
        sa.UniqueConstraint("id", name=op.f("uq_audits_id")),
    )
    _index("audits", "location", "finished", "number")
    _index("audits", "created", "number")
    op.create_table(
        "fixity_events",
        sa.Column("number", _ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audit_id", sa.Uuid()),
        sa.Column("space", _EXACT_TEXT, nullable=False),
        sa.Column("external_identifier", _EXACT_TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("location", _EXACT_TEXT, nullable=False),
        sa.Column("mode", _EXACT_TEXT, nullable=False),
        sa.Column("outcome", _EXACT_TEXT, nullable=False),
        sa.Column("occurred", _MOMENT, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
        sa.Column("record", _EXACT_TEXT, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        _mode_known("fixity_events"),
        _outcome_known("fixity_events"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_fixity_events")),
        sa.UniqueConstraint("id", name=op.f("uq_fixity_events_id")),
    )
    _index("fixity_events", "space", "external_identifier", "version", "location", "occurred")
    _index("fixity_events", "location", "space", "external_identifier", "version", "occurred")
    _index("fixity_events", "audit_id")


def downgrade() -> None:
    """Drop them; the records of the events stay in the receipt store."""
    op.drop_table("fixity_events")
    op.drop_table("audits")


_COUNTS = ("files", "bytes", "files_read", "bytes_read", "files_archived", "findings")


def _mode_known(table: str) -> sa.CheckConstraint:
    return sa.CheckConstraint("mode IN ('list', 'read', 'sample')", name=op.f(f"ck_{table}_mode_known"))


def _outcome_known(table: str) -> sa.CheckConstraint:
    return sa.CheckConstraint("outcome IN ('good', 'findings', 'unknown')", name=op.f(f"ck_{table}_outcome_known"))


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
