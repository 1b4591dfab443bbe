"""What is recorded about a replica, and what an audit records about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from bagfill.audit.model import FixityEvent
from bagfill.bag.columns import DigestSets, Sizes, Texts
from bagfill.bag.path_table import PathTable
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.fixity.receipts import ReceiptDamaged, ReceiptReader, recorded_digests
from bagfill.fixity.seals import read_seal
from bagfill.manifest.model import StorageManifest
from bagfill.registry.registry import ReplicaRecord
from bagfill.steps.registered_files import ExpectedDigests, RegisteredFiles
from bagfill.steps.services import Services

RECORD_FORMAT = "bagfill-audit/1"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a replica should be.

    Args:
        sizes: path in the version's folder → bytes.
        digests: path → digests of storage manifest and receipt.
        etags: path → ETag of the object that was proved, where that is known.
        learnt: those of them that audits have learnt: the receipt has none, or another. Every record of an audit
            carries them all, so that the newest is enough.
        problems: (expected, seen) of everything that is wrong with the receipt.
    """

    sizes: Sizes
    digests: ExpectedDigests
    etags: Mapping[str, str]
    learnt: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()

    def algorithms(self, path: str) -> frozenset[Algorithm]:
        """By which algorithms a file is read."""
        return self.digests.of(path).algorithms


class _Etags(Mapping[str, str]):
    """ETags by path: those that audits have learnt, else those of the receipt."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self.recorded = Texts()
        self.learnt: Mapping[str, str] = {}

    def __getitem__(self, path: str) -> str:
        if path in self.learnt:
            return self.learnt[path]
        number = self._table.number(path)
        etag = None if number is None else self.recorded.get(number)
        if etag is None:
            raise KeyError(path)
        return etag

    def __iter__(self) -> Iterator[str]:
        return (path for path in self._table if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def evidence_of(
    services: Services, manifest: StorageManifest, replica: ReplicaRecord, table: PathTable | None = None
) -> Evidence:
    """Read the receipt of a replica and the record of its last audit.

    Objects that an audit has read and found right after they were replaced are the ones that count from then on.

    Args:
        table: numbers of the paths; shared with whoever else knows these files.

    Raises:
        StoreError: the receipt store did not answer.
    """
    table = PathTable() if table is None else table
    registered = RegisteredFiles(manifest, table)
    columns: dict[Algorithm, DigestColumn] = {}
    etags = _Etags(table)
    problems: list[tuple[str, str]] = []
    if replica.receipt is not None:
        try:
            for path, etag, read in _receipt(services, replica, replica.receipt):
                number = table.number(path)
                if number is None or registered.sizes.at(number) is None:
                    problems.append((f"files of {manifest.id}", f"{path} in {replica.receipt}"))
                elif mismatches := registered.digest_set(number).mismatches(read):
                    problems.append((f"{path}: {mismatches[0].expected}", str(mismatches[0].found)))
                else:
                    etags.recorded.set(number, etag)
                    for algorithm, digest in read.items():
                        columns.setdefault(algorithm, DigestColumn(algorithm)).set(number, digest.text)
        except ReceiptDamaged as damage:
            etags.recorded = Texts()
            problems.append((f"receipt {replica.receipt}", str(damage)))
    last = services.audits.last(replica.bag_version, replica.location)
    record = None if last is None else read_record(services, last.record)
    if record is not None:
        etags.learnt = {path: etag for path, etag in record["objects"].items() if path in registered.sizes}
    digests = ExpectedDigests(registered, DigestSets(table, list(columns.values())))
    return Evidence(registered.sizes, digests, etags, etags.learnt, tuple(problems))


def _receipt(services: Services, replica: ReplicaRecord, name: str) -> Iterator[tuple[str, str, DigestSet]]:
    """Raises ReceiptDamaged, at the latest after the last file."""
    chunks = services.receipts.read_chunks(name)
    if chunks is None:
        raise ReceiptDamaged("is not there", 1)
    reader = ReceiptReader(chunks)
    yield from recorded_digests(reader.files())
    sealed = services.registry.seal_of(replica.bag_version, replica.location)
    if sealed is not None and read_seal(sealed.document).receipt.sha256 != reader.summary.sha256:
        raise ReceiptDamaged("is not the one that was sealed", 1)


def read_record(services: Services, name: str) -> dict[str, Any] | None:
    """The document of an event, or ``None`` if there is none that can be understood. Raises StoreError."""
    data = services.receipts.read_bytes(name)
    try:
        document = None if data is None else json.loads(data)
    except ValueError:
        return None
    is_ours = isinstance(document, dict) and document.get("format") == RECORD_FORMAT
    return document if is_ours else None


def write_record(services: Services, event: FixityEvent, **contents: Any) -> FixityEvent:
    """Write the document of an event, then the event; both once.

    Returns:
        The event that counts: an earlier attempt may have written it.

    Raises:
        StoreError: the receipt store did not answer.
    """
    contents.setdefault("objects", {})
    document = {"format": RECORD_FORMAT, "event": event.to_json(), **contents}
    if not services.receipts.write_chunks(event.record, [json.dumps(document).encode()]):
        earlier = read_record(services, event.record)
        if earlier is not None:
            event = FixityEvent.from_json(earlier["event"])
        else:
            # What lies there is damaged, and stays: the findings go beside it.
            event = replace(event, record=f"{event.record.removesuffix('.json')}-{uuid4()}.json")
            document["event"] = event.to_json()
            services.receipts.write_chunks(event.record, [json.dumps(document).encode()])
    services.audits.record(event)
    return event


def recorded_event(services: Services, name: str) -> FixityEvent | None:
    """The event of a document that was written before the event was; ``None`` if there is none. Raises StoreError."""
    document = read_record(services, name)
    if document is None:
        return None
    event = FixityEvent.from_json(document["event"])
    services.audits.record(event)
    return event
