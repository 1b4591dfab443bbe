"""What reading a storage service's table of a million rows costs, and one manifest of 200 MB; each in its own process.

``python benchmarks/service_rows.py [ROWS]``. A stub answers ``Scan`` with prepared pages, so what is measured is ours
and boto3's; rows that point where the index has them are not opened. JSON is made up in memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId, ExternalIdentifier, Space
from bagfill.checksum.crc64 import Crc64
from bagfill.database.engine import open_database, writing
from bagfill.database.migrate import upgrade
from bagfill.database.tables import BAG_VERSIONS
from bagfill.manifest.append import with_replica_location
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider
from bagfill.planning.limits import Limits
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.storage_service.aftermath import Aftermath
from bagfill.registry.storage_service.beside import Beside
from bagfill.registry.storage_service.objects import BucketObjects, read_manifest
from bagfill.registry.storage_service.registry import ServiceRegistry, ServiceStore
from bagfill.registry.storage_service.rows import ManifestRow
from bagfill.registry.storage_service.sql_scan_marks import SqlScanMarks
from bagfill.steps.import_service import import_service
from bagfill.storage.credentials import S3Access
from bagfill.storage.dynamodb import DynamoTable

PAGE = 5_000
"""Rows of a page: about a megabyte, which is DynamoDB's own bound."""
LARGE = 200_000_000
BUCKET = "manifests"


def key_of(number: int) -> str:
    """Where the JSON of a row lies."""
    return f"digitised/b{number:08d}/1/{number:036d}.json"


def page_of(first: int, last: int) -> bytes:
    """An answer of ``Scan``."""
    items = [
        {
            "id": {"S": f"digitised/b{number:08d}"},
            "version": {"N": "1"},
            "payload": {"M": {"bucket": {"S": BUCKET}, "key": {"S": key_of(number)}}},
        }
        for number in range(first, last)
    ]
    return json.dumps({"Items": items, "Count": len(items)}).encode()[:-1]


class Scans(BaseHTTPRequestHandler):
    """Answers ``Scan``: each segment has its share of the rows."""

    protocol_version = "HTTP/1.1"
    rows = 0
    pages: dict[tuple[int, int], bytes]

    def do_POST(self) -> None:
        """Answer one request."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        share = -(-self.rows // asked["TotalSegments"])
        start, end = asked["Segment"] * share, min((asked["Segment"] + 1) * share, self.rows)
        after = asked.get("ExclusiveStartKey")
        first = start if after is None else int(after["id"]["S"].rpartition("b")[2]) + 1
        last = min(first + PAGE, end)
        if (first, last) not in self.pages:
            self.pages[first, last] = page_of(first, last)
        cursor = {"id": {"S": f"digitised/b{last - 1:08d}"}, "version": {"N": "1"}}
        tail = f', "LastEvaluatedKey": {json.dumps(cursor)}}}' if last < end else "}"
        body = self.pages[first, last] + tail.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class MadeUp:
    """A bucket whose JSON is made when it is read; what is written is dropped, and read back as it was."""

    def __init__(self, text: Iterable[bytes] | None = None) -> None:
        self._text = text
        self.written: dict[str, Iterable[bytes]] = {}

    def create(self, key: str, data: bytes | memoryview) -> object:
        """See ``ManifestObjects``."""
        return self.written.setdefault(key, [bytes(data)])

    def stage(self, key: str) -> Any:
        """See ``ManifestObjects``: blocks go to a file without a name."""
        return Staged(self, key)

    def read(self, key: str) -> Iterable[bytes]:
        """See ``ManifestObjects``."""
        if key in self.written:
            return self.written[key]
        if self._text is not None:
            return iter(self._text)
        return [small(int(key.split("/")[1][1:]))]


class Staged:
    """A large object in a file."""

    def __init__(self, bucket: MadeUp, key: str) -> None:
        self._bucket, self._key = bucket, key
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is read as long as the bucket lives

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> int:  # noqa: ARG002 - the protocol's
        """Blocks come in order."""
        self._file.write(data)
        return index

    def commit(self, blocks: object) -> None:  # noqa: ARG002 - the protocol's
        """From now on it is there."""
        self._bucket.written[self._key] = Pieces(self._file)

    def abandon(self) -> None:
        """Nothing is left."""


class Pieces:
    """The pieces of a file, as often as they are asked for."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(1 << 20):
            yield piece


def document(number: int, files: str) -> str:
    """A manifest, as the service stores it, with the text of its files."""
    identifier = f"b{number:08d}"
    tag = f'{{"checksum": "{"ab" * 32}", "name": "bagit.txt", "path": "v1/bagit.txt", "size": 55}}'
    return (
        f'{{"space": "digitised", "info": {{"externalIdentifier": "{identifier}"}}, "version": 1, '
        f'"manifest": {{"checksumAlgorithm": {{"type": "SHA256"}}, "files": [{files}]}}, '
        f'"tagManifest": {{"checksumAlgorithm": {{"type": "SHA256"}}, "files": [{tag}]}}, '
        f'"location": {{"prefix": {{"bucket": "primary", "keyPrefix": "digitised/{identifier}"}}, '
        '"type": "PrimaryS3StorageLocation"}, "replicaLocations": [], "createdDate": "2021-07-16T09:00:00Z"}'
    )


def file_text(number: int) -> str:
    """A file of a manifest: 200 bytes, as in a digitised book."""
    name = f"data/objects/b{number // 1000:06d}/b{number // 1000:06d}_{number:09d}.jp2"
    return f'{{"checksum": "{number:064x}", "name": "{name}", "path": "v1/{name}", "size": {number}}}'


def small(number: int) -> bytes:
    """A manifest of 20 files."""
    return document(number, ", ".join(file_text(each) for each in range(20))).encode()


class Large:
    """A manifest of 200 MB, made anew each time it is read."""

    def __init__(self, length: int) -> None:
        self._files = length // (len(file_text(0)) + 2)

    def __iter__(self) -> Iterator[bytes]:
        head, tail = document(0, "\0").split("\0")
        yield head.encode()
        for start in range(0, self._files, 5000):
            some = ", ".join(map(file_text, range(start, min(start + 5000, self._files))))
            yield (", " if start else "").encode() + some.encode()
        yield tail.encode()


def peak_mib() -> float:
    """Of this program: what ``getrusage`` says includes the process that started it."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def scan(endpoint: str, rows: int, *, known: bool) -> dict[str, float]:
    """Import the table; with ``known`` the index has every row already."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/registry.sqlite")
        upgrade(engine)
        if known:
            fill(engine, rows)
        base = peak_mib()
        with closing(DynamoTable("manifests", S3Access(endpoint, "us-east-1", "test", "test"))) as table:
            store = ServiceStore(table, BucketObjects(lambda _: cast("Any", MadeUp())), BUCKET, Aftermath())
            beside = Beside(ServiceRegistry(engine, store), table, "manifests", 4, SqlScanMarks(engine))
            services = cast("Any", SimpleNamespace(limits=Limits(), locations={}))
            began, cpu = time.perf_counter(), time.process_time()
            result = import_service(services, beside)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        engine.dispose()
    assert (result.rows, result.is_clean) == (rows, True), result.counts
    return {
        "rows": rows,
        "seconds": seconds,
        "cpu": cpu,
        "per_second": rows / seconds,
        "before": base,
        "peak": peak_mib(),
    }


def fill(engine: Any, rows: int) -> None:
    """Put every row into the index as an earlier import left it."""
    now = datetime.now(tz=UTC)
    for start in range(0, rows, 20_000):
        some = [
            {
                "space": "digitised",
                "external_identifier": f"b{number:08d}",
                "version": 1,
                "pointer": f"{BUCKET}/{key_of(number)}",
                "sha256": "0" * 64,
                "files": 20,
                "bytes": 1000,
                "added": now,
            }
            for number in range(start, min(start + 20_000, rows))
        ]
        with writing(engine) as connection:
            connection.execute(BAG_VERSIONS.insert(), some)


def large(length: int) -> dict[str, float]:
    """Read one large manifest, add a location, write and read back what came of it."""
    objects = BucketObjects(lambda _: cast("Any", bucket))
    bucket = MadeUp(Large(length))
    base = peak_mib()
    began, cpu = time.perf_counter(), time.process_time()
    bag = BagId(Space("digitised"), ExternalIdentifier("b00000000"))
    row = ManifestRow(BagVersionId(bag, BagVersion(1)), BUCKET, "large.json", {})
    manifest = read_manifest(objects, row)
    read = time.process_time() - cpu
    place = ManifestLocation(LocationRole.SECONDARY, Provider.AZURE_BLOB_STORAGE, "azure", str(bag))
    ManifestStore(objects, f"{BUCKET}/").write(with_replica_location(manifest, place))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "bytes": length,
        "files": manifest.own_files,
        "cpu_of_reading": read,
        "cpu": cpu,
        "seconds": seconds,
        "before": base,
        "peak": peak_mib(),
    }


def child(*arguments: str) -> dict[str, float]:
    """Run one part in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Print a line of JSON for each part."""
    match sys.argv[1:]:
        case ["known", endpoint, rows]:
            print(json.dumps(scan(endpoint, int(rows), known=True)))
        case ["new", endpoint, rows]:
            print(json.dumps(scan(endpoint, int(rows), known=False)))
        case ["large", length]:
            print(json.dumps(large(int(length))))
        case arguments:
            rows = int(arguments[0]) if arguments else 1_000_000
            for part, count in (("known", rows), ("new", min(rows, 5_000))):
                Scans.rows, Scans.pages = count, {}
                server = ThreadingHTTPServer(("127.0.0.1", 0), Scans)
                threading.Thread(target=server.serve_forever, daemon=True).start()
                endpoint = f"http://127.0.0.1:{server.server_address[1]}"
                print(part, json.dumps(child(part, endpoint, str(count))), flush=True)
                server.shutdown()
            print("large", json.dumps(child("large", str(LARGE))))


if __name__ == "__main__":
    main()
