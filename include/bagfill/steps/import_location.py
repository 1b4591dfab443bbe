"""Learn the bags of a location that is laid out as the storage service's: one storage manifest for each bag version.

Only tag files are read. A location whose bags are known from another primary location is looked at and left alone: a
replica is registered after every byte was read back, never from a listing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from bagfill.bag.identifiers import BagVersionId, InvalidIdentifier, Space
from bagfill.registry.registry import Added, AlreadyKnown, ConflictingManifest
from bagfill.steps.import_bag import Built, NeedsThaw, NotSound, build_manifest
from bagfill.steps.import_folders import VersionFolder, VersionFolders
from bagfill.steps.requests import RequestError
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectStore

_OBJECTS_IN_MEMORY = 1_000_000


class ImportOutcome(StrEnum):
    """What became of one version folder."""

    IMPORTED = "imported"
    """Known from now on."""
    ALREADY_KNOWN = "already known"
    """Known before, with the same content."""
    CONFLICTING = "conflicting"
    """Known before with other content; nothing was changed."""
    PRESENT = "present, not registered"
    """Known from another primary location; what lies here was not read back, so it is not registered here."""
    NEEDS_THAW = "needs thaw"
    """Its tag files are archived."""
    NOT_SOUND = "not sound"
    """Not a bag that the storage service would register."""
    UNREADABLE = "unreadable"
    """The store did not answer or refused; nothing is known about it."""

    @property
    def is_known(self) -> bool:
        """Whether the registry knows exactly this bag version."""
        return self in {ImportOutcome.IMPORTED, ImportOutcome.ALREADY_KNOWN, ImportOutcome.PRESENT}


@dataclass(frozen=True, slots=True)
class ImportedBag:
    """One version folder.

    Args:
        name: ``{space}/{external identifier}/v{N}``.
        outcome: what became of it.
        objects: objects in the folder.
        size: bytes in the folder.
        problems: why it was left out.
        archived: with NEEDS_THAW: keys of the tag files that are archived.
    """

    name: str
    outcome: ImportOutcome
    objects: int
    size: int
    problems: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "bag_version": self.name,
            "outcome": self.outcome.value,
            "objects": self.objects,
            "bytes": self.size,
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import found.

    Args:
        location: name of the location.
        counts: version folders by outcome.
        notable: those that were neither imported nor known before.
        stray_objects: objects in no version folder.
        strays: the first few of them, by key.
    """

    location: str
    counts: Mapping[ImportOutcome, int]
    notable: tuple[ImportedBag, ...]
    stray_objects: int = 0
    strays: tuple[str, ...] = field(default=())

    @property
    def found(self) -> int:
        """Version folders that were looked at."""
        return sum(self.counts.values())

    @property
    def needs_thaw(self) -> tuple[ImportedBag, ...]:
        """Those whose tag files must be thawed first."""
        return tuple(bag for bag in self.notable if bag.outcome is ImportOutcome.NEEDS_THAW)

    @property
    def is_clean(self) -> bool:
        """Whether every version folder is known to the registry now."""
        return all(outcome.is_known for outcome, count in self.counts.items() if count)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "location": self.location,
            "found": self.found,
            "counts": {outcome.value: self.counts.get(outcome, 0) for outcome in ImportOutcome},
            "notable": [bag.to_json() for bag in self.notable],
            "stray_objects": self.stray_objects,
            "strays": list(self.strays),
        }

    def after(self, later: Sequence[ImportedBag]) -> ImportResult:
        """This result, with some bags looked at again."""
        again = {bag.name: bag for bag in later}
        counts = Counter(dict(self.counts))
        for bag in self.notable:
            if bag.name in again:
                counts[bag.outcome] -= 1
                counts[again[bag.name].outcome] += 1
        notable = [again.get(bag.name, bag) for bag in self.notable]
        return ImportResult(
            self.location, counts, tuple(bag for bag in notable if _is_notable(bag)), self.stray_objects, self.strays
        )


class ImportProgress(Protocol):
    """Is told how far an import is; called from the thread that runs it."""

    def listed(self, objects: int) -> None:
        """So many objects were listed by now."""
        ...

    def finished(self, bag: ImportedBag) -> None:
        """One version folder was dealt with."""
        ...


def import_location(
    services: Services, location_name: str, *, space: str | None = None, progress: ImportProgress | None = None
) -> ImportResult:
    """Import every bag version at a location, several at a time, one listing for all. Running it again is harmless.

    Args:
        services: registry, stores, limits.
        location_name: of a configured location.
        space: only this space.
        progress: is told how far it is.

    Raises:
        RequestError: no such location, or no such space can be.
        StoreError: the listing broke off; what was imported before stays.
    """
    location = importable_location(services, location_name)
    store = services.stores.reading(location)
    listing = store.list(location.prefix if space is None else f"{location.prefix}{_space(space)}/")
    folders = VersionFolders(listing, location.prefix, listed=progress.listed if progress else None)
    counts: Counter[ImportOutcome] = Counter()
    notable: list[ImportedBag] = []
    for bag in _import_all(services, store, location, folders):
        counts[bag.outcome] += 1
        if _is_notable(bag):
            notable.append(bag)
        if progress is not None:
            progress.finished(bag)
    return ImportResult(location.name, counts, tuple(notable), folders.stray_count, tuple(folders.strays))


def importable_location(services: Services, name: str) -> Location:
    """The configured location. Raises RequestError."""
    if name not in services.locations:
        known = ", ".join(sorted(services.locations))
        raise RequestError((f"location: found {name!r}, configured locations are {known}",))
    if services.beside is not None:
        # A bag version that the service does not know could be copied, and then be registered nowhere.
        told = "its table says which bag versions there are: bagfill import --service"
        raise RequestError((f"location: this installation stands beside a storage service, and {told}",))
    return services.locations[name]


def import_folder(services: Services, store: ObjectStore, location: Location, folder: VersionFolder) -> ImportedBag:
    """Import one version folder that was listed; every outcome is a value."""

    def outcome(what: ImportOutcome, problems: tuple[str, ...] = (), archived: tuple[str, ...] = ()) -> ImportedBag:
        size = folder.objects.sizes.total()
        return ImportedBag(folder.name, what, len(folder.objects), size, problems, archived)

    if primary := _other_primary(services, location, folder):
        if location.name in {replica.location for replica in services.registry.replicas(primary)}:
            return outcome(ImportOutcome.ALREADY_KNOWN)
        return outcome(
            ImportOutcome.PRESENT, (f"run bagfill backfill --to {location.name}: it is registered once read back",)
        )
    try:
        built = build_manifest(store, location, folder, now=services.clock())
    except StoreError as error:
        return outcome(ImportOutcome.UNREADABLE, (str(error),))
    match built:
        case NeedsThaw(keys):
            return outcome(ImportOutcome.NEEDS_THAW, (f"{len(keys)} tag files are archived",), keys)
        case NotSound(problems):
            return outcome(ImportOutcome.NOT_SOUND, problems)
        case Built(manifest):
            match services.registry.add_bag_version(manifest, locations=[location.name]):
                case Added():
                    return outcome(ImportOutcome.IMPORTED)
                case AlreadyKnown():
                    return outcome(ImportOutcome.ALREADY_KNOWN)
                case ConflictingManifest(differences):
                    return outcome(ImportOutcome.CONFLICTING, differences)


def _other_primary(services: Services, location: Location, folder: VersionFolder) -> BagVersionId | None:
    """The bag version, if it is known with its primary location elsewhere."""
    try:
        bag_version = BagVersionId.parse(folder.name, stored=True)
    except InvalidIdentifier:
        return None
    stored = services.registry.manifest(bag_version)
    if stored is None or stored.manifest.location.is_same_place(location.in_manifest(bag_version.bag)):
        return None
    return bag_version


def _import_all(
    services: Services, store: ObjectStore, location: Location, folders: Iterable[VersionFolder]
) -> Iterable[ImportedBag]:
    waiting: deque[tuple[int, Future[ImportedBag]]] = deque()
    in_memory = 0
    with ThreadPoolExecutor(services.limits.concurrency, thread_name_prefix="import") as pool:
        for folder in folders:
            size = len(folder.objects)
            while waiting and (len(waiting) >= services.limits.concurrency or in_memory + size > _OBJECTS_IN_MEMORY):
                released, first = waiting.popleft()
                in_memory -= released
                yield first.result()
            waiting.append((size, pool.submit(import_folder, services, store, location, folder)))
            in_memory += size
        while waiting:
            yield waiting.popleft()[1].result()


def _is_notable(bag: ImportedBag) -> bool:
    return bag.outcome not in {ImportOutcome.IMPORTED, ImportOutcome.ALREADY_KNOWN}


def _space(text: str) -> Space:
    try:
        return Space(text)
    except InvalidIdentifier as error:
        raise RequestError((f"space: {error}",)) from None
