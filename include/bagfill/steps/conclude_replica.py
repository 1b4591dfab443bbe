"""Conclude one replica: the whole-bag checks at the destination, then the receipt, then the registration.

Nothing here trusts a task's word: it takes the observations that the verify shards left, and checks that they cover
exactly the planned files, that the destination still holds just these objects, and that the source is still what was
planned.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never
from uuid import UUID

from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.checksum.digest import DigestSet
from bagfill.fixity.receipts import receipt_name
from bagfill.fixity.seals import ReceiptToSeal
from bagfill.ingests.model import IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import StatusUpdate
from bagfill.manifest.model import StorageManifest
from bagfill.registry.registry import AlreadyRegistered, BagGone, BagReplaced, Registered
from bagfill.steps.claims import ClaimKeeper, claim_of
from bagfill.steps.failures import MOST_PROBLEMS, add_events, attempt
from bagfill.steps.fetched_files import FetchedFiles
from bagfill.steps.judgement import BagAt, judge
from bagfill.steps.leave_receipt import Proof, leave_receipt
from bagfill.steps.listings import differences, list_version
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.services import Services
from bagfill.steps.tag_files import read_tag_files
from bagfill.steps.work import IngestWork, Plan
from bagfill.steps.write_seals import write_seals
from bagfill.storage.errors import StoreError
from bagfill.storage.store import ObjectInfo

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplicaRegistered:
    """The replica is proved and registered.

    Args:
        receipt: its record's name in the receipt store.
    """

    ingest: IngestRef
    receipt: str
    files: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; the ingest as its reference."""
        return {"ingest": self.ingest.to_json(), "receipt": self.receipt, "files": self.files, "bytes": self.bytes}


def conclude_replica(services: Services, ref: IngestRef) -> ReplicaRegistered | StepFailed:
    """Conclude one ingest whose shards are verified; concluding again finds the replica registered.

    Versions of one bag must be concluded in ascending order.

    Returns:
        the registered replica, or what is wrong; nothing was registered then.
    """
    step = f"registering {ref.destination}"
    work = IngestWork(services.work, ref)

    def act() -> ReplicaRegistered | StepFailed:
        plan = work.require_plan()
        receipt = receipt_name(ref.id, ref.destination, ref.ingest_id)
        registered = ReplicaRegistered(ref, receipt, plan.files, plan.bytes)
        if not _is_registered_by(services, ref):
            with ClaimKeeper(services, ref) as keeper:
                failure = _Conclusion(services, ref, plan, work).prove_and_register(keeper)
            if failure is not None:
                return failure
        _write_seals(services, ref)
        _succeed(services, ref)
        return registered

    return attempt(services, ref, step, act)


def _is_registered_by(services: Services, ref: IngestRef) -> bool:
    return any(
        replica.location == ref.destination and replica.ingest_id == ref.ingest_id
        for replica in services.registry.replicas(ref.id)
    )


def _write_seals(services: Services, ref: IngestRef) -> None:
    """Put the seal beside its receipt. The replica is registered: what fails here is left to the next registration."""
    try:
        damaged = write_seals(services, ref.destination).damaged
    except StoreError as error:
        logger.warning(
            "ingest %s: seals of %s wait for the next registration: %s", ref.ingest_id, ref.destination, error
        )
        return
    for name in damaged:
        logger.warning("%s at %s is not the seal that the registry has", name, services.receipts.location)
        add_events(services, ref, [f"sealing receipts of {ref.destination} failed - {name} is another than was made"])


def _succeed(services: Services, ref: IngestRef) -> None:
    ingest = services.ingests.get(UUID(ref.ingest_id))
    if ingest is None or ingest.status is IngestStatus.SUCCEEDED:
        return
    now = services.clock()
    events = (
        IngestEvent.of(f"registering {ref.destination} succeeded", now),
        IngestEvent.of("Register succeeded (completed)", now),
    )
    services.ingests.update(UUID(ref.ingest_id), StatusUpdate(IngestStatus.SUCCEEDED, events))


class _Conclusion:
    """One attempt. Every check returns a failure, or nothing when it holds."""

    def __init__(self, services: Services, ref: IngestRef, plan: Plan, work: IngestWork) -> None:
        self._services = services
        self._ref = ref
        self._plan = plan
        self._work = work
        self._source = services.locations[ref.source]
        self._destination = services.locations[ref.destination]
        self._from = services.stores.reading(self._source)
        self._to = services.stores.reading(self._destination)

    def prove_and_register(self, keeper: ClaimKeeper) -> StepFailed | None:
        manifest = self._work.manifest(self._plan)
        rows = self._verified_rows()
        if isinstance(rows, StepFailed):
            return rows
        there = list_version(self._to, self._destination, manifest.id)
        listed = list_version(self._from, self._source, manifest.id)
        fetched = FetchedFiles(self._services, self._ref, self._destination, manifest, self._plan.algorithms)
        failure = (
            self._check_rows(manifest, rows)
            or self._check_destination(rows, there)
            or self._check_source(listed)
            or fetched.check()
            or self._check_tag_files(manifest, listed, there)
        )
        if failure is not None:
            return failure
        observed_elsewhere = fetched.observed()
        if isinstance(observed_elsewhere, StepFailed):
            return observed_elsewhere
        # The whole verdict once more, now that every byte was read: every checksum of every manifest, and every rule.
        found = self._found(rows, there, fetched.sizes, observed_elsewhere)
        verdict = judge(self._services, manifest, self._ref.destination, found)
        summary = f"the bag at {self._ref.destination} is not valid"
        failure = self._failed(Reason.BAG_INVALID, summary, list(verdict.problems))
        if failure is not None:
            return failure
        keeper.check()
        proof = Proof(manifest, rows, there, verdict.digests, verdict.waived)
        receipt = leave_receipt(self._services, self._ref, self._plan, proof)
        return receipt if isinstance(receipt, StepFailed) else self._register(manifest, receipt)

    def _verified_rows(self) -> dict[str, Mapping[str, Any]] | StepFailed:
        rows: dict[str, Mapping[str, Any]] = {}
        for index in range(self._plan.verify_shards):
            results = self._work.results(self._plan, "verified", index)
            if results is None:
                message = (
                    f"{self._ref.bag_version}: part {index + 1} of {self._plan.verify_shards} was not read back "
                    f"from {self._ref.destination}."
                )
                last = self._work.last_failure()
                return StepFailed(Reason.INTERRUPTED if last is None else last.reason, message)
            rows.update((row["path"], row) for row in results)
        return rows

    def _check_rows(self, manifest: StorageManifest, rows: Mapping[str, Mapping[str, Any]]) -> StepFailed | None:
        """The observations cover exactly the manifest's files, and each matches: checked here again, not believed."""
        expected = {file.path_in_version: file.size for file in manifest.concrete_files}
        found = {path: int(row["size"]) for path, row in rows.items()}
        problems = differences(expected, found, found_where=f"what was read back from {self._ref.destination}")
        if problems:
            return self._failed(Reason.DESTINATION_INCOMPLETE, "not every file was read back", problems)
        for file in self._work.all_files(self._plan):
            observed = DigestSet.from_json(rows[file.path]["digests"])
            if not file.digests.matches(observed):
                problems.append(f"{file.path}: {'; '.join(map(str, file.digests.mismatches(observed)))}")
        for manifest_file in manifest.concrete_files:
            path = manifest_file.path_in_version
            if not DigestSet([manifest_file.digest]).matches(DigestSet.from_json(rows[path]["digests"])):
                problems.append(f"{path}: not {manifest_file.digest}, which the storage manifest has")
        summary = f"what was read back from {self._ref.destination} is not the bag"
        return self._failed(Reason.DESTINATION_CORRUPT, summary, problems)

    def _check_destination(
        self, rows: Mapping[str, Mapping[str, Any]], there: Mapping[str, ObjectInfo]
    ) -> StepFailed | None:
        """The destination's folder holds the objects that were read back, these very ones, and no other."""
        where = f"the listing of {self._ref.destination}"
        extra = {path: info.size for path, info in there.items() if path not in rows}
        if extra:
            problems = differences({}, extra, found_where=where)
            return self._failed(
                Reason.EXTRA_OBJECTS_AT_DESTINATION, "the destination holds more than the bag", problems
            )
        expected = {path: int(row["size"]) for path, row in rows.items()}
        found = {path: info.size for path, info in there.items()}
        problems = differences(expected, found, found_where=where)
        if problems:
            return self._failed(Reason.DESTINATION_INCOMPLETE, "the destination lacks files", problems)
        replaced = [
            f"{path}: replaced after it was read back"
            for path in sorted(rows)
            if there[path].etag != rows[path]["etag"]
        ]
        return self._failed(Reason.DESTINATION_CORRUPT, f"{self._ref.destination} changed meanwhile", replaced)

    def _check_source(self, listed: Mapping[str, ObjectInfo]) -> StepFailed | None:
        """The source is still what was planned: a bag that vanished or was replaced is not registered (invariant 9)."""
        planned = {file.path: file for file in self._work.all_files(self._plan)}
        problems = differences(
            {path: file.size for path, file in planned.items()},
            {path: info.size for path, info in listed.items()},
            found_where=f"the listing of {self._ref.source}",
        )
        problems += [
            f"{path}: replaced since the plan"
            for path, file in sorted(planned.items())
            if path in listed and listed[path].etag != file.etag
        ]
        return self._failed(Reason.SOURCE_CHANGED, f"{self._ref.source} changed meanwhile", problems)

    def _check_tag_files(
        self, manifest: StorageManifest, listed: Mapping[str, ObjectInfo], there: Mapping[str, ObjectInfo]
    ) -> StepFailed | None:
        """Source and destination hold the same bytes in every tag file (invariant 6).

        A source tag file that can't be read any more (its thawed copy expired) is the planned object still, by its
        ETag, and the destination's bytes match the digest that the storage manifest has of it.
        """
        readable = {f.path_in_version for f in manifest.tag_files if listed[f.path_in_version].is_readable}
        ours = read_tag_files(self._from, self._source.version_prefix(self._ref.id), (listed[p] for p in readable))
        theirs = read_tag_files(self._to, self._destination.version_prefix(self._ref.id), (there[p] for p in readable))
        problems = [
            f"{path}: {len(ours[path])} bytes at {self._ref.source}, {len(theirs[path])} other at the destination"
            for path in sorted(readable)
            if ours[path] != theirs[path]
        ]
        summary = f"a tag file at {self._ref.destination} differs from the source's"
        return self._failed(Reason.DESTINATION_CORRUPT, summary, problems)

    def _found(
        self,
        rows: Mapping[str, Mapping[str, Any]],
        there: Mapping[str, ObjectInfo],
        fetched_sizes: Mapping[str, int],
        fetched_digests: Mapping[str, DigestSet],
    ) -> BagAt:
        """The bag as it lies at the destination, with everything that was read of it."""
        prefix = self._destination.version_prefix(self._ref.id)
        concrete = {path: DigestSet.from_json(row["digests"]) for path, row in rows.items()}
        return BagAt(
            sizes={path: info.size for path, info in there.items()},
            tag_files=read_tag_files(self._to, prefix, (there[path] for path in tag_files_to_read(there))),
            fetched_sizes=fetched_sizes,
            observed={**concrete, **fetched_digests},
        )

    def _register(self, manifest: StorageManifest, receipt: ReceiptToSeal) -> StepFailed | None:
        outcome = self._services.registry.register_replica(
            planned_from=manifest,
            location=self._ref.destination,
            manifest_location=self._destination.in_manifest(manifest.id.bag),
            receipt=receipt.name,
            seal=receipt.make,
            claim=claim_of(self._services, self._ref),
        )
        match outcome:
            case Registered() | AlreadyRegistered():
                return None
            case BagReplaced(differences=changes):
                summary = f"the storage manifest changed since the copy to {self._ref.destination} was planned"
                return self._failed(Reason.BAG_REPLACED, summary, list(changes))
            case BagGone():
                prefix = self._destination.version_prefix(manifest.id)
                where = f"{self._ref.destination} are orphans: {prefix}"
                message = f"{manifest.id} was deleted meanwhile; {self._plan.files} objects at {where}."
                add_events(self._services, self._ref, [f"orphans at {self._ref.destination}: {prefix}"])
                return StepFailed(Reason.BAG_GONE, message)
            case _:
                assert_never(outcome)

    def _failed(self, reason: Reason, summary: str, problems: list[str]) -> StepFailed | None:
        if not problems:
            return None
        message = f"{self._ref.bag_version}: {summary}: {problems[0]}."
        return StepFailed(reason, message, tuple(problems[1 : MOST_PROBLEMS + 1]))
