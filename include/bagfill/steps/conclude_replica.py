"""Conclude one replica: the whole-bag checks at the destination, then the receipt, then the registration.

Nothing here trusts a task's word: it takes the observations that the verify shards left, and checks that they cover
exactly the planned files, that the destination still holds just these objects, and that the source is still what was
planned.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, assert_never
from uuid import UUID

from bagfill.bag.rules.contents import tag_files_to_read
from bagfill.fixity.receipts import receipt_name
from bagfill.fixity.seals import ReceiptToSeal
from bagfill.ingests.model import IngestEvent, IngestStatus
from bagfill.ingests.reasons import Reason
from bagfill.ingests.tracker import StatusUpdate
from bagfill.logs import Line, tell
from bagfill.manifest.model import StorageManifest
from bagfill.registry.registry import AlreadyRegistered, BagGone, BagReplaced, Registered
from bagfill.steps.claims import ClaimKeeper, claim_of
from bagfill.steps.failures import add_events, attempt
from bagfill.steps.fetched_files import FetchedFiles
from bagfill.steps.judgement import BagAt, judge
from bagfill.steps.leave_receipt import Proof, leave_receipt
from bagfill.steps.listings import Problems, VersionListing, list_version
from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.steps.replica_proof import ReadBack
from bagfill.steps.services import Services
from bagfill.steps.tag_files import is_same_file, read_tag_files
from bagfill.steps.work import IngestWork, Plan
from bagfill.steps.write_seals import write_seals
from bagfill.storage.errors import StoreError

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
        read = ReadBack.of(self._ref, self._work, self._plan)
        if isinstance(read, StepFailed):
            return read
        from_prefix = self._source.version_prefix(manifest.id)
        incomplete = read.check_manifest(manifest)
        changed = read.check_source(self._from.list(from_prefix), from_prefix)
        there = list_version(self._to, self._destination, manifest.id, table=read.table, dated=False)
        fetched = FetchedFiles(self._services, self._ref, self._destination, manifest, self._plan.algorithms)
        failure = (
            incomplete
            or read.check_destination(there)
            or changed
            or fetched.check()
            or self._check_tag_files(read, there)
            or fetched.observe(read.note)
        )
        if failure is not None:
            return failure
        # The whole verdict once more, now that every byte was read: every checksum of every manifest, and every rule.
        prefix = self._destination.version_prefix(self._ref.id)
        tag_files = read_tag_files(self._to, prefix, (there[path] for path in tag_files_to_read(there)))
        found = BagAt(there.sizes, tag_files, fetched.sizes(read.table), read.digests)
        verdict = judge(self._services, manifest, self._ref.destination, found)
        summary = f"the bag at {self._ref.destination} is not valid"
        failure = read.failed(Reason.BAG_INVALID, summary, verdict.problems)
        if failure is not None:
            return failure
        keeper.check()
        receipt = leave_receipt(
            self._services, self._ref, self._plan, Proof(manifest, there, verdict.digests, verdict.waived)
        )
        return receipt if isinstance(receipt, StepFailed) else self._register(manifest, receipt, read)

    def _check_tag_files(self, read: ReadBack, there: VersionListing) -> StepFailed | None:
        """Source and destination hold the same bytes in every tag file (invariant 6).

        A source tag file that can't be read any more (its thawed copy expired) is the planned object still, by its
        ETag, and the destination's bytes match the digest that the storage manifest has of it.
        """
        problems = Problems()
        for path, ours in read.tag_files.items():
            theirs = there[path]
            if ours.is_readable and not is_same_file(self._from, ours, self._to, theirs):
                text = f"{ours.size} bytes at {self._ref.source}, {theirs.size} other at the destination"
                problems.add(path, f"{path}: {text}")
        summary = f"a tag file at {self._ref.destination} differs from the source's"
        return read.failed(Reason.DESTINATION_CORRUPT, summary, problems)

    def _register(self, manifest: StorageManifest, receipt: ReceiptToSeal, read: ReadBack) -> StepFailed | None:
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
                tell(logger, Line.REGISTERED, files=self._plan.files, bytes=self._plan.bytes, receipt=receipt.name)
                return None
            case BagReplaced(differences=changes):
                summary = f"the storage manifest changed since the copy to {self._ref.destination} was planned"
                return read.failed(Reason.BAG_REPLACED, summary, changes)
            case BagGone():
                prefix = self._destination.version_prefix(manifest.id)
                where = f"{self._ref.destination} are orphans: {prefix}"
                message = f"{manifest.id} was deleted meanwhile; {self._plan.files} objects at {where}."
                add_events(self._services, self._ref, [f"orphans at {self._ref.destination}: {prefix}"])
                return StepFailed(Reason.BAG_GONE, message)
            case _:
                assert_never(outcome)
