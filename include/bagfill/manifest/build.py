"""The storage manifest of a bag version that has none yet, made as the storage service's register makes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bagfill.bag.bag_info import BagInfo
from bagfill.bag.dependencies import ForeignFetchEntry, fetched_path
from bagfill.bag.fetch import FetchEntry
from bagfill.bag.identifiers import BagVersionId
from bagfill.bag.paths import BagPath
from bagfill.bag.payload_manifest import BagManifest, manifest_algorithm
from bagfill.bag.resolve import resolve_paths
from bagfill.checksum.algorithm import Algorithm, strongest
from bagfill.checksum.digest import Digest, DigestSet
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.errors import ManifestBuildError
from bagfill.manifest.model import ManifestFile, ManifestLocation, StorageManifest
from bagfill.manifest.text import MadeText, hold_small
from bagfill.manifest.write import storage_manifest_chunks


def build_storage_manifest(
    version_id: BagVersionId,
    *,
    info: BagInfo,
    payload_manifests: Sequence[BagManifest],
    tag_manifests: Sequence[BagManifest],
    fetch: Sequence[FetchEntry],
    sizes: Mapping[str, int],
    tag_manifest_digests: Mapping[str, DigestSet],
    location: ManifestLocation,
    created_date: str,
    ingest_id: str | None = None,
    replica_locations: Sequence[ManifestLocation] = (),
    fetched_size: Callable[[str], int] | None = None,
    locate_fetched: Callable[[FetchEntry], str] | None = None,
) -> StorageManifest:
    """Make the manifest of a bag version from its parsed tag files.

    Digests are those of the strongest algorithm that both payload and tag manifests use. Nothing is read here: what has
    to be looked up is passed in.

    Args:
        version_id: which bag version.
        info: its ``bag-info.txt``.
        payload_manifests: every one it has.
        tag_manifests: every one it has.
        fetch: the lines of its ``fetch.txt``, none if it has none.
        sizes: in bytes, of every object in the version's folder, by path in that folder.
        tag_manifest_digests: of the ``tagmanifest-*.txt`` files by name; nothing in a bag lists those.
        location: the primary location.
        created_date: an instant in ISO 8601.
        ingest_id: of the ingest that makes it.
        replica_locations: other locations known to hold this version.
        fetched_size: the size in bytes of a fetched file that ``fetch.txt`` gives no length for, by path from the
            bag's root.
        locate_fetched: where a fetched file is, by path from the bag's root; by default its URI has to be under the
            primary location.

    Raises:
        ManifestBuildError: with the file and the cause: no common algorithm, a file that is not there, one without a
            size or digest, a fetch line that points elsewhere.
    """
    algorithm = _algorithm(payload_manifests, tag_manifests)
    fetched = _fetched(fetch, version_id, location, locate_fetched)
    payload = _manifest_by(algorithm, payload_manifests)
    tags = _manifest_by(algorithm, tag_manifests)

    def size_of_fetched(entry: FetchEntry) -> int:
        if entry.length is not None:
            return entry.length
        if fetched_size is None:
            raise ManifestBuildError(entry.path, "fetch.txt gives no length, and there is no way to look it up")
        return fetched_size(fetched[entry.path][1])

    def file_of(name: BagPath, digest: Digest) -> ManifestFile:
        if name in fetched:
            entry, path = fetched[name]
            if name in sizes:
                raise ManifestBuildError(name, "in fetch.txt and in the version's folder as well")
            return ManifestFile(name, path, size_of_fetched(entry), digest)
        return _concrete(name, digest)

    def _concrete(name: str, digest: Digest) -> ManifestFile:
        if name not in sizes:
            raise ManifestBuildError(name, f"not in the folder {version_id.version}/ and not in fetch.txt")
        return ManifestFile(name, f"{version_id.version}/{name}", sizes[name], digest)

    payload_names = resolve_paths(payload.paths, _Either(sizes, fetched))
    tag_names = resolve_paths(tags.paths, sizes)
    # The tag manifests: nothing in a bag lists them.
    listed = {tag_names[path] for path in tags.paths if "/" not in path}
    roots = (name for name in sizes if "/" not in name and name not in listed)
    unlisted = sorted(name for name in roots if manifest_algorithm(name, tag=True) is not None)

    def made() -> Iterator[bytes]:
        payload_files = (file_of(payload_names[entry.path], entry.digest) for entry in payload.entries)
        tag_files = (_concrete(tag_names[entry.path], entry.digest) for entry in tags.entries)
        others = (_concrete(name, _digest(name, tag_manifest_digests, algorithm)) for name in unlisted)
        return storage_manifest_chunks(
            version_id,
            info,
            algorithm,
            payload_files,
            chain(tag_files, others),
            location,
            replica_locations,
            created_date=created_date,
            ingest_id=ingest_id,
        )

    return parse_storage_manifest(hold_small(MadeText(made)))


@dataclass(frozen=True)
class _Either(Collection[str]):
    """The names of one mapping, and those of another."""

    one: Mapping[str, object]
    other: Mapping[str, object]

    def __contains__(self, name: object) -> bool:
        return name in self.one or name in self.other

    def __iter__(self) -> Iterator[str]:
        return chain(self.one, (name for name in self.other if name not in self.one))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _algorithm(payload_manifests: Sequence[BagManifest], tag_manifests: Sequence[BagManifest]) -> Algorithm:
    both = {manifest.algorithm for manifest in payload_manifests} & {manifest.algorithm for manifest in tag_manifests}
    if not both:
        raise ManifestBuildError("tagmanifest-*.txt", "no algorithm that payload manifests and tag manifests both use")
    return strongest(both)


def _manifest_by(algorithm: Algorithm, manifests: Sequence[BagManifest]) -> BagManifest:
    return next(manifest for manifest in manifests if manifest.algorithm is algorithm)


def _fetched(
    fetch: Sequence[FetchEntry],
    version_id: BagVersionId,
    location: ManifestLocation,
    locate: Callable[[FetchEntry], str] | None,
) -> dict[str, tuple[FetchEntry, str]]:
    before_bag = location.prefix.removesuffix(str(version_id.bag))
    found: dict[str, tuple[FetchEntry, str]] = {}
    for entry in fetch:
        try:
            path = locate(entry) if locate else fetched_path(entry, version_id.bag, location.bucket, before_bag)
        except ForeignFetchEntry as error:
            raise ManifestBuildError(entry.path, str(error)) from error
        found[entry.path] = (entry, path)
    return found


def _digest(name: str, digests: Mapping[str, DigestSet], algorithm: Algorithm) -> Digest:
    try:
        return digests[name][algorithm]
    except KeyError:
        raise ManifestBuildError(name, f"no {algorithm.bagit_name} digest was computed for it") from None
