"""What jobs of S3 Batch Operations are told, and how their reports are read."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.storage.batch_jobs import manifest_text, report_parts, report_rows, restore_operation
from bagfill.storage.store import ThawTier

keys = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), min_size=1, max_size=40)


@given(st.lists(keys, max_size=10))
def test_every_key_survives_manifest_and_report(names: list[str]) -> None:
    rows = list(csv.reader(io.StringIO(manifest_text("cold", names).decode())))
    assert [bucket for bucket, _ in rows] == ["cold"] * len(names)
    report = io.StringIO()
    csv.writer(report, lineterminator="\n").writerows([*row, "", "succeeded", "", "200", "ok"] for row in rows)
    assert [result.key for result in report_rows(report.getvalue().encode())] == names


def test_a_row_says_what_became_of_its_object() -> None:
    text = f"cold,{quote('a b/ü')},,failed,409,409,RestoreAlreadyInProgress\ncold,c,,succeeded,,,\n"
    failed, done = report_rows(text.encode())
    assert (failed.key, failed.succeeded, failed.status) == ("a b/ü", False, 409)
    assert (done.key, done.succeeded, done.status) == ("c", True, 0)


@pytest.mark.parametrize("broken", [b"cold,a\n", b"cold,a,,succeeded,,200,ok,more\n"])
def test_a_row_of_another_shape_is_an_error(broken: bytes) -> None:
    with pytest.raises(ValueError, match="7 columns"):
        list(report_rows(broken))


@pytest.mark.parametrize("broken", [b"", b"{}", b"[]", b'{"Results": [{}]}', b'{"Results": 3}'])
def test_a_summary_of_another_shape_is_an_error(broken: bytes) -> None:
    with pytest.raises(ValueError):
        report_parts(broken)


def test_intelligent_tiering_takes_no_days() -> None:
    plain = restore_operation(ThawTier.BULK, 5, tiering=False)
    assert plain == {"S3InitiateRestoreObject": {"GlacierJobTier": "BULK", "ExpirationInDays": 5}}
    tiering = restore_operation(ThawTier.STANDARD, 5, tiering=True)
    assert tiering == {"S3InitiateRestoreObject": {"GlacierJobTier": "STANDARD"}}
