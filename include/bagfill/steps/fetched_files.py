"""The files of a version whose bytes are in older versions' folders: resolved at the destination, not at the primary.

A replica of vN is only usable there if each of these is there too, with the right bytes (invariant 5).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import cached_property

from bagfill.bag.identifiers import BagVersion, BagVersionId
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.read_back import read_back
from bagfill.fixity.receipts import ReceiptDamaged, ReceiptReader, recorded_digests
from bagfill.fixity.seals import read_seal
from bagfill.ingests.reasons import Reason
from bagfill.manifest.model import ManifestFile, StorageManifest
from bagfill.registry.registry import ReplicaRecord
from bagfill.steps.failures import MOST_PROBLEMS
from bagfill.steps.listings import list_version
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
        own = manifest.id.version
        self._files = [file for file in manifest.files if file.version != own]

    @property
    def sizes(self) -> dict[str, int]:
        """Name in the bag → size in bytes of the object at the destination; call :meth:`check` first."""
        return {file.name: self._objects[file.path].size for file in self._files}

    def check(self) -> StepFailed | None:
        """Every version they live in is registered at the destination, and each object is there with its size.

        Raises:
            StoreError: the destination could not be listed.
        """
        if not self._files:
            return None
        lacking = [version for version in sorted(self._manifest.depends_on) if self._replica(version) is None]
        if lacking:
            names = ", ".join(map(str, lacking))
            message = f"{self._manifest.id} fetches files from {names}, not registered at {self._destination.name}."
            return StepFailed(Reason.OLDER_VERSION_MISSING, message)
        problems = [problem for file in self._files if (problem := self._problem(file)) is not None]
        if not problems:
            return None
        message = f"{self._manifest.id}: a fetched file is not right at {self._destination.name}: {problems[0]}."
        return StepFailed(Reason.DESTINATION_INCOMPLETE, message, tuple(problems[1 : MOST_PROBLEMS + 1]))

    def observed(self) -> dict[str, DigestSet] | StepFailed:
        """What was read of each at the destination, by name in the bag.

        From the receipt of the version it lives in, if that read covers every algorithm needed and the object is
        still the same; otherwise it is read now.

        Raises:
            StoreError: an object could not be read.
        """
        store = self._services.stores.reading(self._destination)
        found: dict[str, DigestSet] = {}
        problems: list[str] = []
        for file in self._files:
            info = self._objects[file.path]
            expected = DigestSet([file.digest])
            digests = self._recorded(file, info)
            if digests is None or not expected.matches(digests):
                # The bytes decide; a receipt that says otherwise may be damaged itself.
                digests = read_back(store, info, self._algorithms).digests
            if not expected.matches(digests):
                problems.append(f"{file.path}: expected {file.digest}, saw {digests.get(file.digest.algorithm)}")
            found[file.name] = digests
        if not problems:
            return found
        message = f"{self._manifest.id}: a fetched file has other bytes at {self._destination.name}: {problems[0]}."
        return StepFailed(Reason.DESTINATION_CORRUPT, message, tuple(problems[1 : MOST_PROBLEMS + 1]))

    @cached_property
    def _objects(self) -> dict[str, ObjectInfo]:
        """Path from the bag's root → object at the destination, for every version depended on."""
        store = self._services.stores.reading(self._destination)
        objects: dict[str, ObjectInfo] = {}
        for version in self._manifest.depends_on:
            older = BagVersionId(self._manifest.id.bag, version)
            for path, info in list_version(store, self._destination, older).items():
                objects[f"{version}/{path}"] = info
        return objects

    @cached_property
    def _receipts(self) -> dict[str, tuple[str, DigestSet]]:
        """Path from the bag's root → ETag and digests of the read-back that its own version's receipt records."""
        wanted = {file.path for file in self._files}
        recorded: dict[str, tuple[str, DigestSet]] = {}
        for version in self._manifest.depends_on:
            replica = self._replica(version)
            if replica is None or replica.receipt is None:
                continue
            try:
                found = self._read_receipt(replica, replica.receipt)
                # Nothing counts before the last line: only then is it the receipt that was written.
                recorded.update({path: read for path, read in found if path in wanted})
            except ReceiptDamaged as damage:
                # No evidence, then; the files are read again.
                logger.warning("receipt %s is not used: %s", replica.receipt, damage)
        return recorded

    def _read_receipt(self, replica: ReplicaRecord, name: str) -> Iterator[tuple[str, tuple[str, DigestSet]]]:
        """Path from the bag's root → ETag and digests. Raises ReceiptDamaged, at the latest after the last file."""
        chunks = self._services.receipts.read_chunks(name)
        if chunks is None:
            raise ReceiptDamaged("is not there", 1)
        reader = ReceiptReader(chunks)
        for path, etag, digests in recorded_digests(reader.files()):
            yield f"{replica.bag_version.version}/{path}", (etag, digests)
        sealed = self._services.registry.seal_of(replica.bag_version, replica.location)
        if sealed is None or read_seal(sealed.document).receipt.sha256 != reader.summary.sha256:
            raise ReceiptDamaged("is not the one that was sealed", 1)

    def _recorded(self, file: ManifestFile, info: ObjectInfo) -> DigestSet | None:
        etag, digests = self._receipts.get(file.path, ("", DigestSet()))
        covers = set(self._algorithms) <= digests.algorithms
        return digests if covers and etag == info.etag else None

    def _replica(self, version: BagVersion) -> ReplicaRecord | None:
        older = BagVersionId(self._manifest.id.bag, version)
        for replica in self._services.registry.replicas(older):
            if replica.location == self._destination.name:
                return replica
        return None

    def _problem(self, file: ManifestFile) -> str | None:
        info = self._objects.get(file.path)
        if info is None:
            return f"{file.path}: expected {file.size} bytes, not there"
        if info.size != file.size:
            return f"{file.path}: expected {file.size} bytes, saw {info.size}"
        return None
