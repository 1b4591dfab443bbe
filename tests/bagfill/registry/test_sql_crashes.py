"""What dies anywhere in the registry leaves the old state or the new one, and the next call completes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, update

from bagfill.database.engine import reading, writing
from bagfill.database.tables import BAG_VERSIONS
from bagfill.manifest.append import with_replica_location
from bagfill.manifest.model import StorageManifest
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.registry.manifest_store import ManifestCopy, ManifestStore
from bagfill.registry.registry import Added, AlreadyKnown, AlreadyRegistered, ClaimLostError, Registered
from bagfill.registry.sql import SqlRegistry
from bagfill.storage.errors import StoreError
from bagfill.storage.faults import Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.memory import MemoryStore
from contracts.databases import sqlite_url, with_tables
from contracts.registry_contract import assert_one_chain, fresh_manifest, held, register, stored
from contracts.sample_manifests import bag_version, manifest_location, sample_manifest

DYING = (StoreError, Killed, ManifestDamagedError)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with with_tables(sqlite_url(tmp_path)) as engine:
        yield engine


@pytest.fixture
def objects() -> MemoryStore:
    return MemoryStore(chunk_size=100)


@pytest.fixture
def registry(engine: Engine, objects: MemoryStore) -> SqlRegistry:
    return SqlRegistry(engine, ManifestStore(objects))


def failing_at(engine: Engine, objects: MemoryStore, call: int, kind: FaultKind) -> tuple[SqlRegistry, list[str]]:
    """A registry whose manifest store fails at one call, and the operations it asked its store for."""
    calls: list[str] = []

    def decide(operation: str, _key: str) -> Fault | None:
        calls.append(operation)
        return Fault(kind) if len(calls) == call + 1 else None

    return SqlRegistry(engine, ManifestStore(FaultyStore(objects, decide))), calls


def attempt(act: Callable[[], object]) -> object:
    try:
        return act()
    except DYING:
        return None


def assert_registered_once(registry: SqlRegistry, manifest: StorageManifest) -> None:
    assert stored(registry, manifest).raw == expected(manifest).raw
    assert [replica.location for replica in registry.replicas(manifest.id)] == ["primary", "azure"]


def expected(manifest: StorageManifest) -> StorageManifest:
    return with_replica_location(manifest, manifest_location(manifest.id.bag, "azure"))


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("call", range(3))
def test_a_registration_whose_manifest_store_fails_is_completed_by_the_next(
    engine: Engine, objects: MemoryStore, registry: SqlRegistry, call: int, kind: FaultKind
) -> None:
    manifest = fresh_manifest()
    registry.add_bag_version(manifest, locations=["primary"])
    claim = held(registry, manifest)
    failing, calls = failing_at(engine, objects, call, kind)
    outcome = attempt(lambda: register(failing, manifest, claim))
    assert calls[call : call + 1] == [("read", "create", "read")[call]]
    if outcome is None:
        assert stored(registry, manifest).raw == manifest.raw
        assert len(registry.replicas(manifest.id)) == 1
    else:
        assert isinstance(outcome, Registered)
        assert_registered_once(registry, manifest)
    expected_outcome = Registered if outcome is None else AlreadyRegistered
    assert isinstance(register(registry, manifest, claim), expected_outcome)
    assert_registered_once(registry, manifest)


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("call", range(2))
def test_an_import_whose_manifest_store_fails_is_completed_by_the_next(
    engine: Engine, objects: MemoryStore, registry: SqlRegistry, call: int, kind: FaultKind
) -> None:
    manifest = fresh_manifest()
    failing, calls = failing_at(engine, objects, call, kind)
    outcome = attempt(lambda: failing.add_bag_version(manifest, locations=["primary"]))
    assert calls == ["create", "read"][: len(calls)]
    assert (registry.manifest(manifest.id) is None) == (outcome is None)
    again = registry.add_bag_version(manifest, locations=["primary"])
    assert again == (Added() if outcome is None else AlreadyKnown())
    assert stored(registry, manifest).raw == manifest.raw


def test_a_registration_that_dies_at_any_statement_is_completed_by_the_next(
    engine: Engine, registry: SqlRegistry
) -> None:
    statements: list[str] = []
    die_at: int | None = None

    def maybe_die(statement: str) -> None:
        statements.append(statement)
        if len(statements) - 1 == die_at:
            raise Killed(statement)

    def before_statement(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        maybe_die(statement)

    def before_commit(_connection: Any) -> None:
        maybe_die("COMMIT")

    def run(at: int | None) -> None:
        nonlocal die_at
        manifest = fresh_manifest()
        registry.add_bag_version(manifest, locations=["primary"])
        claim = held(registry, manifest)
        statements.clear()
        die_at = at
        receipt = f"receipts/{manifest.id}"
        outcome = attempt(lambda: register(registry, manifest, claim, receipt=receipt))
        seen, die_at = list(statements), None
        assert (outcome is None) == (at is not None)
        if at is None:
            assert any(statement.startswith("UPDATE bag_versions") for statement in seen)
            assert seen[-1] == "COMMIT"
            whole.extend(seen)
        else:
            assert stored(registry, manifest).raw == manifest.raw
        expected_outcome = AlreadyRegistered if at is None else Registered
        assert isinstance(register(registry, manifest, claim, receipt=receipt), expected_outcome)
        assert_registered_once(registry, manifest)
        assert [seal.receipt for seal in registry.seals("azure")].count(receipt) == 1
        assert_one_chain(list(registry.seals("azure")))

    whole: list[str] = []
    event.listen(engine, "before_cursor_execute", before_statement)
    event.listen(engine, "commit", before_commit)
    run(None)
    for position in range(len(whole)):
        run(position)


def test_a_registration_whose_commit_was_not_answered_is_found_done(
    registry: SqlRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = fresh_manifest()
    registry.add_bag_version(manifest, locations=["primary"])
    claim = held(registry, manifest)
    move_pointer = registry._move_pointer

    def committed_then_died(*arguments: Any) -> None:
        move_pointer(*arguments)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(registry, "_move_pointer", committed_then_died)
        with pytest.raises(Killed):
            register(registry, manifest, claim)
    assert register(registry, manifest, claim) == AlreadyRegistered()
    assert_registered_once(registry, manifest)


def test_every_state_of_a_manifest_stays_in_the_store(objects: MemoryStore, registry: SqlRegistry) -> None:
    manifest = fresh_manifest()
    registry.add_bag_version(manifest, locations=["primary"])
    first = registry.manifest(manifest.id)
    register(registry, manifest, held(registry, manifest))
    assert first is not None
    assert b"".join(objects.read(first.pointer)) == manifest.raw
    assert len(list(objects.list(f"{manifest.id.bag}/1/"))) == 2


def test_a_damaged_manifest_is_never_taken_for_the_manifest(engine: Engine, registry: SqlRegistry) -> None:
    manifest = fresh_manifest()
    registry.add_bag_version(manifest, locations=["primary"])
    with writing(engine) as connection:
        connection.execute(update(BAG_VERSIONS).values(sha256="0" * 64))
    with pytest.raises(ManifestDamagedError, match="SHA-256"):
        registry.manifest(manifest.id)
    with pytest.raises(ManifestDamagedError, match="SHA-256"):
        register(registry, manifest, held(registry, manifest))


def test_a_missing_manifest_is_an_error_and_no_missing_bag(
    engine: Engine, objects: MemoryStore, registry: SqlRegistry
) -> None:
    manifest = fresh_manifest()
    registry.add_bag_version(manifest, locations=["primary"])
    elsewhere = SqlRegistry(engine, ManifestStore(MemoryStore()))
    with pytest.raises(StoreError):
        elsewhere.manifest(manifest.id)
    with pytest.raises(StoreError):
        elsewhere.add_bag_version(manifest, locations=["primary"])


@pytest.mark.parametrize("listed", [False, True])
def test_a_claim_lost_while_the_manifest_is_written_is_refused_at_the_commit(
    engine: Engine, objects: MemoryStore, registry: SqlRegistry, listed: bool
) -> None:
    manifest = sample_manifest(bag_version("lost"), replica_buckets=["azure"] if listed else [])
    registry.add_bag_version(manifest, locations=["primary"])
    claim = held(registry, manifest)
    first = registry.manifest(manifest.id)

    def take_over(_operation: str, _key: str) -> None:
        registry.release(claim)
        held(registry, manifest, holder="ingest-2")

    slow = SqlRegistry(engine, ManifestStore(FaultyStore(objects, take_over)))
    with pytest.raises(ClaimLostError):
        register(slow, manifest, claim)
    assert registry.manifest(manifest.id) == first
    assert [replica.location for replica in registry.replicas(manifest.id)] == ["primary"]


def test_a_race_that_is_always_lost_ends_as_retryable(engine: Engine, objects: MemoryStore) -> None:
    class Overtaken(ManifestStore):
        """Between our write and our commit somebody else moves the pointer, every time."""

        def write(self, manifest: StorageManifest) -> ManifestCopy:
            copy = super().write(manifest)
            if len(list(manifest.replica_locations)) == 1:
                theirs = super().write(original)
                with writing(engine) as connection:
                    connection.execute(update(BAG_VERSIONS).values(pointer=theirs.pointer))
            return copy

    pauses: list[float] = []
    registry = SqlRegistry(engine, Overtaken(objects), sleep=pauses.append)
    original = fresh_manifest()
    registry.add_bag_version(original, locations=["primary"])
    with pytest.raises(RegistryContendedError, match="20 times") as caught:
        register(registry, original, held(registry, original))
    assert caught.value.retryable
    assert len(pauses) == 19
    assert max(pauses) <= 0.5
    assert len(registry.replicas(original.id)) == 1
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(BAG_VERSIONS)).scalar_one() == 1
