"""What is at a destination already, and what came from a source, held against the plan."""

from __future__ import annotations

from bagfill.checksum.digest import DigestSet
from bagfill.fixity.read_back import read_back
from bagfill.planning.shards import PlannedFile
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectInfo, ObjectStore
from bagfill.transfer.outcomes import AlreadyThere, SourceCorrupt, WouldOverwrite


def compare_with(destination: ObjectStore, present: ObjectInfo, file: PlannedFile) -> AlreadyThere | WouldOverwrite:
    """Read what is there and hold it against the manifest: size alone proves nothing. Raises StoreError."""
    if present.size != file.size:
        return WouldOverwrite(f"{file.size} bytes", f"{present.size} bytes")
    observed = read_back(destination, present, file.digests.algorithms)
    if file.digests.matches(observed.digests):
        return AlreadyThere(observed.size, observed.digests, observed.etag)
    mismatch = file.digests.mismatches(observed.digests)[0]
    return WouldOverwrite(str(mismatch.expected), str(mismatch.found))


def compare_existing(destination: ObjectStore, file: PlannedFile, key: str) -> AlreadyThere | WouldOverwrite:
    """The same of an object that a write met. Raises StoreError (CONFLICT): it is not there after all."""
    present = destination.stat(key)
    if present is None:
        raise StoreError(
            StoreFailure.CONFLICT,
            location=destination.location,
            key=key,
            operation="create",
            detail="the provider said that the object exists, then that it does not",
        )
    return compare_with(destination, present, file)


def corrupt(file: PlannedFile, size: int, digests: DigestSet) -> SourceCorrupt | None:
    """Whether what was read of the source contradicts the plan.

    Args:
        size: bytes that were read.
        digests: of them; none if none was computed.
    """
    if size != file.size:
        return SourceCorrupt(f"{file.size} bytes", f"{size} bytes")
    for mismatch in file.digests.mismatches(digests):
        return SourceCorrupt(str(mismatch.expected), str(mismatch.found))
    return None
