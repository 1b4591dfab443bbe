"""Releases: a person has seen to a bag that needed one, and it may be tried again.

``tests/contracts/releases_contract.py`` checks every implementation. What failed before the last release of a bag says
nothing against it any more. A release is never changed or removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Protocol

from bagfill.bag.identifiers import BagId


@dataclass(frozen=True, slots=True)
class Release:
    """One decision.

    Args:
        bag: what may be tried again.
        destination: name of the location where it is missing.
        at: when, timezone-aware.
        who: decided it.
        why: in the words of that person.
    """

    bag: BagId
    destination: str
    at: datetime
    who: str
    why: str


class Releases(Protocol):
    """Where releases are kept."""

    def release(self, *releases: Release) -> None:
        """Record some (at most a few hundred): all of them, or none."""
        ...

    def last(self, bags: Collection[BagId], destination: str) -> Mapping[BagId, datetime]:
        """When each of these bags was last released for a location; bags that never were are left out."""
        ...

    def all(self) -> Iterator[Release]:
        """Every release, in the order they were made."""
        ...


class MemoryReleases:
    """See :class:`Releases`. One process, nothing is kept."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._made: list[Release] = []

    def release(self, *releases: Release) -> None:
        """See :meth:`Releases.release`."""
        with self._lock:
            self._made += releases

    def last(self, bags: Collection[BagId], destination: str) -> Mapping[BagId, datetime]:
        """See :meth:`Releases.last`."""
        wanted, found = set(bags), dict[BagId, datetime]()
        with self._lock:
            for made in self._made:
                if made.bag in wanted and made.destination == destination:
                    found[made.bag] = max(made.at, found.get(made.bag, made.at))
        return found

    def all(self) -> Iterator[Release]:
        """See :meth:`Releases.all`."""
        with self._lock:
            made = list(self._made)
        yield from made
