"""Importing a location in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bagfill.audit.memory import MemoryAuditLog
from bagfill.bag.identifiers import BagVersionId
from bagfill.demo.bag_maker import SampleBag
from bagfill.demo.collection import sample_collection
from bagfill.demo.write import write_bag
from bagfill.ingests.memory import MemoryIngestTracker
from bagfill.planning.limits import Limits
from bagfill.registry.memory import MemoryRegistry
from bagfill.steps.import_location import ImportedBag, ImportOutcome, ImportResult, import_location
from bagfill.steps.import_thaw import thaw_and_import
from bagfill.steps.records import RecordStore
from bagfill.steps.requests import RequestError
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location, Provider, ThawDefaults
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.store import ObjectStore, ThawTier

REAL_BAGS = Path(__file__).parents[3] / "../shared/data/storage-service-bags"


@dataclass
class MemoryStores:
    stores: dict[str, ObjectStore]

    def reading(self, location: Location) -> ObjectStore:
        return self.stores[location.name]

    writing = reading


@dataclass
class World:
    """A primary ``first`` in a bucket ``primary`` below ``bags/``, and a second location with the same layout."""

    buckets: dict[str, MemoryBucket] = field(
        default_factory=lambda: {"first": MemoryBucket(), "second": MemoryBucket()}
    )
    clock_moves: int = 0

    def __post_init__(self) -> None:
        self.first = Location("first", Provider.AMAZON_S3, "primary", "bags/", thaw=ThawDefaults(ThawTier.BULK, 3))
        self.second = Location("second", Provider.AZURE_BLOB_STORAGE, "copies")
        self.stores: dict[str, ObjectStore] = {
            name: MemoryStore(bucket, location=name) for name, bucket in self.buckets.items()
        }
        self.registry = MemoryRegistry()
        self.services = Services(
            locations={"first": self.first, "second": self.second},
            registry=self.registry,
            ingests=MemoryIngestTracker(),
            audits=MemoryAuditLog(self.registry),
            stores=MemoryStores(self.stores),
            work=RecordStore(MemoryStore(MemoryBucket(), location="work")),
            receipts=RecordStore(MemoryStore(MemoryBucket(), location="receipts")),
            limits=Limits(concurrency=3),
        )

    def write(self, bags: Sequence[SampleBag], location: Location | None = None) -> None:
        place = location or self.first
        for bag in bags:
            write_bag(self.stores[place.name], place, bag)

    def load(self, **arguments: str) -> ImportResult:
        return import_location(self.services, "first", **arguments)

    def key(self, bag: SampleBag, path: str) -> str:
        return self.first.version_prefix(bag.id) + path


@pytest.fixture(scope="module")
def collection() -> tuple[SampleBag, ...]:
    return sample_collection("primary", "bags/", large_file_bytes=9_000_000)


@pytest.fixture
def world() -> World:
    return World()


def bag_named(collection: Sequence[SampleBag], name: str) -> SampleBag:
    return next(bag for bag in collection if str(bag.id) == name)


def only(result: ImportResult) -> ImportedBag:
    assert len(result.notable) == 1, result.notable
    return result.notable[0]


def test_imports_every_sample_bag(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write(collection)
    result = world.load()
    assert result.counts == {ImportOutcome.IMPORTED: len(collection)}
    assert result.notable == ()
    assert list(world.registry.bag_versions()) == [bag.id for bag in collection]


def test_importing_again_changes_nothing(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write(collection)
    world.load()
    before = {bag.id: world.registry.manifest(bag.id) for bag in collection}
    assert world.load().counts == {ImportOutcome.ALREADY_KNOWN: len(collection)}
    assert {bag.id: world.registry.manifest(bag.id) for bag in collection} == before


def test_manifest_says_where_each_file_is(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write(collection)
    world.load()
    third = bag_named(collection, "digitised/b12345672/v3")
    stored = world.registry.manifest(third.id)
    assert stored is not None
    manifest = stored.manifest
    paths = {file.name: file.path for file in manifest.payload_files}
    assert paths == {
        "data/images/cover.jp2": "v3/data/images/cover.jp2",
        "data/b12345672.xml": "v2/data/b12345672.xml",
        "data/images/0001.jp2": "v1/data/images/0001.jp2",
        "data/images/0003.jp2": "v1/data/images/0002.jp2",
    }
    assert {file.path: file.size for file in manifest.concrete_files} == {
        f"v3/{item.path}": item.content.size for item in third.objects
    }
    assert manifest.location.prefix == "bags/digitised/b12345672"
    assert manifest.location.bucket == "primary"
    assert manifest.ingest_id is None
    assert [replica.location for replica in world.registry.replicas(third.id)] == ["first"]


def test_imports_one_space_only(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write(collection)
    world.load(space="digitised")
    assert {str(known.space) for known in world.registry.bag_versions()} == {"digitised"}


def test_v1_and_v10_are_told_apart(world: World) -> None:
    from bagfill.demo.bag_maker import BagMaker
    from bagfill.demo.content import text

    maker = BagMaker("primary", "bags/")
    bags = [maker.make("s/b", number, "x", {"a.txt": text(str(number))}) for number in (1, 2, 10)]
    world.write(bags)
    assert world.load().counts == {ImportOutcome.IMPORTED: 3}


def test_a_bag_inside_the_payload_is_payload(world: World) -> None:
    from bagfill.demo.bag_maker import BagMaker
    from bagfill.demo.content import text

    bag = BagMaker("primary", "bags/").make("s/b", 1, "x", {"old/v2/bagit.txt": text("BagIt"), "v3/x": text("y")})
    world.write([bag])
    assert world.load().counts == {ImportOutcome.IMPORTED: 1}


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("data/b12345672.xml", None, "Unable to verify one file in the bag: data/b12345672.xml"),
        ("data/extra.txt", b"x", "not referenced in the manifest: /data/extra.txt"),
        ("bag-info.txt", None, "bag-info.txt"),
        ("bagit.txt", None, "no bagit.txt in the folder"),
        (
            "bag-info.txt",
            b"External-Identifier: other\nPayload-Oxum: 1.1\nBagging-Date: 2020-01-01\n",
            "does not match",
        ),
        ("manifest-sha512.txt", b"no manifest\n", "Failed to parse"),
    ],
)
def test_what_is_not_sound_is_told_and_left_out(
    world: World, collection: tuple[SampleBag, ...], path: str, data: bytes | None, told: str
) -> None:
    bag = bag_named(collection, "digitised/b12345672/v1")
    other = bag_named(collection, "born-digital/SA.GEO.7/v1")
    world.write([bag, other])
    key = world.key(bag, path)
    if data is None:
        world.buckets["first"].remove(key)
    else:
        world.buckets["first"].put_unconditionally(key, data)
    result = world.load()
    found = only(result)
    assert (found.name, found.outcome) == (str(bag.id), ImportOutcome.NOT_SOUND)
    assert any(told in problem for problem in found.problems), found.problems
    assert list(world.registry.bag_versions()) == [other.id]
    assert not result.is_clean


def test_fetched_file_that_is_not_at_the_location(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write([bag_named(collection, "digitised/b12345672/v2")])
    found = only(world.load())
    assert found.outcome is ImportOutcome.NOT_SOUND
    assert "data/images/0001.jp2" in " ".join(found.problems)


def test_fetch_into_another_bucket_is_refused(world: World) -> None:
    elsewhere = sample_collection("another-bucket", "bags/", large_file_bytes=10)
    world.write([bag for bag in elsewhere if str(bag.id.bag) == "digitised/b12345672"])
    result = world.load()
    assert result.counts == {ImportOutcome.IMPORTED: 1, ImportOutcome.NOT_SOUND: 2}


def test_objects_outside_of_version_folders_are_counted(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write(collection[:1])
    for key in ("bags/readme.txt", "bags/digitised/v1/x", "bags/digitised/b1/notes.txt", "elsewhere/s/b/v1/bagit.txt"):
        world.buckets["first"].put_unconditionally(key, b"x")
    result = world.load()
    assert result.found == 1
    assert result.strays == ("bags/digitised/b1/notes.txt", "bags/digitised/v1/x", "bags/readme.txt")


def test_archived_tag_files_are_an_outcome_of_their_own(world: World, collection: tuple[SampleBag, ...]) -> None:
    bag = bag_named(collection, "digitised/b30000028/v1")
    world.write([bag])
    for item in bag.objects:
        world.buckets["first"].archive(world.key(bag, item.path), "DEEP_ARCHIVE")
    found = only(world.load())
    assert found.outcome is ImportOutcome.NEEDS_THAW
    assert len(found.archived) == 6
    assert not any("/data/" in key for key in found.archived)
    assert world.buckets["first"].thaw_requests == []


def test_thaws_tag_files_alone_and_imports_then(collection: tuple[SampleBag, ...]) -> None:
    from datetime import UTC, datetime

    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now() -> datetime:
        return moment

    bucket = MemoryBucket(clock=now, thaw_delays={ThawTier.BULK: timedelta(hours=48)})
    world = World(buckets={"first": bucket, "second": MemoryBucket()})
    bag = bag_named(collection, "digitised/b30000028/v1")
    world.write([bag])
    for item in bag.objects:
        bucket.archive(world.key(bag, item.path), "DEEP_ARCHIVE")
    result = world.load()
    waits: list[int] = []

    def sleep(seconds: float) -> None:
        nonlocal moment
        moment += timedelta(hours=25)

    later = thaw_and_import(world.services, "first", result.needs_thaw, waiting=waits.append, sleep=sleep)
    assert [again.outcome for again in later] == [ImportOutcome.IMPORTED]
    assert waits == [6, 6]
    assert {(tier, days) for _, tier, days in bucket.thaw_requests} == {(ThawTier.BULK, 3)}
    assert not any("/data/" in key for key, _, _ in bucket.thaw_requests)
    assert result.after(later).is_clean


def test_a_thaw_that_is_refused_is_told(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.services = replace(
        world.services,
        locations={"first": replace(world.first, thaw=ThawDefaults(ThawTier.EXPEDITED, 1)), "second": world.second},
    )
    bag = bag_named(collection, "digitised/b30000028/v1")
    world.write([bag])
    for item in bag.objects:
        world.buckets["first"].archive(world.key(bag, item.path), "DEEP_ARCHIVE")
    later = thaw_and_import(world.services, "first", world.load().needs_thaw)
    assert [again.outcome for again in later] == [ImportOutcome.UNREADABLE]
    assert "Expedited" in " ".join(later[0].problems)


def test_changed_content_is_a_conflict(world: World, collection: tuple[SampleBag, ...]) -> None:
    from bagfill.demo.bag_maker import BagMaker
    from bagfill.demo.content import text

    bag = bag_named(collection, "born-digital/SA.GEO.7/v1")
    world.write([bag])
    world.load()
    for item in bag.objects:
        world.buckets["first"].remove(world.key(bag, item.path))
    world.write([BagMaker("primary", "bags/").make(str(bag.id.bag), 1, "x", {"map.v2.tif": text("another")})])
    found = only(world.load())
    assert found.outcome is ImportOutcome.CONFLICTING
    assert found.problems


def test_a_second_location_is_never_registered_from_a_listing(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write(collection[:3])
    world.load()
    world.write(collection[:3], world.second)
    result = import_location(world.services, "second")
    assert result.counts == {ImportOutcome.PRESENT: 3}
    assert all(len(world.registry.replicas(bag.id)) == 1 for bag in collection[:3])


class _DeniedFor(MemoryStore):
    """Refuses to read one bag."""

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        if "SA.GEO.7" in key:
            raise StoreError(StoreFailure.DENIED, location="first", key=key, operation="read", detail="403")
        return super().read(key, start=start, length=length, etag=etag)


def test_a_bag_that_cannot_be_read_is_not_called_unsound(world: World, collection: tuple[SampleBag, ...]) -> None:
    world.write(collection)
    world.stores["first"] = _DeniedFor(world.buckets["first"], location="first")
    result = world.load()
    found = only(result)
    assert found.outcome is ImportOutcome.UNREADABLE
    assert result.counts[ImportOutcome.IMPORTED] == len(collection) - 1


def test_unknown_location_is_a_wrong_request(world: World) -> None:
    with pytest.raises(RequestError, match="configured locations are first, second"):
        import_location(world.services, "third")


def test_real_bags_of_the_storage_service(world: World) -> None:
    if not REAL_BAGS.is_dir():
        pytest.skip(f"the real bags are not at {REAL_BAGS}")
    location = Location("first", Provider.AMAZON_S3, "wellcomecollection-storage")
    world.services = replace(world.services, locations={"first": location})
    for path in REAL_BAGS.glob("testing/**/*"):
        if path.is_file():
            world.buckets["first"].put_unconditionally(path.relative_to(REAL_BAGS).as_posix(), path.read_bytes())
    assert world.load().counts == {ImportOutcome.IMPORTED: 2}
    second = world.registry.manifest(BagVersionId.parse("testing/test_bag/v2"))
    assert second is not None
    assert {file.path for file in second.manifest.payload_files} >= {"v1/data/README.txt"}
