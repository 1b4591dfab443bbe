"""What jobs of S3 Batch Operations are told, and what they report: texts and values, without a provider's SDK.

Source: Amazon S3 User Guide, "Creating an S3 Batch Operations job", "Examples: S3 Batch Operations completion reports",
"Compute checksums".
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote

from bagfill.storage.store import ThawTier


class JobState(StrEnum):
    """How far a job is."""

    RUNNING = "running"
    COMPLETE = "complete"
    """Every object was tried; the report says how each went."""
    FAILED = "failed"
    """Or was cancelled: the report, if there is one, holds what was tried."""


@dataclass(frozen=True, slots=True)
class JobLook:
    """A job as it was looked at.

    Args:
        state: how far.
        total, done: objects of the manifest, and those that were tried.
        codes: why it failed, in the provider's words.
    """

    state: JobState
    total: int
    done: int
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How it went for one object.

    Args:
        key: the object.
        succeeded: whether the operation was done.
        code: the provider's error code, if not.
        status: the HTTP status, 0 if there is none.
        message: of a success: what the operation says (JSON, for a checksum).
    """

    key: str
    succeeded: bool
    code: str
    status: int
    message: str


def restore_operation(tier: ThawTier, days: int, *, tiering: bool) -> Mapping[str, Any]:
    """Ask for each object's thaw.

    Args:
        tier: Standard or Bulk.
        days: of the copies.
        tiering: the objects are Intelligent-Tiering's, whose thaws take no days.
    """
    restore: dict[str, Any] = {"GlacierJobTier": tier.value.upper()}
    return {"S3InitiateRestoreObject": restore if tiering else {**restore, "ExpirationInDays": days}}


def checksum_operation(algorithm: str) -> Mapping[str, Any]:
    """Hash each object where it lies, archived or not."""
    return {"S3ComputeObjectChecksum": {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"}}


def manifest_text(bucket: str, keys: Iterable[str]) -> bytes:
    """A manifest of objects: CSV without a heading, keys percent-encoded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows((bucket, quote(key, safe="/")) for key in keys)
    return text.getvalue().encode()


def report_parts(summary: bytes) -> tuple[str, ...]:
    """Keys of a report's parts, out of its ``manifest.json``. Raises ValueError for another shape."""
    try:
        return tuple(str(part["Key"]) for part in json.loads(summary)["Results"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no report of a batch job: {error!r}") from None


def report_rows(part: bytes) -> Iterator[TaskResult]:
    """The rows of one part: bucket, key, version, status, error code, HTTP status, message. Raises ValueError."""
    for row in csv.reader(io.StringIO(part.decode())):
        if len(row) != 7:
            raise ValueError(f"a report's row has 7 columns, found {len(row)}")
        _bucket, key, _version, state, code, status, message = row
        yield TaskResult(unquote(key), state == "succeeded", code, int(status) if status.isdigit() else 0, message)
