"""The storage manifest of a bag version that has none yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bagfill.bag.bag_info import parse_bag_info
from bagfill.bag.fetch import parse_fetch
from bagfill.bag.identifiers import BagId, BagVersion
from bagfill.bag.payload_manifest import BagManifest, manifest_algorithm, parse_manifest
from bagfill.checksum.algorithm import Algorithm
from bagfill.checksum.digester import digest_bytes
from bagfill.manifest.build import build_storage_manifest
from bagfill.manifest.errors import ManifestBuildError
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider, StorageManifest

SERVICE_BAG = Path(__file__).parents[3] / "../shared/data/storage-service-bags/testing/test_bag"
needs_service_bags = pytest.mark.skipif(not SERVICE_BAG.is_dir(), reason=f"no storage service bag at {SERVICE_BAG}")

BAG = BagId.parse("digitised/b1")
INFO = b"External-Identifier: b1\nPayload-Oxum: 5.2\nBagging-Date: 2021-07-16\n"
PRIMARY = ManifestLocation(LocationRole.PRIMARY, Provider.AMAZON_S3, "primary", "p/digitised/b1")


def lines(files: dict[str, bytes], algorithm: Algorithm) -> bytes:
    return "".join(
        f"{digest_bytes(data, [algorithm])[algorithm].hex.upper()}  {name}\n" for name, data in files.items()
    ).encode()


def bag(fetch: bytes | None = None, algorithms: tuple[Algorithm, ...] = (Algorithm.SHA256,)) -> dict[str, bytes]:
    payload = {"data/a.txt": b"aaa", "data/b.txt": b"bb"}
    files = {"bag-info.txt": INFO} | ({} if fetch is None else {"fetch.txt": fetch})
    files |= {f"manifest-{algorithm}.txt": lines(payload, algorithm) for algorithm in algorithms}
    files |= {f"tagmanifest-{algorithm}.txt": lines(files, algorithm) for algorithm in algorithms}
    return files | ({"data/a.txt": b"aaa"} if fetch is not None else payload)


def build(files: dict[str, bytes], version: int = 2, bag_id: BagId = BAG, **changes: Any) -> StorageManifest:
    def manifests(*, tag: bool) -> list[BagManifest]:
        return [
            parse_manifest(data, algorithm)
            for name, data in files.items()
            if (algorithm := manifest_algorithm(name, tag=tag)) is not None
        ]

    arguments: dict[str, Any] = {
        "info": parse_bag_info(files["bag-info.txt"]),
        "payload_manifests": manifests(tag=False),
        "tag_manifests": manifests(tag=True),
        "fetch": parse_fetch(files.get("fetch.txt", b"")),
        "sizes": {name: len(data) for name, data in files.items()},
        "tag_manifest_digests": {
            name: digest_bytes(data, Algorithm) for name, data in files.items() if name.startswith("tagmanifest-")
        },
        "location": PRIMARY,
        "created_date": "2021-07-16T09:00:00Z",
        "ingest_id": "6a94",
    }
    return build_storage_manifest(bag_id.version(version), **(arguments | changes))


def test_the_strongest_algorithm_of_both_kinds_of_manifest_is_used() -> None:
    files = bag(algorithms=(Algorithm.MD5, Algorithm.SHA512, Algorithm.SHA256))
    assert build(files).algorithm is Algorithm.SHA512
    del files["tagmanifest-sha512.txt"]
    assert build(files).algorithm is Algorithm.SHA256


def test_every_object_of_the_folder_is_listed_with_its_size() -> None:
    files = bag()
    manifest = build(files)
    assert {file.path: file.size for file in manifest.files} == {
        f"v2/{name}": len(data) for name, data in files.items()
    }
    assert [file.name for file in manifest.payload_files] == ["data/a.txt", "data/b.txt"]
    assert {file.digest for file in manifest.files if file.name.startswith("tagmanifest")} == {
        digest_bytes(files["tagmanifest-sha256.txt"], [Algorithm.SHA256])[Algorithm.SHA256]
    }
    assert next(iter(manifest.payload_files)).digest.text.isupper()
    assert manifest.depends_on == frozenset()


@pytest.mark.parametrize(("length", "size"), [("2", 2), ("-", 20)])
def test_a_fetched_file_is_where_its_address_says(length: str, size: int) -> None:
    looked_up = {"v1/data/old name.txt": 20}
    uri = "s3://primary/p/digitised/b1/v1/data/old%20name.txt"
    manifest = build(bag(f"{uri} {length} data/b.txt\n".encode()), fetched_size=looked_up.__getitem__)
    fetched = next(file for file in manifest.payload_files if file.name == "data/b.txt")
    assert (fetched.path, fetched.size) == ("v1/data/old name.txt", size)
    assert manifest.depends_on == {BagVersion(1)}


def test_a_caller_may_say_where_fetched_files_are() -> None:
    manifest = build(bag(b"https://x/y 2 data/b.txt\n"), locate_fetched=lambda entry: f"v1/{entry.path}")
    assert list(manifest.payload_files)[1].path == "v1/data/b.txt"


def without(name: str) -> Callable[[dict[str, bytes]], dict[str, Any]]:
    return lambda files: {"sizes": {path: len(data) for path, data in files.items() if path != name}}


@pytest.mark.parametrize(
    ("fetch", "changes", "file", "reason"),
    [
        (None, without("data/a.txt"), "data/a.txt", "not in the folder v2/"),
        (None, without("bag-info.txt"), "bag-info.txt", "not in the folder v2/"),
        (None, lambda _: {"tag_manifests": []}, "tagmanifest-*.txt", "no algorithm"),
        (None, lambda _: {"tag_manifest_digests": {}}, "tagmanifest-sha256.txt", "no SHA-256 digest"),
        (b"s3://primary/p/digitised/b1/v1/b - data/b.txt", lambda _: {}, "data/b.txt", "no length"),
        (b"s3://other/p/digitised/b1/v1/b 2 data/b.txt", lambda _: {}, "data/b.txt", "expected s3://primary/p/"),
        (b"s3://primary/p/digitised/b1/v1/a 3 data/a.txt", lambda _: {}, "data/a.txt", "in fetch.txt and in"),
    ],
)
def test_a_bag_that_does_not_add_up_is_refused_with_the_file_and_the_cause(
    fetch: bytes | None, changes: Callable[[dict[str, bytes]], dict[str, Any]], file: str, reason: str
) -> None:
    files = bag(fetch)
    with pytest.raises(ManifestBuildError) as refused:
        build(files, **changes(files))
    assert refused.value.file == file
    assert reason in refused.value.reason


def test_an_encoded_name_is_recorded_as_the_name_of_the_object() -> None:
    files = bag()
    files["data/100%.txt"] = files.pop("data/b.txt")
    files["manifest-sha256.txt"] = files["manifest-sha256.txt"].replace(b"data/b.txt", b"data/100%25.txt")
    assert list(build(files).payload_files)[1].path == "v2/data/100%.txt"


@needs_service_bags
def test_the_storage_services_own_bag_versions() -> None:
    bag_id = BagId.parse("testing/test_bag")
    location = ManifestLocation(
        LocationRole.PRIMARY, Provider.AMAZON_S3, "wellcomecollection-storage", "testing/test_bag"
    )
    made = {}
    for version in (1, 2):
        folder = SERVICE_BAG / f"v{version}"
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        made[version] = build(files, version, bag_id, location=location)
        assert made[version].algorithm is Algorithm.SHA512
        assert {file.path for file in made[version].concrete_files} == {f"v{version}/{name}" for name in files}
    assert made[1].depends_on == frozenset()
    assert made[2].depends_on == {BagVersion(1)}
    fetched = {file.name: file for file in made[2].payload_files}["data/README.txt"]
    assert fetched == next(iter(made[1].payload_files))
    assert sum(file.size for file in made[2].payload_files) == 170142
