"""Storage manifests from the JSON the storage service keeps.

Reading is lenient: a collection holds what every release since 2019 wrote. ``write`` makes new manifests; the one
change to a stored one is in ``append``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bagfill.bag.identifiers import (
    BagId,
    BagVersion,
    BagVersionId,
    ExternalIdentifier,
    InvalidIdentifier,
    Space,
)
from bagfill.checksum.algorithm import Algorithm, UnknownAlgorithm
from bagfill.manifest.errors import ManifestFormatError, shown
from bagfill.manifest.files import FileCounts, FileParser, StoredFiles, unwrapped
from bagfill.manifest.location_codec import parse_location
from bagfill.manifest.model import LocationRole, ManifestFile, ManifestLocation, StorageManifest
from bagfill.manifest.text import HeldText, ManifestText
from bagfill.manifest.walk import FILE_MANIFESTS, FileList, ManifestWalk
from bagfill.manifest.write import write_storage_manifest

__all__ = [
    "LOCATION_KEYS",
    "REPLICAS_KEYS",
    "parse_storage_manifest",
    "present_key",
    "write_storage_manifest",
]

LOCATION_KEYS = ("location", "accessLocation")
REPLICAS_KEYS = ("replicaLocations", "archiveLocations")


def parse_storage_manifest(
    stored: ManifestText | bytes, *, size_of: Callable[[str], int] | None = None
) -> StorageManifest:
    """Read a storage manifest in any shape that was ever stored.

    Every file is looked at once. None is kept, but for those of a text that is held as a whole.

    Args:
        stored: the JSON, UTF-8: a text that can be read again, or the bytes of a small one.
        size_of: gives the size in bytes of a file that has none in the manifest (some from 2019), by its path from
            the bag's root; without it such a manifest is refused.

    Raises:
        ManifestFormatError: with the JSON path, what was expected there and what was found.
        Exception: whatever the text itself raises when it cannot be read.
    """
    text = HeldText(stored) if isinstance(stored, bytes) else stored
    walk = ManifestWalk(text.chunks())
    counts = FileCounts()
    parsers: dict[int, FileParser] = {}
    held: list[tuple[int, ManifestFile]] = []
    for file in walk.files():
        if file.place == 0 and "version" in walk.values and "checksumAlgorithm" in walk.opened:
            # Said before the files, as in every text of the storage service: one pass is enough.
            parsers[file.number] = _parser(file.key, walk.opened, _version(walk.values["version"]), size_of)
        if file.number in parsers:
            parsed = parsers[file.number].file(file.place, file.value)
            counts.add(file.number, parsed)
            if isinstance(text, HeldText):
                held.append((file.number, parsed))
    value = walk.values
    version_id = _id(value)
    lists: dict[int, FileParser] = {}
    is_counted = True
    for key in FILE_MANIFESTS:
        manifest = value.get(key)
        if not isinstance(manifest, dict):
            raise ManifestFormatError(f"$.{key}", "an object", shown(manifest))
        parser = _parser(key, manifest, version_id.version, size_of)
        found = manifest.get("files")
        if not isinstance(found, FileList):
            raise ManifestFormatError(f"$.{key}.files", "an array", shown(found))
        lists[found.number] = parser
        is_counted = is_counted and (not found.count or parsers.get(found.number) == parser)
    files = StoredFiles(text, lists, tuple(lists))
    if not is_counted:
        counts = FileCounts()
        for number, parsed in files.numbered():
            counts.add(number, parsed)
    location_key = present_key(value, LOCATION_KEYS)
    if location_key is None:
        raise ManifestFormatError("$.location", "a location", "nothing")
    created_date = value.get("createdDate")
    if not isinstance(created_date, str):
        raise ManifestFormatError("$.createdDate", "an instant as text", shown(created_date))
    ingest_id = unwrapped(value.get("ingestId"))
    if ingest_id is not None and not isinstance(ingest_id, str):
        raise ManifestFormatError("$.ingestId", "text", shown(ingest_id))
    payload, tag = files.order
    payload_files: Iterable[ManifestFile] = files.only(payload)
    tag_files: Iterable[ManifestFile] = files.only(tag)
    all_files: Iterable[ManifestFile] = files
    if isinstance(text, HeldText) and is_counted:
        # Of a small manifest the files are kept too: it is asked for them again and again.
        payload_files, tag_files = (tuple(each for at, each in held if at == number) for number in files.order)
        all_files = (*payload_files, *tag_files)
    own_files, own_bytes = counts.own(files.order, version_id.version)
    return StorageManifest(
        text=text,
        sha256=walk.sha256,
        id=version_id,
        algorithm=lists[payload].algorithm,
        payload_files=payload_files,
        tag_files=tag_files,
        files=all_files,
        own_files=own_files,
        own_bytes=own_bytes,
        depends_on=counts.versions(files.order) - {version_id.version},
        location=parse_location(value[location_key], LocationRole.PRIMARY, f"$.{location_key}"),
        replica_locations=_replica_locations(value),
        created_date=created_date,
        ingest_id=ingest_id,
        info=value["info"],
    )


def present_key(value: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """The first of some keys that has a value other than null."""
    return next((key for key in keys if value.get(key) is not None), None)


def _replica_locations(value: dict[str, Any]) -> tuple[ManifestLocation, ...]:
    key = present_key(value, REPLICAS_KEYS)
    if key is None:
        return ()
    stored = value[key]
    if not isinstance(stored, list):
        raise ManifestFormatError(f"$.{key}", "an array", shown(stored))
    return tuple(parse_location(one, LocationRole.SECONDARY, f"$.{key}[{index}]") for index, one in enumerate(stored))


def _id(value: dict[str, Any]) -> BagVersionId:
    space = unwrapped(value.get("space"))
    info = value.get("info")
    identifier = unwrapped(info.get("externalIdentifier")) if isinstance(info, dict) else None
    for where, found in (("$.space", space), ("$.info.externalIdentifier", identifier)):
        if not isinstance(found, str):
            raise ManifestFormatError(where, "text", shown(found))
    try:
        bag = BagId(Space.stored(str(space)), ExternalIdentifier.stored(str(identifier)))
    except InvalidIdentifier as error:
        raise ManifestFormatError("$.space or $.info.externalIdentifier", "the name of a bag", str(error)) from None
    return BagVersionId(bag, _version(value.get("version")))


def _version(found: Any) -> BagVersion:
    try:
        if isinstance(found, str):
            return BagVersion.parse(found if found.startswith("v") else f"v{found}")
        if isinstance(found, int) and not isinstance(found, bool):
            return BagVersion(found)
    except InvalidIdentifier as error:
        raise ManifestFormatError("$.version", "a version from 1", str(error)) from None
    raise ManifestFormatError("$.version", "a version from 1", shown(found))


def _parser(
    key: str, manifest: Mapping[str, Any], version: BagVersion, size_of: Callable[[str], int] | None
) -> FileParser:
    algorithm = _algorithm(manifest.get("checksumAlgorithm"), f"$.{key}.checksumAlgorithm")
    return FileParser(f"$.{key}.files", algorithm, version, size_of)


def _algorithm(found: Any, where: str) -> Algorithm:
    text = found
    if isinstance(found, dict):
        text = found.get("type", found.get("underlying")) or (next(iter(found)) if len(found) == 1 else None)
    if isinstance(text, str):
        try:
            return Algorithm.parse(text)
        except UnknownAlgorithm:
            pass
    raise ManifestFormatError(where, "the name of a checksum algorithm", shown(found))
