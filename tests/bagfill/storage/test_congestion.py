"""How many requests are in flight: it grows while all goes well, and yields when the provider asks for it."""

from __future__ import annotations

from heapq import heappop, heappush

from hypothesis import given
from hypothesis import strategies as st

from bagfill.storage.congestion import FIRST, CongestionWindow, share, share_of_connections


def test_it_begins_small_and_doubles_with_each_round() -> None:
    window = CongestionWindow(most=32)
    assert window.whole == FIRST
    for _ in range(int(FIRST)):
        window.answered()
    assert window.whole == 2 * FIRST


def test_a_refusal_halves_it_and_growth_is_slow_from_there() -> None:
    window = CongestionWindow(most=32, allowed=16)
    window.refused(begun=1, now=2)
    assert window.whole == 8
    for _ in range(8):
        window.answered()
    assert 8 < window.allowed <= 9


def test_of_requests_in_flight_together_one_refusal_counts() -> None:
    window = CongestionWindow(most=32, allowed=16)
    for _ in range(16):
        window.refused(begun=1, now=2)
    assert window.whole == 8
    window.refused(begun=3, now=4)
    assert window.whole == 4


@given(st.lists(st.booleans()), st.integers(1, 100))
def test_it_never_closes_and_never_passes_its_bound(answers: list[bool], most: int) -> None:
    window = CongestionWindow(most=most)
    for moment, good in enumerate(answers):
        if good:
            window.answered()
        else:
            window.refused(begun=moment, now=moment)
        assert 1 <= window.whole <= most


@given(st.floats(0.1, 1e6), st.integers(1, 1000))
def test_shares_of_all_holders_together_are_the_limit(most: float, holders: int) -> None:
    assert abs(share(most, holders) * holders - most) <= most * 1e-9
    connections = share_of_connections(int(most), holders)
    assert connections == 1 or connections * holders <= most


def in_flight_over_time(most: int, *, endures: int, answers: int = 4000) -> list[int]:
    """How many requests are in flight, at each answer of a server that is slower the more it is asked at once.

    Args:
        most: bound of the window.
        endures: requests at once; with more of them an answer takes longer than anybody waits, and counts as none.
        answers: how many are simulated, on a clock of its own.
    """
    window, now, seen = CongestionWindow(most), 0.0, list[int]()
    flying: list[tuple[float, float, bool]] = []
    for _ in range(answers):
        while len(flying) < window.whole:
            takes = 0.01 * (len(flying) + 1)
            heappush(flying, (now + min(takes, 0.01 * endures), now, len(flying) < endures))
        seen.append(len(flying))
        now, begun, came = heappop(flying)
        if came:
            window.answered()
        else:
            window.refused(begun, now)
    return seen


@given(st.integers(8, 60))
def test_a_server_whose_latency_grows_with_what_it_is_asked_is_asked_for_what_it_endures(endures: int) -> None:
    seen = in_flight_over_time(most=200, endures=endures)
    settled = seen[len(seen) // 2 :]
    # Up to one more than it endures, which is how the window learns, and then down to half.
    assert max(settled) <= endures + 2
    assert min(settled) >= endures // 2 - 1
    assert sum(settled) / len(settled) > endures * 0.6


def test_a_server_that_endures_more_than_the_bound_is_asked_for_the_bound() -> None:
    seen = in_flight_over_time(most=16, endures=40)
    assert set(seen[len(seen) // 2 :]) == {16}
