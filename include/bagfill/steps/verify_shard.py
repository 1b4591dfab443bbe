"""Read one shard back from the destination, every byte, and compare with every checksum known."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bagfill.fixity.read_back import read_back
from bagfill.ingests.reasons import Reason
from bagfill.planning.shards import PlannedFile
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.failures import add_events, attempt, store_failure, summarise
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.work import IngestWork, Plan
from bagfill.storage.errors import StoreError
from bagfill.storage.store import ObjectInfo, ObjectStore

_LISTED_A_PAGE = 1000
"""Objects that one request lists, at the provider that lists fewest (S3)."""

FileDone = Callable[[int], None]
"""Called after each file with its bytes, from several threads: progress."""


@dataclass(frozen=True, slots=True)
class ShardVerified:
    """What one verify shard came to, in numbers."""

    files: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def verify_shard(
    services: Services, shard: ShardRef, *, file_done: FileDone | None = None
) -> ShardVerified | StepFailed:
    """Read back every file of one shard; a bad file does not stop the others.

    Every algorithm that a manifest of the bag uses is computed, so that concluding can compare all of them even where a
    manifest could not be read when the plan was made.

    Returns:
        the counts once every file matched; else what did not, in one failure for all.
    """
    ref = shard.ingest
    step = f"verification ({ref.destination})"
    work = IngestWork(services.work, ref)

    def act() -> ShardVerified | StepFailed:
        plan = work.require_plan()
        rows = work.results(plan, "verified", shard.index)
        if rows is None:
            with ClaimKeeper(services, ref) as keeper:
                made = _verify(services, ref, plan, work.verify_files(plan, shard.index), keeper, file_done)
                if isinstance(made, StepFailed):
                    return made
                work.write_results(plan, "verified", shard.index, made)
                part = f"part {shard.index + 1} of {plan.verify_shards}, " if plan.verify_shards > 1 else ""
                add_events(services, ref, [f"{step} succeeded - {part}{len(made)} files read back"])
                rows = made
        return ShardVerified(len(rows), sum(row["size"] for row in rows))

    return attempt(services, ref, step, act)


def _verify(
    services: Services,
    ref: IngestRef,
    plan: Plan,
    files: list[PlannedFile],
    keeper: ClaimKeeper,
    file_done: FileDone | None,
) -> list[dict[str, Any]] | StepFailed:
    location = services.locations[ref.destination]
    store = services.stores.reading(location)
    prefix = location.version_prefix(ref.id)
    listed = _listed(store, prefix, plan, files)

    def verify(file: PlannedFile) -> dict[str, Any] | StepFailed:
        keeper.check()
        name = f"{ref.bag_version}: {file.path} at {ref.destination}"
        try:
            key = f"{prefix}{file.path}"
            info = store.stat(key) if listed is None else listed.get(key)
            if info is None:
                return StepFailed(Reason.DESTINATION_INCOMPLETE, f"{name} is not there.")
            observed = read_back(store, info, plan.algorithms)
        except StoreError as error:
            return store_failure(ref, error)
        if observed.size != file.size:
            message = f"{name}: expected {file.size} bytes, read back {observed.size}."
            return StepFailed(Reason.DESTINATION_CORRUPT, message)
        if not file.digests.matches(observed.digests):
            mismatch = "; ".join(map(str, file.digests.mismatches(observed.digests)))
            return StepFailed(Reason.DESTINATION_CORRUPT, f"{name}: read back, {mismatch}.")
        if file_done is not None:
            file_done(file.size)
        return {
            "path": file.path,
            "size": observed.size,
            "etag": observed.etag,
            "storageClass": info.storage_class,
            "versionId": info.version_id,
            "digests": observed.digests.to_json(),
            "readAt": services.clock().isoformat(),
        }

    with ThreadPoolExecutor(services.limits.concurrency, thread_name_prefix="verify") as pool:
        results = list(pool.map(verify, files))
    failures = [result for result in results if isinstance(result, StepFailed)]
    return summarise(failures) if failures else [row for row in results if not isinstance(row, StepFailed)]


def _listed(store: ObjectStore, prefix: str, plan: Plan, files: list[PlannedFile]) -> dict[str, ObjectInfo] | None:
    """The shard's objects from one listing of the folder, where that takes fewer requests than asking for each."""
    if plan.files // _LISTED_A_PAGE >= len(files):
        return None
    wanted = {f"{prefix}{file.path}" for file in files}
    return {info.key: info for info in store.list(prefix) if info.key in wanted}
