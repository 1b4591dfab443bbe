"""Read one shard back from the destination, every byte, and compare with every checksum known."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, assert_never

from bagfill.fixity.locate import Original, Whereabouts, locate
from bagfill.fixity.read_back import CreatedObject, Observed, read_back
from bagfill.ingests.reasons import Reason
from bagfill.logs import Line, carried, tell
from bagfill.planning.rates import Activity
from bagfill.planning.shards import PlannedFile
from bagfill.steps.campaign_watch import CampaignWatch
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.failures import add_events, attempt, store_failure, summarise
from bagfill.steps.outcomes import ShardRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.shard_time import WORKER, note_shard
from bagfill.steps.spread import spread
from bagfill.steps.work import IngestWork, Plan
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import LISTED_A_PAGE, ObjectInfo

logger = logging.getLogger(__name__)

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
            with ClaimKeeper(services, ref) as keeper, WORKER.shard() as share:
                if shard.index == 0:
                    # Once for all shards: as the storage service's own steps say it.
                    add_events(services, ref, [f"{step} started"])
                made = _Verifying(services, shard, plan, work, keeper, file_done).run()
                if isinstance(made, StepFailed):
                    return made
                work.write_results(plan, "verified", shard.index, made)
                size = sum(row["size"] for row in made)
                took = share()
                note_shard(services, shard, Activity.VERIFY, took, files=len(made), size=size)
                tell(
                    logger,
                    Line.SHARD_VERIFIED,
                    shard=shard.index + 1,
                    shards=plan.verify_shards,
                    files=len(made),
                    bytes=size,
                    seconds=round(took.lasted, 3),
                )
                part = f"part {shard.index + 1} of {plan.verify_shards}, " if plan.verify_shards > 1 else ""
                add_events(services, ref, [f"{step} succeeded - {part}{len(made)} files read back"])
                rows = made
        return ShardVerified(len(rows), sum(row["size"] for row in rows))

    return attempt(services, ref, step, act)


class _Verifying:
    """One attempt at one shard."""

    def __init__(
        self,
        services: Services,
        shard: ShardRef,
        plan: Plan,
        work: IngestWork,
        keeper: ClaimKeeper,
        file_done: FileDone | None,
    ) -> None:
        self._services = services
        self._ref = shard.ingest
        self._plan = plan
        self._keeper = keeper
        self._work = work
        self._watch = CampaignWatch(services, shard.ingest)
        self._file_done = file_done
        location = services.locations[self._ref.destination]
        self._store = services.stores.reading(location)
        self._prefix = location.version_prefix(self._ref.id)
        self._files = work.verify_files(plan, shard.index)
        self._created = _created(work.results(plan, "copied", shard.index) or [])
        self._listed = self._list([file for file in self._files if file.path not in self._created])

    def run(self) -> list[dict[str, Any]] | StepFailed:
        threads = self._services.limits.concurrency
        with ThreadPoolExecutor(threads, thread_name_prefix="verify", initializer=carried()) as pool:
            results = list(spread(pool, self._verify, self._files, threads))
        failures = [result for result in results if isinstance(result, StepFailed)]
        return summarise(failures) if failures else [row for row in results if not isinstance(row, StepFailed)]

    def _verify(self, file: PlannedFile) -> dict[str, Any] | StepFailed:
        self._keeper.check()
        self._watch.check()
        name = f"{self._ref.bag_version}: {file.path} at {self._ref.destination}"
        try:
            observed = self._observe(file)
        except StoreError as error:
            return store_failure(self._ref, error)
        if observed is None:
            return StepFailed(Reason.DESTINATION_INCOMPLETE, f"{name} is not there.")
        if observed.size != file.size:
            message = f"{name}: expected {file.size} bytes, read back {observed.size}."
            return StepFailed(Reason.DESTINATION_CORRUPT, message)
        if not file.digests.matches(observed.digests):
            return self._located(file, observed, name)
        if self._file_done is not None:
            self._file_done(file.size)
        return {
            "path": file.path,
            "size": observed.size,
            "etag": observed.etag,
            "digests": observed.digests.to_json(),
            "readAt": self._services.clock().isoformat(),
        }

    def _located(self, file: PlannedFile, observed: Observed, name: str) -> StepFailed:
        """Wrong bytes: say whose they are."""
        key = f"{self._prefix}{file.path}"
        source = self._services.locations[self._ref.source]
        try:
            original = Original(
                self._services.stores.reading(source),
                f"{source.version_prefix(self._ref.id)}{file.path}",
                file.etag,
                self._work.crc_sent(self._plan, file),
            )
            where = locate(self._store, CreatedObject(key, file.size, observed.etag), file.digests, original)
        except StoreError as error:
            return store_failure(self._ref, error)
        mismatch = "; ".join(map(str, file.digests.mismatches(observed.digests)))
        message = f"{name}: read back, {mismatch}; {where.value}."
        match where:
            case Whereabouts.SOURCE:
                return StepFailed(Reason.SOURCE_CORRUPT, message)
            case Whereabouts.READING:
                return StepFailed(Reason.DESTINATION_UNREADABLE, message)
            case Whereabouts.WAY | Whereabouts.DESTINATION | Whereabouts.UNKNOWN:
                return StepFailed(Reason.DESTINATION_CORRUPT, message)
            case _:
                assert_never(where)

    def _observe(self, file: PlannedFile) -> Observed | None:
        """What is there under the file's name, or ``None`` if the provider says that nothing is."""
        key = f"{self._prefix}{file.path}"
        etag = self._created.get(file.path)
        if etag is not None:
            # The creation's answer names the object, so nobody need be asked what is there before it is read.
            try:
                return read_back(self._store, CreatedObject(key, file.size, etag), self._plan.algorithms)
            except StoreError as error:
                if error.failure not in {StoreFailure.MISSING, StoreFailure.CHANGED}:
                    raise
        # Nobody has seen it, or it is another one by now: judge what is there.
        listed = None if etag is not None else self._listed
        info = self._store.stat(key) if listed is None else listed.get(key)
        return None if info is None else read_back(self._store, info, self._plan.algorithms)

    def _list(self, files: list[PlannedFile]) -> dict[str, ObjectInfo] | None:
        """Some objects from one listing of the folder, where that takes fewer requests than asking for each."""
        if self._plan.files // LISTED_A_PAGE + 1 >= len(files):
            return None
        wanted = {f"{self._prefix}{file.path}" for file in files}
        return {info.key: info for info in self._store.list(self._prefix) if info.key in wanted}


def _created(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Path → ETag of what the copy of the same shard wrote or found. Empty files are looked for: no read proves them.

    Usually it copied the same files; where large files shifted the cut, the others are asked for.
    """
    return {row["path"]: row["etag"] for row in rows if row["size"] and row.get("etag")}
