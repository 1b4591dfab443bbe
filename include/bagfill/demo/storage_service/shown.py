"""Ingests and storage manifests as the service's public APIs show them (its ``Display…`` classes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ALGORITHMS = {"sha256": "SHA-256", "sha512": "SHA-512", "sha1": "SHA-1", "md5": "MD5"}
_OLD_LISTS = ("archiveLocations",)


def shown_ingest(ingest: Mapping[str, Any]) -> dict[str, Any]:
    """The body of ``GET /ingests/{id}``."""
    source = ingest["sourceLocation"]["location"]
    events = sorted(ingest["events"], key=lambda event: str(event["createdDate"]))
    info = {"externalIdentifier": ingest["externalIdentifier"], "type": "BagInfo"}
    if ingest.get("version") is not None:
        info["version"] = f"v{ingest['version']}"
    document = {
        "id": ingest["id"],
        "type": "Ingest",
        "sourceLocation": _location("amazon-s3", source["bucket"], source["key"]),
        "callback": _callback(ingest.get("callback")),
        "ingestType": {"id": ingest["ingestType"]["id"], "type": "IngestType"},
        "space": {"id": ingest["space"], "type": "Space"},
        "status": {"id": ingest["status"]["type"].lower(), "type": "Status"},
        "bag": {"info": info, "type": "Bag"},
        "events": [{**event, "type": "IngestEvent"} for event in events],
        "createdDate": ingest["createdDate"],
        "lastModifiedDate": events[-1]["createdDate"] if events else None,
    }
    return {name: value for name, value in document.items() if value is not None}


def shown_bag(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The body of ``GET /bags/{id}``, from stored JSON in any of the spellings that are stored."""
    info = manifest["info"]
    oxum = info.get("payloadOxum")
    if isinstance(oxum, dict):
        oxum = f"{oxum['payloadBytes']}.{oxum['numberOfPayloadFiles']}"
    more = {
        "payloadOxum": oxum,
        "baggingDate": info.get("baggingDate"),
        "sourceOrganization": _text(info.get("sourceOrganisation", info.get("sourceOrganization"))),
        "externalDescription": _text(info.get("externalDescription")),
        "internalSenderIdentifier": _text(info.get("internalSenderIdentifier")),
        "internalSenderDescription": _text(info.get("internalSenderDescription")),
    }
    space, identifier = manifest["space"], info["externalIdentifier"]
    return {
        "id": f"{space}/{identifier}",
        "space": {"id": space, "type": "Space"},
        "info": {
            "externalIdentifier": identifier,
            **{name: value for name, value in more.items() if value is not None},
            "type": "BagInfo",
        },
        "manifest": _files(manifest["manifest"]),
        "tagManifest": _files(manifest["tagManifest"]),
        "location": _stored_location(manifest.get("location", manifest.get("accessLocation"))),
        "replicaLocations": [_stored_location(each) for each in _replicas(manifest)],
        "createdDate": manifest["createdDate"],
        "version": f"v{manifest['version']}",
        "type": "Bag",
    }


def shown_version(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """One element of ``GET /bags/{id}/versions``."""
    bag = f"{manifest['space']}/{manifest['info']['externalIdentifier']}"
    version = f"v{manifest['version']}"
    return {"id": bag, "version": version, "createdDate": manifest["createdDate"], "type": "Bag"}


def _replicas(manifest: Mapping[str, Any]) -> list[Any]:
    return next((manifest[name] for name in ("replicaLocations", *_OLD_LISTS) if manifest.get(name)), [])


def _files(part: Mapping[str, Any]) -> dict[str, Any]:
    algorithm = part["checksumAlgorithm"]
    if isinstance(algorithm, dict):
        algorithm = algorithm.get("type") or next(iter(algorithm))
    plain = str(algorithm).replace("-", "").lower()
    files = sorted(part["files"], key=lambda file: str(file["name"]))
    shown = [{**{name: file[name] for name in ("checksum", "name", "path", "size")}, "type": "File"} for file in files]
    return {"checksumAlgorithm": _ALGORITHMS.get(plain, algorithm), "files": shown, "type": "BagManifest"}


def _stored_location(value: Any) -> dict[str, Any]:
    """Known by a type beside the prefix, by a wrapping key, or by the older names of its fields."""
    if "prefix" not in value and len(value) == 1:
        [(name, inner)] = value.items()
        value = {**inner, "type": name}
    prefix = value.get("prefix", value)
    azure = "Azure" in str(value.get("type", "")) or "container" in prefix
    bucket = next(prefix[name] for name in ("bucket", "container", "namespace") if name in prefix)
    path = next(prefix[name] for name in ("keyPrefix", "namePrefix", "path") if name in prefix)
    return _location("azure-blob-storage" if azure else "amazon-s3", bucket, path)


def _location(provider: str, bucket: str, path: str) -> dict[str, Any]:
    return {"provider": {"id": provider, "type": "Provider"}, "bucket": bucket, "path": path, "type": "Location"}


def _callback(callback: Any) -> dict[str, Any] | None:
    if callback is None:
        return None
    status = {"id": callback["status"]["type"].lower(), "type": "Status"}
    return {"url": callback["uri"], "status": status, "type": "Callback"}


def _text(value: Any) -> Any:
    return value.get("underlying") if isinstance(value, dict) else value
