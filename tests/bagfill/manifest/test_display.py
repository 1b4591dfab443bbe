from __future__ import annotations

import json
from typing import Any

import pytest

from bagfill.manifest import display
from bagfill.manifest.codec import parse_storage_manifest
from bagfill.manifest.display import bag_document, version_document


def stored(**changes: Any) -> dict[str, Any]:
    """As the storage service stores it (reference 2.8)."""
    files = [
        {"checksum": "AB" * 32, "name": f"data/{name}", "path": f"v1/data/{name}", "size": 15} for name in ("b", "a")
    ]
    made: dict[str, Any] = {
        "space": "digitised",
        "info": {
            "externalIdentifier": "b1234",
            "payloadOxum": {"payloadBytes": 30, "numberOfPayloadFiles": 2},
            "baggingDate": "2021-07-16",
            "sourceOrganisation": {"underlying": "X"},
            "externalDescription": None,
        },
        "version": 2,
        "manifest": {"checksumAlgorithm": {"type": "SHA256"}, "files": files},
        "tagManifest": {"checksumAlgorithm": {"type": "SHA256"}, "files": []},
        "location": {"prefix": {"bucket": "B", "keyPrefix": "digitised/b1234"}, "type": "PrimaryS3StorageLocation"},
        "replicaLocations": [
            {
                "prefix": {"container": "C", "namePrefix": "digitised/b1234"},
                "type": "SecondaryAzureStorageLocation",
            }
        ],
        "createdDate": "2021-07-16T09:00:00Z",
        "ingestId": "6a94",
    }
    return {**made, **changes}


def shown(document: dict[str, Any]) -> Any:
    return json.loads("".join(bag_document(parse_storage_manifest(json.dumps(document).encode()))))


def test_a_stored_manifest_is_shown_as_the_bags_api_shows_it() -> None:
    file = {"checksum": "AB" * 32, "size": 15, "type": "File"}
    assert shown(stored()) == {
        "id": "digitised/b1234",
        "space": {"id": "digitised", "type": "Space"},
        "info": {
            "externalIdentifier": "b1234",
            "payloadOxum": "30.2",
            "baggingDate": "2021-07-16",
            "sourceOrganization": "X",
            "type": "BagInfo",
        },
        "manifest": {
            "checksumAlgorithm": "SHA-256",
            "files": [
                {**file, "name": "data/a", "path": "v1/data/a"},
                {**file, "name": "data/b", "path": "v1/data/b"},
            ],
            "type": "BagManifest",
        },
        "tagManifest": {"checksumAlgorithm": "SHA-256", "files": [], "type": "BagManifest"},
        "location": {
            "provider": {"id": "amazon-s3", "type": "Provider"},
            "bucket": "B",
            "path": "digitised/b1234",
            "type": "Location",
        },
        "replicaLocations": [
            {
                "provider": {"id": "azure-blob-storage", "type": "Provider"},
                "bucket": "C",
                "path": "digitised/b1234",
                "type": "Location",
            }
        ],
        "createdDate": "2021-07-16T09:00:00Z",
        "version": "v2",
        "type": "Bag",
    }


def test_both_spellings_of_organisation_are_shown_alike() -> None:
    info = {"externalIdentifier": "b1234", "sourceOrganization": "Y", "payloadOxum": "30.2"}
    assert shown(stored(info=info))["info"] == {
        "externalIdentifier": "b1234",
        "payloadOxum": "30.2",
        "sourceOrganization": "Y",
        "type": "BagInfo",
    }


def test_a_bag_too_large_to_sort_is_shown_whole_in_stored_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "MOST_SORTED", 1)
    monkeypatch.setattr(display, "_FILES_IN_A_CHUNK", 1)
    assert [file["name"] for file in shown(stored())["manifest"]["files"]] == ["data/b", "data/a"]


def test_a_version_is_shown_in_a_line() -> None:
    manifest = parse_storage_manifest(json.dumps(stored()).encode())
    assert version_document(manifest) == {
        "id": "digitised/b1234",
        "version": "v2",
        "createdDate": "2021-07-16T09:00:00Z",
        "type": "Bag",
    }
