"""New storage manifests as the JSON the storage service keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bagfill.bag.bag_info import BagInfo
from bagfill.bag.identifiers import BagVersionId
from bagfill.checksum.algorithm import Algorithm
from bagfill.manifest.location_codec import location_json
from bagfill.manifest.model import LocationRole, ManifestFile, ManifestLocation


def write_storage_manifest(
    version_id: BagVersionId,
    *,
    info: BagInfo,
    algorithm: Algorithm,
    payload_files: Sequence[ManifestFile],
    tag_files: Sequence[ManifestFile],
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
    if wrong := [file.name for file in (*payload_files, *tag_files) if file.digest.algorithm is not algorithm]:
        raise ValueError(f"Not a {algorithm.bagit_name} digest: {', '.join(wrong[:10])}")
    if location.role is not LocationRole.PRIMARY or any(
        replica.role is not LocationRole.SECONDARY for replica in replica_locations
    ):
        raise ValueError("The location of a manifest is a primary one, its replica locations are secondary ones")
    value: dict[str, Any] = {
        "space": str(version_id.space),
        "info": _info_json(info),
        "version": version_id.version.number,
        "manifest": _file_manifest_json(algorithm, payload_files),
        "tagManifest": _file_manifest_json(algorithm, tag_files),
        "location": location_json(location),
        "replicaLocations": [location_json(replica) for replica in replica_locations],
        "createdDate": created_date,
    }
    if ingest_id is not None:
        value["ingestId"] = ingest_id
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


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


def _file_manifest_json(algorithm: Algorithm, files: Sequence[ManifestFile]) -> dict[str, Any]:
    return {
        "checksumAlgorithm": {"type": algorithm.value.upper()},
        "files": [
            {"checksum": file.digest.text, "name": file.name, "path": file.path, "size": file.size} for file in files
        ],
    }
