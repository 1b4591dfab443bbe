"""Reads the tag files of one bag version and makes its storage manifest, as the storage service's register would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bagfill.bag.declaration import DECLARATION_FILE
from bagfill.bag.dependencies import ForeignFetchEntry, fetched_path
from bagfill.bag.errors import BagFormatError
from bagfill.bag.fetch import FETCH_FILE, FetchEntry, parse_fetch
from bagfill.bag.identifiers import BagId, BagVersionId, InvalidIdentifier
from bagfill.bag.payload_manifest import manifest_algorithm
from bagfill.bag.rules.catalogue import RULES
from bagfill.bag.rules.check import check, service_texts
from bagfill.bag.rules.contents import BagContents, declared_algorithms, tag_files_to_read
from bagfill.bag.rules.finding import Profile, Severity
from bagfill.bag.rules.parse_bag import parse_bag
from bagfill.bag.tag_data import TagData, chunks_of
from bagfill.checksum.digester import digest_chunks
from bagfill.manifest.build import build_storage_manifest
from bagfill.manifest.errors import ManifestBuildError
from bagfill.manifest.model import LocationRole, Provider, StorageManifest
from bagfill.steps.import_folders import VersionFolder
from bagfill.steps.tag_files import read_tag_file
from bagfill.storage.location import Location
from bagfill.storage.store import Capability, ObjectInfo, ObjectStore

PASSED_OVER = frozenset({"NAME-ENDS-IN-DOT"}) | {rule.code for rule in RULES if not rule.is_the_services}
"""Rules that the storage service did not ask of every bag it registered: such a bag exists and must be known. Whether
it can be replicated is asked when that is planned."""

_FEW = 50


@dataclass(frozen=True, slots=True)
class Built:
    """The bag is sound as far as it was read; payload was not."""

    manifest: StorageManifest


@dataclass(frozen=True, slots=True)
class NeedsThaw:
    """Tag files cannot be read now: these keys are archived."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotSound:
    """No storage manifest can be made of it, and why."""

    problems: tuple[str, ...]


def build_manifest(
    store: ObjectStore, location: Location, folder: VersionFolder, *, now: datetime
) -> Built | NeedsThaw | NotSound:
    """Make the storage manifest of one bag version from its tag files and the listing of its folder.

    Args:
        store: the location's, for reading.
        location: the primary location of what is imported.
        folder: listed before.
        now: the date of creation, where the store keeps none.

    Raises:
        StoreError: a tag file or a fetched file's folder could not be read.
    """
    try:
        bag_version = BagVersionId.parse(folder.name, stored=True)
    except InvalidIdentifier as error:
        return NotSound((str(error),))
    if not folder.is_bag:
        return NotSound((f"no {DECLARATION_FILE} in the folder: a version folder without a bag",))
    needed = tag_files_to_read(folder.objects)
    if archived := _archived(store, [folder.objects[name] for name in needed]):
        return NeedsThaw(archived)
    tag_files = {name: read_tag_file(store, folder.objects[name]) for name in needed}
    fetched = _Fetched.look(store, location, bag_version.bag, tag_files.get(FETCH_FILE))
    contents = BagContents(
        listing=folder.objects.sizes,
        tag_files=tag_files,
        fetched_sizes=fetched.sizes,
        identity=bag_version.bag,
        primary_bucket=location.bucket if location.provider is Provider.AMAZON_S3 else None,
        primary_prefix=location.prefix,
    )
    errors = [
        finding
        for finding in check(contents, Profile.STORAGE_SERVICE)
        if finding.severity is Severity.ERROR and finding.code not in PASSED_OVER
    ]
    if errors:
        return NotSound(tuple(service_texts(errors)))
    return _build(location, bag_version, folder, contents, fetched, now)


def _build(
    location: Location,
    bag_version: BagVersionId,
    folder: VersionFolder,
    contents: BagContents,
    fetched: _Fetched,
    now: datetime,
) -> Built | NotSound:
    bag = parse_bag(contents, Profile.STORAGE_SERVICE)
    if bag.info is None:
        return NotSound(("bag-info.txt says too little",))
    algorithms = declared_algorithms(contents.listing)
    created = folder.objects[DECLARATION_FILE].last_modified or now
    try:
        manifest = build_storage_manifest(
            bag_version,
            info=bag.info,
            payload_manifests=list(bag.payload_manifests.values()),
            tag_manifests=list(bag.tag_manifests.values()),
            fetch=bag.fetch,
            sizes=contents.listing,
            tag_manifest_digests={
                name: digest_chunks(chunks_of(data), algorithms)
                for name, data in contents.tag_files.items()
                if manifest_algorithm(name, tag=True) is not None
            },
            location=location.in_manifest(bag_version.bag, LocationRole.PRIMARY),
            created_date=created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            fetched_size=fetched.size_at,
            locate_fetched=lambda entry: _locate(location, bag_version.bag, entry),
        )
    except (ManifestBuildError, BagFormatError) as error:
        return NotSound((str(error),))
    return Built(manifest)


def _archived(store: ObjectStore, infos: list[ObjectInfo]) -> tuple[str, ...]:
    archived: list[str] = []
    for info in infos:
        state: ObjectInfo | None = info
        if not info.is_readable and Capability.ARCHIVE_STATE_IN_LISTING not in store.capabilities:
            state = store.stat(info.key)
        if state is not None and not state.is_readable:
            archived.append(info.key)
    return tuple(archived)


def _locate(location: Location, bag: BagId, entry: FetchEntry) -> str:
    # A URI names the bucket of the primary; a folder or a container has no such name, so any bucket is meant there.
    bucket = location.bucket if location.provider is Provider.AMAZON_S3 else entry.bucket
    return fetched_path(entry, bag, bucket, location.prefix)


@dataclass(frozen=True)
class _Fetched:
    """The objects that ``fetch.txt`` refers to, as they are at the location.

    Args:
        sizes: in bytes by path in the bag, of those that are there; ``None`` without ``fetch.txt``.
        by_place: in bytes by path from the bag's root.
    """

    sizes: Mapping[str, int] | None
    by_place: Mapping[str, int]

    def size_at(self, place: str) -> int:
        """The size of a fetched file by its path from the bag's root."""
        if place not in self.by_place:
            raise ManifestBuildError(place, "is not at the location")
        return self.by_place[place]

    @classmethod
    def look(cls, store: ObjectStore, location: Location, bag: BagId, fetch: TagData | None) -> _Fetched:
        """Look up what a ``fetch.txt`` refers to; lines that cannot be understood are for the rules to report."""
        if fetch is None:
            return cls(None, {})
        try:
            entries = parse_fetch(fetch)
        except BagFormatError:
            return cls(None, {})
        places: dict[str, str] = {}
        for entry in entries:
            try:
                places[entry.path] = _locate(location, bag, entry)
            except ForeignFetchEntry:
                continue
        by_place = _sizes(store, location.bag_prefix(bag), set(places.values()))
        return cls({name: by_place[place] for name, place in places.items() if place in by_place}, by_place)


def _sizes(store: ObjectStore, bag_prefix: str, places: set[str]) -> dict[str, int]:
    """Sizes of objects by path from the bag's root: few are asked for one by one, many are found in a listing."""
    by_version: dict[str, set[str]] = defaultdict(set)
    for place in places:
        by_version[place.partition("/")[0]].add(place)
    found: dict[str, int] = {}
    for version, wanted in by_version.items():
        if len(wanted) <= _FEW:
            infos = [(place, store.stat(f"{bag_prefix}/{place}")) for place in sorted(wanted)]
            found |= {place: info.size for place, info in infos if info is not None}
            continue
        for info in store.list(f"{bag_prefix}/{version}/"):
            place = info.key.removeprefix(f"{bag_prefix}/")
            if place in wanted:
                found[place] = info.size
    return found
