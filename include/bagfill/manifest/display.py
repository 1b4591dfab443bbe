"""A storage manifest as the storage service's bags API shows it (its ``Display…`` classes).

Files are sorted by name (up to :data:`MOST_SORTED`; those of a larger bag stay in stored order, for none is held
whole), keys are in its order, what has no value is left out, and ``ingestId`` is not shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from bagfill.checksum.algorithm import Algorithm
from bagfill.manifest.model import ManifestFile, ManifestLocation, StorageManifest

MOST_SORTED = 100_000
_FILES_IN_A_CHUNK = 1000
_BAG_INFO = (
    ("externalIdentifier", ("externalIdentifier",)),
    ("payloadOxum", ("payloadOxum",)),
    ("baggingDate", ("baggingDate",)),
    # Stored with s, shown with z; manifests of either spelling exist.
    ("sourceOrganization", ("sourceOrganisation", "sourceOrganization")),
    ("externalDescription", ("externalDescription",)),
    ("internalSenderIdentifier", ("internalSenderIdentifier",)),
    ("internalSenderDescription", ("internalSenderDescription",)),
)


def bag_document(manifest: StorageManifest) -> Iterator[str]:
    """The JSON text of ``GET /bags/{space}/{external identifier}``, in pieces: a bag may have a million files."""
    bag = manifest.id
    head = {
        "id": str(bag.bag),
        "space": {"id": str(bag.space), "type": "Space"},
        "info": _info(manifest.info, str(bag.external_identifier)),
    }
    tail = {
        "location": _location(manifest.location),
        "replicaLocations": [_location(location) for location in manifest.replica_locations],
        "createdDate": manifest.created_date,
        "version": str(bag.version),
        "type": "Bag",
    }
    yield f'{_json(head)[:-1]},"manifest":'
    yield from _files(manifest.algorithm, manifest.payload_files)
    yield ',"tagManifest":'
    yield from _files(manifest.algorithm, manifest.tag_files)
    yield f",{_json(tail)[1:]}"


def version_document(manifest: StorageManifest) -> dict[str, Any]:
    """One element of ``GET /bags/…/versions``."""
    bag = manifest.id
    return {"id": str(bag.bag), "version": str(bag.version), "createdDate": manifest.created_date, "type": "Bag"}


def _files(algorithm: Algorithm, files: Iterable[ManifestFile]) -> Iterator[str]:
    yield f'{{"checksumAlgorithm":{_json(algorithm.bagit_name)},"files":['
    chunk: list[str] = []
    comma = ""
    for file in _in_order(files):
        shown = {
            "checksum": file.digest.text,
            "name": file.name,
            "path": file.path,
            "size": file.size,
            "type": "File",
        }
        chunk.append(_json(shown))
        if len(chunk) == _FILES_IN_A_CHUNK:
            yield comma + ",".join(chunk)
            comma = ","
            chunk.clear()
    if chunk:
        yield comma + ",".join(chunk)
    yield '],"type":"BagManifest"}'


def _in_order(files: Iterable[ManifestFile]) -> Iterable[ManifestFile]:
    rest = iter(files)
    first = list(islice(rest, MOST_SORTED + 1))
    return chain(first, rest) if len(first) > MOST_SORTED else sorted(first, key=lambda file: file.name)


def _info(values: Mapping[str, Any], external_identifier: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, spellings in _BAG_INFO:
        value = next((values[spelling] for spelling in spellings if values.get(spelling) is not None), None)
        if isinstance(value, dict):
            value = _oxum(value) if name == "payloadOxum" else value.get("underlying")
        if value is not None:
            shown[name] = value
    return {**shown, "externalIdentifier": external_identifier, "type": "BagInfo"}


def _oxum(value: Mapping[str, Any]) -> str | None:
    octets, files = value.get("payloadBytes"), value.get("numberOfPayloadFiles")
    return None if octets is None or files is None else f"{octets}.{files}"


def _location(location: ManifestLocation) -> dict[str, Any]:
    return {
        "provider": {"id": location.provider.value, "type": "Provider"},
        "bucket": location.bucket,
        "path": location.prefix,
        "type": "Location",
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
