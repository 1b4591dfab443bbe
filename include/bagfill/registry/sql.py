"""The registry in a database (SQLite or PostgreSQL), with the manifests' JSON in an object store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, and_, select, update

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.keys import columns_of, is_bag, is_bag_version
from bagfill.database.tables import BAG_VERSIONS, REPLICAS
from bagfill.manifest.compare import WHERE_AND_WHEN, manifest_differences
from bagfill.manifest.model import ManifestLocation, StorageManifest
from bagfill.registry.clock import Clock, utc_now
from bagfill.registry.contention import Contention
from bagfill.registry.errors import RegistryContendedError
from bagfill.registry.manifest_store import ManifestCopy, ManifestStore
from bagfill.registry.missing import MissingBag
from bagfill.registry.registration import AlreadyListed, ToStore, append_location, require_claim_for
from bagfill.registry.registry import (
    Added,
    AlreadyKnown,
    AlreadyRegistered,
    BagGone,
    BagReplaced,
    Claim,
    ConflictingManifest,
    CoverageDay,
    CoverageRow,
    HeldByAnother,
    Registered,
    ReplicaRecord,
    StoredManifest,
)
from bagfill.registry.seals import MakeSeal, SealRecord
from bagfill.registry.sizes import SizedBagVersion
from bagfill.registry.sql_claims import SqlClaims, require_current
from bagfill.registry.sql_counts import (
    WHOLE,
    count_new,
    count_replica,
    counted_coverage,
    counted_days,
    note_day,
    recount,
)
from bagfill.registry.sql_missing import missing_bags
from bagfill.registry.sql_queries import known_bag_versions, missing_bag_versions
from bagfill.registry.sql_seals import SqlSeals, append_seal
from bagfill.registry.sql_sizes import sized_bag_versions

_Registering = Registered | AlreadyRegistered | BagReplaced | BagGone
_CONTENTION: Contention[_Registering] = Contention(attempts=20, first_pause=0.01, longest_pause=0.5)


@dataclass(frozen=True, slots=True)
class Registration:
    """What one call of register_replica is to write."""

    bag_version: BagVersionId
    location: str
    receipt: str
    seal: MakeSeal
    claim: Claim


class SqlRegistry:
    """See :class:`bagfill.registry.registry.Registry`.

    Every call first writes what nobody looks at (a manifest without a pointer to it) and then decides in one
    transaction, so a call that dies anywhere can be made again. No transaction is open while the store is used.

    Beyond the protocol's, every method may raise :class:`bagfill.database.errors.DatabaseError`, and those that touch
    manifests also the store's own errors, :class:`bagfill.registry.errors.ManifestDamagedError` and
    :class:`bagfill.registry.errors.RegistryContendedError`.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
        manifests: where the JSON lies.
        clock: by which leases end and registrations are dated.
        sleep: waits some seconds before a lost race is run again.
    """

    def __init__(
        self,
        engine: Engine,
        manifests: ManifestStore,
        *,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._manifests = manifests
        self._clock = clock
        self._sleep = sleep
        self._claims = SqlClaims(engine, clock)
        self._seals = SqlSeals(engine)

    def add_bag_version(
        self, manifest: StorageManifest, *, locations: Sequence[str]
    ) -> Added | AlreadyKnown | ConflictingManifest:
        """See :meth:`Registry.add_bag_version`."""
        known = self.manifest(manifest.id)
        if known is None:
            if self._insert(manifest, self._manifests.write(manifest), locations):
                return Added()
            # Somebody else was faster; theirs is the one to compare with.
            known = self.manifest(manifest.id)
            if known is None:
                raise RegistryContendedError(str(manifest.id), 1)
        differences = manifest_differences(known.manifest, manifest, ignoring=WHERE_AND_WHEN)
        return ConflictingManifest(differences) if differences else AlreadyKnown()

    def _insert(self, manifest: StorageManifest, copy: ManifestCopy, locations: Sequence[str]) -> bool:
        now = self._clock()
        key = columns_of(manifest.id)
        row = {
            **key,
            "pointer": copy.pointer,
            "sha256": copy.sha256,
            "files": manifest.own_files,
            "bytes": manifest.own_bytes,
            "added": now,
        }
        with writing(self._engine) as connection:
            if not insert_if_absent(connection, BAG_VERSIONS, row):
                return False
            amounts = (manifest.own_files, manifest.own_bytes)
            for location in locations:
                insert_if_absent(connection, REPLICAS, {**key, "location": location, "registered": now})
            # In one order for everybody, so that no two wait for each other.
            for place in (WHOLE, *sorted(set(locations))):
                count_new(connection, str(manifest.id.space), place, *amounts)
            return True

    def manifest(self, bag_version: BagVersionId) -> StoredManifest | None:
        """See :meth:`Registry.manifest`."""
        with reading(self._engine) as connection:
            copy = _current_copy(connection, bag_version)
        return None if copy is None else StoredManifest(self._manifests.read(copy, bag_version), copy.pointer)

    def versions(self, bag: BagId) -> Sequence[BagVersion]:
        """See :meth:`Registry.versions`."""
        query = select(BAG_VERSIONS.c.version).where(is_bag(BAG_VERSIONS, bag)).order_by(BAG_VERSIONS.c.version)
        with reading(self._engine) as connection:
            return tuple(BagVersion(number) for number in connection.execute(query).scalars())

    def replicas(self, bag_version: BagVersionId) -> Sequence[ReplicaRecord]:
        """See :meth:`Registry.replicas`."""
        query = select(REPLICAS).where(is_bag_version(REPLICAS, bag_version)).order_by(REPLICAS.c.number)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(
            ReplicaRecord(bag_version, row.location, row.registered, row.ingest_id, row.receipt) for row in rows
        )

    def bag_versions(self, *, space: str | None = None) -> Iterator[BagVersionId]:
        """See :meth:`Registry.bag_versions`."""
        return known_bag_versions(self._engine, space)

    def missing(
        self,
        location: str,
        *,
        spaces: Sequence[str] | None = None,
        limit: int | None = None,
        after: BagVersionId | None = None,
    ) -> Iterator[BagVersionId]:
        """See :meth:`Registry.missing`."""
        return missing_bag_versions(self._engine, location, spaces, limit, after)

    def sizes(self, *, spaces: Sequence[str] | None = None, bag: BagId | None = None) -> Iterator[SizedBagVersion]:
        """See :meth:`Registry.sizes`."""
        return sized_bag_versions(self._engine, spaces, bag)

    def missing_bags(self, location: str, *, spaces: Sequence[str] | None = None) -> Iterator[MissingBag]:
        """See :meth:`Registry.missing_bags`."""
        return missing_bags(self._engine, location, spaces)

    def coverage(self, locations: Sequence[str]) -> Sequence[CoverageRow]:
        """See :meth:`Registry.coverage`."""
        with reading(self._engine) as connection:
            return counted_coverage(connection, locations)

    def note_coverage(self, day: date) -> None:
        """See :meth:`Registry.note_coverage`."""
        with writing(self._engine) as connection:
            note_day(connection, day)

    def coverage_days(self, since: date) -> Sequence[CoverageDay]:
        """See :meth:`Registry.coverage_days`."""
        with reading(self._engine) as connection:
            return counted_days(connection, since)

    def recount(self) -> None:
        """Make the counts that coverage is read from anew, in one transaction, if rows were changed by other hands."""
        with writing(self._engine) as connection:
            recount(connection)

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
        """See :meth:`Registry.register_replica`."""
        require_claim_for(claim, planned_from, location)
        registration = Registration(planned_from.id, location, receipt, seal, claim)

        def attempt() -> _Registering | None:
            with reading(self._engine) as connection:
                require_current(connection, claim)
                old = _current_copy(connection, planned_from.id)
            if old is None:
                return BagGone()
            stored = self._manifests.read(old, planned_from.id)
            match append_location(stored, planned_from, manifest_location):
                case BagReplaced() as replaced:
                    return replaced
                case AlreadyListed():
                    return self._record_listed(registration, old)
                case ToStore(appended):
                    return self._move_pointer(registration, old, self._manifests.write(appended))

        # Others add their locations to the same manifest: spread out, and build on what they left.
        return _CONTENTION.until_won(attempt, str(planned_from.id), self._sleep)

    def _record_listed(self, registration: Registration, old: ManifestCopy) -> AlreadyRegistered | None:
        """Make sure of the replica's row; ``None`` when the manifest is another by now."""
        with writing(self._engine) as connection:
            require_current(connection, registration.claim, lock=True)
            if _current_copy(connection, registration.bag_version, lock=True) != old:
                return None
            if not self._insert_replica(connection, registration):
                add_evidence(connection, registration)
            self._append_seal(connection, registration)
            return AlreadyRegistered()

    def _move_pointer(self, registration: Registration, old: ManifestCopy, new: ManifestCopy) -> Registered | None:
        """Compare and set; ``None`` when somebody else was faster."""
        is_old = and_(is_bag_version(BAG_VERSIONS, registration.bag_version), BAG_VERSIONS.c.pointer == old.pointer)
        with writing(self._engine) as connection:
            require_current(connection, registration.claim, lock=True)
            moved = update(BAG_VERSIONS).where(is_old).values(pointer=new.pointer, sha256=new.sha256)
            if connection.execute(moved).rowcount != 1:
                return None
            if not self._insert_replica(connection, registration):
                add_evidence(connection, registration)
            self._append_seal(connection, registration)
            return Registered(new.pointer)

    def _append_seal(self, connection: Connection, registration: Registration) -> None:
        # Last in its transaction: all registrations at one location wait for each other here.
        about = (registration.location, registration.bag_version, registration.receipt)
        append_seal(connection, *about, registration.seal, now=self._clock())

    def _insert_replica(self, connection: Connection, registration: Registration) -> bool:
        row = {
            **columns_of(registration.bag_version),
            "location": registration.location,
            "registered": self._clock(),
            "ingest_id": registration.claim.holder,
            "receipt": registration.receipt,
        }
        is_new = insert_if_absent(connection, REPLICAS, row)
        if is_new:
            count_replica(connection, registration.bag_version, registration.location)
        return is_new

    def seal_of(self, bag_version: BagVersionId, location: str) -> SealRecord | None:
        """See :meth:`Registry.seal_of`."""
        return self._seals.of(bag_version, location)

    def seal_of_receipt(self, location: str, receipt: str) -> SealRecord | None:
        """See :meth:`Registry.seal_of_receipt`."""
        return self._seals.of_receipt(location, receipt)

    def seals(self, location: str, *, unwritten: bool = False) -> Iterator[SealRecord]:
        """See :meth:`Registry.seals`."""
        return self._seals.all(location, unwritten=unwritten)

    def seal_written(self, seal: SealRecord) -> None:
        """See :meth:`Registry.seal_written`."""
        self._seals.mark_written(seal, now=self._clock())

    def acquire(
        self, bag_version: BagVersionId, location: str, *, holder: str, lease: timedelta
    ) -> Claim | HeldByAnother:
        """See :meth:`Registry.acquire`."""
        return self._claims.acquire(bag_version, location, holder=holder, lease=lease)

    def heartbeat(self, claim: Claim, *, lease: timedelta) -> Claim:
        """See :meth:`Registry.heartbeat`."""
        return self._claims.heartbeat(claim, lease=lease)

    def release(self, claim: Claim) -> None:
        """See :meth:`Registry.release`."""
        self._claims.release(claim)

    def claim_of(self, bag_version: BagVersionId, location: str) -> Claim | None:
        """See :meth:`Registry.claim_of`."""
        return self._claims.of(bag_version, location)


def _current_copy(connection: Connection, bag_version: BagVersionId, *, lock: bool = False) -> ManifestCopy | None:
    query = select(BAG_VERSIONS.c.pointer, BAG_VERSIONS.c.sha256).where(is_bag_version(BAG_VERSIONS, bag_version))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else ManifestCopy(row.pointer, row.sha256)


def add_evidence(connection: Connection, registration: Registration) -> None:
    """An import had said that the replica is there: now there is a receipt."""
    learnt = and_(
        is_bag_version(REPLICAS, registration.bag_version),
        REPLICAS.c.location == registration.location,
        REPLICAS.c.receipt.is_(None),
    )
    evidence = {"ingest_id": registration.claim.holder, "receipt": registration.receipt}
    connection.execute(update(REPLICAS).where(learnt).values(**evidence))
