"""Copies by the providers themselves pass the gates of both locations."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.gate import Gate, LocationLimits, Passage
from bagfill.storage.knee import Kind, Knee
from bagfill.storage.limited_copy import LimitedServerCopy
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.memory_copy import MemoryServerCopy
from bagfill.storage.server_copy import FetchedBlock, PinnedSource, Refusal
from bagfill.storage.shares import MemoryShares

DATA = b"0123456789" * 10


def gate(name: str, connections: int = 16) -> Gate:
    return Gate(name, LocationLimits(connections=connections), MemoryShares(), most=16)


class Bench:
    """An object at the source, a staged write at the destination, and a way that counts who is on it."""

    def __init__(self, source: Gate | None, destination: Gate | None) -> None:
        self.from_bucket, self.to_bucket = MemoryBucket(), MemoryBucket()
        self.etag = self.from_bucket.put_unconditionally("k", DATA)
        self.token = self.to_bucket.open_upload("k")
        self.on_the_way = self.most = 0
        self.error: StoreError | None = None
        self._lock = threading.Lock()
        inner = MemoryServerCopy(self.from_bucket, self.to_bucket, before=self._before)
        self.way = LimitedServerCopy(inner, source, destination)
        self.pinned = PinnedSource("k", len(DATA), self.etag)

    def _before(self, _act: str, _key: str) -> Refusal | None:
        if self.error is not None:
            raise self.error
        with self._lock:
            self.on_the_way += 1
            self.most = max(self.most, self.on_the_way)
        time.sleep(0.002)
        with self._lock:
            self.on_the_way -= 1
        return None

    def stage(self, index: int) -> Any:
        return self.way.stage(self.pinned, "k", self.token, index=index, start=index, length=1)


@pytest.mark.parametrize(("source", "destination"), [(2, 16), (16, 2)])
def test_no_more_is_fetched_at_once_than_either_location_allows(source: int, destination: int) -> None:
    bench = Bench(gate("source", source), gate("destination", destination))
    with ThreadPoolExecutor(8) as pool:
        assert all(isinstance(block, FetchedBlock) for block in pool.map(bench.stage, range(24)))
    assert bench.most == 2


def test_copies_there_and_back_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = gate("one", 1), gate("other", 1)
    there, back = Bench(one, other), Bench(other, one)
    both_have_one_turn, enter = threading.Barrier(2), Gate.enter

    def slowly(entered: Gate, passage: Passage) -> None:
        enter(entered, passage)
        # Each waits until the other has its first turn too. With one order of asking that never comes.
        with suppress(threading.BrokenBarrierError):
            both_have_one_turn.wait(0.2)

    monkeypatch.setattr(Gate, "enter", slowly)
    with ThreadPoolExecutor(2) as pool:
        copies = [pool.submit(bench.stage, 0) for bench in (there, back)]
        assert all(isinstance(copy.result(10), FetchedBlock) for copy in copies)


def test_a_look_at_the_source_waits_for_the_source_alone() -> None:
    source, destination = gate("source", 1), gate("destination", 1)
    bench = Bench(source, destination)
    with destination.request(), ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(bench.way.pin, "k", bench.etag).result(10), PinnedSource)
        assert pool.submit(bench.way.look_again, bench.pinned).result(10) is None


@pytest.mark.parametrize("at", ["source", "destination"])
def test_only_the_location_that_asked_for_patience_is_asked_less(at: str) -> None:
    gates = {"source": gate("source"), "destination": gate("destination")}
    bench = Bench(gates["source"], gates["destination"])
    before = gates["source"].allowed
    bench.error = StoreError(StoreFailure.THROTTLED, location=at, key="k", operation="stage", detail="503")
    with pytest.raises(StoreError):
        bench.way.create(bench.pinned, "k2")
    assert {name for name, each in gates.items() if each.allowed < before} == {at}


def test_the_wait_for_a_turn_at_the_destination_is_no_time_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[tuple[Kind, int, float]]] = {"source": [], "destination": []}
    now = 0.0

    class Times(Knee):
        def __init__(self, name: str) -> None:
            super().__init__(16)
            self._name = name

        def answered(self, in_flight: int, kind: Kind, size: int, seconds: float) -> None:
            told[self._name].append((kind, size, seconds))

    def waits(_turn: threading.Condition, seconds: float | None) -> None:
        nonlocal now
        now += seconds or 0.0

    def timed(name: str, limits: LocationLimits) -> Gate:
        monkeypatch.setattr("bagfill.storage.gate.Knee", lambda _most: Times(name))
        return Gate(name, limits, MemoryShares(), most=16, clock=lambda: now, wait=waits)

    bench = Bench(timed("source", LocationLimits()), timed("destination", LocationLimits(requests_per_second=0.1)))
    bench.stage(0)
    bench.stage(1)
    assert now == pytest.approx(10)
    assert told == {name: [(Kind.FETCH, 1, 0.0)] * 2 for name in ("source", "destination")}


def test_where_nobody_asks_for_patience_nothing_is_waited_for() -> None:
    bench = Bench(None, None)
    assert isinstance(bench.stage(0), FetchedBlock)
    assert bench.way.least_bytes == 1
    assert bench.way.can_create(bench.pinned)
    bench.way.close()
