"""A listing between two looks at the registry, so that what a running ingest does is no finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.manifest.compare import REPLICA_LOCATIONS, manifest_differences
from bagfill.manifest.model import StorageManifest
from bagfill.registry.registry import ReplicaRecord
from bagfill.steps.listings import VersionListing, list_version
from bagfill.steps.services import Services
from bagfill.storage.location import Location

_VERSION = re.compile(r"v[1-9][0-9]{0,9}", re.ASCII)
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class StrayVersion:
    """A version's folder that nobody accounts for."""

    version: BagVersion
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Bracketed:
    """One replica, as registry and provider agree that it should be and is.

    Args:
        listing: path → object in the version's folder.
        writer: id of an ingest that may be writing here; objects may come, then, while they are looked at.
        lacking: older versions that it fetches from and that are not registered here.
        stray: version folders of the bag that are not registered here; only looked for with the newest version.
    """

    manifest: StorageManifest
    replica: ReplicaRecord
    listing: VersionListing
    writer: str | None
    lacking: tuple[BagVersion, ...]
    stray: tuple[StrayVersion, ...]


@dataclass(frozen=True, slots=True)
class NotRegistered:
    """The replica is not registered (any more): there is nothing to look at."""


@dataclass(frozen=True, slots=True)
class KeepsChanging:
    """The registry's record of the bag version was another each time it was looked at."""


def bracketed(
    services: Services, bag_version: BagVersionId, location: Location
) -> Bracketed | NotRegistered | KeepsChanging:
    """Look at the registry, list, and look at the registry again; anew if it changed in between.

    Raises:
        StoreError: the location did not answer: nothing is known about what is there.
    """
    for _ in range(_ATTEMPTS):
        begun = services.clock()
        before = _record(services, bag_version, location)
        if before is None:
            return NotRegistered()
        manifest, replica = before
        store = services.stores.reading(location)
        writer = _writer(services, bag_version, location, begun)
        registered = _registered(services, bag_version.bag, location)
        folders = _version_folders(services, bag_version.bag, location) if _is_newest(bag_version, registered) else ()
        listing = list_version(store, location, bag_version)
        after = _record(services, bag_version, location)
        if after is None:
            return NotRegistered()
        if manifest_differences(manifest, after[0], ignoring=REPLICA_LOCATIONS) or replica != after[1]:
            continue
        now = registered | _registered(services, bag_version.bag, location)
        return Bracketed(
            manifest=manifest,
            replica=replica,
            listing=listing,
            writer=writer or _writer(services, bag_version, location, begun),
            lacking=tuple(sorted(manifest.depends_on - now)),
            stray=tuple(_strays(services, bag_version.bag, location, [v for v in folders if v not in now], begun)),
        )
    return KeepsChanging()


def _record(
    services: Services, bag_version: BagVersionId, location: Location
) -> tuple[StorageManifest, ReplicaRecord] | None:
    stored = services.registry.manifest(bag_version)
    for replica in services.registry.replicas(bag_version):
        if replica.location == location.name and stored is not None:
            return stored.manifest, replica
    return None


def _registered(services: Services, bag: BagId, location: Location) -> set[BagVersion]:
    return {
        version
        for version in services.registry.versions(bag)
        if any(each.location == location.name for each in services.registry.replicas(BagVersionId(bag, version)))
    }


def _is_newest(bag_version: BagVersionId, registered: set[BagVersion]) -> bool:
    return not registered or bag_version.version == max(registered)


def _writer(services: Services, bag_version: BagVersionId, location: Location, begun: datetime) -> str | None:
    """An ingest that writes here now, or that did since ``begun``."""
    claim = services.registry.claim_of(bag_version, location.name)
    if claim is not None and claim.expires > services.clock():
        return claim.holder
    for ingest in services.ingests.of_bag_version(bag_version, location.name):
        if ingest.last_modified is not None and ingest.last_modified > begun:
            return str(ingest.id)
    return None


def _version_folders(services: Services, bag: BagId, location: Location) -> tuple[BagVersion, ...]:
    """The version folders below the bag's, whoever made them. Raises StoreError."""
    names = services.stores.reading(location).list_folders(f"{location.bag_prefix(bag)}/")
    return tuple(BagVersion.parse(name) for name in names if _VERSION.fullmatch(name))


def _strays(
    services: Services, bag: BagId, location: Location, unregistered: list[BagVersion], begun: datetime
) -> Iterator[StrayVersion]:
    for version in unregistered:
        bag_version = BagVersionId(bag, version)
        objects = list_version(services.stores.reading(location), location, bag_version)
        # Whoever finished, failed or began meanwhile has left an ingest or a claim; the registry is asked last.
        if _writer(services, bag_version, location, begun) is not None:
            continue
        if objects and version not in _registered(services, bag, location):
            yield StrayVersion(version, len(objects), objects.sizes.total())
