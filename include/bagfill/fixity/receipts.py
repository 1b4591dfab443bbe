"""The receipt: the evidence for one replica, as a document that others can check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bagfill.bag.identifiers import BagVersionId
from bagfill.checksum.digest import DigestSet
from bagfill.manifest.model import StorageManifest

RECEIPT_FORMAT = "bagfill-receipt/1"


@dataclass(frozen=True, slots=True)
class ReceiptPlace:
    """One side of a replication.

    Args:
        name: of the configured location.
        provider, bucket: who holds it, and where.
        prefix: of the bag version, ending in ``/``.
    """

    name: str
    provider: str
    bucket: str
    prefix: str

    def to_json(self) -> dict[str, str]:
        """As in the receipt."""
        return {"name": self.name, "provider": self.provider, "bucket": self.bucket, "prefix": self.prefix}


def receipt_name(bag_version: BagVersionId, destination: str, ingest_id: str) -> str:
    """The record's name: found from the registry, or by looking for the bag version."""
    return f"{destination}/{bag_version}/{ingest_id}.json"


def receipt_document(
    *,
    manifest: StorageManifest,
    ingest_id: str,
    source: ReceiptPlace,
    destination: ReceiptPlace,
    concluded: datetime,
    depends_on: Sequence[str],
    files: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """Write down what was proved.

    Args:
        manifest: the storage manifest the work was planned from.
        ingest_id: the ingest that did it.
        source, destination: from where, to where.
        concluded: when the last check had passed.
        depends_on: versions at the same destination that this one fetches files from.
        files: one row a file: what the copy and the read-back of each observed.
    """
    rows = list(files)
    return {
        "format": RECEIPT_FORMAT,
        "bagVersion": str(manifest.id),
        "ingest": ingest_id,
        "source": source.to_json(),
        "destination": destination.to_json(),
        "concluded": concluded.isoformat(),
        "software": {"name": "bagfill", "version": _software_version()},
        "storageManifest": {"sha256": hashlib.sha256(manifest.raw).hexdigest()},
        "dependsOn": list(depends_on),
        "fileCount": len(rows),
        "byteCount": sum(row["size"] for row in rows),
        "files": rows,
    }


def recorded_digests(receipt: Mapping[str, Any]) -> dict[str, DigestSet]:
    """What a receipt says was read back: path in the version's folder → digests.

    Raises:
        ValueError: it is no receipt that this release can read.
    """
    if receipt.get("format") != RECEIPT_FORMAT:
        msg = f"a receipt of format {receipt.get('format')!r}; this release reads {RECEIPT_FORMAT}"
        raise ValueError(msg)
    return {row["path"]: DigestSet.from_json(row["digests"]) for row in receipt["files"]}


def proves_the_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two receipts are evidence for the same replica: what, where, and every byte of it.

    When it was concluded, and what a listing told besides, may differ: two attempts at one ingest write the same
    receipt at two moments.
    """

    def evidence(receipt: Mapping[str, Any]) -> Any:
        heads = [receipt.get(name) for name in ("format", "bagVersion", "ingest", "destination", "storageManifest")]
        rows = [[row.get(name) for name in ("path", "size", "etag", "digests")] for row in receipt.get("files", [])]
        return heads, rows

    return bool(evidence(one) == evidence(other))


def _software_version() -> str:
    try:
        return version("bagfill")
    except PackageNotFoundError:
        return "unknown"
