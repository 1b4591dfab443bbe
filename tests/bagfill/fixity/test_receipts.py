"""Receipts: what they hold, and when two of them are evidence for the same."""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bagfill.fixity.receipts import (
    RECEIPT_FORMAT,
    ReceiptPlace,
    proves_the_same,
    receipt_document,
    receipt_name,
    recorded_digests,
)
from contracts.sample_manifests import bag_version, sample_manifest

MANIFEST = sample_manifest()
ROWS = [
    {"path": "bagit.txt", "size": 55, "etag": "e1", "digests": {"sha256": "ab" * 32}},
    {"path": "data/a.txt", "size": 15, "etag": "e2", "digests": {"md5": "00" * 16, "sha256": "01" * 32}},
]


def receipt(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "manifest": MANIFEST,
        "ingest_id": "i-1",
        "source": ReceiptPlace("primary", "amazon-s3", "primary", "digitised/b1/v1/"),
        "destination": ReceiptPlace("azure", "azure-blob-storage", "container", "digitised/b1/v1/"),
        "concluded": datetime(2026, 5, 1, tzinfo=UTC),
        "depends_on": [],
        "files": ROWS,
    }
    return receipt_document(**{**parts, **changes})


def test_a_receipt_says_what_was_proved_where_and_from_which_manifest() -> None:
    document = json.loads(json.dumps(receipt()))
    assert document["format"] == RECEIPT_FORMAT
    assert document["bagVersion"] == "digitised/b1/v1"
    assert document["destination"] == {
        "name": "azure",
        "provider": "azure-blob-storage",
        "bucket": "container",
        "prefix": "digitised/b1/v1/",
    }
    assert document["concluded"] == "2026-05-01T00:00:00+00:00"
    assert document["storageManifest"] == {"sha256": hashlib.sha256(MANIFEST.raw).hexdigest()}
    assert (document["fileCount"], document["byteCount"]) == (2, 70)
    assert document["files"] == ROWS


def test_the_digests_that_were_read_back_can_be_taken_out_again() -> None:
    digests = recorded_digests(receipt())
    assert digests["data/a.txt"].to_json() == {"md5": "00" * 16, "sha256": "01" * 32}


def test_a_receipt_of_another_format_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="bagfill-receipt/2"):
        recorded_digests({**receipt(), "format": "bagfill-receipt/2"})


def test_a_receipt_is_found_by_destination_bag_version_and_ingest() -> None:
    assert receipt_name(bag_version(), "azure", "i-1") == "azure/digitised/b1/v1/i-1.json"


def test_two_attempts_at_one_ingest_prove_the_same_at_two_moments() -> None:
    later = receipt(concluded=datetime(2026, 5, 2, tzinfo=UTC), files=[{**row, "storageClass": "Cool"} for row in ROWS])
    assert proves_the_same(receipt(), later)


@pytest.mark.parametrize("name", ["path", "size", "etag", "digests"])
@pytest.mark.parametrize("number", [0, 1])
def test_evidence_that_differs_in_one_value_of_one_file_is_another(name: str, number: int) -> None:
    other = copy.deepcopy(receipt())
    other["files"][number][name] = "x"
    assert not proves_the_same(receipt(), other)


@pytest.mark.parametrize("name", ["format", "bagVersion", "ingest", "destination", "storageManifest"])
def test_evidence_for_something_else_is_another(name: str) -> None:
    assert not proves_the_same({**receipt(), name: "x"}, receipt())


def test_nothing_proves_nothing() -> None:
    assert not proves_the_same({}, receipt())
    assert not proves_the_same(receipt(files=ROWS[:1]), receipt())
