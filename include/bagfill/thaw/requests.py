"""Ask for thaws, at a bounded rate, and look how far they are."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bagfill.storage.errors import StoreError
from bagfill.storage.store import ArchiveState, Capability, ObjectInfo, ObjectStore, ThawAnswer, ThawTier


class Pace:
    """Lets at most ``per_second`` callers through each second, evenly; safe to share between threads.

    Args:
        per_second: calls a second; more than 0.
    """

    def __init__(self, per_second: float, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._step = 1.0 / per_second
        self._next = 0.0
        self._lock = threading.Lock()
        self._sleep = sleep

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._step
        if turn > now:
            self._sleep(turn - now)


@dataclass(frozen=True, slots=True)
class ThawRefusal:
    """One object whose thaw was not accepted, and why."""

    key: str
    error: StoreError


@dataclass(frozen=True, slots=True)
class ThawAnswers:
    """What the provider answered, counted; refusals are kept one by one."""

    counts: Mapping[ThawAnswer, int]
    refusals: tuple[ThawRefusal, ...]


def request_thaws(
    store: ObjectStore, keys: Iterable[str], *, tier: ThawTier, days: int, pace: Pace, concurrency: int
) -> ThawAnswers:
    """Ask once for each key. Asking again is free of harm: a thaw under way answers so, and nothing new is paid.

    Args:
        store: where the objects are.
        keys: full keys.
        tier: how fast.
        days: how long the copies live.
        pace: bounds the rate.
        concurrency: requests in flight.
    """

    def ask(key: str) -> ThawAnswer | ThawRefusal:
        pace.wait()
        try:
            return store.request_thaw(key, tier=tier, days=days)
        except StoreError as error:
            return ThawRefusal(key, error)

    counts: Counter[ThawAnswer] = Counter()
    refusals: list[ThawRefusal] = []
    with ThreadPoolExecutor(concurrency, thread_name_prefix="thaw") as pool:
        for answer in pool.map(ask, keys):
            match answer:
                case ThawRefusal():
                    refusals.append(answer)
                case ThawAnswer():
                    counts[answer] += 1
    return ThawAnswers(counts, tuple(refusals))


@dataclass(frozen=True, slots=True)
class ThawStates:
    """The states of the objects asked about: readable now, being thawed, or archived (expired, or never asked)."""

    readable: frozenset[str]
    thawing: frozenset[str]
    archived: frozenset[str]
    missing: frozenset[str]


def thaw_states(store: ObjectStore, prefix: str, keys: frozenset[str]) -> ThawStates:
    """Look how far the thaws of ``keys`` are: one listing, and a ``stat`` only for what the listing cannot tell.

    AWS reports the restore status in listings; other S3 servers leave it out, and then an object that was asked for
    reads as archived. Since these objects were asked for, "archived" is the rare answer on AWS (an expired copy), so
    asking again about just these costs little there and is right everywhere.

    Args:
        prefix: ends in ``/``; every key starts with it.

    Raises:
        StoreError: the store did not answer.
    """
    sorted_keys: dict[ArchiveState, set[str]] = {state: set() for state in ArchiveState}
    seen: set[str] = set()
    trusted = Capability.ARCHIVE_STATE_IN_LISTING in store.capabilities
    for listed in store.list(prefix):
        if listed.key not in keys:
            continue
        seen.add(listed.key)
        info: ObjectInfo | None = listed
        if listed.archive is ArchiveState.ARCHIVED and not trusted:
            info = store.stat(listed.key)
        if info is None:
            seen.discard(listed.key)
        else:
            sorted_keys[info.archive].add(info.key)
    return ThawStates(
        readable=frozenset(sorted_keys[ArchiveState.READABLE] | sorted_keys[ArchiveState.THAWED]),
        thawing=frozenset(sorted_keys[ArchiveState.THAWING]),
        archived=frozenset(sorted_keys[ArchiveState.ARCHIVED]),
        missing=keys - seen,
    )
