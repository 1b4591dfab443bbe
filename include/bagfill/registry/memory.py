"""A registry in memory: for fast tests, property tests and simulations. One process, nothing is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from threading import RLock

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.manifest.compare import WHERE_AND_WHEN, manifest_differences
from bagfill.manifest.model import ManifestLocation, StorageManifest
from bagfill.registry.clock import Clock, end_of_lease, utc_now
from bagfill.registry.missing import MissingBag, MissingVersion
from bagfill.registry.registration import AlreadyListed, ToStore, append_location, require_claim_for
from bagfill.registry.registry import (
    Added,
    AlreadyKnown,
    AlreadyRegistered,
    BagGone,
    BagReplaced,
    Claim,
    ClaimLostError,
    ConflictingManifest,
    CoverageDay,
    CoverageRow,
    HeldByAnother,
    Registered,
    ReplicaRecord,
    StoredManifest,
)
from bagfill.registry.seals import ChainPosition, MakeSeal, SealRecord
from bagfill.registry.sizes import SizedBagVersion


@dataclass(slots=True)
class _Known:
    stored: StoredManifest
    added: datetime
    replicas: dict[str, ReplicaRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _ClaimState:
    token: int
    expires: datetime
    holder: str | None


class MemoryRegistry:
    """See :class:`bagfill.registry.registry.Registry`.

    Args:
        clock: by which leases end and registrations are dated.
    """

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._lock = RLock()
        self._known: dict[BagVersionId, _Known] = {}
        self._claims: dict[tuple[BagVersionId, str], _ClaimState] = {}
        self._days: dict[date, list[CoverageRow]] = {}
        self._chains: dict[str, list[SealRecord]] = {}
        self._copies = 0

    def add_bag_version(
        self, manifest: StorageManifest, *, locations: Sequence[str]
    ) -> Added | AlreadyKnown | ConflictingManifest:
        """See :meth:`Registry.add_bag_version`."""
        with self._lock:
            known = self._known.get(manifest.id)
            if known is not None:
                differences = manifest_differences(known.stored.manifest, manifest, ignoring=WHERE_AND_WHEN)
                return ConflictingManifest(differences) if differences else AlreadyKnown()
            now = self._clock()
            replicas = {name: ReplicaRecord(manifest.id, name, now, None, None) for name in locations}
            self._known[manifest.id] = _Known(StoredManifest(manifest, self._next_pointer()), now, replicas)
            return Added()

    def manifest(self, bag_version: BagVersionId) -> StoredManifest | None:
        """See :meth:`Registry.manifest`."""
        with self._lock:
            known = self._known.get(bag_version)
            return None if known is None else known.stored

    def versions(self, bag: BagId) -> Sequence[BagVersion]:
        """See :meth:`Registry.versions`."""
        with self._lock:
            return tuple(sorted(known.version for known in self._known if known.bag == bag))

    def replicas(self, bag_version: BagVersionId) -> Sequence[ReplicaRecord]:
        """See :meth:`Registry.replicas`."""
        with self._lock:
            known = self._known.get(bag_version)
            return () if known is None else tuple(known.replicas.values())

    def bag_versions(self, *, space: str | None = None) -> Iterator[BagVersionId]:
        """See :meth:`Registry.bag_versions`."""
        with self._lock:
            found = sorted(known for known in self._known if space is None or str(known.space) == space)
        yield from found

    def missing(
        self,
        location: str,
        *,
        spaces: Sequence[str] | None = None,
        limit: int | None = None,
        after: BagVersionId | None = None,
    ) -> Iterator[BagVersionId]:
        """See :meth:`Registry.missing`."""
        with self._lock:
            found = [
                bag_version
                for bag_version, known in self._known.items()
                if location not in known.replicas and (spaces is None or str(bag_version.space) in spaces)
            ]
        behind = (each for each in found if after is None or (each.version, each.bag) > (after.version, after.bag))
        yield from islice(sorted(behind, key=lambda each: (each.version, each.bag)), limit)

    def sizes(self, *, spaces: Sequence[str] | None = None, bag: BagId | None = None) -> Iterator[SizedBagVersion]:
        """See :meth:`Registry.sizes`."""
        with self._lock:
            found = [
                SizedBagVersion(each, *_amounts([known])[1:], tuple(known.replicas))
                for each, known in sorted(self._known.items(), key=lambda item: item[0])
                if (spaces is None or str(each.space) in spaces) and (bag is None or each.bag == bag)
            ]
        yield from found

    def missing_bags(self, location: str, *, spaces: Sequence[str] | None = None) -> Iterator[MissingBag]:
        """See :meth:`Registry.missing_bags`."""
        bags: dict[BagId, list[MissingVersion]] = {}
        # Oldest first: so a bag stands where its oldest missing version stands.
        for bag_version in self.missing(location, spaces=spaces):
            known = self._known[bag_version]
            _, files, size = _amounts([known])
            missing = MissingVersion(bag_version.version, files, size, known.added)
            bags.setdefault(bag_version.bag, []).append(missing)
        yield from (MissingBag(bag, tuple(versions)) for bag, versions in bags.items())

    def coverage(self, locations: Sequence[str]) -> Sequence[CoverageRow]:
        """See :meth:`Registry.coverage`."""
        with self._lock:
            spaces = sorted({str(bag_version.space) for bag_version in self._known})
            return tuple(self._coverage(space, location) for space in spaces for location in dict.fromkeys(locations))

    def note_coverage(self, day: date) -> None:
        """See :meth:`Registry.note_coverage`."""
        with self._lock:
            everywhere = sorted({location for known in self._known.values() for location in known.replicas})
            self._days[day] = [row for row in self.coverage(everywhere) if row.present_bag_versions]

    def coverage_days(self, since: date) -> Sequence[CoverageDay]:
        """See :meth:`Registry.coverage_days`."""
        with self._lock:
            return tuple(CoverageDay(day, row) for day in sorted(self._days) if day >= since for row in self._days[day])

    def _coverage(self, space: str, location: str) -> CoverageRow:
        all_known = [known for bag_version, known in self._known.items() if str(bag_version.space) == space]
        present = [known for known in all_known if location in known.replicas]
        return CoverageRow(space, location, *_amounts(all_known), *_amounts(present))

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
        with self._lock:
            self._require_current(claim)
            known = self._known.get(planned_from.id)
            if known is None:
                return BagGone()
            record = ReplicaRecord(planned_from.id, location, self._clock(), claim.holder, receipt)
            match append_location(known.stored.manifest, planned_from, manifest_location):
                case BagReplaced() as replaced:
                    return replaced
                case AlreadyListed():
                    self._append_seal(location, planned_from.id, receipt, seal)
                    self._record_replica(known, record)
                    return AlreadyRegistered()
                case ToStore(appended):
                    self._append_seal(location, planned_from.id, receipt, seal)
                    known.stored = StoredManifest(appended, self._next_pointer())
                    self._record_replica(known, record)
                    return Registered(known.stored.pointer)

    @staticmethod
    def _record_replica(known: _Known, record: ReplicaRecord) -> None:
        old = known.replicas.get(record.location)
        if old is None:
            known.replicas[record.location] = record
        elif old.receipt is None:
            known.replicas[record.location] = replace(old, ingest_id=record.ingest_id, receipt=record.receipt)

    def _append_seal(self, location: str, bag_version: BagVersionId, receipt: str, make: MakeSeal) -> None:
        chain = self._chains.setdefault(location, [])
        if any(seal.receipt == receipt for seal in chain):
            return
        previous = chain[-1].document if chain else None
        document = make(ChainPosition(location, len(chain) + 1, previous, self._clock()))
        sha256 = hashlib.sha256(document).hexdigest()
        chain.append(SealRecord(location, len(chain) + 1, bag_version, receipt, document, sha256, None))

    def seal_of(self, bag_version: BagVersionId, location: str) -> SealRecord | None:
        """See :meth:`Registry.seal_of`."""
        with self._lock:
            known = self._known.get(bag_version)
            own = None if known is None else known.replicas.get(location)
            return None if own is None or own.receipt is None else self.seal_of_receipt(location, own.receipt)

    def seal_of_receipt(self, location: str, receipt: str) -> SealRecord | None:
        """See :meth:`Registry.seal_of_receipt`."""
        with self._lock:
            return next((seal for seal in self._chains.get(location, []) if seal.receipt == receipt), None)

    def seals(self, location: str, *, unwritten: bool = False) -> Iterator[SealRecord]:
        """See :meth:`Registry.seals`."""
        with self._lock:
            found = [seal for seal in self._chains.get(location, []) if not unwritten or seal.written is None]
        yield from found

    def seal_written(self, seal: SealRecord) -> None:
        """See :meth:`Registry.seal_written`."""
        with self._lock:
            chain = self._chains[seal.location]
            known = chain[seal.sequence - 1]
            chain[seal.sequence - 1] = replace(known, written=known.written or self._clock())

    def acquire(
        self, bag_version: BagVersionId, location: str, *, holder: str, lease: timedelta
    ) -> Claim | HeldByAnother:
        """See :meth:`Registry.acquire`."""
        with self._lock:
            expires = end_of_lease(self._clock, lease)
            old = self._claims.get((bag_version, location))
            if old is None or old.holder is None:
                token = 1 if old is None else old.token + 1
            elif old.holder == holder:
                token = old.token
            elif old.expires <= self._clock():
                token = old.token + 1
            else:
                return HeldByAnother(old.holder, old.expires)
            self._claims[bag_version, location] = _ClaimState(token, expires, holder)
            return Claim(bag_version, location, holder, token, expires)

    def heartbeat(self, claim: Claim, *, lease: timedelta) -> Claim:
        """See :meth:`Registry.heartbeat`."""
        with self._lock:
            expires = end_of_lease(self._clock, lease)
            state = self._require_current(claim)
            self._claims[claim.bag_version, claim.location] = replace(state, expires=expires)
            return replace(claim, expires=expires)

    def release(self, claim: Claim) -> None:
        """See :meth:`Registry.release`."""
        with self._lock:
            state = self._claims.get((claim.bag_version, claim.location))
            if state is not None and (state.holder, state.token) == (claim.holder, claim.token):
                self._claims[claim.bag_version, claim.location] = replace(state, holder=None)

    def claim_of(self, bag_version: BagVersionId, location: str) -> Claim | None:
        """See :meth:`Registry.claim_of`."""
        with self._lock:
            state = self._claims.get((bag_version, location))
            if state is None or state.holder is None:
                return None
            return Claim(bag_version, location, state.holder, state.token, state.expires)

    def _require_current(self, claim: Claim) -> _ClaimState:
        state = self._claims.get((claim.bag_version, claim.location))
        if state is None or (state.holder, state.token) != (claim.holder, claim.token):
            raise ClaimLostError(claim)
        return state

    def _next_pointer(self) -> str:
        self._copies += 1
        return f"memory:{self._copies}"


def _amounts(known: Sequence[_Known]) -> tuple[int, int, int]:
    manifests = [each.stored.manifest for each in known]
    return len(known), sum(each.own_files for each in manifests), sum(each.own_bytes for each in manifests)
