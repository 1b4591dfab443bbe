"""What is recorded about a replica: in its storage manifest, its receipt, and the record of its last audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bagfill.bag.columns import DigestSets, Sizes, Texts
from bagfill.bag.path_table import PathTable
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.fixity.receipts import ReceiptDamaged, ReceiptReader, recorded_digests
from bagfill.fixity.seals import read_seal
from bagfill.manifest.model import StorageManifest
from bagfill.registry.registry import ReplicaRecord
from bagfill.steps.audit_etags import Etags
from bagfill.steps.audit_records import read_record
from bagfill.steps.registered_files import ExpectedDigests, RegisteredFiles
from bagfill.steps.services import Services

_MOST_PROBLEMS = 1000
"""With a receipt that are held one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a replica should be.

    Args:
        sizes: path in the version's folder → bytes.
        digests: path → digests of storage manifest and receipt.
        etags: path → ETag of the object that was proved, where that is known.
        learnt: those of them that audits have learnt, by number: the receipt has none, or another. Every record of an
            audit carries them all, so that the newest is enough.
        problems: (expected, seen) of what is wrong with the receipt; of very many, the last says how many more.
    """

    sizes: Sizes
    digests: ExpectedDigests
    etags: Etags
    learnt: Texts
    problems: tuple[tuple[str, str], ...] = ()

    def algorithms(self, path: str) -> frozenset[Algorithm]:
        """By which algorithms a file is read."""
        return self.digests.of(path).algorithms


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
    recorded, learnt = Texts(), Texts()
    problems = _Problems()
    if replica.receipt is not None:
        try:
            for path, etag, read in _receipt(services, replica, replica.receipt):
                number = table.number(path)
                if number is None or registered.sizes.at(number) is None:
                    problems.add((f"files of {manifest.id}", f"{path} in {replica.receipt}"))
                elif mismatches := registered.digest_set(number).mismatches(read):
                    problems.add((f"{path}: {mismatches[0].expected}", str(mismatches[0].found)))
                else:
                    recorded.set(number, etag)
                    for algorithm, digest in read.items():
                        columns.setdefault(algorithm, DigestColumn(algorithm)).set(number, digest.text)
        except ReceiptDamaged as damage:
            # What it said before that was found counts for nothing.
            recorded = Texts()
            columns.clear()
            problems.add((f"receipt {replica.receipt}", str(damage)))
    last = services.audits.last(replica.bag_version, replica.location)

    def known(path: str, etag: str) -> None:
        number = table.number(path)
        if number is not None and registered.sizes.at(number) is not None:
            learnt.set(number, etag)

    if last is not None and read_record(services, last.record, known=known) is None:
        learnt = Texts()
    digests = ExpectedDigests(registered, DigestSets(table, list(columns.values())))
    return Evidence(registered.sizes, digests, Etags(table, learnt, recorded), learnt, problems.told())


class _Problems:
    """What is wrong with a receipt: the first are held, all are counted."""

    def __init__(self) -> None:
        self._held: list[tuple[str, str]] = []
        self._count = 0

    def add(self, problem: tuple[str, str]) -> None:
        self._count += 1
        if len(self._held) < _MOST_PROBLEMS:
            self._held.append(problem)

    def told(self) -> tuple[tuple[str, str], ...]:
        more = self._count - len(self._held)
        return (*self._held, *([("a receipt that agrees with the storage manifest", f"{more} more")] if more else ()))


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
