"""New storage manifests as the JSON the storage service keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bagfill.bag.bag_info import BagInfo
from bagfill.bag.identifiers import BagVersionId
from bagfill.checksum.algorithm import Algorithm
from bagfill.manifest.location_codec import location_json
from bagfill.manifest.model import LocationRole, ManifestFile, ManifestLocation

_TOGETHER = 1000
"""Files in one piece of the text."""


def write_storage_manifest(
    version_id: BagVersionId,
    *,
    info: BagInfo,
    algorithm: Algorithm,
    payload_files: Iterable[ManifestFile],
    tag_files: Iterable[ManifestFile],
    location: ManifestLocation,
    replica_locations: Sequence[ManifestLocation] = (),
    created_date: str,
    ingest_id: str | None = None,
) -> bytes:
    """The JSON of a new storage manifest, as the storage service's register stores it: compact, ``ingestId`` last.

    Args:
        version_id: which bag version.
        info: what its ``bag-info.txt`` says.
        algorithm: of every digest.
        payload_files: fetched ones included.
        tag_files: the tag manifests included.
        location: the primary location.
        replica_locations: the secondary ones.
        created_date: an instant in ISO 8601, such as ``2021-07-16T09:00:00Z``.
        ingest_id: of the ingest that made it.

    Raises:
        ValueError: a digest by another algorithm, or a location in the wrong role.
    """
    arguments = (version_id, info, algorithm, payload_files, tag_files, location, replica_locations)
    return b"".join(storage_manifest_chunks(*arguments, created_date=created_date, ingest_id=ingest_id))


def storage_manifest_chunks(
    version_id: BagVersionId,
    info: BagInfo,
    algorithm: Algorithm,
    payload_files: Iterable[ManifestFile],
    tag_files: Iterable[ManifestFile],
    location: ManifestLocation,
    replica_locations: Sequence[ManifestLocation] = (),
    *,
    created_date: str,
    ingest_id: str | None = None,
) -> Iterator[bytes]:
    """The same in pieces, without ever holding it. Arguments and errors as for :func:`write_storage_manifest`."""
    if location.role is not LocationRole.PRIMARY or any(
        replica.role is not LocationRole.SECONDARY for replica in replica_locations
    ):
        raise ValueError("The location of a manifest is a primary one, its replica locations are secondary ones")
    value: dict[str, Any] = {
        "space": str(version_id.space),
        "info": _info_json(info),
        "version": version_id.version.number,
    }
    yield _json(value)[:-1].encode()
    for key, files in (("manifest", payload_files), ("tagManifest", tag_files)):
        yield f',"{key}":{{"checksumAlgorithm":{{"type":"{algorithm.value.upper()}"}},"files":['.encode()
        yield from _files_json(algorithm, files)
        yield b"]}"
    rest: dict[str, Any] = {
        "location": location_json(location),
        "replicaLocations": [location_json(replica) for replica in replica_locations],
        "createdDate": created_date,
    }
    if ingest_id is not None:
        rest["ingestId"] = ingest_id
    yield f",{_json(rest)[1:]}".encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _files_json(algorithm: Algorithm, files: Iterable[ManifestFile]) -> Iterator[bytes]:
    waiting: list[str] = []
    before = ""
    for file in files:
        if file.digest.algorithm is not algorithm:
            raise ValueError(f"Not a {algorithm.bagit_name} digest: {file.name}")
        value = {"checksum": file.digest.text, "name": file.name, "path": file.path, "size": file.size}
        waiting.append(_json(value))
        if len(waiting) >= _TOGETHER:
            yield f"{before}{','.join(waiting)}".encode()
            before = ","
            waiting.clear()
    if waiting:
        yield f"{before}{','.join(waiting)}".encode()


def _info_json(info: BagInfo) -> dict[str, Any]:
    value: dict[str, Any] = {
        "externalIdentifier": str(info.external_identifier),
        "payloadOxum": {
            "payloadBytes": info.payload_oxum.payload_bytes,
            "numberOfPayloadFiles": info.payload_oxum.payload_files,
        },
        "baggingDate": info.bagging_date.isoformat(),
    }
    wrapped = {
        "sourceOrganisation": info.source_organization,
        "externalDescription": info.external_description,
        "internalSenderIdentifier": info.internal_sender_identifier,
        "internalSenderDescription": info.internal_sender_description,
    }
    value |= {key: {"underlying": text} for key, text in wrapped.items() if text is not None}
    return value
