"""Send thaw requests, one an object, at the rate that all runs share; wait where the provider wants fewer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectStore, ThawAnswer, ThawTier
from bagfill.thaw.ledger import ThawRecord
from bagfill.thaw.pace import SharedPace

_CHUNK = 1000
_ROUNDS = 6
"""Times that throttled requests are sent before they count as refused."""
_FIRST_HOLD, _LONGEST_HOLD = 2.0, 60.0
"""Seconds for which nobody sends after a throttled round; doubled from round to round."""


@dataclass(slots=True)
class Sent:
    """Some requests that were answered.

    Args:
        answers: by key, what the provider said.
        refused: by key, why not.
        slower: keys of ``answers`` that were asked for as Standard, for want of capacity for Expedited.
    """

    answers: dict[str, ThawAnswer] = field(default_factory=dict)
    refused: dict[str, StoreError] = field(default_factory=dict)
    slower: set[str] = field(default_factory=set)


class ThawSender(Protocol):
    """A way of asking for the objects of one location."""

    @property
    def location(self) -> str:
        """The location's name."""
        ...

    @property
    def chunk_objects(self) -> int:
        """How many objects are best reserved and sent together."""
        ...

    @property
    def lease(self) -> timedelta:
        """How long sending so many may take."""
        ...

    def send(self, chunk: str, storage_class: str, rows: Sequence[ThawRecord]) -> Iterator[Sent]:
        """Ask for reserved objects of one class, tier and life, and hand back the answers as they come.

        Args:
            chunk: id of the chunk: the same when it is sent again.
            storage_class: of the objects.
            rows: reserved, of this location.

        Raises:
            StoreError: nothing more is sent; what was handed back counts.
        """
        ...


@dataclass(frozen=True, slots=True)
class SendingRate:
    """How fast.

    Args:
        pace: turns, shared by all runs.
        account: whose rate it is.
        per_second: requests of all runs together.
        concurrency: requests in flight in this process.
        sleep: waits; tests turn a clock.
    """

    pace: SharedPace
    account: str
    per_second: float
    concurrency: int
    sleep: Callable[[float], None] = time.sleep

    def turns(self, keys: Sequence[str]) -> Iterator[Sequence[str]]:
        """The keys in slices of about a second, each handed out when its turn has come."""
        size = max(1, int(self.per_second))
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            wait = self.pace.turn(self.account, len(part), self.per_second)
            if wait > 0:
                self.sleep(wait)
            yield part


class SingleRequests:
    """One RestoreObject (Azure: Set Blob Tier) for each object.

    Args:
        store: where the objects are.
        rate: how fast.
    """

    def __init__(self, store: ObjectStore, rate: SendingRate) -> None:
        self._store = store
        self._rate = rate

    @property
    def location(self) -> str:
        """The store's location."""
        return self._store.location

    @property
    def chunk_objects(self) -> int:
        """See :class:`ThawSender`."""
        return _CHUNK

    @property
    def lease(self) -> timedelta:
        """A thousand requests take their turns well within it."""
        return timedelta(hours=1)

    def send(
        self,
        chunk: str,  # noqa: ARG002 - an object's own key tells what was asked before
        storage_class: str,  # noqa: ARG002 - the provider knows
        rows: Sequence[ThawRecord],
    ) -> Iterator[Sent]:
        """See :meth:`ThawSender.send`. Throttled requests are sent again, ever more slowly, a few times."""
        tier, days = rows[0].tier, rows[0].days
        pending = [row.key for row in rows]
        with ThreadPoolExecutor(self._rate.concurrency, thread_name_prefix="thaw") as pool:
            for round_ in range(_ROUNDS):
                throttled: list[str] = []
                last = round_ == _ROUNDS - 1
                for part in self._rate.turns(pending):
                    sent = Sent()
                    for key, answer in zip(part, pool.map(lambda key: self._ask(key, tier, days), part), strict=True):
                        match answer:
                            case ThawAnswer():
                                sent.answers[key] = answer
                            case StoreError(failure=StoreFailure.NO_CAPACITY) if tier is ThawTier.EXPEDITED:
                                sent.slower.add(key)
                            case StoreError(failure=StoreFailure.THROTTLED) if not last:
                                throttled.append(key)
                            case _:
                                sent.refused[key] = answer
                    self._ask_slower(sent, days)
                    yield sent
                if not throttled:
                    return
                pending = throttled
                hold = min(_FIRST_HOLD * 2**round_, _LONGEST_HOLD)
                self._rate.pace.hold(self._rate.account, hold)

    def _ask_slower(self, sent: Sent, days: int) -> None:
        for key in sorted(sent.slower):
            answer = self._ask(key, ThawTier.STANDARD, days)
            if isinstance(answer, ThawAnswer):
                sent.answers[key] = answer
            else:
                sent.slower.discard(key)
                sent.refused[key] = answer

    def _ask(self, key: str, tier: ThawTier, days: int) -> ThawAnswer | StoreError:
        try:
            return self._store.request_thaw(key, tier=tier, days=days)
        except StoreError as error:
            return error
