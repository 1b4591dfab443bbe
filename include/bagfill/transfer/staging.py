"""Remembers staged writes between attempts and between tasks, so that blocks are sent once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import (
    NOTHING_NOTED,
    AlreadyExists,
    Created,
    Noted,
    ObjectStore,
    StagedBlock,
    StagedWrite,
    TransitCheck,
)


class StagingLedger(Protocol):
    """Which staged write belongs to a key. Written once per generation, by whoever comes first."""

    def current(self, key: str) -> tuple[int, str] | None:
        """The newest generation and its token, or ``None`` if there is none."""
        ...

    def propose(self, key: str, generation: int, token: str) -> str:
        """Make ``token`` the one of this generation, unless somebody was first; returns the one that counts."""
        ...

    def note(self, key: str, noted: Noted) -> None:
        """Remember what a provider told of blocks when it fetched them, by label: no listing tells it again."""
        ...

    def noted(self, key: str) -> Noted:
        """What was remembered of the blocks of a key, by any task."""
        ...


class Remembering:
    """A staged write whose listing is completed by what was noted; see :class:`bagfill.storage.store.StagedWrite`.

    Args:
        inner: does the work.
        ledger: asked at each listing: other tasks note too.
        key: of the object.
    """

    def __init__(self, inner: StagedWrite, ledger: StagingLedger, key: str) -> None:
        self._inner = inner
        self._ledger = ledger
        self._key = key

    @property
    def token(self) -> str:
        """The inner one's."""
        return self._inner.token

    @property
    def check(self) -> TransitCheck:
        """The inner one's."""
        return self._inner.check

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        """See :meth:`StagedWrite.staged`."""
        return self._inner.staged({**self._ledger.noted(self._key), **noted})

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        """See :meth:`StagedWrite.stage`."""
        return self._inner.stage(index, data, crc)

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
        """See :meth:`StagedWrite.commit`."""
        return self._inner.commit(blocks)

    def abandon(self) -> None:
        """See :meth:`StagedWrite.abandon`."""
        self._inner.abandon()


def join_staged_write(store: ObjectStore, key: str, ledger: StagingLedger) -> StagedWrite:
    """Go on with the staged write that other tasks use for this key, or start the one that all will use.

    A staged write that the provider dropped (a lifecycle rule, a week gone by) is replaced by a new generation.

    Raises:
        StoreError: the provider did not answer.
    """
    while True:
        known = ledger.current(key)
        if known is None:
            generation = 0
        else:
            generation, token = known
            write = store.stage(key, token=token)
            if _is_alive(write):
                return Remembering(write, ledger, key)
            generation += 1
        fresh = store.stage(key)
        winner = ledger.propose(key, generation, fresh.token)
        if winner == fresh.token:
            return Remembering(fresh, ledger, key)
        # Another task was first. Ours holds no block yet, and nobody else knows of it.
        fresh.abandon()


def _is_alive(write: StagedWrite) -> bool:
    try:
        write.staged()
    except StoreError as error:
        if error.failure is StoreFailure.MISSING:
            return False
        raise
    return True
