"""A store that fails on command, before or after the effect took place: how the invariants are proved.

Product code because simulations and drills use it too; no configuration reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.names import NameRules
from bagfill.storage.store import (
    NOTHING_NOTED,
    AlreadyExists,
    Capability,
    Created,
    Noted,
    ObjectInfo,
    ObjectStore,
    StagedBlock,
    StagedWrite,
    ThawAnswer,
    ThawTier,
    TransitCheck,
)

Item = TypeVar("Item")


class Killed(BaseException):
    """The process died here. Not an ``Exception``: no handler of ours may go on after it."""


class FaultKind(StrEnum):
    """What goes wrong at one call."""

    REFUSE = "refuse"
    """A StoreError, and nothing happened."""
    LOSE_ANSWER = "lose answer"
    """The effect took place, then a StoreError. A read or a listing breaks after its first item."""
    KILL_BEFORE = "kill before"
    """Killed, and nothing happened."""
    KILL_AFTER = "kill after"
    """The effect took place, then Killed. A read or a listing dies after its first item."""
    FLIP_READ = "flip read"
    """One bit of the bytes read is wrong, and nobody says so."""
    FLIP_WRITE = "flip write"
    """One bit of the bytes written is wrong, and nobody says so."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        kind: what goes wrong. A kind that does not fit the operation (FLIP_READ of a stat) does nothing.
        failure: the failure of the StoreError, for REFUSE and LOSE_ANSWER.
    """

    kind: FaultKind
    failure: StoreFailure = StoreFailure.UNAVAILABLE


Decide = Callable[[str, str], Fault | None]
"""Given operation and key (or prefix), what goes wrong now. Operations: ``stat``, ``list``, ``list folders``, ``read``,
``create``, ``stage``, ``list blocks``, ``stage block``, ``commit``, ``abandon``, ``request thaw``."""


class _Plan:
    """Asks ``decide`` once per call and plays its answer."""

    def __init__(self, decide: Decide, location: str) -> None:
        self._decide = decide
        self._location = location

    def begin(self, operation: str, key: str) -> Fault | None:
        fault = self._decide(operation, key)
        if fault is not None and fault.kind is FaultKind.KILL_BEFORE:
            raise Killed(operation, key)
        if fault is not None and fault.kind is FaultKind.REFUSE:
            raise self._error(fault, operation, key)
        return fault

    def end(self, fault: Fault | None, operation: str, key: str) -> None:
        if fault is not None and fault.kind is FaultKind.KILL_AFTER:
            raise Killed(operation, key)
        if fault is not None and fault.kind is FaultKind.LOSE_ANSWER:
            raise self._error(fault, operation, key)

    def _error(self, fault: Fault, operation: str, key: str) -> StoreError:
        return StoreError(fault.failure, location=self._location, key=key, operation=operation, detail="injected fault")


class FaultyStore:
    """Wraps a store and lets ``decide`` say what goes wrong at each call.

    Args:
        inner: the store that does the work.
        decide: asked at every call, in the order of calls.
    """

    def __init__(self, inner: ObjectStore, decide: Decide) -> None:
        self._inner = inner
        self._plan = _Plan(decide, inner.location)

    @property
    def location(self) -> str:
        """The inner store's location."""
        return self._inner.location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The inner store's."""
        return self._inner.capabilities

    @property
    def name_rules(self) -> NameRules:
        """The inner store's."""
        return self._inner.name_rules

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`."""
        fault = self._plan.begin("stat", key)
        info = self._inner.stat(key)
        self._plan.end(fault, "stat", key)
        return info

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`."""
        return self._broken_after_first(self._inner.list(prefix), "list", prefix)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        return self._broken_after_first(self._inner.list_folders(prefix), "list folders", prefix)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        chunks = self._inner.read(key, start=start, length=length, etag=etag)
        return self._broken_after_first(chunks, "read", key, flipped=_flip)

    def _broken_after_first(
        self, items: Iterator[Item], operation: str, key: str, flipped: Callable[[Item], Item] | None = None
    ) -> Iterator[Item]:
        fault = self._plan.begin(operation, key)
        for count, item in enumerate(items):
            if count == 1:
                self._plan.end(fault, operation, key)
            if flipped and count == 0 and fault is not None and fault.kind is FaultKind.FLIP_READ:
                yield flipped(item)
            else:
                yield item
        self._plan.end(fault, operation, key)

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`."""
        fault = self._plan.begin("read", key)
        done = self._inner.read_into(key, into, etag=etag)
        if fault is not None and fault.kind is FaultKind.FLIP_READ:
            into[:] = _flip(into)
        self._plan.end(fault, "read", key)
        return done

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        fault = self._plan.begin("create", key)
        written = _flip(data) if fault is not None and fault.kind is FaultKind.FLIP_WRITE else data
        answer = self._inner.create(key, written)
        self._plan.end(fault, "create", key)
        return answer

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """See :meth:`ObjectStore.stage`."""
        fault = self._plan.begin("stage", key)
        write = self._inner.stage(key, token=token)
        self._plan.end(fault, "stage", key)
        return _FaultyStagedWrite(write, key, self._plan)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`."""
        fault = self._plan.begin("request thaw", key)
        answer = self._inner.request_thaw(key, tier=tier, days=days)
        self._plan.end(fault, "request thaw", key)
        return answer

    def close(self) -> None:
        """Close the inner store."""
        self._inner.close()


class _FaultyStagedWrite:
    def __init__(self, inner: StagedWrite, key: str, plan: _Plan) -> None:
        self._inner = inner
        self._key = key
        self._plan = plan
        self._flipped: dict[StagedBlock, StagedBlock] = {}

    @property
    def token(self) -> str:
        return self._inner.token

    @property
    def check(self) -> TransitCheck:
        return self._inner.check

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        fault = self._plan.begin("list blocks", self._key)
        blocks = self._inner.staged(noted)
        self._plan.end(fault, "list blocks", self._key)
        return blocks

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        fault = self._plan.begin("stage block", self._key)
        if fault is not None and fault.kind is FaultKind.FLIP_WRITE:
            # Damage after the provider's own check: the answer looks right and the bytes are not.
            wrong = _flip(data)
            held = self._inner.stage(index, wrong, Crc64.of(wrong))
            answer = StagedBlock(index=index, size=held.size, crc=crc)
            self._flipped[answer] = held
            return answer
        block = self._inner.stage(index, data, crc)
        self._flipped.pop(block, None)
        self._plan.end(fault, "stage block", self._key)
        return block

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        fault = self._plan.begin("commit", self._key)
        answer = self._inner.commit([self._flipped.get(block, block) for block in blocks])
        self._plan.end(fault, "commit", self._key)
        return answer

    def abandon(self) -> None:
        fault = self._plan.begin("abandon", self._key)
        self._inner.abandon()
        self._plan.end(fault, "abandon", self._key)


def _flip(data: bytes | memoryview) -> bytes:
    """The same bytes with the lowest bit of the middle one inverted; empty stays empty."""
    flipped = bytearray(data)
    if flipped:
        flipped[len(flipped) // 2] ^= 1
    return bytes(flipped)
