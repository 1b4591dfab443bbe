"""A folder of receipts and seals as an installation leaves it, made without stores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bagfill.bag.identifiers import BagVersionId
from bagfill.fixity.receipt_writer import ReceiptText
from bagfill.fixity.receipts import receipt_name
from bagfill.fixity.seals import ReceiptToSeal, seal_name
from bagfill.fixity.signing import SigningKey
from bagfill.registry.seals import ChainPosition

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
AT = "2026-05-01T12:00:00.000000Z"
FILES = {"bag-info.txt": b"Payload-Oxum: 9.2\n", "data/a b.txt": b"alpha", "data/é\u2028.txt": b"beta", "data/z": b""}


def file_values(path: str, data: bytes, **changes: Any) -> dict[str, Any]:
    """The values of one line."""
    values = {
        "path": path,
        "size": len(data),
        "digests": {name: hashlib.new(name, data).hexdigest() for name in ("md5", "sha256")},
        "obtained": [
            {"how": "manifest", "at": AT, "algorithms": ["sha256"]},
            {"how": "source-read", "at": AT, "algorithms": ["sha256"]},
            {"how": "destination-read", "at": AT, "algorithms": ["md5", "sha256"]},
        ],
        "object": {
            "etag": f"e-{path}",
            "versionId": "v-1",
            "requestId": "r-1",
            "storageClass": "Hot",
            "outcome": "copied",
            "transit": {"check": "crc64 of each block", "blockBytes": 4, "crc64": "rosUhgTTMyA="},
        },
    }
    return values | changes


def header_values(bag_version: str, ingest_id: str, location: str = "azure", **changes: Any) -> dict[str, Any]:
    """The values of the first line."""
    values = {
        "bagVersion": bag_version,
        "ingest": {"id": ingest_id, "requestId": "bag__1"},
        "source": {"name": "primary", "provider": "amazon-s3", "bucket": "p", "prefix": f"{bag_version}/"},
        "destination": {"name": location, "provider": "azure-blob-storage", "bucket": "c", "prefix": f"{bag_version}/"},
        "storageManifest": {"sha256": "ab" * 32},
        "concluded": AT,
        "software": {"name": "bagfill", "version": "1.0", "configuration": "cd" * 32},
        "dependencies": [{"bagVersion": "digitised/b0/v1", "receipt": "azure/x.jsonl", "sha256": "ef" * 32}],
        "waivers": [
            {"code": "BAG-X", "path": "data/z", "who": "a person", "why": "legacy", "granted": AT, "until": None}
        ],
    }
    return values | changes


def many_files(count: int) -> Iterator[dict[str, Any]]:
    """That many files in order, one made when it is asked for."""
    for number in range(count):
        yield file_values(f"data/{number:09d}/page-{number:09d}.tif", b"%d" % number)


@dataclass(frozen=True)
class SampleChain:
    """Receipts and seals in a folder."""

    folder: Path

    def add(
        self,
        bag_version: str,
        *,
        location: str = "azure",
        files: Iterable[Mapping[str, Any]] | None = None,
        key: SigningKey | None = None,
    ) -> tuple[Path, Path]:
        """Write one more receipt and its seal; both files."""
        sequence = len(list((self.folder / location / "_seals").glob("*"))) + 1
        ingest = f"00000000-0000-0000-0000-{sequence:012d}"
        rows = [file_values(path, data) for path, data in sorted(FILES.items())] if files is None else files
        text = ReceiptText(header_values(bag_version, ingest, location), rows)
        identifier = BagVersionId.parse(bag_version)
        name = receipt_name(identifier, location, ingest)
        receipt = self.folder / name
        receipt.parent.mkdir(parents=True, exist_ok=True)
        with receipt.open("wb") as file:
            file.writelines(text.lines())
        previous = None if sequence == 1 else self.seal(sequence - 1, location).read_bytes()
        position = ChainPosition(location, sequence, previous, START + timedelta(minutes=sequence))
        seal = self.seal(sequence, location)
        seal.parent.mkdir(parents=True, exist_ok=True)
        seal.write_bytes(ReceiptToSeal(name, identifier, ingest, text.summary, key).make(position))
        return receipt, seal

    def seal(self, sequence: int, location: str = "azure") -> Path:
        """The file of one seal."""
        return self.folder / seal_name(location, sequence)
