"""Archive states out of what S3 says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bagfill.storage.s3_state import RestoreState, archive_state, parse_restore
from bagfill.storage.store import ArchiveState

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ('ongoing-request="true"', RestoreState(ongoing=True)),
        (
            'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"',
            RestoreState(ongoing=False, expires_at=datetime(2012, 12, 21, tzinfo=UTC)),
        ),
        (
            'expiry-date="Fri, 21 Dec 2012 00:00:00 GMT",ongoing-request="false"',
            RestoreState(ongoing=False, expires_at=datetime(2012, 12, 21, tzinfo=UTC)),
        ),
        ('ongoing-request="false"', RestoreState(ongoing=False)),
        ('ongoing-request="false", expiry-date="soon"', RestoreState(ongoing=False)),
        # Nothing but an explicit "false" is finished.
        ("garbage", RestoreState(ongoing=True)),
    ],
)
def test_the_restore_header_is_parsed(header: str | None, expected: RestoreState | None) -> None:
    assert parse_restore(header) == expected


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
@pytest.mark.parametrize(
    ("restore", "expected"),
    [
        (None, ArchiveState.ARCHIVED),
        (RestoreState(ongoing=True), ArchiveState.THAWING),
        (RestoreState(ongoing=False, expires_at=LATER), ArchiveState.THAWED),
        (RestoreState(ongoing=False, expires_at=NOW), ArchiveState.ARCHIVED),
    ],
)
def test_an_archive_class_is_judged_by_its_restore(
    storage_class: str, restore: RestoreState | None, expected: ArchiveState
) -> None:
    assert archive_state(storage_class, restore, now=NOW) is expected


@pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING", "", "OTHER"])
def test_other_classes_are_readable(storage_class: str) -> None:
    assert archive_state(storage_class, None, now=NOW) is ArchiveState.READABLE


def test_intelligent_tiering_is_archived_in_its_archive_tiers_only() -> None:
    for restore, expected in ((None, ArchiveState.ARCHIVED), (RestoreState(ongoing=True), ArchiveState.THAWING)):
        state = archive_state("INTELLIGENT_TIERING", restore, archive_status="DEEP_ARCHIVE_ACCESS", now=NOW)
        assert state is expected
