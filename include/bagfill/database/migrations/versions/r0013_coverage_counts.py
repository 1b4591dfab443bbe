"""How much of each space is where, kept in step with the rows; and the same day by day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_EXACT_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make two tables, and count what there is."""
    _table("coverage_counts", "space", "location")
    _table("coverage_days", "day", "space", "location")
    op.execute(
        "INSERT INTO coverage_counts (space, location, bag_versions, files, bytes) "
        "SELECT space, '', count(*), sum(files), sum(bytes) FROM bag_versions GROUP BY space"
    )
    op.execute(
        "INSERT INTO coverage_counts (space, location, bag_versions, files, bytes) "
        "SELECT v.space, r.location, count(*), sum(v.files), sum(v.bytes) FROM bag_versions AS v "
        "JOIN replicas AS r ON r.space = v.space AND r.external_identifier = v.external_identifier "
        "AND r.version = v.version GROUP BY v.space, r.location"
    )


def downgrade() -> None:
    """Drop them: coverage is counted from the rows again, and what was on earlier days is lost."""
    op.drop_table("coverage_days")
    op.drop_table("coverage_counts")


def _table(name: str, *keys: str) -> None:
    op.create_table(
        name,
        *(sa.Column(key, _EXACT_TEXT, nullable=False) for key in keys),
        *(sa.Column(each, sa.BigInteger(), nullable=False) for each in ("bag_versions", "files", "bytes")),
        sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}")),
    )
