"""A store whose requests pass a gate. Goes inside of the retrying one, so that each try waits for its turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.gate import Gate
from bagfill.storage.knee import Kind
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

_PAGE = 1000
"""Objects that one request lists, at the providers that matter."""


class LimitedStore:
    """Wraps a store. A read holds its turn until its last byte; a listing takes one for each page.

    Args:
        inner: the store that does the work.
        gate: of its location, shared by all identities.
    """

    def __init__(self, inner: ObjectStore, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

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
        with self._gate.request():
            return self._inner.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`."""
        return self._listed(self._inner.list(prefix))

    def _listed(self, items: Iterator[ObjectInfo]) -> Iterator[ObjectInfo]:
        more = True
        while more:
            with self._gate.request(Kind.LIST) as passage:
                page = [*islice(items, _PAGE)]
                passage.size = len(page)
            yield from page
            more = len(page) == _PAGE

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        with self._gate.request(Kind.LIST) as passage:
            found = [*self._inner.list_folders(prefix)]
            passage.size = len(found)
        return iter(found)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        return self._passed(self._inner.read(key, start=start, length=length, etag=etag))

    def _passed(self, chunks: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        clock = self._gate.clock
        with self._gate.request(Kind.READ) as passage:
            for chunk in chunks:
                passage.size += len(chunk)
                handed = clock()
                yield chunk
                # What was done with it, a digest perhaps, is no time of the provider.
                passage.elsewhere += clock() - handed

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`."""
        with self._gate.request(Kind.READ, len(into)):
            return self._inner.read_into(key, into, etag=etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        with self._gate.request(Kind.WRITE, len(data)):
            return self._inner.create(key, data)

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """See :meth:`ObjectStore.stage`."""
        with self._gate.request():
            return _LimitedStagedWrite(self._inner.stage(key, token=token), self._gate)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`."""
        with self._gate.request(Kind.THAW):
            return self._inner.request_thaw(key, tier=tier, days=days)

    def close(self) -> None:
        """Close the inner store. The gate belongs to whoever made it."""
        self._inner.close()


class _LimitedStagedWrite:
    def __init__(self, inner: StagedWrite, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    @property
    def token(self) -> str:
        return self._inner.token

    @property
    def check(self) -> TransitCheck:
        return self._inner.check

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        with self._gate.request():
            return self._inner.staged(noted)

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        with self._gate.request(Kind.WRITE, len(data)):
            return self._inner.stage(index, data, crc)

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        with self._gate.request(Kind.COMMIT, len(blocks)):
            return self._inner.commit(blocks)

    def abandon(self) -> None:
        with self._gate.request():
            self._inner.abandon()
