"""Storage manifests in every shape that is stored."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from bagfill.bag.bag_info import BagInfo, PayloadOxum
from bagfill.bag.identifiers import BagVersion, BagVersionId, ExternalIdentifier
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digest import Digest
from bagfill.manifest.codec import parse_storage_manifest, write_storage_manifest
from bagfill.manifest.errors import ManifestFormatError
from bagfill.manifest.model import LocationRole, ManifestFile, ManifestLocation, Provider

DIGEST = "Ab" * 32
PRIMARY = ManifestLocation(LocationRole.PRIMARY, Provider.AMAZON_S3, "B", "digitised/b1234")
SECOND = ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, "B2", "digitised/b1234")
AZURE = ManifestLocation(LocationRole.SECONDARY, Provider.AZURE_BLOB_STORAGE, "C", "digitised/b1234")


def stored(**changes: Any) -> dict[str, Any]:
    value = {
        "space": "digitised",
        "info": {"externalIdentifier": "b1234", "payloadOxum": {"payloadBytes": 15, "numberOfPayloadFiles": 1}},
        "version": 2,
        "manifest": {
            "checksumAlgorithm": {"type": "SHA256"},
            "files": [
                {"checksum": DIGEST, "name": "data/a.txt", "path": "v1/data/a.txt", "size": 15},
                {"checksum": DIGEST, "name": "data/b.txt", "path": "v2/data/b.txt", "size": 0},
            ],
        },
        "tagManifest": {
            "checksumAlgorithm": {"type": "SHA256"},
            "files": [{"checksum": DIGEST, "name": "bagit.txt", "path": "v2/bagit.txt", "size": 55}],
        },
        "location": {"prefix": {"bucket": "B", "keyPrefix": "digitised/b1234"}, "type": "PrimaryS3StorageLocation"},
        "replicaLocations": [
            {"prefix": {"bucket": "B2", "keyPrefix": "digitised/b1234"}, "type": "SecondaryS3StorageLocation"},
            {"prefix": {"container": "C", "namePrefix": "digitised/b1234"}, "type": "SecondaryAzureStorageLocation"},
        ],
        "createdDate": "2021-07-16T09:00:00Z",
        "ingestId": "6a94",
    }
    return value | changes


def raw(**changes: Any) -> bytes:
    return json.dumps(stored(**changes)).encode()


def test_the_stored_shape() -> None:
    text = raw()
    manifest = parse_storage_manifest(text)
    assert str(manifest.id) == "digitised/b1234/v2"
    assert manifest.algorithm is Algorithm.SHA256
    assert [file.path for file in manifest.files] == ["v1/data/a.txt", "v2/data/b.txt", "v2/bagit.txt"]
    first = next(iter(manifest.files))
    assert first.digest.text == DIGEST
    assert (first.version, first.path_in_version) == (BagVersion(1), "data/a.txt")
    assert [file.name for file in manifest.concrete_files] == ["data/b.txt", "bagit.txt"]
    assert manifest.depends_on == {BagVersion(1)}
    assert manifest.locations == (PRIMARY, SECOND, AZURE)
    assert (manifest.created_date, manifest.ingest_id) == ("2021-07-16T09:00:00Z", "6a94")
    assert manifest.raw == text


@pytest.mark.parametrize(
    "algorithm", ["SHA-256", "sha256", {"type": "SHA256"}, {"SHA256": {}}, {"underlying": "sha256"}]
)
def test_every_spelling_of_the_algorithm(algorithm: Any) -> None:
    manifest = parse_storage_manifest(raw(manifest={"checksumAlgorithm": algorithm, "files": []}))
    assert manifest.algorithm is Algorithm.SHA256


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ({"prefix": {"namespace": "B2", "path": "digitised/b1234"}, "type": "SecondaryS3StorageLocation"}, SECOND),
        ({"SecondaryS3StorageLocation": {"prefix": {"bucket": "B2", "keyPrefix": "digitised/b1234"}}}, SECOND),
        ({"SecondaryAzureStorageLocation": {"prefix": {"container": "C", "namePrefix": "digitised/b1234"}}}, AZURE),
        ({"provider": {"id": "aws-s3-glacier"}, "bucket": "B2", "path": "digitised/b1234", "type": "Location"}, SECOND),
        ({"provider": "aws-s3-ia", "prefix": {"namespace": "B2", "path": "digitised/b1234"}}, SECOND),
        (
            {"provider": {"type": "AmazonS3StorageProvider"}, "prefix": {"bucket": "B2", "path": "digitised/b1234"}},
            SECOND,
        ),
        ({"provider": {"id": "azure-blob-storage"}, "bucket": "C", "path": "digitised/b1234"}, AZURE),
        ({"prefix": {"container": "C", "namePrefix": "digitised/b1234"}}, AZURE),
    ],
)
def test_every_shape_of_a_location(location: Any, expected: ManifestLocation) -> None:
    assert parse_storage_manifest(raw(replicaLocations=[location])).replica_locations == (expected,)


def test_absent_and_null_optionals() -> None:
    value = stored(replicaLocations=None, ingestId=None)
    assert parse_storage_manifest(json.dumps(value).encode()).replica_locations == ()
    del value["replicaLocations"], value["ingestId"]
    manifest = parse_storage_manifest(json.dumps(value).encode())
    assert (manifest.replica_locations, manifest.ingest_id) == ((), None)


def test_the_shape_of_2019() -> None:
    value = stored(
        version="v2",
        space={"id": "digitised"},
        manifest={"checksumAlgorithm": "sha256", "files": [{"checksum": DIGEST, "path": "v1/data/a.txt"}]},
        tagManifest={"checksumAlgorithm": "sha256", "files": [{"checksum": DIGEST, "path": "bagit.txt"}]},
    )
    value["accessLocation"] = value.pop("location")
    value["archiveLocations"] = value.pop("replicaLocations")
    text = json.dumps(value).encode()
    manifest = parse_storage_manifest(text, size_of={"v1/data/a.txt": 15, "v2/bagit.txt": 55}.__getitem__)
    assert [(file.name, file.path, file.size) for file in manifest.files] == [
        ("data/a.txt", "v1/data/a.txt", 15),
        ("bagit.txt", "v2/bagit.txt", 55),
    ]
    assert manifest.locations == (PRIMARY, SECOND, AZURE)
    with pytest.raises(ManifestFormatError, match="size: expected a number of bytes"):
        parse_storage_manifest(text)


def test_a_trailing_slash_of_a_legacy_identifier_is_read() -> None:
    manifest = parse_storage_manifest(raw(info={"externalIdentifier": "PP/MIA/"}))
    assert str(manifest.id.external_identifier) == "PP/MIA/"


def files(**changes: Any) -> dict[str, Any]:
    file = {"checksum": DIGEST, "name": "data/a.txt", "path": "v1/data/a.txt", "size": 15} | changes
    return {"checksumAlgorithm": "sha256", "files": [file]}


@pytest.mark.parametrize(
    ("changes", "json_path"),
    [
        ({"space": None}, "$.space"),
        ({"info": {}}, "$.info.externalIdentifier"),
        ({"version": 0}, "$.version"),
        ({"version": True}, "$.version"),
        ({"version": 1.5}, "$.version"),
        ({"manifest": None}, "$.manifest"),
        ({"manifest": {"checksumAlgorithm": "crc"}}, "$.manifest.checksumAlgorithm"),
        ({"manifest": {"checksumAlgorithm": "md5", "files": {}}}, "$.manifest.files"),
        ({"manifest": files(path="data/a.txt")}, "$.manifest.files[0]"),
        ({"manifest": files(path="v1/../../x")}, "$.manifest.files[0]"),
        ({"manifest": files(name="../x")}, "$.manifest.files[0]"),
        ({"manifest": files(size=-1)}, "$.manifest.files[0].size"),
        ({"manifest": files(size="15")}, "$.manifest.files[0].size"),
        ({"tagManifest": files(checksum="ab")}, "$.tagManifest.files[0].checksum"),
        ({"location": None}, "$.location"),
        ({"location": {"prefix": {}}}, "$.location.prefix"),
        ({"location": {"prefix": {"bucket": "B", "keyPrefix": "x"}, "type": "TapeLocation"}}, "$.location.type"),
        ({"replicaLocations": {}}, "$.replicaLocations"),
        ({"replicaLocations": [{"provider": "tape", "bucket": "B", "path": "x"}]}, "$.replicaLocations[0].provider"),
        ({"createdDate": 1}, "$.createdDate"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_place(changes: dict[str, Any], json_path: str) -> None:
    with pytest.raises(ManifestFormatError) as refused:
        parse_storage_manifest(raw(**changes))
    assert refused.value.json_path == json_path


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"{", b'{"size": NaN}'])
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(ManifestFormatError, match=r"^\$: "):
        parse_storage_manifest(text)


INFO = BagInfo(ExternalIdentifier("b1234"), PayloadOxum(15, 1), date(2021, 7, 16), source_organization="X")
FILE = ManifestFile("data/\u00e9.txt", "v2/data/\u00e9.txt", 15, Digest(Algorithm.SHA256, DIGEST))


def written(**changes: Any) -> bytes:
    arguments = {
        "info": INFO,
        "algorithm": Algorithm.SHA256,
        "payload_files": [FILE],
        "tag_files": [],
        "location": PRIMARY,
        "replica_locations": [SECOND, AZURE],
        "created_date": "2021-07-16T09:00:00Z",
        "ingest_id": "6a94",
    }
    return write_storage_manifest(BagVersionId.parse("digitised/b1234/v2"), **(arguments | changes))


def test_a_written_manifest_has_the_storage_services_shape() -> None:
    assert json.loads(written()) == {
        "space": "digitised",
        "info": {
            "externalIdentifier": "b1234",
            "payloadOxum": {"payloadBytes": 15, "numberOfPayloadFiles": 1},
            "baggingDate": "2021-07-16",
            "sourceOrganisation": {"underlying": "X"},
        },
        "version": 2,
        "manifest": {
            "checksumAlgorithm": {"type": "SHA256"},
            "files": [{"checksum": DIGEST, "name": "data/\u00e9.txt", "path": "v2/data/\u00e9.txt", "size": 15}],
        },
        "tagManifest": {"checksumAlgorithm": {"type": "SHA256"}, "files": []},
        "location": stored()["location"],
        "replicaLocations": stored()["replicaLocations"],
        "createdDate": "2021-07-16T09:00:00Z",
        "ingestId": "6a94",
    }
    assert written().endswith(b',"ingestId":"6a94"}')


@pytest.mark.parametrize("provider", Provider)
def test_what_is_written_is_read_back(provider: Provider) -> None:
    replica = ManifestLocation(LocationRole.SECONDARY, provider, "place", "digitised/b1234")
    manifest = parse_storage_manifest(written(replica_locations=[replica]))
    assert list(manifest.payload_files) == [FILE]
    assert manifest.locations == (PRIMARY, replica)


@pytest.mark.parametrize(
    "changes", [{"algorithm": Algorithm.MD5}, {"location": SECOND}, {"replica_locations": [PRIMARY]}]
)
def test_a_manifest_that_contradicts_itself_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"digest|location"):
        written(**changes)
