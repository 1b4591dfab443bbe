"""The registry of an installation beside a storage service: the service's table is the truth about locations.

Our database keeps an index of its bag versions (so that sweeps, coverage and plans need not read a million manifests),
and what is ours alone: claims, seals, receipts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select, update

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.database.engine import reading, writing
from bagfill.database.insertion import insert_if_absent
from bagfill.database.keys import bag_version_of, columns_of, is_bag_version, is_one_of
from bagfill.database.tables import BAG_VERSIONS, CLAIMS, REPLICAS
from bagfill.manifest.compare import REPLICA_LOCATIONS, manifest_differences
from bagfill.manifest.model import ManifestLocation, StorageManifest
from bagfill.registry.contention import Contention
from bagfill.registry.errors import RegistryContendedError
from bagfill.registry.manifest_store import ManifestCopy, ManifestStore
from bagfill.registry.registration import AlreadyListed, ToStore, append_location, require_claim_for
from bagfill.registry.registry import (
    Added,
    AlreadyKnown,
    AlreadyRegistered,
    BagGone,
    BagReplaced,
    Claim,
    ConflictingManifest,
    Registered,
)
from bagfill.registry.seals import MakeSeal
from bagfill.registry.sql import Registration, SqlRegistry, add_evidence
from bagfill.registry.sql_claims import require_current
from bagfill.registry.sql_counts import count_replica
from bagfill.registry.storage_service.aftermath import Aftermath
from bagfill.registry.storage_service.objects import BucketObjects, read_manifest
from bagfill.registry.storage_service.rows import ManifestRow, Table

_Registering = Registered | AlreadyRegistered | BagReplaced | BagGone
_CONTENTION: Contention[_Registering] = Contention(
    attempts=40, first_pause=0.02, longest_pause=1.0, patience=600.0, least_attempts=12
)
"""A manifest of 200 MB takes half a minute each time; a dozen tries it has whatever they take."""
_IN_ONE_QUERY = 300


@dataclass(frozen=True, slots=True)
class ServiceStore:
    """Where the service's manifests are.

    Args:
        table: the rows.
        objects: the JSON.
        bucket: where new JSON is written.
        aftermath: who else has to know.
    """

    table: Table
    objects: BucketObjects
    bucket: str
    aftermath: Aftermath


class ServiceRegistry(SqlRegistry):
    """See :class:`bagfill.registry.registry.Registry`; beyond it, StoreError of the service's table.

    Args:
        engine: of :func:`bagfill.database.engine.open_database`, with the tables up to date.
        service: where the service's manifests are.
        sleep: waits some seconds before a lost race is run again.
    """

    def __init__(self, engine: Engine, service: ServiceStore, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(engine, ManifestStore(service.objects, f"{service.bucket}/"), sleep=sleep)
        self._service = service

    def learn(
        self, row: ManifestRow, manifest: StorageManifest, locations: Sequence[str]
    ) -> Added | AlreadyKnown | ConflictingManifest:
        """Take a bag version of the service into the index, or follow where its row points by now.

        Args:
            row: as it was read.
            manifest: what it points to.
            locations: names of the configured locations that the manifest lists. One that is new, and at which a run of
                ours held a claim, is left to registering.
        """
        copy = ManifestCopy(row.pointer, manifest.sha256)
        if self._insert(manifest, copy, locations):
            return Added()
        known = self.manifest(manifest.id)
        if known is None:
            raise RegistryContendedError(str(manifest.id), 1)
        differences = manifest_differences(known.manifest, manifest, ignoring=REPLICA_LOCATIONS)
        if differences:
            return ConflictingManifest(differences)
        key, now = columns_of(manifest.id), self._clock()
        same = (is_bag_version(BAG_VERSIONS, manifest.id), BAG_VERSIONS.c.pointer == known.pointer)
        with writing(self._engine) as connection:
            connection.execute(update(BAG_VERSIONS).where(*same).values(pointer=copy.pointer, sha256=copy.sha256))
            # Where we were registering ourselves, registering says when it is done: killed after the row was moved, the
            # bag has to be found missing there, or nobody would tell the aggregator.
            ours = select(CLAIMS.c.location).where(is_bag_version(CLAIMS, manifest.id))
            for location in sorted(set(locations) - set(connection.execute(ours).scalars())):
                if insert_if_absent(connection, REPLICAS, {**key, "location": location, "registered": now}):
                    count_replica(connection, manifest.id, location)
        return AlreadyKnown()

    def rows_of(self, bag: BagId) -> Sequence[ManifestRow]:
        """The service's rows of one bag, as they are now. Raises StoreError or RowFormatError."""
        return [ManifestRow.of(item) for item in self._service.table.of_hash("id", str(bag))]

    def read(self, row: ManifestRow) -> StorageManifest:
        """See :func:`bagfill.registry.storage_service.objects.read_manifest`."""
        return read_manifest(self._service.objects, row)

    def pointers(self, bag_versions: Iterable[BagVersionId]) -> Mapping[BagVersionId, str]:
        """Where the index has those that it knows."""
        names = sorted({(str(each.space), str(each.external_identifier)) for each in bag_versions})
        found = {}
        with reading(self._engine) as connection:
            for start in range(0, len(names), _IN_ONE_QUERY):
                some = is_one_of(BAG_VERSIONS, names[start : start + _IN_ONE_QUERY])
                for row in connection.execute(select(BAG_VERSIONS).where(some)):
                    found[bag_version_of(row)] = row.pointer
        return found

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
        """See :meth:`Registry.register_replica`.

        In the service first: new JSON under a new key, read back; then its row, if it still points where it did when
        the JSON was read; then whoever else has to know; then our own rows. Interrupted anywhere, the same call again
        finds the location listed and does the rest. The old JSON stays.
        """
        require_claim_for(claim, planned_from, location)
        registration = Registration(planned_from.id, location, receipt, seal, claim)

        def attempt() -> _Registering | None:
            with reading(self._engine) as connection:
                require_current(connection, claim)
            item = self._service.table.get(_key(planned_from.id))
            if item is None:
                return BagGone()
            row = ManifestRow.of(item)
            stored = self.read(row)
            match append_location(stored, planned_from, manifest_location):
                case BagReplaced() as replaced:
                    return replaced
                case AlreadyListed():
                    self._service.aftermath.complete(planned_from.id, manifest_location)
                    self._record(registration, ManifestCopy(row.pointer, stored.sha256))
                    return AlreadyRegistered()
                case ToStore(appended):
                    copy = self._manifests.write(appended)
                    if self._move(row, copy, claim):
                        self._service.aftermath.complete(planned_from.id, manifest_location)
                        self._record(registration, copy)
                        return Registered(copy.pointer)
                    return None

        # Others add their locations to the same manifest: spread out, and build on what they left.
        return _CONTENTION.until_won(attempt, str(planned_from.id), self._sleep)

    def _move(self, row: ManifestRow, copy: ManifestCopy, claim: Claim) -> bool:
        # As late as can be: the service's table knows nothing of our claims.
        with reading(self._engine) as connection:
            require_current(connection, claim)
        moved = {"payload": row.payload_at(copy.pointer)}
        return self._service.table.change(row.item_key, moved, expected={"payload": row.payload})

    def _record(self, registration: Registration, copy: ManifestCopy) -> None:
        this = is_bag_version(BAG_VERSIONS, registration.bag_version)
        with writing(self._engine) as connection:
            require_current(connection, registration.claim, lock=True)
            connection.execute(update(BAG_VERSIONS).where(this).values(pointer=copy.pointer, sha256=copy.sha256))
            if not self._insert_replica(connection, registration):
                add_evidence(connection, registration)
            self._append_seal(connection, registration)


def _key(bag_version: BagVersionId) -> dict[str, object]:
    return {"id": str(bag_version.bag), "version": bag_version.version.number}
