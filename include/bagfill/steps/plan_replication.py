"""Plan the replication of one bag version: agree on what is there, refuse what cannot end well, cut shards.

Everything that can be known without paying is checked here, before an object is thawed or written: that listing and
manifest name the same files, that the destination can hold every name, that nothing else lies there already, and, where
the tag files can be read, that the bag keeps every rule that can be judged without its payload.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bagfill.checksum.algorithm import Algorithm
from bagfill.ingests.reasons import Reason
from bagfill.logs import Line, tell
from bagfill.manifest.model import StorageManifest
from bagfill.planning.shards import PlannedFile, block_bytes_for, cut_for
from bagfill.steps.claims import ClaimKeeper
from bagfill.steps.failures import MOST_PROBLEMS, add_events, attempt
from bagfill.steps.freeze import check_freeze
from bagfill.steps.judge_source import JudgedGood, judge_source
from bagfill.steps.listings import Problems, VersionListing, list_version
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.registered_files import ExpectedDigests, RegisteredFiles
from bagfill.steps.services import Services
from bagfill.steps.tag_files import manifest_algorithms
from bagfill.steps.work import IngestWork, Plan
from bagfill.storage.held_names import name_problems
from bagfill.thaw.tiers import allowed_tiers

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What was planned, in numbers."""

    ingest: IngestRef
    files: int
    bytes: int
    archived_files: int
    archived_bytes: int
    copy_shards: int
    verify_shards: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; the ingest as its reference."""
        return {
            "ingest": self.ingest.to_json(),
            "files": self.files,
            "bytes": self.bytes,
            "archived_files": self.archived_files,
            "archived_bytes": self.archived_bytes,
            "copy_shards": self.copy_shards,
            "verify_shards": self.verify_shards,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PlanSummary:
        """The inverse of :meth:`to_json`."""
        return cls(**{**values, "ingest": IngestRef.from_json(values["ingest"])})


def plan_replication(services: Services, ref: IngestRef) -> PlanSummary | StepFailed:
    """Plan one open ingest. A plan that was finished before is kept as it is.

    Returns:
        what was planned, or why this bag version cannot be replicated as it is.
    """
    step = f"planning replication to {ref.destination}"
    work = IngestWork(services.work, ref)

    def act() -> Plan | StepFailed:
        with ClaimKeeper(services, ref):
            plan = work.plan()
            if plan is not None:
                return plan
            made = _Planning(services, ref, work).make()
            if isinstance(made, Plan):
                tell(
                    logger,
                    Line.PLANNED,
                    files=made.files,
                    bytes=made.bytes,
                    archived_files=made.archived_files,
                    copy_shards=made.copy_shards,
                    verify_shards=made.verify_shards,
                )
                archived = f", {made.archived_files} of them archived" if made.archived_files else ""
                add_events(services, ref, [f"{step} succeeded - {made.files} files, {made.bytes} bytes{archived}"])
            return made

    plan = attempt(services, ref, step, act)
    if isinstance(plan, StepFailed):
        return plan
    return PlanSummary(
        ref, plan.files, plan.bytes, plan.archived_files, plan.archived_bytes, plan.copy_shards, plan.verify_shards
    )


class _Planning:
    """One attempt to plan. Each check returns a failure or what the next one needs."""

    def __init__(self, services: Services, ref: IngestRef, work: IngestWork) -> None:
        self._services = services
        self._ref = ref
        self._work = work
        self._source = services.locations[ref.source]
        self._destination = services.locations[ref.destination]
        self._from = services.stores.reading(self._source)
        self._to = services.stores.writing(self._destination)

    def make(self) -> Plan | StepFailed:
        stored = self._services.registry.manifest(self._ref.id)
        if stored is None:
            message = (
                f"{self._ref.bag_version} is no longer known to the registry; {self._ref.destination} waits in vain."
            )
            return StepFailed(Reason.BAG_GONE, message)
        manifest = stored.manifest
        listed = list_version(self._from, self._source, manifest.id)
        # Before other names come to the table: of a listing in order, this costs nothing.
        order = listed.table.in_order()
        there = list_version(self._to, self._destination, manifest.id, table=listed.table)
        registered = RegisteredFiles(manifest, listed.table)
        failure = (
            self._check_source(registered, listed)
            or self._check_names(listed)
            or self._check_destination(listed, there)
            or check_freeze(self._services, self._ref, listed, there)
            or self._check_thaw(listed, there)
        )
        if failure is not None:
            return failure
        verdict = judge_source(self._services, self._ref, manifest, registered, listed.get, there.get)
        if isinstance(verdict, StepFailed):
            return verdict
        # Without a verdict, what the storage manifest alone says; the rest is added when tag files can be read.
        digests = verdict.digests if isinstance(verdict, JudgedGood) else ExpectedDigests(registered, None)
        limits = self._services.limits

        def sizes() -> Iterator[tuple[int, int]]:
            for number in order:
                size = listed.sizes.at(number) or 0
                is_there = there.sizes.at(number) is not None
                yield size, 0 if is_there else block_bytes_for(size, limits)

        def files() -> Iterator[PlannedFile]:
            for number in order:
                info = listed.at(number)
                if info is not None:
                    is_there = there.sizes.at(number) is not None
                    yield PlannedFile(
                        path=listed.table.path(number),
                        size=info.size,
                        etag=info.etag,
                        archived=not info.is_readable and not is_there,
                        at_destination=is_there,
                        digests=digests.at(number),
                        block_bytes=block_bytes_for(info.size, limits),
                    )

        cut = cut_for(sizes, limits)
        archived_files, archived_bytes = self._archived(listed, there)
        plan = Plan(
            folder=self._work.new_folder(),
            files=len(listed),
            bytes=listed.sizes.total(),
            archived_files=archived_files,
            archived_bytes=archived_bytes,
            copy_shards=cut.copy_shards,
            verify_shards=cut.verify_shards,
            algorithms=_algorithms(manifest),
            judged=isinstance(verdict, JudgedGood),
        )
        return self._work.write_plan(plan, manifest, cut, files())

    def _check_source(self, registered: RegisteredFiles, listed: VersionListing) -> StepFailed | None:
        """Listing and manifest must name the same files: an empty or short listing is an error (invariant 9)."""
        problems = Problems()
        for number in range(len(listed.table)):
            expected, found = registered.sizes.at(number), listed.sizes.at(number)
            if expected != found:
                where = f"the listing of {self._ref.source}"
                problems.difference(listed.table.path(number), expected, found, where)
        summary = "the source's folder is not what the storage manifest lists"
        return self._problems(Reason.SOURCE_INCOMPLETE, summary, problems)

    def _check_names(self, listed: VersionListing) -> StepFailed | None:
        """No name that the destination would change, merge with another or refuse."""
        prefix = self._destination.version_prefix(self._ref.id)
        problems = name_problems(self._to.name_rules, self._destination.names, prefix, listed)
        return self._problems(
            Reason.NAME_REFUSED, f"{self._ref.destination} cannot hold the names of this bag", problems
        )

    def _check_destination(self, listed: VersionListing, there: VersionListing) -> StepFailed | None:
        """What is known from a listing alone; equal sizes are compared byte by byte when copying."""
        where = f"the listing of {self._ref.destination}"
        extra, other = Problems(), Problems()
        for path, size in there.sizes.items():
            expected = listed.sizes.get(path)
            (extra if expected is None else other).difference(path, expected, size, where)
        return self._problems(
            Reason.EXTRA_OBJECTS_AT_DESTINATION,
            f"{self._ref.destination} holds objects that the source has not",
            extra,
        ) or self._problems(
            Reason.OTHER_BYTES_AT_DESTINATION,
            f"{self._ref.destination} holds something else under this bag's names",
            other,
        )

    def _archived(self, listed: VersionListing, there: VersionListing) -> tuple[int, int]:
        """Number and bytes of the files that have to be thawed."""
        if listed.all_readable:
            return 0, 0
        sizes = [info.size for path, info in listed.items() if not info.is_readable and path not in there]
        return len(sizes), sum(sizes)

    def _check_thaw(self, listed: VersionListing, there: VersionListing) -> StepFailed | None:
        """The tier must be one the class allows, and the volume within the limit, before anything is asked for."""
        if listed.all_readable:
            return None
        problems = Problems()
        for path, info in listed.items():
            allowed = allowed_tiers(info.storage_class)
            if not info.is_readable and path not in there and self._ref.thaw_tier not in allowed:
                problems.add(path, f"{path}: {info.storage_class} allows {', '.join(sorted(allowed))}")
        summary = f"thaw tier {self._ref.thaw_tier} is not to be had at {self._ref.source}"
        refused = self._problems(Reason.THAW_REFUSED, summary, problems)
        if refused is not None:
            return refused
        limit = self._services.limits.max_thaw_bytes
        _, volume = self._archived(listed, there)
        if limit is not None and volume > limit:
            name = f"{self._ref.bag_version} at {self._ref.source}"
            message = f"{name}: {volume} archived bytes to thaw, limits.max_thaw_bytes is {limit}."
            return StepFailed(Reason.BUDGET_REACHED, message)
        return None

    def _problems(self, reason: Reason, summary: str, problems: Collection[str]) -> StepFailed | None:
        if not problems:
            return None
        first, *others = islice(problems, MOST_PROBLEMS + 1)
        count = "" if len(problems) == 1 else f" ({len(problems)} files)"
        return StepFailed(reason, f"{self._ref.bag_version}: {summary}{count}: {first}.", tuple(others))


def _algorithms(manifest: StorageManifest) -> tuple[Algorithm, ...]:
    declared = manifest_algorithms(file.name for file in manifest.tag_files)
    return tuple(sorted(declared | {manifest.algorithm}))
