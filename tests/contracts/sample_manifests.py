"""Storage manifests made up for tests, as the JSON that the storage service keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bagfill.bag.identifiers import BagId, BagVersionId, ExternalIdentifier, Space
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider, StorageManifest


def bag_version(identifier: str = "b1", version: int = 1, *, space: str = "digitised") -> BagVersionId:
    return BagId(Space.stored(space), ExternalIdentifier.stored(identifier)).version(version)


def manifest_location(bag: BagId, bucket: str = "replicas") -> ManifestLocation:
    return ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, bucket, str(bag))


def manifest_document(
    about: BagVersionId,
    *,
    files: Mapping[str, int] | None = None,
    replica_buckets: Sequence[str] = (),
    created_date: str = "2021-07-16T09:00:00Z",
    ingest_id: str = "6a940c0b-77ab-4b9b-b6d1-0d7a1a1d4a5c",
) -> dict[str, Any]:
    """The document; ``files`` are paths from the bag's root (``v1/data/a.txt``) and sizes in bytes."""
    paths = {f"{about.version}/data/a.txt": 15} if files is None else files
    payload = [
        {"checksum": f"{number:064x}", "name": path.partition("/")[2], "path": path, "size": size}
        for number, (path, size) in enumerate(paths.items(), start=1)
    ]
    tag_file = {"checksum": "AB" * 32, "name": "bagit.txt", "path": f"{about.version}/bagit.txt", "size": 55}
    return {
        "space": str(about.space),
        "info": {
            "externalIdentifier": str(about.external_identifier),
            "payloadOxum": {"payloadBytes": sum(paths.values()), "numberOfPayloadFiles": len(paths)},
            "baggingDate": "2021-07-16",
        },
        "version": about.version.number,
        "manifest": {"checksumAlgorithm": {"type": "SHA256"}, "files": payload},
        "tagManifest": {"checksumAlgorithm": {"type": "SHA256"}, "files": [tag_file]},
        "location": {"prefix": {"bucket": "primary", "keyPrefix": str(about.bag)}, "type": "PrimaryS3StorageLocation"},
        "replicaLocations": [
            {"prefix": {"bucket": bucket, "keyPrefix": str(about.bag)}, "type": "SecondaryS3StorageLocation"}
            for bucket in replica_buckets
        ],
        "createdDate": created_date,
        "ingestId": ingest_id,
    }


def manifest_of(document: Mapping[str, Any], **json_options: Any) -> StorageManifest:
    return parse_storage_manifest(json.dumps(document, **json_options).encode())


def sample_manifest(about: BagVersionId | None = None, **parts: Any) -> StorageManifest:
    return manifest_of(manifest_document(bag_version() if about is None else about, **parts))
