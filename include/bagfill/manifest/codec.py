"""Storage manifests from the JSON the storage service keeps.

Reading is lenient: a collection holds what every release since 2019 wrote. ``write`` makes new manifests; the one
change to a stored one is in ``append``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from bagfill.bag.dependencies import split_version
from bagfill.bag.identifiers import (
    BagId,
    BagVersion,
    BagVersionId,
    ExternalIdentifier,
    InvalidIdentifier,
    Space,
)
from bagfill.bag.paths import BagPath, InvalidBagPath
from bagfill.checksum.algorithm import Algorithm, UnknownAlgorithm
from bagfill.checksum.digest import Digest, InvalidDigest
from bagfill.manifest.errors import ManifestFormatError, shown
from bagfill.manifest.location_codec import parse_location
from bagfill.manifest.model import LocationRole, ManifestFile, ManifestLocation, StorageManifest
from bagfill.manifest.write import write_storage_manifest

__all__ = [
    "LOCATION_KEYS",
    "REPLICAS_KEYS",
    "load_json",
    "parse_storage_manifest",
    "present_key",
    "write_storage_manifest",
]

LOCATION_KEYS = ("location", "accessLocation")
REPLICAS_KEYS = ("replicaLocations", "archiveLocations")


def load_json(raw: bytes) -> dict[str, Any]:
    """Decode the text of a manifest to plain values.

    Raises:
        ManifestFormatError: not UTF-8, not JSON, or no object.
    """
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise ManifestFormatError("$", "UTF-8", f"an undecodable byte at offset {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise ManifestFormatError("$", "JSON", str(error)) from None
    if not isinstance(value, dict):
        raise ManifestFormatError("$", "an object", shown(value))
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_storage_manifest(raw: bytes, *, size_of: Callable[[str], int] | None = None) -> StorageManifest:
    """Read a storage manifest in any shape that was ever stored.

    Args:
        raw: the JSON, UTF-8. It is kept, byte for byte.
        size_of: gives the size in bytes of a file that has none in the manifest (some from 2019), by its path from
            the bag's root; without it such a manifest is refused.

    Raises:
        ManifestFormatError: with the JSON path, what was expected there and what was found.
    """
    value = load_json(raw)
    version_id = _id(value)
    payload_algorithm, payload_files = _file_manifest(value, "manifest", version_id.version, size_of)
    _, tag_files = _file_manifest(value, "tagManifest", version_id.version, size_of)
    location_key = present_key(value, LOCATION_KEYS)
    if location_key is None:
        raise ManifestFormatError("$.location", "a location", "nothing")
    created_date = value.get("createdDate")
    if not isinstance(created_date, str):
        raise ManifestFormatError("$.createdDate", "an instant as text", shown(created_date))
    ingest_id = _unwrapped(value.get("ingestId"))
    if ingest_id is not None and not isinstance(ingest_id, str):
        raise ManifestFormatError("$.ingestId", "text", shown(ingest_id))
    return StorageManifest(
        raw=raw,
        id=version_id,
        algorithm=payload_algorithm,
        payload_files=payload_files,
        tag_files=tag_files,
        location=parse_location(value[location_key], LocationRole.PRIMARY, f"$.{location_key}"),
        replica_locations=_replica_locations(value),
        created_date=created_date,
        ingest_id=ingest_id,
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
    space = _unwrapped(value.get("space"))
    info = value.get("info")
    identifier = _unwrapped(info.get("externalIdentifier")) if isinstance(info, dict) else None
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


def _unwrapped(value: Any) -> Any:
    # Wrapper types of Scala are stored as {"underlying": …}; the API shows a space as {"id": …}.
    if isinstance(value, dict):
        return value.get("underlying", value.get("id"))
    return value


def _file_manifest(
    value: dict[str, Any], key: str, version: BagVersion, size_of: Callable[[str], int] | None
) -> tuple[Algorithm, tuple[ManifestFile, ...]]:
    manifest = value.get(key)
    if not isinstance(manifest, dict):
        raise ManifestFormatError(f"$.{key}", "an object", shown(manifest))
    algorithm = _algorithm(manifest.get("checksumAlgorithm"), f"$.{key}.checksumAlgorithm")
    files = manifest.get("files")
    if not isinstance(files, list):
        raise ManifestFormatError(f"$.{key}.files", "an array", shown(files))
    return algorithm, tuple(
        _file(file, algorithm, version, size_of, f"$.{key}.files[{index}]") for index, file in enumerate(files)
    )


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


def _file(
    value: Any, algorithm: Algorithm, version: BagVersion, size_of: Callable[[str], int] | None, where: str
) -> ManifestFile:
    if not isinstance(value, dict):
        raise ManifestFormatError(where, "a file", shown(value))
    path, name = value.get("path"), value.get("name")
    if not isinstance(path, str):
        raise ManifestFormatError(f"{where}.path", "text", shown(path))
    if name is None:
        # The shape of 2019: the path alone, sometimes without the version.
        path = path if _has_version(path) else f"{version}/{path}"
        name = path.partition("/")[2]
    if not isinstance(name, str):
        raise ManifestFormatError(f"{where}.name", "text", shown(name))
    try:
        split_version(path)
        BagPath(name)
    except (InvalidIdentifier, InvalidBagPath) as error:
        raise ManifestFormatError(where, "a name, and a path v{N}/...", str(error)) from None
    checksum = _unwrapped(value.get("checksum"))
    try:
        digest = Digest(algorithm, checksum if isinstance(checksum, str) else "")
    except InvalidDigest:
        raise ManifestFormatError(f"{where}.checksum", f"a {algorithm.bagit_name} digest", shown(checksum)) from None
    return ManifestFile(name, path, _size(value.get("size"), path, size_of, f"{where}.size"), digest)


def _has_version(path: str) -> bool:
    try:
        split_version(path)
    except (InvalidIdentifier, InvalidBagPath):
        return False
    return True


def _size(found: Any, path: str, size_of: Callable[[str], int] | None, where: str) -> int:
    if found is None and size_of is not None:
        return size_of(path)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
        return found
    raise ManifestFormatError(where, "a number of bytes", shown(found))
