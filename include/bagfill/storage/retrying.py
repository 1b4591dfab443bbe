"""A store that tries again where a retry by itself can help, with growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.names import NameRules
from bagfill.storage.retries import WORTH_A_PAUSE, Retries, RetryPolicy
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

Answer = TypeVar("Answer")


class RetryingStore:
    """Wraps a store. A retried ``create`` or ``commit`` whose first answer was lost meets its own object and says
    ``AlreadyExists``, as for anybody's object: the caller compares the bytes in either case.

    Args:
        inner: the store that does the work.
        policy: how often.
        sleep: sleeps for a number of seconds.
    """

    def __init__(
        self, inner: ObjectStore, policy: RetryPolicy | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._inner = inner
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._again = Retries(self._policy, sleep)

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
        return self.retried(lambda: self._inner.stat(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`ObjectStore.list`. Tried again until something was handed out; later pages are the store's to try.

        A listing that breaks in the middle is raised: begun again it could repeat or miss what changed meanwhile.
        """
        return self._listed(self._inner.list(prefix), prefix)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """See :meth:`ObjectStore.list_folders`."""
        return iter(self.retried(lambda: [*self._inner.list_folders(prefix)]))

    def _listed(self, items: Iterator[ObjectInfo], prefix: str) -> Iterator[ObjectInfo]:
        unopened = [items]

        def first() -> tuple[ObjectInfo | None, Iterator[ObjectInfo]]:
            started = unopened.pop() if unopened else self._inner.list(prefix)
            return next(started, None), started

        info, rest = self.retried(first)
        if info is not None:
            yield info
            yield from rest

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Iterator[bytes | memoryview]:
        """See :meth:`ObjectStore.read`. Resumes at the byte where it broke, given an ``etag``.

        Without one, a break after the first byte is raised: the rest might belong to another object.
        """
        return self._resumed(self._inner.read(key, start=start, length=length, etag=etag), key, start, length, etag)

    def _resumed(
        self, chunks: Iterator[bytes | memoryview], key: str, start: int, length: int | None, etag: str | None
    ) -> Iterator[bytes | memoryview]:
        position, fruitless = start, 0
        while True:
            before = position
            try:
                for chunk in chunks:
                    position += len(chunk)
                    yield chunk
                return
            except StoreError as error:
                fruitless = 1 if position > before else fruitless + 1
                mixed = etag is None and position > start
                if error.failure not in WORTH_A_PAUSE or self._policy.is_over(fruitless, error) or mixed:
                    raise
            self._sleep(min(self._policy.first_pause * 2 ** (fruitless - 1), self._policy.longest_pause))
            left = None if length is None else start + length - position
            chunks = self._inner.read(key, start=position, length=left, etag=etag)

    def read_into(self, key: str, into: memoryview, *, etag: str) -> bool:
        """See :meth:`ObjectStore.read_into`. Tried once: :meth:`read` is patient."""
        try:
            return self._inner.read_into(key, into, etag=etag)
        except StoreError as error:
            if error.failure not in WORTH_A_PAUSE:
                raise
            return False

    def create(self, key: str, data: bytes | memoryview) -> Created | AlreadyExists:
        """See :meth:`ObjectStore.create`."""
        return self.retried(lambda: self._inner.create(key, data))

    def stage(self, key: str, *, token: str | None = None) -> StagedWrite:
        """See :meth:`ObjectStore.stage`. A start whose answer was lost leaves an empty staged write behind."""
        return _RetryingStagedWrite(self.retried(lambda: self._inner.stage(key, token=token)), self)

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        """See :meth:`ObjectStore.request_thaw`. A retry after a lost answer meets its own thaw: ALREADY_IN_PROGRESS.

        A throttled one is not tried again here: all senders have to slow down together (:mod:`bagfill.thaw.sending`).
        """

        def ask() -> ThawAnswer | StoreError:
            try:
                return self._inner.request_thaw(key, tier=tier, days=days)
            except StoreError as error:
                if error.failure is not StoreFailure.THROTTLED:
                    raise
                return error

        if isinstance(answer := self.retried(ask), StoreError):
            raise answer
        return answer

    def close(self) -> None:
        """Close the inner store."""
        self._inner.close()

    def retried(self, call: Callable[[], Answer]) -> Answer:
        """The answer of a call, tried as often as the policy says."""
        return self._again(call)


class _RetryingStagedWrite:
    def __init__(self, inner: StagedWrite, store: RetryingStore) -> None:
        self._inner = inner
        self._store = store

    @property
    def token(self) -> str:
        return self._inner.token

    @property
    def check(self) -> TransitCheck:
        return self._inner.check

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        return self._store.retried(lambda: self._inner.staged(noted))

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        return self._store.retried(lambda: self._inner.stage(index, data, crc))

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        return self._store.retried(lambda: self._inner.commit(blocks))

    def abandon(self) -> None:
        self._store.retried(self._inner.abandon)
