"""A store for reading whose thaws are asked for by another identity: the only one of a source that spends money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock

from bagfill.storage.names import NameRules
from bagfill.storage.store import (
    AlreadyExists,
    Capability,
    Created,
    ObjectInfo,
    ObjectStore,
    StagedWrite,
    ThawAnswer,
    ThawTier,
)


class ThawedByAnother:
    """Wraps a store; see :class:`bagfill.storage.store.ObjectStore`.

    Args:
        reading: does everything but thaws.
        thawing: opens the store of the identity that thaws, when the first thaw is asked for: a process that only
            reads needs no credentials for it.
    """

    def __init__(self, reading: ObjectStore, thawing: Callable[[], ObjectStore]) -> None:
        self._reading = reading
        self._open = thawing
        self._opening = Lock()
        self._thawing: ObjectStore | None = None

    @property
    def location(self) -> str:
        """The reading store's location."""
        return self._reading.location

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The reading store's."""
        return self._reading.capabilities

    @property
    def name_rules(self) -> NameRules:
        """The reading store's."""
        return self._reading.name_rules

    def stat(self, key: str) -> ObjectInfo | None:
        """See :meth:`ObjectStore.stat`."""
        return self._reading.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`."""
        return self._reading.list(prefix)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        return self._reading.list_folders(prefix)

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`."""
        return self._reading.read(key, start=start, length=length, etag=etag)

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`."""
        return self._reading.read_into(key, into, etag=etag)

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        return self._reading.create(key, data)

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """See :meth:`ObjectStore.stage`."""
        return self._reading.stage(key, token=token)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`. Raises StoreError (MISCONFIGURED) without credentials for it too."""
        with self._opening:
            if self._thawing is None:
                self._thawing = self._open()
        return self._thawing.request_thaw(key, tier=tier, days=days)

    def close(self) -> None:
        """Close both."""
        self._reading.close()
        if self._thawing is not None:
            self._thawing.close()
