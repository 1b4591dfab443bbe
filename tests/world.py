"""A small world in memory for tests of steps: a source, a destination, a registry, a tracker, a clock to turn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bagfill.audit.memory import MemoryAuditLog
from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.ingests.memory import MemoryIngestTracker
from bagfill.manifest.model import Provider
from bagfill.planning.limits import Limits
from bagfill.registry.memory import MemoryRegistry
from bagfill.steps.import_location import import_location
from bagfill.steps.records import RecordStore
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Policy, Services
from bagfill.storage.faults import Decide, FaultyStore
from bagfill.storage.location import Location, ThawDefaults
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.names import AZURE_NAMES, MEMORY_NAMES
from bagfill.storage.server_copy import ServerCopy
from bagfill.storage.store import Capability, ObjectStore, ThawTier
from bagfill.thaw.memory_ledger import MemoryThawLedger
from bagfill.thaw.pace import MemoryPace

SMALL = Limits(
    shard_bytes=300_000,
    shard_files=4,
    small_object_bytes=1000,
    block_bytes=1024 * 1024,
    concurrency=3,
    thaw_requests_per_second=1e6,
)
"""Limits under which a bag of a few files has several shards and large files."""

THAW_DELAY = timedelta(hours=4)


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


def bag_files(
    bag: BagId,
    payload: Mapping[str, bytes],
    *,
    fetched: Mapping[str, tuple[str, bytes]] | None = None,
    bucket: str = "primary",
    algorithms: tuple[str, ...] = ("sha256",),
) -> dict[str, bytes]:
    """The files of one bag version's folder.

    Args:
        payload: path below ``data/`` → bytes.
        fetched: path below ``data/`` → (path from the bag's root such as ``v1/data/a.txt``, its bytes).
    """
    fetched = fetched or {}
    contents = {f"data/{path}": data for path, data in payload.items()}
    logical = contents | {f"data/{path}": data for path, (_, data) in fetched.items()}
    files = dict(contents)
    files["bagit.txt"] = b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"
    oxum = f"{sum(map(len, logical.values()))}.{len(logical)}"
    files["bag-info.txt"] = (
        f"External-Identifier: {bag.external_identifier}\nPayload-Oxum: {oxum}\nBagging-Date: 2020-09-01\n".encode()
    )
    if fetched:
        lines = [f"s3://{bucket}/{bag}/{where}\t{len(data)}\tdata/{path}\n" for path, (where, data) in fetched.items()]
        files["fetch.txt"] = "".join(lines).encode()
    for name in algorithms:
        files[f"manifest-{name}.txt"] = _manifest(logical, name)
    tags = {path: data for path, data in files.items() if "/" not in path}
    for name in algorithms:
        files[f"tagmanifest-{name}.txt"] = _manifest(tags, name)
    return files


def with_tag_file(files: Mapping[str, bytes], name: str, data: bytes) -> dict[str, bytes]:
    """The bag with another tag file, and tag manifests that say so."""
    changed = {path: body for path, body in files.items() if not path.startswith("tagmanifest-")} | {name: data}
    tags = {path: body for path, body in changed.items() if not path.startswith("data/")}
    for algorithm in [name for name in ("md5", "sha256", "sha512") if f"tagmanifest-{name}.txt" in files]:
        changed[f"tagmanifest-{algorithm}.txt"] = _manifest(tags, algorithm)
    return changed


def _manifest(files: Mapping[str, bytes], algorithm: str) -> bytes:
    return "".join(f"{hashlib.new(algorithm, data).hexdigest()}  {path}\n" for path, data in files.items()).encode()


@dataclass
class World:
    """Two locations in memory: ``primary`` (with archive tiers) and ``azure`` (with Azure's name rules)."""

    limits: Limits = SMALL
    clock: Clock = field(default_factory=Clock)
    trusted_listing: bool = True
    server_copy: ServerCopy | None = None

    def __post_init__(self) -> None:
        self.source = MemoryBucket(clock=self.clock, thaw_delays=dict.fromkeys(ThawTier, THAW_DELAY))
        self.destination = MemoryBucket(clock=self.clock)
        self.records = MemoryBucket(clock=self.clock)
        self.registry = MemoryRegistry(clock=self.clock)
        self.ingests = MemoryIngestTracker()
        self.audits = MemoryAuditLog(self.registry)
        self.thaws = MemoryThawLedger(self.clock)
        self.thaw_pace = MemoryPace(self.clock)
        self.locations = {
            "primary": Location("primary", Provider.AMAZON_S3, "primary", thaw=ThawDefaults(ThawTier.BULK, 5)),
            "azure": Location("azure", Provider.AZURE_BLOB_STORAGE, "container", writable=True),
        }

    def services(self, *, source: Decide | None = None, destination: Decide | None = None, **changes: Any) -> Services:
        """The services, with faults injected where asked for."""
        built = Services(
            locations=self.locations,
            registry=self.registry,
            ingests=self.ingests,
            audits=self.audits,
            stores=_Stores(self, source, destination),
            work=RecordStore(MemoryStore(self.records, location="work"), "work/"),
            receipts=RecordStore(MemoryStore(self.records, location="receipts"), "receipts/"),
            limits=self.limits,
            policies=(Policy((), ("azure",)),),
            clock=self.clock,
            thaws=self.thaws,
            thaw_pace=self.thaw_pace,
            sleep=advance_instead_of_sleeping(self.clock),
        )
        return replace(built, **changes)

    def put(self, bag_version: str, files: Mapping[str, bytes], *, bucket: MemoryBucket | None = None) -> None:
        """Lay objects into a bag version's folder, as the outside world would."""
        for path, data in files.items():
            (bucket or self.source).put_unconditionally(f"{bag_version}/{path}", data)

    def add(self, bag_version: str, files: Mapping[str, bytes]) -> None:
        """Lay a bag version into the source and import it."""
        self.put(bag_version, files)
        result = import_location(self.services(), "primary")
        problems = [problem for bag in result.notable for problem in bag.problems]
        assert self.registry.manifest(BagVersionId.parse(bag_version)) is not None, problems

    def archive(self, bag_version: str, *paths: str, storage_class: str = "GLACIER") -> None:
        """Move files of the source into an archive class."""
        for path in paths:
            self.source.archive(f"{bag_version}/{path}", storage_class)

    def request(self, bag: str, request_id: str = "bag__test", **fields: Any) -> BackfillRequest:
        """A parsed request to replicate a bag to ``azure``."""
        space, _, identifier = bag.partition("/")
        given = {"space": space, "external_identifier": identifier, "destination": "azure", **fields}
        return BackfillRequest.parse(self.services(), request_id, given)

    def is_registered(self, bag_version: str) -> bool:
        """Whether the registry has the replica at ``azure``."""
        replicas = self.registry.replicas(BagVersionId.parse(bag_version))
        return any(replica.location == "azure" for replica in replicas)

    def at_destination(self, bag_version: str) -> dict[str, bytes]:
        """What lies in the destination's folder."""
        return contents(self.destination, f"{bag_version}/")


def contents(bucket: MemoryBucket, prefix: str) -> dict[str, bytes]:
    """The objects below a prefix, by path."""
    store = MemoryStore(bucket)
    return {info.key.removeprefix(prefix): b"".join(store.read(info.key)) for info in store.list(prefix)}


class _Stores:
    def __init__(self, world: World, source: Decide | None, destination: Decide | None) -> None:
        self._world = world
        capabilities = {Capability.THAW}
        if world.trusted_listing:
            capabilities.add(Capability.ARCHIVE_STATE_IN_LISTING)
        stores: dict[str, ObjectStore] = {
            "primary": MemoryStore(
                world.source, location="primary", name_rules=MEMORY_NAMES, capabilities=frozenset(capabilities)
            ),
            "azure": MemoryStore(world.destination, location="azure", name_rules=AZURE_NAMES, capabilities=frozenset()),
        }
        for name, decide in (("primary", source), ("azure", destination)):
            if decide is not None:
                stores[name] = FaultyStore(stores[name], decide)
        self._stores = stores

    def reading(self, location: Location) -> ObjectStore:
        return self._stores[location.name]

    def writing(self, location: Location) -> ObjectStore:
        return self._stores[location.name]

    def server_copy(self, source: Location, destination: Location) -> ServerCopy | None:
        return self._world.server_copy


def advance_instead_of_sleeping(clock: Clock) -> Callable[[float], None]:
    """A ``sleep`` that turns the clock."""
    return lambda seconds: clock.advance(timedelta(seconds=seconds))
