"""Time and peak memory of writing and verifying one large receipt; each in a process of its own.

python benchmarks/receipt_memory.py [FILES]        (a million, if nothing is said)
"""

from __future__ import annotations

import json
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bagfill.fixity.chain import Evidence
from bagfill.fixity.premis import premis_document
from bagfill.fixity.receipt_writer import ReceiptText
from bagfill.fixity.receipts import ReceiptReader
from bagfill.steps.records import RecordStore
from bagfill.storage.local import LocalStore

TOOL = Path(__file__).parents[1] / "tools" / "verify_receipt.py"
NAME = "shelf/digitised/b1/v1/i.jsonl"
AT = "2026-05-01T12:00:00.000000Z"
PLACE = {"name": "shelf", "provider": "local", "bucket": "/shelf", "prefix": "digitised/b1/v1/"}
HEADER = {
    "bagVersion": "digitised/b1/v1",
    "ingest": {"id": "i", "requestId": None},
    "source": PLACE,
    "destination": PLACE,
    "storageManifest": {"sha256": "0" * 64},
    "concluded": AT,
    "software": {"name": "bagfill", "version": "0", "configuration": "0" * 64},
    "dependencies": [],
    "waivers": [],
}


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Files with digests by two algorithms, as a backfill leaves them."""
    for number in range(count):
        yield {
            "path": f"data/b{number // 1000:06d}/b{number // 1000:06d}_{number:09d}.jp2",
            "size": number,
            "digests": {"sha256": f"{number:064x}", "sha512": f"{number:0128x}"},
            "obtained": [
                {"how": "manifest", "at": AT, "algorithms": ["sha256", "sha512"]},
                {"how": "source-read", "at": AT, "algorithms": ["sha512"]},
                {"how": "destination-read", "at": AT, "algorithms": ["sha256", "sha512"]},
            ],
            "object": {
                "etag": f"0x{number:015X}",
                "versionId": None,
                "requestId": f"{number:036d}",
                "storageClass": "Cool",
                "outcome": "copied",
                "transit": None,
            },
        }


def store(folder: Path) -> RecordStore:
    """A receipt store in a folder."""
    return RecordStore(LocalStore(folder, location="receipts"))


def write(folder: Path, count: int) -> None:
    """As the conclusion of a replica does."""
    records = store(folder)
    text = ReceiptText(HEADER, rows(count))
    assert records.write_chunks(NAME, text.lines())
    chunks = records.read_chunks(NAME)
    assert chunks is not None
    assert ReceiptReader(chunks).read() == text.summary


def verify(folder: Path, _count: int) -> None:
    """As ``bagfill receipt verify`` does."""
    chunks = store(folder).read_chunks(NAME)
    assert chunks is not None
    evidence = Evidence()
    evidence.add_receipt(NAME, chunks)
    assert evidence.problems == []


def premis(folder: Path, _count: int) -> None:
    """As ``bagfill receipt premis`` does."""
    chunks = store(folder).read_chunks(NAME)
    assert chunks is not None
    reader = ReceiptReader(chunks)
    assert sum(len(piece) for piece in premis_document(reader.header, reader.files()))


def tool(folder: Path, _count: int) -> None:
    """The verifier that shares no line with us; it stands in a process that has loaded us, and so looks larger."""
    check_receipt = runpy.run_path(str(TOOL))["check_receipt"]
    check_receipt(folder / NAME)


ACTS = {
    "write and read back": write,
    "bagfill receipt verify": verify,
    "bagfill receipt premis": premis,
    "tools/verify_receipt.py": tool,
}


def main(count: int) -> None:
    """Run every act in a process of its own, and print what each took."""
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for name in ACTS:
            command = [sys.executable, __file__, "--act", name, folder, str(count)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
            results.append({"name": name, "files": count, **json.loads(answer)})
            print(f"{name:26} {results[-1]['seconds']:8.1f} s {results[-1]['mib']:8.0f} MiB", flush=True)
        size = Path(folder, NAME).stat().st_size
    print(f"the receipt has {size / 2**20:.0f} MiB, {size / count:.0f} bytes a file")


def act(name: str, folder: str, count: int) -> None:
    """One act, in this process."""
    started = time.monotonic()
    ACTS[name](Path(folder), count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.monotonic() - started, "mib": peak}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--act"]:
        act(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
