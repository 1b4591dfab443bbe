"""The files of a version whose bytes are in older versions' folders: resolved at the destination, not at the primary.

A replica of vN is only usable there if each of these is there too, with the right bytes (invariant 5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import islice

from bagfill.bag.columns import DigestSets, Sizes, Texts
from bagfill.bag.identifiers import BagVersion, BagVersionId
from bagfill.bag.path_table import PathTable
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.checksum.digest_column import DigestColumn
from bagfill.fixity.read_back import read_back
from bagfill.fixity.receipts import ReceiptDamaged, ReceiptReader, recorded_digests
from bagfill.fixity.seals import read_seal
from bagfill.ingests.reasons import Reason
from bagfill.manifest.model import ManifestFile, StorageManifest
from bagfill.registry.registry import ReplicaRecord
from bagfill.steps.failures import MOST_PROBLEMS
from bagfill.steps.listings import Problems, VersionListing, list_version
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectInfo

logger = logging.getLogger(__name__)


class FetchedFiles:
    """The fetched files of one version, looked at where the replica is to be registered.

    Args:
        destination: the location that gains the replica.
        manifest: of the version.
        algorithms: that the bag's manifests use.
    """

    def __init__(
        self,
        services: Services,
        ref: IngestRef,
        destination: Location,
        manifest: StorageManifest,
        algorithms: Iterable[Algorithm],
    ) -> None:
        self._services = services
        self._ref = ref
        self._destination = destination
        self._manifest = manifest
        self._algorithms = tuple(algorithms)

    def _each(self) -> Iterator[ManifestFile]:
        """The fetched files, read from the manifest's text."""
        if not self._manifest.depends_on:
            return iter(())
        own = f"{self._manifest.id.version}/"
        return (file for file in self._manifest.files if not file.path.startswith(own))

    def sizes(self, table: PathTable) -> Sizes:
        """Size in bytes of the object at the destination by name in the bag; call :meth:`check` first."""
        found = Sizes(table)
        for file in self._each():
            found.set(table.add(file.name), file.size)
        return found

    def check(self) -> StepFailed | None:
        """Every version they live in is registered at the destination, and each object is there with its size.

        Raises:
            StoreError: the destination could not be listed.
        """
        lacking = [version for version in sorted(self._manifest.depends_on) if self._replica(version) is None]
        if lacking:
            names = ", ".join(map(str, lacking))
            message = f"{self._manifest.id} fetches files from {names}, not registered at {self._destination.name}."
            return StepFailed(Reason.OLDER_VERSION_MISSING, message)
        problems = Problems()
        for file in self._each():
            info = self._object(file)
            if info is None:
                problems.add(file.path, f"{file.path}: expected {file.size} bytes, not there")
            elif info.size != file.size:
                problems.add(file.path, f"{file.path}: expected {file.size} bytes, saw {info.size}")
        return self._failed(Reason.DESTINATION_INCOMPLETE, "is not right", problems)

    def observe(self, noted: Callable[[str, DigestSet], None]) -> StepFailed | None:
        """Say what was read of each at the destination.

        From the receipt of the version it lives in, if that read covers every algorithm needed and the object is
        still the same; otherwise it is read now.

        Args:
            noted: is told each file's name in the bag, and its digests.

        Raises:
            StoreError: an object could not be read.
        """
        store = self._services.stores.reading(self._destination)
        problems = Problems()
        for file in self._each():
            info = self._object(file)
            expected = DigestSet([file.digest])
            digests = None if info is None else self._recorded(file, info)
            if info is not None and (digests is None or not expected.matches(digests)):
                # The bytes decide; a receipt that says otherwise may be damaged itself.
                digests = read_back(store, info, self._algorithms).digests
            if digests is None or not expected.matches(digests):
                seen = None if digests is None else digests.get(file.digest.algorithm)
                problems.add(file.path, f"{file.path}: expected {file.digest}, saw {seen}")
            else:
                noted(file.name, digests)
        return self._failed(Reason.DESTINATION_CORRUPT, "has other bytes", problems)

    def _failed(self, reason: Reason, what: str, problems: Problems) -> StepFailed | None:
        if not problems:
            return None
        first, *others = islice(problems, MOST_PROBLEMS + 1)
        message = f"{self._manifest.id}: a fetched file {what} at {self._destination.name}: {first}."
        return StepFailed(reason, message, tuple(others))

    def _object(self, file: ManifestFile) -> ObjectInfo | None:
        version, _, path = file.path.partition("/")
        return self._listings[version].get(path)

    @cached_property
    def _listings(self) -> dict[str, VersionListing]:
        """Every version depended on, as it lies at the destination."""
        store = self._services.stores.reading(self._destination)
        bag = self._manifest.id.bag
        return {
            str(version): list_version(store, self._destination, BagVersionId(bag, version))
            for version in self._manifest.depends_on
        }

    @cached_property
    def _receipts(self) -> dict[str, _Recorded]:
        """What the receipt of each version says of the files that are fetched from it."""
        wanted: dict[str, PathTable] = {}
        for file in self._each():
            folder, _, path = file.path.partition("/")
            wanted.setdefault(folder, PathTable()).add(path)
        found: dict[str, _Recorded] = {}
        for version in self._manifest.depends_on:
            replica = self._replica(version)
            if replica is None or replica.receipt is None:
                continue
            recorded = _Recorded(wanted[str(version)])
            try:
                self._read_receipt(replica, replica.receipt, recorded)
            except ReceiptDamaged as damage:
                # No evidence, then; the files are read again.
                logger.warning("receipt %s is not used: %s", replica.receipt, damage)
            else:
                found[str(version)] = recorded
        return found

    def _read_receipt(self, replica: ReplicaRecord, name: str, recorded: _Recorded) -> None:
        """Take in a receipt to its end. Raises ReceiptDamaged: nothing of it counts."""
        chunks = self._services.receipts.read_chunks(name)
        if chunks is None:
            raise ReceiptDamaged("is not there", 1)
        reader = ReceiptReader(chunks)
        for path, etag, digests in recorded_digests(reader.files()):
            recorded.add(path, etag, digests)
        sealed = self._services.registry.seal_of(replica.bag_version, replica.location)
        if sealed is None or read_seal(sealed.document).receipt.sha256 != reader.summary.sha256:
            raise ReceiptDamaged("is not the one that was sealed", 1)

    def _recorded(self, file: ManifestFile, info: ObjectInfo) -> DigestSet | None:
        version, _, path = file.path.partition("/")
        recorded = self._receipts.get(version)
        digests = None if recorded is None else recorded.of(path, info.etag)
        return digests if digests is not None and set(self._algorithms) <= digests.algorithms else None

    def _replica(self, version: BagVersion) -> ReplicaRecord | None:
        older = BagVersionId(self._manifest.id.bag, version)
        for replica in self._services.registry.replicas(older):
            if replica.location == self._destination.name:
                return replica
        return None


class _Recorded:
    """ETags and digests of the read-back that a receipt records, of some files.

    Args:
        table: of the files that are wanted, by path in their version's folder.
    """

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self._etags = Texts()
        self._columns: dict[Algorithm, DigestColumn] = {}

    def add(self, path: str, etag: str, digests: DigestSet) -> None:
        number = self._table.number(path)
        if number is None:
            return
        self._etags.set(number, etag)
        for algorithm, digest in digests.items():
            self._columns.setdefault(algorithm, DigestColumn(algorithm)).set(number, digest.text)

    def of(self, path: str, etag: str) -> DigestSet | None:
        """What was read of a file, if it was this object."""
        number = self._table.number(path)
        if number is None or self._etags.get(number) != etag:
            return None
        return DigestSets(self._table, list(self._columns.values())).at(number)
