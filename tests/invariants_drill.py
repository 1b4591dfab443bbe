"""A drill: requests run as the workflow runs them, each step a process of its own, while everything around them fails.

Every call that a process makes (source, destination, work area, receipts, registry, tracker) has a place: the part it
goes to and its number among the calls to that part. A drill says what goes wrong at which place. After every process
the world is looked at (:meth:`Drill.watch`): what is registered must be proved at that moment, not only in the end.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Self, TypeVar
from uuid import UUID

import pytest

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.fixity.chain import Evidence
from bagfill.fixity.receipts import ReceiptReader
from bagfill.fixity.seals import read_seal, seal_folder
from bagfill.ingests.model import IngestStatus
from bagfill.planning.limits import Limits
from bagfill.steps.close_ingest import ClosedIngest, close_ingests
from bagfill.steps.conclude_replica import conclude_replica
from bagfill.steps.copy_shard import copy_shard
from bagfill.steps.open_ingest import OpenedIngests, open_ingests
from bagfill.steps.outcomes import IngestRef, ShardRef, StepFailed
from bagfill.steps.plan_replication import PlanSummary, plan_replication
from bagfill.steps.records import RecordStore
from bagfill.steps.request_thaw import request_thaw
from bagfill.steps.services import Services
from bagfill.steps.verify_shard import verify_shard
from bagfill.steps.wait_for_thaw import ThawState, poll_thaw
from bagfill.steps.write_seals import write_seals
from bagfill.storage.errors import StoreError
from bagfill.storage.faults import Decide, Fault, FaultKind, FaultyStore, Killed
from bagfill.storage.location import Location
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.names import AZURE_NAMES
from bagfill.storage.store import ObjectStore
from world import SMALL, World, bag_files, contents

Result = TypeVar("Result")

PARTS = ("source", "destination", "work", "receipts", "registry", "tracker")
TRIES = 3
"""Attempts of one task, as the workflow's retries."""

LIMITS = replace(SMALL, shard_bytes=2500, small_object_bytes=600, block_bytes=1024, hash_before_write=50, concurrency=1)
"""With blocks of 1 KiB (:func:`make_small_and_repeatable`): a file of 3,000 bytes is cut into ranges for two shards,
and is judged when it is read back."""
CAREFUL = replace(LIMITS, hash_before_write=1_000_000)
"""Every file is judged before it is written."""

BAG = BagId.parse("digitised/b1234")
V1, V2 = "digitised/b1234/v1", "digitised/b1234/v2"
LARGE = bytes(range(250)) * 12
PAYLOAD = {"a.txt": b"alpha", "empty": b"", "large.bin": LARGE, "sub/ü %41.txt": b"beta" * 40}
V1_FILES = bag_files(BAG, PAYLOAD, algorithms=("md5", "sha256"))
V2_FILES = bag_files(BAG, {"new.txt": b"new"}, fetched={"old.txt": ("v1/data/a.txt", b"alpha")})
FOREIGN = {"digitised/b1234/v10/data/a.txt": b"somebody else's", "digitised/other/v1/data/a.txt": b"theirs"}


def make_small_and_repeatable(patch: pytest.MonkeyPatch) -> None:
    """Let blocks be whole KiB instead of whole MiB, and let pools work at once and in order, without threads.

    Tests of their own let real threads race; here a place must be the same call in every run.
    """
    patch.setattr("bagfill.planning.shards.MIB", 1024)
    for module in (
        "steps.copy_shard",
        "steps.run_parcel",
        "steps.verify_shard",
        "thaw.sending",
        "thaw.states",
        "transfer.copy_blocks",
    ):
        patch.setattr(f"bagfill.{module}.ThreadPoolExecutor", InlinePool)
    patch.setattr("bagfill.steps.claims.threading", SimpleNamespace(Event=threading.Event, Thread=_NoThread))


class InlinePool:
    """A pool whose work is done when it is submitted; what it raised comes with the result, as from a real one."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def shutdown(self, *_: Any, **__: Any) -> None:
        pass

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args))
        except BaseException as error:  # noqa: BLE001 - a future keeps them all
            future.set_exception(error)
        return future

    def map(self, work: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        futures = [self.submit(work, *args) for args in zip(*items, strict=True)]
        return (future.result() for future in futures)


class _NoThread:
    """Heartbeats come every 20 minutes; no drill lasts so long."""

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        pass

    def join(self) -> None:
        pass


class DatabaseDown(Exception):
    """The registry or the tracker did not answer."""


Place = tuple[str, int]
"""A part, and the number of a call to it, from 0."""


class Chaos:
    """Says what goes wrong at each place. A process that was killed makes no further call until :meth:`revive`."""

    def __init__(self, faults: Mapping[Place, Fault] | None = None) -> None:
        self._faults = dict(faults or {})
        self._lock = threading.Lock()
        self._dead = False
        self.calls: Counter[str] = Counter()
        self.met: list[tuple[Place, str, str]] = []

    def of(self, part: str) -> Decide:
        """What a :class:`FaultyStore` asks."""

        def decide(operation: str, key: str) -> Fault | None:
            with self._lock:
                if self._dead:
                    return Fault(FaultKind.KILL_BEFORE)
                place = (part, self.calls[part])
                self.calls[part] += 1
                fault = self._faults.get(place)
                if fault is not None:
                    self.met.append((place, operation, key))
                    self._dead = fault.kind in {FaultKind.KILL_BEFORE, FaultKind.KILL_AFTER}
                return fault

        return decide

    def revive(self) -> None:
        """Another process begins."""
        self._dead = False


class FaultyCalls:
    """Any object whose calls fail on command, before or after their effect."""

    def __init__(self, inner: Any, decide: Decide) -> None:
        self._inner = inner
        self._decide = decide

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def faulty(*args: Any, **kwargs: Any) -> Any:
            fault = self._decide(name, "")
            kind = None if fault is None else fault.kind
            if kind is FaultKind.KILL_BEFORE:
                raise Killed(name)
            if kind is FaultKind.REFUSE:
                raise DatabaseDown(name)
            answer = call(*args, **kwargs)
            if kind is FaultKind.KILL_AFTER:
                raise Killed(name)
            if kind is FaultKind.LOSE_ANSWER:
                raise DatabaseDown(name)
            return answer

        return faulty


class WitnessedBucket(MemoryBucket):
    """Remembers who did what to it: creations by us, and whatever was overwritten or removed by anybody."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.overwritten: list[str] = []
        self.removed: list[str] = []
        self.read: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def put_unconditionally(self, key: str, data: bytes, *, storage_class: str = "STANDARD") -> str:
        if key in self._objects:
            self.overwritten.append(key)
        return super().put_unconditionally(key, data, storage_class=storage_class)

    def remove(self, key: str) -> None:
        self.removed.append(key)
        super().remove(key)

    def was_read_whole(self, key: str) -> bool:
        """Whether every byte of the object that is there now was read from it."""
        info = self.stat(key)
        assert info is not None
        reached = 0
        for start, end in sorted(self.read.get((key, info.etag), [])):
            if start > reached:
                return False
            reached = max(reached, end)
        return reached >= info.size


class WitnessedStore(MemoryStore):
    """Tells its bucket which bytes were read."""

    def _read(self, key: str, start: int, length: int | None, etag: str | None) -> Iterator[bytes | memoryview]:
        position = start
        for chunk in super()._read(key, start, length, etag):
            yield chunk
            position += len(chunk)
        info = self.bucket.stat(key)
        assert isinstance(self.bucket, WitnessedBucket)
        assert info is not None
        self.bucket.read.setdefault((key, info.etag), []).append((start, position))


class DrillWorld(World):
    """The world with a destination that remembers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.destination: WitnessedBucket = WitnessedBucket(clock=self.clock)


@dataclass
class _OpenedStores:
    source: ObjectStore
    destination: ObjectStore

    def reading(self, location: Location) -> ObjectStore:
        return self.source if location.name == "primary" else self.destination

    def writing(self, location: Location) -> ObjectStore:
        return self.reading(location)

    def server_copy(self, source: Location, destination: Location) -> None:
        """Everything passes through the worker."""


Wrap = Callable[[str, ObjectStore], ObjectStore]


@dataclass
class Drill:
    """One drill.

    Args:
        chaos: what goes wrong.
        versions: bag version → its good files; laid into the source and imported.
        limits: of the steps.
        archived: paths of v1 that are in an archive class.
        twice: every shard is executed twice, and in descending order.
        wrap: a further layer between the steps and the stores.
    """

    chaos: Chaos = field(default_factory=Chaos)
    versions: Mapping[str, Mapping[str, bytes]] = field(default_factory=lambda: {V1: V1_FILES})
    limits: Limits = LIMITS
    archived: tuple[str, ...] = ()
    twice: bool = False
    wrap: Wrap = lambda part, store: store

    def __post_init__(self) -> None:
        self.world = DrillWorld(limits=self.limits)
        for key, data in FOREIGN.items():
            self.world.destination.put_unconditionally(key, data)
        for bag_version, files in self.versions.items():
            self.world.add(bag_version, files)
        if self.archived:
            self.world.archive(V1, *self.archived)
        self.originals = {name: self.manifest(name) for name in self.versions}
        self.failures: list[StepFailed] = []

    # -- what processes do

    def services(self) -> Services:
        """As one process opens them."""
        world, of = self.world, self.chaos.of

        def faulty(part: str, store: ObjectStore) -> ObjectStore:
            return FaultyStore(self.wrap(part, store), of(part))

        plain = world.services()
        destination = WitnessedStore(
            world.destination, location="azure", name_rules=AZURE_NAMES, capabilities=frozenset()
        )
        return replace(
            plain,
            registry=FaultyCalls(world.registry, of("registry")),
            ingests=FaultyCalls(world.ingests, of("tracker")),
            stores=_OpenedStores(
                faulty("source", plain.stores.reading(world.locations["primary"])),
                faulty("destination", destination),
            ),
            work=RecordStore(faulty("work", MemoryStore(world.records, location="work")), "work/"),
            receipts=RecordStore(faulty("receipts", MemoryStore(world.records, location="receipts")), "receipts/"),
        )

    def process(self, act: Callable[[Services], Result | StepFailed]) -> Result | StepFailed | None:
        """One task with its retries; ``None`` if it died each time."""
        last: StepFailed | None = None
        for _ in range(TRIES):
            self.chaos.revive()
            try:
                result = act(self.services())
            except (Killed, DatabaseDown, StoreError):
                # StoreError: a close that cannot look into the work area; the workflow tries it again.
                result = None
            finally:
                self.chaos.revive()
            self.watch()
            if result is not None and not isinstance(result, StepFailed):
                return result
            if result is not None:
                last = result
                self.failures.append(result)
                if not result.retryable:
                    return result
            self.world.clock.advance(timedelta(minutes=5))
        return last

    def request(self, request_id: str, **fields: str) -> tuple[ClosedIngest, ...] | None:
        """One run of the workflow, from its first task to its last."""
        request = self.world.request(str(BAG), request_id, **fields)
        opened = self.process(lambda services: open_ingests(services, request))
        if isinstance(opened, OpenedIngests):
            verified = [ref for ref in opened.refs if self.replicate(ref)]
            for ref in verified:
                self.process(lambda services, ref=ref: conclude_replica(services, ref))
        closed = self.process(lambda services: close_ingests(services, request_id))
        assert not isinstance(closed, StepFailed)
        return closed

    def replicate(self, ref: IngestRef) -> bool:
        """Everything between opening and concluding; whether all of it came to its end."""
        plan = self.process(lambda services: plan_replication(services, ref))
        if not isinstance(plan, PlanSummary):
            return False
        if plan.archived_files and not self.thaw(ref):
            return False
        return self.shards(plan.copy_shards, lambda i: self.copy(ref, i)) and self.shards(
            plan.verify_shards, lambda i: self.succeeds(lambda s: verify_shard(s, ShardRef(ref, i)))
        )

    def thaw(self, ref: IngestRef) -> bool:
        return self.succeeds(lambda services: request_thaw(services, ref)) and self.wait(ref)

    def wait(self, ref: IngestRef) -> bool:
        for _ in range(40):
            state = self.process(lambda services: poll_thaw(services, ref))
            if not isinstance(state, ThawState):
                return False
            if state.done:
                return True
            self.world.clock.advance(timedelta(minutes=20))
        raise AssertionError("the thaw never ended")

    def copy(self, ref: IngestRef, index: int) -> bool:
        for _ in range(10):
            copied = self.process(lambda services: copy_shard(services, ShardRef(ref, index)))
            if not isinstance(copied, StepFailed) or copied.reason.code != "thaw-expired":
                return copied is not None and not isinstance(copied, StepFailed)
            if not self.wait(ref):
                return False
        raise AssertionError("thawed copies expired for ever")

    def shards(self, count: int, run: Callable[[int], bool]) -> bool:
        order = [*range(count)] if not self.twice else [*reversed(range(count)), *range(count)]
        # Every shard runs, as mapped tasks do, whatever became of its neighbours.
        ended = [run(index) for index in order]
        return all(ended)

    def succeeds(self, act: Callable[[Services], Any]) -> bool:
        result = self.process(act)
        return result is not None and not isinstance(result, StepFailed)

    def until_registered(self, rounds: int) -> None:
        """Requests, each after the claims of the one before expired, until everything is registered.

        Between them a person removes what a provider damaged at the destination, as the failure asked for.
        """
        for number in range(rounds):
            self.request(f"bag__drill{number}")
            if self.is_done:
                close_ingests(self.world.services(), f"bag__drill{number}")
                self.watch_end()
                return
            self.world.clock.advance(self.limits.lease + timedelta(minutes=1))
            self.remove_damaged()
        seen = "\n".join(failure.text for failure in self.failures)
        raise AssertionError(f"not registered after {rounds} requests; faults {self.chaos.met}; failures:\n{seen}")

    def remove_damaged(self) -> None:
        for bag_version, files in self.versions.items():
            for path, data in self.world.at_destination(bag_version).items():
                if data != files.get(path):
                    self.world.destination.remove(f"{bag_version}/{path}")

    # -- what must hold at every moment

    @property
    def is_done(self) -> bool:
        return all(self.world.is_registered(name) for name in self.versions)

    def manifest(self, bag_version: str) -> bytes:
        """The stored text of the storage manifest."""
        stored = self.world.registry.manifest(BagVersionId.parse(bag_version))
        assert stored is not None
        return stored.manifest.raw

    def watch(self) -> None:
        """Whatever is registered is right, and nothing of anybody's was touched."""
        destination = self.world.destination
        assert destination.overwritten == []
        for key, data in FOREIGN.items():
            assert destination.contents()[key] == data
        for bag_version, files in self.versions.items():
            self.watch_manifest(bag_version)
            if self.world.is_registered(bag_version):
                assert self.world.at_destination(bag_version) == files
                unread = [p for p in files if not destination.was_read_whole(f"{bag_version}/{p}")]
                assert unread == []
                self.watch_receipt(bag_version, files)
        if V2 in self.versions and self.world.is_registered(V2):
            assert self.world.is_registered(V1)

    def watch_end(self) -> None:
        """After the last close: who registered has succeeded, and nobody holds a claim."""
        for name in self.versions:
            bag_version = BagVersionId.parse(name)
            ingest_id = self.world.registry.replicas(bag_version)[-1].ingest_id
            assert ingest_id is not None
            ingest = self.world.ingests.get(UUID(ingest_id))
            assert ingest is not None
            assert ingest.status is IngestStatus.SUCCEEDED
            claim = self.world.registry.claim_of(bag_version, "azure")
            assert claim is None or claim.expires <= self.world.clock()
        self.watch_chain()

    def watch_chain(self) -> None:
        """Once whoever comes next wrote what was left, receipts and seals are one chain."""
        services = self.world.services()
        for name in write_seals(services, "azure").damaged:
            self.world.records.remove(services.receipts.key(name))
            assert write_seals(services, "azure").damaged == ()
        evidence = Evidence()
        for name in services.receipts.names("azure/"):
            text = services.receipts.read_bytes(name)
            assert text is not None
            if name.startswith(seal_folder("azure")):
                evidence.add_seal(name, text)
            elif name in {self.receipt_of(bag_version) for bag_version in self.versions}:
                evidence.add_receipt(name, [text])
        problems, _ = evidence.judge()
        assert problems == []
        assert len(evidence.receipts) == len(evidence.seals) == len(self.versions)

    def receipt_of(self, bag_version: str) -> str | None:
        return self.world.registry.replicas(BagVersionId.parse(bag_version))[-1].receipt

    def watch_manifest(self, bag_version: str) -> None:
        """The stored text is the original, or the original with one location put in and not a byte else changed."""
        before, now = self.originals[bag_version], self.manifest(bag_version)
        if not self.world.is_registered(bag_version):
            assert now == before
            return
        assert "container" in json.dumps(added_location(before, now))

    def watch_receipt(self, bag_version: str, files: Mapping[str, bytes]) -> None:
        name = self.world.registry.replicas(BagVersionId.parse(bag_version))[-1].receipt
        assert name is not None
        text = self.world.records.contents()[f"receipts/{name}"]
        reader = ReceiptReader([text])
        read = {file.path: (file.size, file.digests["sha256"]) for file in reader.files()}
        assert read == {path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()}
        sealed = self.world.registry.seal_of(BagVersionId.parse(bag_version), "azure")
        assert sealed is not None
        assert read_seal(sealed.document).receipt.sha256 == hashlib.sha256(text).hexdigest()

    def records(self) -> dict[str, bytes]:
        """Everything that was ever written to the work area and the receipts."""
        return contents(self.world.records, "")


def added_location(before: bytes, now: bytes) -> dict[str, Any]:
    """The one JSON object that was put into a text, with a comma where there were others. AssertionError if not so."""
    start = 0
    while start < len(before) and before[start] == now[start]:
        start += 1
    end = 0
    while end < len(before) - start and before[-1 - end] == now[-1 - end]:
        end += 1
    assert start + end == len(before), "more was changed than put in"
    ours = json.loads(now)["replicaLocations"]
    theirs = json.loads(before)["replicaLocations"]
    assert ours[:-1] == theirs
    assert {**json.loads(now), "replicaLocations": theirs} == json.loads(before)
    return dict(ours[-1])


def calls_of_a_good_run(**options: Any) -> Counter[str]:
    """How many calls go to each part when nothing fails."""
    drill = Drill(**options)
    drill.until_registered(1)
    return drill.chaos.calls
