"""Remembers staged writes between attempts and between tasks, so that blocks are sent once."""

from __future__ import annotations

from typing import Protocol

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore, StagedWrite


class StagingLedger(Protocol):
    """Which staged write belongs to a key. Written once per generation, by whoever comes first."""

    def current(self, key: str) -> tuple[int, str] | None:
        """The newest generation and its token, or ``None`` if there is none."""
        ...

    def propose(self, key: str, generation: int, token: str) -> str:
        """Make ``token`` the one of this generation, unless somebody was first; returns the one that counts."""
        ...


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
                return write
            generation += 1
        fresh = store.stage(key)
        winner = ledger.propose(key, generation, fresh.token)
        if winner == fresh.token:
            return fresh
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
