"""How many requests are in flight as far as latency goes: as many as bring throughput, at simulated providers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.storage.knee import LEAST, Kind, Knee

Request = tuple[Kind, int]
Provider = Callable[[float, int, Request], float]
"""Seconds that an answer takes: ``provider(now, in_flight, request)``."""

SMALL: Request = (Kind.READ, 16_384)


class Serving:
    """A provider that serves so many requests at once; others wait in a line.

    Args:
        at_once: requests.
        each: seconds of serving one.
    """

    def __init__(self, at_once: int, each: Callable[[Request], float]) -> None:
        self._free = [0.0] * at_once
        heapify(self._free)
        self._each = each

    def __call__(self, now: float, in_flight: int, request: Request) -> float:
        end = max(now, self._free[0]) + self._each(request)
        heapreplace(self._free, end)
        return end - now


class Run:
    """What came of some thousand answers on a clock of its own."""

    def __init__(
        self,
        provider: Provider,
        *,
        most: int = 32,
        answers: int = 12_000,
        wanted: int = 1000,
        requests: Callable[[], Request] = lambda: SMALL,
    ) -> None:
        knee, self.now, self.ceilings = Knee(most), 0.0, list[int]()
        self.moments: list[float] = []
        flying: list[tuple[float, int, float, int, Request]] = []
        for number in range(answers):
            while len(flying) < min(knee.ceiling, wanted):
                request = requests()
                takes = provider(self.now, len(flying) + 1, request)
                # The place in the line orders what ends at the same moment.
                order = number * 1000 + len(flying)
                heappush(flying, (self.now + takes, order, self.now, len(flying) + 1, request))
            self.ceilings.append(knee.ceiling)
            self.moments.append(self.now)
            self.now, _, begun, in_flight, (kind, size) = heappop(flying)
            knee.answered(in_flight, kind, size, self.now - begun)

    @property
    def settled(self) -> list[int]:
        """The ceilings of the second half."""
        return self.ceilings[len(self.ceilings) // 2 :]

    @property
    def usual(self) -> float:
        """Their mean."""
        return sum(self.settled) / len(self.settled)

    def between(self, begin: float, end: float) -> list[int]:
        """The ceilings of a time."""
        return [each for each, moment in zip(self.ceilings, self.moments, strict=True) if begin <= moment < end]


def noise(seed: int = 1) -> Callable[[], float]:
    """Half as long to one and a half times as long."""
    chance = random.Random(seed)
    return lambda: chance.uniform(0.5, 1.5)


@pytest.mark.parametrize("most", [16, 32, 200])
@pytest.mark.parametrize("at_once", [9, 12, 16])
def test_it_settles_near_what_the_provider_serves_at_once(at_once: int, most: int) -> None:
    run = Run(Serving(at_once, lambda _: 0.01), most=most)
    assert at_once * 0.75 <= run.usual <= at_once * 1.5
    assert len(run.ceilings) / run.now >= 0.85 * at_once / 0.01


@pytest.mark.parametrize("at_once", [9, 12, 16, 24])
def test_it_does_so_when_times_differ_by_half(at_once: int) -> None:
    different = noise()
    run = Run(Serving(at_once, lambda _: 0.01 * different()))
    assert at_once * 0.75 <= run.usual <= at_once * 1.5


@pytest.mark.parametrize("most", [3, 10, 16, 32, 64])
def test_a_fast_provider_is_asked_for_the_most(most: int) -> None:
    run = Run(lambda *_: 0.01, most=most)
    assert run.ceilings.index(most) <= 4 * most
    assert run.usual >= 0.95 * most
    assert min(run.settled) >= most / 1.5


@pytest.mark.parametrize("seed", range(5))
def test_times_that_differ_by_half_are_no_reason_to_yield(seed: int) -> None:
    different = noise(seed)
    run = Run(lambda *_: 0.01 * different())
    assert run.usual >= 0.9 * 32


@pytest.mark.parametrize("seed", range(3))
def test_wild_times_cost_some_of_it_and_no_collapse(seed: int) -> None:
    chance = random.Random(seed)
    run = Run(lambda *_: chance.expovariate(100), answers=30_000)
    assert run.usual >= 0.6 * 32


def test_a_provider_that_is_only_shared_out_is_asked_for_the_least() -> None:
    different = noise()
    run = Run(lambda _now, in_flight, _request: 0.001 * in_flight * different())
    assert run.usual <= 1.25 * LEAST


def test_a_provider_that_gets_slower_little_by_little_is_asked_while_it_brings_throughput() -> None:
    """With 8 in flight half, with 16 two thirds, with 32 four fifths of the most it can do."""
    different = noise()
    run = Run(lambda _now, in_flight, _request: (0.008 + 0.001 * in_flight) * different(), answers=30_000)
    assert 12 < run.usual < 30
    assert len(run.ceilings) / run.now >= 0.6 * 1000


def test_others_who_make_everything_slow_are_no_reason_to_yield_for_ever() -> None:
    different = noise()
    run = Run(lambda now, *_: 0.02 * (4 if 10 <= now < 30 else 1) * different(), answers=60_000)
    assert sum(run.between(12, 30)) / len(run.between(12, 30)) >= 24
    after = run.between(32, math.inf)
    assert sum(after) / len(after) >= 0.9 * 32


def test_it_follows_a_provider_that_serves_fewer_and_then_more() -> None:
    different = noise()

    def each(_: Request) -> float:
        return 0.02 * different()

    many, few = Serving(24, each), Serving(10, each)
    run = Run(lambda now, *rest: (few if 20 <= now < 50 else many)(now, *rest), answers=100_000)
    for begin, end, at_once in ((5, 20, 24), (27, 50, 10), (60, math.inf, 24)):
        usual = run.between(begin, end)
        assert at_once * 0.75 <= sum(usual) / len(usual) <= at_once * 1.5


def mixed(seed: int) -> Callable[[], Request]:
    """Looks, and objects of 1 byte to 16 MiB."""
    chance = random.Random(seed)
    return lambda: (Kind.LOOK, 0) if chance.random() < 0.2 else (Kind.READ, int(2 ** chance.uniform(0, 24)))


def fair_time(request: Request) -> float:
    return 0.005 + request[1] / 50e6


@pytest.mark.parametrize("at_once", [10, 20])
def test_requests_of_all_sizes_are_held_against_their_like(at_once: int) -> None:
    different = noise()
    run = Run(Serving(at_once, lambda request: fair_time(request) * different()), requests=mixed(at_once))
    assert at_once * 0.7 <= run.usual <= at_once * 1.6


def test_large_objects_are_not_taken_for_a_slow_provider() -> None:
    different = noise()
    run = Run(lambda _now, _in_flight, request: fair_time(request) * different(), requests=mixed(3))
    assert run.usual >= 0.9 * 32


def test_nor_is_a_bag_of_large_files_after_one_of_small_ones() -> None:
    different, number = noise(), iter(range(10**6))
    run = Run(
        lambda _now, _in_flight, request: fair_time(request) * different(),
        requests=lambda: (Kind.WRITE, 16 << (10 * (next(number) // 3000 % 2))),
    )
    assert run.usual >= 0.9 * 32


def test_one_slow_thread_does_not_make_all_others_wait() -> None:
    chance, different = random.Random(1), noise()
    run = Run(lambda *_: (2.0 if chance.random() < 0.003 else 0.01) * different(), answers=30_000)
    assert run.usual >= 0.85 * 32


@pytest.mark.parametrize("wanted", [1, 3, 8, 12])
def test_whoever_wants_fewer_is_not_held_up(wanted: int) -> None:
    run = Run(lambda *_: 0.01, wanted=wanted, answers=2000)
    assert all(ceiling >= min(wanted, LEAST) for ceiling in run.ceilings)
    assert len(run.ceilings) / run.now >= 0.95 * wanted / 0.01


def test_few_requests_say_nothing() -> None:
    knee = Knee(32)
    for _ in range(1000):
        knee.answered(LEAST - 1, *SMALL, 60.0)
    assert knee.ceiling == LEAST


@given(
    st.integers(1, 300),
    st.lists(
        st.tuples(
            st.integers(1, 400),
            st.sampled_from(Kind),
            st.integers(0, 2**40),
            st.floats(-1.0, 1e5, allow_nan=False) | st.just(0.0),
        ),
        max_size=400,
    ),
)
def test_whatever_is_answered_it_stays_between_the_least_and_the_most(
    most: int, answers: list[tuple[int, Kind, int, float]]
) -> None:
    knee = Knee(most)
    for answer in answers:
        knee.answered(*answer)
        assert min(LEAST, most) <= knee.ceiling <= most
