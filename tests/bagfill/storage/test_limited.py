"""The gate of a location, and a store behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bagfill.checksum.crc64 import Crc64
from bagfill.database.errors import DatabaseError
from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.gate import Gate, LocationLimits
from bagfill.storage.knee import LEAST, Kind, Knee
from bagfill.storage.limited import LimitedStore
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.retries import RetryPolicy
from bagfill.storage.retrying import RetryingStore
from bagfill.storage.s3 import S3Store
from bagfill.storage.shares import MemoryShares
from contracts.store_contract import Home, StoreContract
from contracts.stub_provider import slow


class Steady:
    """A steady clock that waiting turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        self.now += seconds or 0.0


def gate_of(clock: Steady, limits: LocationLimits | None = None, shares: MemoryShares | None = None) -> Gate:
    return Gate("azure", limits or LocationLimits(), shares or MemoryShares(), most=16, clock=clock, wait=clock.wait)


def throttled(patience: float | None = None) -> StoreError:
    return StoreError(
        StoreFailure.THROTTLED, location="azure", key="k", operation="create", detail="503", retry_after=patience
    )


def refuse(gate: Gate, error: StoreError) -> None:
    with pytest.raises(StoreError), gate.request():
        raise error


class TestLimitedStore(StoreContract):
    @pytest.fixture
    def home(self) -> Home:
        bucket = MemoryBucket()
        gate = Gate("memory", LocationLimits(connections=3), MemoryShares(), most=3)
        return Home(
            open=lambda: LimitedStore(MemoryStore(bucket), gate),
            shared=LimitedStore(MemoryStore(bucket), gate),
            put=bucket.put_unconditionally,
            remove=bucket.remove,
        )


def test_no_more_requests_are_in_flight_than_the_location_allows() -> None:
    gate = Gate("azure", LocationLimits(connections=3), MemoryShares(), most=16)
    inside, most, lock = 0, 0, threading.Lock()

    def request(_: int) -> None:
        nonlocal inside, most
        with gate.request():
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.001)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(request, range(60)))
    assert most == 3


def test_requests_begin_at_the_rate_of_the_location() -> None:
    clock = Steady()
    gate = gate_of(clock, LocationLimits(requests_per_second=10))
    for _ in range(21):
        with gate.request():
            pass
    assert clock.now == pytest.approx(2.0)


def test_each_page_of_a_listing_takes_a_turn() -> None:
    clock, bucket = Steady(), MemoryBucket()
    for number in range(2500):
        bucket.put_unconditionally(f"f/{number:04d}", b"")
    store = LimitedStore(MemoryStore(bucket), gate_of(clock, LocationLimits(requests_per_second=1)))
    listing = store.list("f/")
    assert [next(listing).key for _ in range(1000)] == [f"f/{number:04d}" for number in range(1000)]
    assert clock.now == 0.0
    assert len(list(listing)) == 1500
    assert clock.now == pytest.approx(2.0)


def test_folders_are_not_listed_before_their_turn() -> None:
    bucket, inside = MemoryBucket(), list[int]()
    gate = gate_of(Steady())

    class Watched(MemoryStore):
        def list_folders(self, prefix: str) -> Iterator[str]:
            inside.append(gate._in_flight)
            return super().list_folders(prefix)

    list(LimitedStore(Watched(bucket), gate).list_folders(""))
    assert inside == [1]


def test_two_processes_have_half_of_the_limits_each_and_one_alone_has_all() -> None:
    clock, shares = Steady(), MemoryShares()
    limits = LocationLimits(requests_per_second=10, connections=4)
    first, second = (gate_of(clock, limits, shares) for _ in range(2))
    for gate in (first, second):
        with gate.request():
            pass
    clock.now += 60
    with first.request():
        pass
    assert (first.allowed, second.allowed) == (2, 2)
    begun = clock.now
    for _ in range(11):
        with first.request():
            pass
    assert clock.now - begun == pytest.approx(2.2)
    second.close()
    clock.now += 60
    for _ in range(2):
        with first.request():
            pass
    assert first.allowed == 4


def test_a_throttled_provider_is_asked_for_half_of_what_it_was_asked_for() -> None:
    clock = Steady()
    gate = gate_of(clock)
    for _ in range(12):
        # One at a time they say nothing of how many there may be at once.
        with gate.request():
            pass
    assert gate.allowed == 8
    clock.now += 1
    refuse(gate, throttled())
    assert gate.allowed == 4


def test_nobody_asks_before_the_time_that_the_provider_named() -> None:
    clock = Steady()
    gate = gate_of(clock)
    refuse(gate, throttled(30.0))
    with gate.request():
        assert clock.now == pytest.approx(30.0)


def test_failures_that_are_the_objects_own_change_nothing() -> None:
    gate = gate_of(Steady())
    missing = StoreError(StoreFailure.MISSING, location="azure", key="k", operation="read", detail="404")
    before = gate.allowed
    refuse(gate, missing)
    assert gate.allowed == before


def test_a_thread_that_reads_may_ask_meanwhile() -> None:
    bucket = MemoryBucket()
    bucket.put_unconditionally("a", b"x" * 10)
    store = LimitedStore(
        MemoryStore(bucket, chunk_size=1), Gate("m", LocationLimits(connections=1), MemoryShares(), most=1)
    )
    chunks = store.read("a")
    next(iter(chunks))
    assert store.stat("a") is not None
    with ThreadPoolExecutor(1) as pool:
        # Closed by another thread than began it, as a garbage collector may.
        pool.submit(chunks.close).result()  # type: ignore[attr-defined]
        assert pool.submit(store.stat, "a").result() is not None


class Times(Knee):
    """Notes what it is told, and allows what it is told to allow."""

    def __init__(self) -> None:
        super().__init__(16)
        self.told: list[tuple[int, Kind, int, float]] = []

    def answered(self, in_flight: int, kind: Kind, size: int, seconds: float) -> None:
        self.told.append((in_flight, kind, size, seconds))


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    """Of the next gate that is made."""
    noted = Times()
    monkeypatch.setattr("bagfill.storage.gate.Knee", lambda _most: noted)
    return noted


def test_what_is_done_between_the_bytes_of_a_read_is_no_time_of_the_provider(times: Times) -> None:
    clock, bucket = Steady(), MemoryBucket()
    bucket.put_unconditionally("a", b"0123456789")

    class Sending(MemoryStore):
        def read(
            self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
        ) -> Iterator[bytes | memoryview]:
            for chunk in super().read(key, start=start, length=length, etag=etag):
                clock.now += 0.25
                yield chunk

    for _ in LimitedStore(Sending(bucket, chunk_size=5), gate_of(clock)).read("a"):
        clock.now += 60
    assert times.told == [(1, Kind.READ, 10, 0.5)]


def test_nor_is_the_wait_for_a_turn(times: Times) -> None:
    clock = Steady()
    gate = gate_of(clock, LocationLimits(requests_per_second=0.1))
    for _ in range(2):
        with gate.request(Kind.WRITE, 7):
            clock.now += 1
    assert times.told == [(1, Kind.WRITE, 7, 1.0)] * 2


def test_requests_are_told_by_kind_and_size(times: Times) -> None:
    bucket = MemoryBucket()
    store = LimitedStore(MemoryStore(bucket), gate_of(Steady()))
    store.create("f/a", b"12345")
    store.stat("f/a")
    list(store.list("f/"))
    list(store.list_folders(""))
    write = store.stage("f/b")
    block = write.stage(0, b"123", Crc64.of(b"123"))
    write.commit([block])
    assert [(kind, size) for _, kind, size, _ in times.told] == [
        (Kind.WRITE, 5),
        (Kind.LOOK, 0),
        (Kind.LIST, 1),
        (Kind.LIST, 1),
        (Kind.LOOK, 0),
        (Kind.WRITE, 3),
        (Kind.COMMIT, 1),
    ]


def test_answers_that_failed_or_were_not_taken_to_their_end_say_nothing_of_latency(times: Times) -> None:
    bucket = MemoryBucket()
    bucket.put_unconditionally("a", b"x" * 10)
    gate = gate_of(Steady())
    chunks = LimitedStore(MemoryStore(bucket, chunk_size=1), gate).read("a")
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    refuse(gate, throttled())
    assert times.told == []


def test_a_provider_that_only_gets_slower_is_asked_for_about_what_it_serves_at_once() -> None:
    """A real server, 32 threads that would all ask at once, and a process that may have as many requests in flight."""
    gate = Gate("stub", LocationLimits(), MemoryShares(), most=32)
    with slow(b"x" * 1000, at_once=9, seconds=0.02) as server:
        access = S3Access(endpoint_url=server.url, region="eu-west-1", access_key_id="k", secret_access_key="s")
        store = LimitedStore(S3Store("bucket", access, location="stub"), gate)
        with ThreadPoolExecutor(32) as pool:
            assert {*pool.map(lambda _: b"".join(store.read("a")), range(1000))} == {b"x" * 1000}
        store.close()
    settled = server.in_flight[500:]
    assert len(server.in_flight) == 1000
    assert sum(settled) / len(settled) <= 16
    assert LEAST <= gate.allowed <= 23


def test_whoever_waited_long_goes_before_whoever_comes() -> None:
    clock, order = Steady(), list[str]()
    gate = Gate("azure", LocationLimits(connections=1), MemoryShares(), most=16, clock=clock)

    def waits() -> None:
        with gate.request():
            order.append("waited")

    with ThreadPoolExecutor(1) as pool:
        with gate.request():
            waiting = pool.submit(waits)
            while not gate._waiting:
                time.sleep(0.001)
            clock.now += 2
        with gate.request():
            order.append("came")
        waiting.result()
    assert order == ["waited", "came"]


def test_all_who_wait_get_in_when_there_is_room_for_all(times: Times) -> None:
    gate = Gate("azure", LocationLimits(), MemoryShares(), most=16)
    together = threading.Barrier(4)
    times.ceiling = 1

    def waits() -> None:
        with gate.request():
            # Whoever was called has called the next: only four together get on.
            together.wait(10)

    with ThreadPoolExecutor(4) as pool:
        with gate.request():
            waiting = [pool.submit(waits) for _ in range(4)]
            while len(gate._waiting) < 4:
                time.sleep(0.001)
            times.ceiling = 4
        for each in waiting:
            each.result(10)


def test_whoever_gets_no_turn_at_all_is_told_so_and_may_try_again() -> None:
    clock = Steady()
    gate = gate_of(clock, LocationLimits(connections=1))
    with gate.request(), ThreadPoolExecutor(1) as pool:

        def waits() -> None:
            with gate.request():
                raise AssertionError

        with pytest.raises(StoreError) as raised:
            pool.submit(waits).result()
    assert raised.value.failure is StoreFailure.THROTTLED


def test_a_database_that_is_away_stops_nobody() -> None:
    class Away(MemoryShares):
        def hold(self, location: str, holder: str, lease: timedelta) -> int:
            raise DatabaseError("away", retryable=True)

    with gate_of(Steady(), LocationLimits(connections=4), Away()).request():
        pass


@pytest.mark.parametrize("patience", [None, 5.0])
def test_a_storm_of_503_is_sat_out(patience: float | None) -> None:
    """Forty answers of 503 in a row, spread over eight threads: every object arrives in the end."""

    class Stormy(MemoryStore):
        left = 40
        lock = threading.Lock()

        def create(self, key: str, data: bytes | memoryview) -> object:  # type: ignore[override]
            with self.lock:
                Stormy.left -= 1
                if Stormy.left >= 0:
                    raise throttled(patience)
            return super().create(key, data)

    clock, bucket = Steady(), MemoryBucket()
    gate = gate_of(clock)
    store = RetryingStore(
        LimitedStore(Stormy(bucket, location="azure"), gate), RetryPolicy(throttled=50), sleep=lambda _: None
    )
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.create(f"f/{number}", b"x"), range(20)))
    assert len(bucket.contents()) == 20
    assert clock.now >= (patience or 0)
