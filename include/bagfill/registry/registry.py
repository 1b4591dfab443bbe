"""The registry protocol; ``tests/contracts/registry_contract.py`` checks every implementation against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.manifest.model import ManifestLocation, StorageManifest
from bagfill.registry.missing import MissingBag
from bagfill.registry.seals import MakeSeal, SealRecord
from bagfill.registry.sizes import SizedBagVersion


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A storage manifest and which stored copy of it this is (``pointer`` changes with every change)."""

    manifest: StorageManifest
    pointer: str


@dataclass(frozen=True, slots=True)
class ReplicaRecord:
    """One replica that is registered.

    Args:
        bag_version: what.
        location: where: name of a configured location.
        registered: timezone-aware.
        ingest_id: the ingest that brought it; ``None`` when it was learnt by import.
        receipt: key of the receipt in the receipt store; ``None`` when it was learnt by import.
    """

    bag_version: BagVersionId
    location: str
    registered: datetime
    ingest_id: str | None
    receipt: str | None


@dataclass(frozen=True, slots=True)
class Added:
    """The bag version is known from now on."""


@dataclass(frozen=True, slots=True)
class AlreadyKnown:
    """The same bag version with the same content is known; newly seen locations were not added.

    Its creation date, the ingest that made it and its replica locations may differ.
    """


@dataclass(frozen=True, slots=True)
class ConflictingManifest:
    """The bag version is known with other content; nothing was changed."""

    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one bag version at one location, for a while.

    Args:
        holder: the ingest id. The same holder acquiring again gets the same token.
        token: fencing token; grows whenever the claim goes to another holder.
        expires: timezone-aware; a heartbeat moves it.
    """

    bag_version: BagVersionId
    location: str
    holder: str
    token: int
    expires: datetime


@dataclass(frozen=True, slots=True)
class HeldByAnother:
    """Somebody else has the claim, and it has not expired."""

    holder: str
    expires: datetime


class ClaimLostError(Exception):
    """The claim went to another holder (or was released): this holder must not write any more.

    Not retryable by the same run: the other run does the work now.
    """

    retryable = False


@dataclass(frozen=True, slots=True)
class Registered:
    """The manifest lists the location from now on; ``pointer`` is the new stored copy."""

    pointer: str


@dataclass(frozen=True, slots=True)
class AlreadyRegistered:
    """The manifest listed the location already; nothing changed."""


@dataclass(frozen=True, slots=True)
class BagReplaced:
    """The stored manifest is not the one the work was planned from (beyond its replica locations); nothing changed."""

    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BagGone:
    """The bag version is not known any more; nothing changed."""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How much of one space is at one location.

    Args:
        bag_versions, files, bytes: of the whole space (concrete files only: each byte counted once).
        present_bag_versions, present_files, present_bytes: the part that is registered at ``location``.
    """

    space: str
    location: str
    bag_versions: int
    files: int
    bytes: int
    present_bag_versions: int
    present_files: int
    present_bytes: int


@dataclass(frozen=True, slots=True)
class CoverageDay:
    """Coverage as it was last on one day (UTC)."""

    day: date
    row: CoverageRow


class Registry(Protocol):
    """Which bag versions exist and where. File lists live in the manifest store, never in rows."""

    def add_bag_version(
        self, manifest: StorageManifest, *, locations: Sequence[str]
    ) -> Added | AlreadyKnown | ConflictingManifest:
        """Learn a bag version from its storage manifest.

        Args:
            locations: names of the configured locations that the manifest lists (primary and replicas).
        """
        ...

    def manifest(self, bag_version: BagVersionId) -> StoredManifest | None:
        """The current storage manifest, or ``None`` if the bag version is not known."""
        ...

    def versions(self, bag: BagId) -> Sequence[BagVersion]:
        """Known versions of a bag, ascending; empty if the bag is not known."""
        ...

    def replicas(self, bag_version: BagVersionId) -> Sequence[ReplicaRecord]:
        """Where the bag version is registered, in order of registration."""
        ...

    def bag_versions(self, *, space: str | None = None) -> Iterator[BagVersionId]:
        """Every known bag version, ascending by (space, external identifier, version)."""
        ...

    def missing(
        self,
        location: str,
        *,
        spaces: Sequence[str] | None = None,
        limit: int | None = None,
        after: BagVersionId | None = None,
    ) -> Iterator[BagVersionId]:
        """Bag versions not registered at ``location``: ascending by (version, space, external identifier).

        Args:
            spaces: only these; ``None``: all.
            limit: how many at most; ``None``: all.
            after: the last of the page before, whether it is still missing or not; ``None``: from the first.
        """
        ...

    def sizes(self, *, spaces: Sequence[str] | None = None, bag: BagId | None = None) -> Iterator[SizedBagVersion]:
        """Known bag versions with sizes and locations, ascending by (space, external identifier, version)."""
        ...

    def missing_bags(self, location: str, *, spaces: Sequence[str] | None = None) -> Iterator[MissingBag]:
        """Bags with versions not registered at ``location``, ascending by (oldest missing version, space, identifier).

        Read page by page, in bounded memory. What is registered or added while somebody reads may be seen or not; a
        bag whose oldest missing version is registered meanwhile may come a second time, with the rest.
        """
        ...

    def coverage(self, locations: Sequence[str]) -> Sequence[CoverageRow]:
        """One row per space and location. Read from kept counts: quick at any size."""
        ...

    def note_coverage(self, day: date) -> None:
        """Remember how coverage stands, as that of a day; the last time on a day counts."""
        ...

    def coverage_days(self, since: date) -> Sequence[CoverageDay]:
        """What was remembered, from a day on: ascending by day, space and location; locations with replicas only."""
        ...

    def register_replica(
        self,
        *,
        planned_from: StorageManifest,
        location: str,
        manifest_location: ManifestLocation,
        receipt: str,
        seal: MakeSeal,
        claim: Claim,
    ) -> Registered | AlreadyRegistered | BagReplaced | BagGone:
        """Add one location to the storage manifest by compare-and-set, and record the replica in the same transaction.

        Everything else in the stored manifest stays byte for byte (invariant 2). A concurrent addition of another
        location is kept and the addition tried again on top of it.

        Args:
            planned_from: the manifest the copying was planned from; must equal the stored one but for its replicas.
            location: name of the configured location.
            manifest_location: the element to append to ``replicaLocations``.
            receipt: key of the receipt that proves the replica.
            seal: makes the receipt's seal. It is appended to the location's chain in the same transaction, unless the
                receipt has one: also if the replica was registered before, and is proved again now. The replica's
                own receipt stays the first that it got.
            claim: must be held at the moment of the write; checked in the same transaction.

        Raises:
            ClaimLostError: the claim's token is stale; nothing changed.
        """
        ...

    def seal_of(self, bag_version: BagVersionId, location: str) -> SealRecord | None:
        """The seal of the replica's own receipt; ``None`` if it has none (it was learnt by import)."""
        ...

    def seal_of_receipt(self, location: str, receipt: str) -> SealRecord | None:
        """The seal of any receipt of a location, by its name in the receipt store; ``None`` if it has none."""
        ...

    def seals(self, location: str, *, unwritten: bool = False) -> Iterator[SealRecord]:
        """The location's chain, ascending and without gaps; with ``unwritten`` only seals nobody has written yet."""
        ...

    def seal_written(self, seal: SealRecord) -> None:
        """Remember that the seal was seen in the receipt store; once remembered, the moment stays."""
        ...

    def acquire(
        self, bag_version: BagVersionId, location: str, *, holder: str, lease: timedelta
    ) -> Claim | HeldByAnother:
        """Take the claim if it is free, expired, or already held by ``holder``."""
        ...

    def heartbeat(self, claim: Claim, *, lease: timedelta) -> Claim:
        """Prolong the lease. Works after expiry as long as nobody took the claim. Raises ClaimLostError."""
        ...

    def release(self, claim: Claim) -> None:
        """Give the claim back; nothing happens if it went to another holder meanwhile."""
        ...

    def claim_of(self, bag_version: BagVersionId, location: str) -> Claim | None:
        """The claim as it is stored (expired or not), for operators; ``None`` if there is none."""
        ...
