"""Copy one shard of a plan. What was copied before is recognised, what lies there is compared, nothing is replaced."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, assert_never

from bagfill.checksum.digest import DigestSet
from bagfill.ingests.reasons import Reason
from bagfill.logs import Line, carried, tell
from bagfill.planning.rates import Activity
from bagfill.planning.shards import CopyItem, PlannedFile
from bagfill.steps.campaign_acts import Begun, copying
from bagfill.steps.campaign_watch import CampaignWatch
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.copied_rows import ShardCopied, answer_of, counts_of, way_of
from bagfill.steps.failures import add_events, attempt, store_failure, summarise
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.shard_time import WORKER, note_shard
from bagfill.steps.spread import spread
from bagfill.steps.thaw_round import prolong_ending, states_of, still_needed, thaw_round
from bagfill.steps.work import IngestWork, Plan
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location
from bagfill.storage.server_copy import LEAST_FETCHED
from bagfill.storage.store import LISTED_A_PAGE, Capability, ObjectInfo
from bagfill.transfer.copy_object import ObjectCopier
from bagfill.transfer.outcomes import (
    AlreadyThere,
    Copied,
    CopyOutcome,
    SourceChanged,
    SourceCorrupt,
    SourceMissing,
    Staged,
    WouldOverwrite,
)
from bagfill.transfer.server_copy import ServerCopier

logger = logging.getLogger(__name__)

FileDone = Callable[[int], None]
"""Called after each item with its bytes, from several threads: progress."""


def copy_shard(services: Services, shard: ShardRef, *, file_done: FileDone | None = None) -> ShardCopied | StepFailed:
    """Copy every item of one shard; a failure of one item does not stop the others.

    Returns:
        the counts once every item is at the destination; else why not, in one failure for all.
    """
    step = f"replicating to {shard.ingest.destination}"
    work = IngestWork(services.work, shard.ingest)

    def act() -> ShardCopied | StepFailed:
        plan = work.require_plan()
        rows = work.results(plan, "copied", shard.index)
        if rows is not None:
            return counts_of(rows)
        items = work.copy_items(plan, shard.index)
        with ClaimKeeper(services, shard.ingest) as keeper, copying(services, shard, items) as begun:
            if isinstance(begun, StepFailed):
                return begun
            if shard.index == 0:
                # Once for all shards: as the storage service's own steps say it.
                add_events(services, shard.ingest, [f"{step} started"])
            with WORKER.shard() as share:
                made = _Copying(services, shard.ingest, plan, work, keeper, file_done, begun, items).run(items)
                if isinstance(made, StepFailed):
                    return made
                work.write_results(plan, "copied", shard.index, made)
                took = share()
            counts = counts_of(made)
            # What an earlier try had copied took no time now.
            if not counts.already_there:
                note_shard(services, shard, Activity.COPY, took, files=counts.files, size=counts.bytes)
            tell(
                logger,
                Line.SHARD_COPIED,
                shard=shard.index + 1,
                shards=plan.copy_shards,
                files=counts.files,
                bytes=counts.bytes,
                already_there=counts.already_there,
                seconds=round(took.lasted, 3),
            )
            part = f"part {shard.index + 1} of {plan.copy_shards}, " if plan.copy_shards > 1 else ""
            add_events(services, shard.ingest, [f"{step} succeeded - {part}{counts.text}"])
            return counts

    return attempt(services, shard.ingest, step, act)


class _Copying:
    """One attempt at one shard."""

    def __init__(
        self,
        services: Services,
        ref: IngestRef,
        plan: Plan,
        work: IngestWork,
        keeper: ClaimKeeper,
        file_done: FileDone | None,
        begun: Begun,
        items: Iterable[CopyItem],
    ) -> None:
        self._services = services
        self._ref = ref
        self._keeper = keeper
        self._watch = CampaignWatch(services, ref)
        self._begun = begun
        self._read_from: dict[str, str] = {}
        self._file_done = file_done
        source, destination = services.locations[ref.source], services.locations[ref.destination]
        self._from = services.stores.reading(source)
        self._from_prefix = source.version_prefix(ref.id)
        self._to_prefix = destination.version_prefix(ref.id)
        self._plan = plan
        self._work = work
        self._copier: ObjectCopier | ServerCopier = self._copier_for(source, destination, items)

    def _copier_for(
        self, source: Location, destination: Location, items: Iterable[CopyItem]
    ) -> ObjectCopier | ServerCopier:
        """The worker's copier; with the providers' before it where there is a way, and something worth it."""
        stores, limits = self._services.stores, self._services.limits
        worth_it = any(item.file.size >= LEAST_FETCHED and not item.file.at_destination for item in items)
        way = stores.server_copy(source, destination) if worth_it else None
        to, ledger = stores.writing(destination), self._work.staging(self._plan, fetches=way is not None)
        worker = ObjectCopier(self._from, to, ledger, self._check, limits)
        if way is None:
            return worker
        return ServerCopier(way, worker, to, ledger, self._check, limits)

    def run(self, items: list[CopyItem]) -> list[dict[str, Any]] | StepFailed:
        expired = self._archived_again(items)
        needed = still_needed(self._services, self._ref, expired)
        if needed:
            return self._ask_again(needed)
        if self._plan.archived_files:
            prolong_ending(self._services, self._ref, self._archived)
        # Copied before the thawed copy went away: compared at the destination, since the source cannot be read.
        copied = {file.path for file in expired}
        items = [
            replace(item, file=replace(item.file, at_destination=True)) if item.file.path in copied else item
            for item in items
        ]
        rows: list[dict[str, Any]] = []
        failures: list[StepFailed] = []
        small = [item for item in items if not item.file.block_bytes]
        large = [item for item in items if item.file.block_bytes]
        # Small files side by side; a large one keeps several blocks in flight by itself, so that memory stays flat.
        threads = self._services.limits.concurrency
        with ThreadPoolExecutor(threads, thread_name_prefix="copy", initializer=carried()) as pool:
            for result in (*spread(pool, self._copy, small, threads), *map(self._copy, large)):
                if isinstance(result, StepFailed):
                    failures.append(result)
                else:
                    rows.append(result)
        return summarise(failures) if failures else rows

    def _copy(self, item: CopyItem) -> dict[str, Any] | StepFailed:
        self._check()
        path = item.file.path
        self._begun.add(item)
        try:
            outcome = self._copier.copy(item, f"{self._from_prefix}{path}", f"{self._to_prefix}{path}")
        except StoreError as error:
            if error.failure is StoreFailure.ARCHIVED and error.location == self._ref.source and not item.file.archived:
                # No thaw of this ingest asks for it: waiting for one would never end.
                name = f"{self._ref.bag_version}: {path} at {self._ref.source}"
                message = f"{name} was archived since the plan was made; a new ingest thaws it."
                return StepFailed(Reason.SOURCE_CHANGED, message)
            return store_failure(self._ref, error)
        if isinstance(outcome, AlreadyThere):
            self._begun.spared(item)
        result = self._row(item, outcome)
        if self._file_done is not None and not isinstance(result, StepFailed):
            self._file_done(item.size)
        return result

    def _check(self) -> None:
        """Before every write: both the claim and the campaign must still want it."""
        self._keeper.check()
        self._watch.check()

    def _row(self, item: CopyItem, outcome: CopyOutcome) -> dict[str, Any] | StepFailed:
        row: dict[str, Any] = {"path": item.file.path, "size": item.size, "at": self._services.clock().isoformat()}
        row |= way_of(outcome)
        if item.file.path in self._read_from:
            row["readFrom"] = self._read_from[item.file.path]
        if isinstance(outcome, Copied):
            row["outcome"] = "copied"
            row |= answer_of(outcome)
            return row
        name = f"{self._ref.bag_version}: {item.file.path}"
        match outcome:
            case AlreadyThere(_, digests, etag):
                return {**row, "outcome": "already-there", "digests": DigestSet().to_json(), "etag": etag} | {
                    "destinationDigests": digests.to_json()
                }
            case Staged(blocks, committed):
                staged = {**row, "outcome": "staged", "first": item.first, "blocks": blocks, "committed": committed}
                return {**staged, **answer_of(outcome)} if committed else staged
            case WouldOverwrite(expected, seen):
                message = f"{name} at {self._ref.destination} holds other bytes: expected {expected}, saw {seen}."
                return StepFailed(Reason.OTHER_BYTES_AT_DESTINATION, message)
            case SourceCorrupt(expected, seen):
                message = f"{name} at {self._ref.source} is corrupt: expected {expected}, saw {seen}."
                return StepFailed(Reason.SOURCE_CORRUPT, message)
            case SourceMissing():
                return StepFailed(Reason.SOURCE_INCOMPLETE, f"{name} vanished from {self._ref.source}.")
            case SourceChanged():
                return StepFailed(Reason.SOURCE_CHANGED, f"{name} at {self._ref.source} was replaced since the plan.")
            case _:
                assert_never(outcome)

    def _archived_again(self, items: list[CopyItem]) -> list[PlannedFile]:
        """Files whose thawed copy went away: looked at right before copying, since a queue may be long."""
        files = list({item.file.path: item.file for item in items if item.file.archived}.values())
        infos = self._looked_at([file.path for file in files])
        self._read_from = {path: info.read_from for path, info in infos.items() if info.read_from}
        # A vanished object is the copy's to report.
        return [file for file in files if file.path in infos and not infos[file.path].is_readable]

    def _looked_at(self, paths: list[str]) -> dict[str, ObjectInfo]:
        """By path, what is there: in a listing of the folder, where that takes fewer requests and tells of thaws."""
        if self._plan.files // LISTED_A_PAGE + 1 < len(paths) and self._lists_thaws:
            infos = states_of(self._services, self._ref, paths).infos
            return {key.removeprefix(self._from_prefix): info for key, info in infos.items()}
        with ThreadPoolExecutor(self._services.limits.concurrency, thread_name_prefix="stat") as pool:
            looks = pool.map(lambda path: self._from.stat(f"{self._from_prefix}{path}"), paths)
            return {path: info for path, info in zip(paths, looks, strict=True) if info is not None}

    @property
    def _lists_thaws(self) -> bool:
        return Capability.ARCHIVE_STATE_IN_LISTING in self._from.capabilities

    def _archived(self) -> list[PlannedFile]:
        """Of the whole bag version; read when it is needed, which is seldom."""
        return self._work.archived_files(self._plan)

    def _ask_again(self, needed: list[PlannedFile]) -> StepFailed:
        """Ask for what is due of the whole bag version, so that no shard asks out of turn."""
        round_ = thaw_round(self._services, self._ref, self._archived())
        if isinstance(round_, StepFailed):
            return round_
        name = f"{self._ref.bag_version}: {len(needed)} files at {self._ref.source}"
        paths = [file.path for file in needed]
        if round_.later.issuperset(paths):
            message = f"{name}, first {paths[0]}, wait for their turn to be thawed."
            return StepFailed(Reason.THAW_NOT_DUE, message)
        message = (
            f"{name}, first {paths[0]}, cannot be read: their thawed copies expired, or were not asked for before."
        )
        return StepFailed(Reason.THAW_EXPIRED, message)
