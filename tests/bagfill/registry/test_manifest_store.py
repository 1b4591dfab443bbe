from __future__ import annotations

import pickle
from uuid import UUID

import pytest

from bagfill.registry import manifest_store
from bagfill.registry.errors import ManifestDamagedError
from bagfill.registry.manifest_store import ManifestCopy, ManifestStore
from bagfill.storage.faults import Fault, FaultKind, FaultyStore
from bagfill.storage.memory import MemoryStore
from bagfill.storage.names import AZURE_NAMES, LOCAL_NAMES, S3_NAMES
from contracts.registry_contract import AWKWARD
from contracts.sample_manifests import bag_version, sample_manifest

ID = UUID("6a940c0b-77ab-4b9b-b6d1-0d7a1a1d4a5c")


@pytest.fixture
def objects() -> MemoryStore:
    return MemoryStore(chunk_size=64)


def test_keys_are_the_storage_services(objects: MemoryStore) -> None:
    store = ManifestStore(objects, "manifests/", new_id=lambda: ID)
    manifest = sample_manifest(bag_version("PP/MIA 1.2", 12))
    copy = store.write(manifest)
    assert copy.pointer == f"manifests/digitised/PP/MIA 1.2/12/{ID}.json"
    assert b"".join(objects.read(copy.pointer)) == manifest.raw
    assert store.read(copy, manifest.id).raw == manifest.raw


@pytest.mark.parametrize("identifier", AWKWARD)
def test_every_provider_holds_the_key_of_an_awkward_identifier(objects: MemoryStore, identifier: str) -> None:
    key = ManifestStore(objects).write(sample_manifest(bag_version(identifier, space="..")))
    for rules in (AZURE_NAMES, LOCAL_NAMES, S3_NAMES):
        assert rules.check(key.pointer) is None


@pytest.mark.parametrize("block", [1, 100, 10_000])
def test_a_manifest_too_large_for_one_request_is_staged(
    objects: MemoryStore, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(manifest_store, "_BLOCK_BYTES", block)
    manifest = sample_manifest()
    store = ManifestStore(objects)
    assert store.read(store.write(manifest), manifest.id).raw == manifest.raw


def test_a_staged_write_that_fails_is_abandoned(objects: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_store, "_BLOCK_BYTES", 100)
    operations: list[str] = []

    def decide(operation: str, _key: str) -> Fault | None:
        operations.append(operation)
        return Fault(FaultKind.REFUSE) if operation == "commit" else None

    with pytest.raises(Exception, match="commit"):
        ManifestStore(FaultyStore(objects, decide)).write(sample_manifest())
    assert operations[-1] == "abandon"
    assert list(objects.list("")) == []


def test_a_write_that_was_not_answered_is_done_by_its_repetition(objects: MemoryStore) -> None:
    store = ManifestStore(objects, new_id=lambda: ID)
    assert store.write(sample_manifest()) == store.write(sample_manifest())


@pytest.mark.parametrize("there", [b"", b"{}", sample_manifest().raw + b" ", sample_manifest().raw[:-1] + b" "])
def test_other_bytes_under_the_key_are_noticed_and_left_alone(objects: MemoryStore, there: bytes) -> None:
    store = ManifestStore(objects, new_id=lambda: ID)
    key = f"digitised/b1/1/{ID}.json"
    objects.create(key, there)
    with pytest.raises(ManifestDamagedError, match="read back"):
        store.write(sample_manifest())
    assert b"".join(objects.read(key)) == there


def test_a_copy_of_another_bag_version_is_refused(objects: MemoryStore) -> None:
    store = ManifestStore(objects)
    copy = store.write(sample_manifest())
    with pytest.raises(ManifestDamagedError, match="is about digitised/b1/v1, expected digitised/b1/v2"):
        store.read(copy, bag_version(version=2))


def test_other_bytes_than_were_pointed_to_are_refused(objects: MemoryStore) -> None:
    store = ManifestStore(objects)
    copy = store.write(sample_manifest())
    with pytest.raises(ManifestDamagedError, match="SHA-256"):
        store.read(ManifestCopy(copy.pointer, "0" * 64), bag_version())


def test_a_prefix_is_a_folder() -> None:
    with pytest.raises(ValueError, match="must be empty or end in '/'"):
        ManifestStore(MemoryStore(), "manifests")


def test_its_error_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(ManifestDamagedError("a/b.json", "gone bad")))  # noqa: S301 - our own bytes
    assert (error.pointer, error.retryable, str(error)) == ("a/b.json", True, "stored manifest 'a/b.json': gone bad")
