"""Look how far thaws are: one listing, and a ``stat`` only for what the listing cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from bagfill.storage.pace import Pace
from bagfill.storage.store import ArchiveState, Capability, ObjectInfo, ObjectStore

_STATS_AT_ONCE = 8


@dataclass(frozen=True)
class ThawStates:
    """The states of the objects asked about.

    Args:
        infos: by key, each object as it is now.
        missing: keys of which the provider knows no object.
    """

    infos: Mapping[str, ObjectInfo]
    missing: frozenset[str]

    @cached_property
    def readable(self) -> frozenset[str]:
        """What can be read now."""
        return self._of(ArchiveState.READABLE, ArchiveState.THAWED)

    @cached_property
    def thawing(self) -> frozenset[str]:
        """What was asked for and is not finished."""
        return self._of(ArchiveState.THAWING)

    @cached_property
    def archived(self) -> frozenset[str]:
        """What has to be asked for: never was, or its copy went away."""
        return self._of(ArchiveState.ARCHIVED)

    def _of(self, *states: ArchiveState) -> frozenset[str]:
        return frozenset(key for key, info in self.infos.items() if info.archive in states)


def thaw_states(store: ObjectStore, prefix: str, keys: frozenset[str], *, pace: Pace | None = None) -> ThawStates:
    """The states of ``keys``.

    AWS reports restores in listings, and Azure rehydrations; other S3 servers leave them out, and there what looks
    archived is looked at one by one.

    Args:
        store: where the objects are.
        prefix: ends in ``/``; every key starts with it.
        keys: full keys.
        pace: of looking one by one; ``None``: as fast as it goes.

    Raises:
        StoreError: the store did not answer.
    """
    infos = {info.key: info for info in store.list(prefix) if info.key in keys}
    gone: set[str] = set()
    if Capability.ARCHIVE_STATE_IN_LISTING not in store.capabilities:
        unclear = [key for key, info in infos.items() if info.archive is ArchiveState.ARCHIVED]

        def look(key: str) -> ObjectInfo | None:
            if pace is not None:
                pace.wait()
            return store.stat(key)

        with ThreadPoolExecutor(_STATS_AT_ONCE, thread_name_prefix="stat") as pool:
            for key, info in zip(unclear, pool.map(look, unclear), strict=True):
                if info is None:
                    gone.add(key)
                else:
                    infos[key] = info
    return ThawStates({key: info for key, info in infos.items() if key not in gone}, keys - infos.keys() | gone)
