"""Whatever others do and wherever we are killed: the invariants of adding a location (I1-I11 of reference 6.5).

I9, that an ingest id is used once, is ``tests/bagfill/ingests/storage_service/test_ingest_ids.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from bagfill.bag.identifiers import BagVersionId
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider, StorageManifest
from bagfill.registry.registry import AlreadyRegistered, BagGone, BagReplaced, Claim, Registered
from bagfill.registry.storage_service.aftermath import Aftermath
from bagfill.registry.storage_service.objects import BucketObjects
from bagfill.registry.storage_service.registry import ServiceRegistry, ServiceStore
from bagfill.registry.storage_service.rows import ManifestRow
from bagfill.storage.errors import StoreError, StoreFailure
from contracts.databases import sqlite_url, with_tables
from contracts.registry_contract import sealing
from contracts.sample_manifests import bag_version, manifest_document
from memory_table import MemoryTable

BUCKET = "manifests"
SHELVES = ("azure", "second", "third")
ODD = ("b", "PP/MIA/", "x//y", "ends.", "50% Å", "A images", "v1", "versions")
NUMBERS = count()

Outcome = Registered | AlreadyRegistered | BagReplaced | BagGone


class Killed(BaseException):
    """As if the process had been."""


@dataclass
class Objects:
    """A bucket in memory: what is there can be neither overwritten nor deleted by us (I10)."""

    before: Callable[[str], None]
    held: dict[str, bytes] = field(default_factory=dict)

    def create(self, key: str, data: bytes | memoryview) -> object:
        self.before("create")
        return self.held.setdefault(key, bytes(data))

    def stage(self, key: str) -> NoReturn:
        raise AssertionError(f"{key} is small")

    def read(self, key: str) -> Iterable[bytes]:
        self.before("read")
        if key not in self.held:
            raise StoreError(StoreFailure.MISSING, location=BUCKET, key=key, operation="read", detail="404")
        return [self.held[key]]


class Service:
    """The service's tables and bucket, with what others do between our calls."""

    def __init__(self, engine: Engine, about: BagVersionId, text: bytes, spelling: Sequence[str]) -> None:
        self.about = about
        self.events: dict[int, list[Callable[[], None]]] = {}
        self.calls = 0
        self.added_by_others: list[str] = []
        self.is_gone = self.is_replaced = False
        self.objects = Objects(self.before)
        self.table = MemoryTable("id", "version", before=self.before)
        self.replicas = MemoryTable("id", before=self.before)
        self.reindexed = 0
        self.text = text
        self.objects.held["first"] = text
        pointer: dict[str, Any] = {spelling[0]: BUCKET, spelling[1]: "first", "unknown": 1}
        self.payload = {"typedStoreId": pointer, "more": "x"} if len(spelling) > 2 else pointer
        self.table.put({**self.key, "payload": self.payload, "unknown": "y"})
        self.other = {"id": self.key["id"], "version": 2, "payload": {"bucket": BUCKET, "key": "second"}}
        self.table.put(self.other)
        self.replicas.put({"id": str(about), "version": 3, "payload": {"location": None, "replicas": []}})
        aftermath = Aftermath(self.replicas, self, frozenset(), self)
        store = ServiceStore(self.table, BucketObjects(lambda _: self.objects), BUCKET, aftermath)
        self.registry = ServiceRegistry(engine, store, sleep=lambda _: None)
        row = self.row
        assert row is not None
        self.planned: StorageManifest = self.registry.read(row)
        self.registry.learn(row, self.planned, ["primary"])

    @property
    def key(self) -> dict[str, Any]:
        return {"id": str(self.about.bag), "version": 1}

    @property
    def item(self) -> Mapping[str, Any] | None:
        return next((item for item in self.table.items() if item["version"] == 1), None)

    @property
    def row(self) -> ManifestRow | None:
        return None if self.item is None else ManifestRow.of(self.item)

    def current(self) -> dict[str, Any]:
        assert self.row is not None
        return dict(json.loads(self.objects.held[self.row.key]))

    def before(self, _operation: str) -> None:
        self.calls += 1
        for event in self.events.pop(self.calls, ()):
            event()

    def forget(self, _key: str) -> None:
        self.before("forget")

    def publish(self, message: str) -> None:
        self.before("publish")
        assert json.loads(message)["version"] == str(self.about.version)
        self.reindexed += 1

    def place(self, shelf: str) -> ManifestLocation:
        provider = Provider.AZURE_BLOB_STORAGE if shelf == "azure" else Provider.AMAZON_S3
        return ManifestLocation(LocationRole.SECONDARY, provider, shelf, str(self.about.bag))

    def add(self, shelf: str) -> Outcome:
        claim = self.registry.acquire(self.about, shelf, holder=f"ingest of {shelf}", lease=timedelta(hours=1))
        assert isinstance(claim, Claim)
        receipt = f"{self.about}/{shelf}.jsonl"
        return self.registry.register_replica(
            planned_from=self.planned,
            location=shelf,
            manifest_location=self.place(shelf),
            receipt=receipt,
            seal=sealing(receipt),
            claim=claim,
        )

    def kill(self) -> None:
        raise Killed

    def others_add(self) -> None:
        """Somebody who keeps to the same rules, with code of its own."""
        if self.row is None:
            return
        bucket = f"other{len(self.added_by_others)}"
        document = self.current()
        prefix = {"bucket": bucket, "keyPrefix": str(self.about.bag)}
        document["replicaLocations"] += [{"prefix": prefix, "type": "SecondaryS3StorageLocation"}]
        self._move(document)
        self.added_by_others.append(bucket)

    def touch(self) -> None:
        """A pointer that changed and changed back is another one, if only by a key that we do not know."""
        item = self.item
        if item is not None:
            self.table.put({**item, "payload": {**item["payload"], "touched": self.calls}})

    def delete(self) -> None:
        self.table.delete(self.key)
        self.is_gone = True

    def replace(self) -> None:
        """Deleted, and uploaded again with other bytes under the same version."""
        if self.is_gone:
            return
        document = json.loads(self.text)
        document["manifest"]["files"][0]["checksum"] = "f" * 64
        self._move({**document, "replicaLocations": []})
        self.is_replaced = True
        self.added_by_others = []

    def _move(self, document: Mapping[str, Any]) -> None:
        key = f"by others {len(self.objects.held)}"
        self.objects.held[key] = json.dumps(document).encode()
        assert self.row is not None
        self.table.put({**dict(self.item or {}), "payload": self.row.payload_at(f"{BUCKET}/{key}")})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("index")
    with with_tables(sqlite_url(folder)) as opened:
        yield opened


@st.composite
def services(draw: st.DrawFn) -> Callable[[Engine], Service]:
    identifier = f"{next(NUMBERS)}{draw(st.sampled_from(ODD))}"
    buckets = draw(st.lists(st.sampled_from(["one", "two"]), unique=True))
    style: Mapping[str, Any] = draw(st.sampled_from([{"separators": (",", ":")}, {}, {"indent": 2}]))
    spelling = draw(st.sampled_from([("bucket", "key"), ("namespace", "path"), ("bucket", "key", "typedStoreId")]))
    about = bag_version(identifier)
    document = {**manifest_document(about, replica_buckets=buckets), "unknown": {"a": [1.50, None, "ü"]}}
    text = json.dumps(document, **style).encode()
    return lambda engine: Service(engine, about, text, spelling)


EVENTS = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from(["kill", "others_add", "touch", "add", "delete", "replace"])),
    max_size=8,
)


def is_one_insertion(old: bytes, new: bytes) -> bool:
    """Whether the new text is the old one with something put in at one place."""
    at = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    return len(new) > len(old) and new.endswith(old[at:])


@settings(max_examples=60)
@given(make=services(), events=EVENTS, adders=st.lists(st.sampled_from(SHELVES), min_size=1, max_size=3, unique=True))
def test_whatever_happens_between_any_two_calls_the_invariants_hold(
    engine: Engine, make: Callable[[Engine], Service], events: list[tuple[int, str]], adders: list[str]
) -> None:
    service = make(engine)
    service.calls = 0
    spare = [shelf for shelf in SHELVES if shelf not in adders]
    added: dict[str, Outcome] = {}

    def add_another() -> None:
        if spare:
            shelf = spare.pop()
            added[shelf] = finish(service, shelf)

    for at, kind in events:
        act = add_another if kind == "add" else getattr(service, kind)
        service.events.setdefault(at, []).append(act)
    for shelf in adders:
        added[shelf] = finish(service, shelf)
    check(service, added)


def finish(service: Service, shelf: str) -> Outcome:
    """Add a location, again and again as Airflow does, until nobody kills it."""
    while True:
        try:
            return service.add(shelf)
        except Killed:
            continue


def check(service: Service, added: Mapping[str, Outcome]) -> None:
    ok = [shelf for shelf, outcome in added.items() if isinstance(outcome, Registered | AlreadyRegistered)]
    # I6: other versions are none of our business. I10: the old JSON stays.
    assert service.other in service.table.items()
    assert service.objects.held["first"] == service.text
    # Our own record is the last write: it has exactly what was completed, with a receipt each.
    records = service.registry.replicas(service.about)
    assert {each.location for each in records if each.receipt} == set(ok)
    if service.is_gone:
        # I11: nobody who was deleted comes back.
        assert service.item is None
        return
    document, first = service.current(), json.loads(service.text)
    replicas = document.pop("replicaLocations")
    places = [(place["prefix"].get("bucket") or place["prefix"]["container"]) for place in replicas]
    if service.is_replaced:
        # What replaced it has the places that others gave it, and none of ours.
        assert places == service.added_by_others
        return
    had = [place["prefix"]["bucket"] for place in first["replicaLocations"]]
    # I2: what was there stays, in its order. I3: nothing twice. I8: nobody's location is lost.
    assert places[: len(had)] == had
    assert sorted(places[len(had) :]) == sorted([*service.added_by_others, *ok])
    assert len(set(places)) == len(places)
    assert set(added) == set(ok)
    # I4: the same path everywhere, without the version.
    paths = {place["prefix"].get("keyPrefix") or place["prefix"]["namePrefix"] for place in replicas}
    assert paths <= {str(service.about.bag)}
    # I5: nothing else changed; what we wrote is what we read with one element put in.
    first.pop("replicaLocations")
    assert document == first
    assert list(document) == list(first)
    texts = service.objects.held
    ours = [text for key, text in texts.items() if key.endswith(".json")]
    assert all(any(is_one_insertion(old, new) for old in texts.values()) for new in ours)
    # The pointer keeps its spelling, and whatever else is in the row.
    assert service.item is not None
    assert {**service.item["payload"], "touched": 0}.keys() == {**service.payload, "touched": 0}.keys()
    assert service.item["unknown"] == "y"
    # I7: the aggregator knows all that we added, with the version, by its own counter.
    [record] = service.replicas.items()
    assert record["version"] == 3 + len(ok)
    known = [next(iter(each.items())) for each in record["payload"]["replicas"]]
    assert sorted(next(iter(inner["prefix"].values())) for _, inner in known) == sorted(ok)
    assert all(list(inner["prefix"].values())[1] == f"{service.about.bag}/v1" for _, inner in known)
    assert service.reindexed >= len(ok)


def test_a_registered_replica_takes_nine_requests(engine: Engine) -> None:
    about = bag_version("nine")
    service = Service(engine, about, json.dumps(manifest_document(about)).encode(), ("bucket", "key"))
    service.calls = 0
    assert isinstance(service.add("azure"), Registered)
    # Row, JSON, new JSON, read back, row; record, record; cached answer, indexer.
    assert service.calls == 9


def test_concurrent_adders_all_survive(engine: Engine) -> None:
    about = bag_version("many adders")
    text = json.dumps(manifest_document(about, replica_buckets=["one"])).encode()
    service = Service(engine, about, text, ("bucket", "key"))
    shelves = [f"shelf{number}" for number in range(12)]
    barrier = Barrier(len(shelves))

    def one(shelf: str) -> Outcome:
        barrier.wait()
        return service.add(shelf)

    with ThreadPoolExecutor(len(shelves)) as pool:
        outcomes = list(pool.map(one, shelves))
    assert all(isinstance(outcome, Registered) for outcome in outcomes)
    check(service, dict(zip(shelves, outcomes, strict=True)))
