"""Order: older versions first, then as the campaign wishes; thaws are asked for while warm bags are copied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.planning.order import Candidate, Order, Places, begin_now, in_order

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.sampled_from([f"s/b{n}" for n in range(50)]),
        st.integers(1, 3),
        st.integers(0, 100),
        st.sampled_from([0, 0, 10]),
        priority=st.integers(-1, 1),
    ),
    unique_by=lambda candidate: candidate.bag,
)

BIG_OLD = Candidate("s/big", 1, 900, added=NOON, priority=1)
SMALL_NEW = Candidate("s/small", 1, 1, added=NOON + timedelta(days=1))
FROZEN = Candidate("s/z-frozen", 1, 50, archived_bytes=50, added=NOON + timedelta(days=2))
SECOND = Candidate("s/a", 2, 0, added=NOON - timedelta(days=9), priority=99, archived_bytes=1)


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (Order.SMALLEST_FIRST, SMALL_NEW),
        (Order.OLDEST_FIRST, BIG_OLD),
        (Order.ARCHIVED_TOGETHER, FROZEN),
        (Order.PRIORITY, BIG_OLD),
    ],
)
def test_each_order_puts_its_own_first_and_older_versions_before_anything(order: Order, first: Candidate) -> None:
    ordered = in_order([SECOND, FROZEN, BIG_OLD, SMALL_NEW], order)
    assert ordered[0] == first
    assert ordered[-1] == SECOND


def test_thaws_are_asked_for_first_while_every_worker_has_a_warm_bag() -> None:
    warm = [Candidate(f"s/w{n}", 1, n) for n in range(5)]
    archived = [Candidate(f"s/x{n}", 1, 1000 + n, archived_bytes=1) for n in range(5)]
    begun = begin_now([*warm, *archived], Order.SMALLEST_FIRST, Places(warm=2, thawing=3))
    assert [candidate.bag for candidate in begun] == ["s/x0", "s/x1", "s/x2", "s/w0", "s/w1"]


def test_full_workers_do_not_keep_a_thaw_from_being_asked_for_and_a_full_wave_not_a_copy() -> None:
    assert begin_now([BIG_OLD, FROZEN], Order.PRIORITY, Places(warm=0, thawing=1)) == (FROZEN,)
    assert begin_now([BIG_OLD, FROZEN], Order.PRIORITY, Places(warm=1, thawing=-1)) == (BIG_OLD,)


@given(CANDIDATES, st.sampled_from(Order), st.randoms())
def test_the_order_does_not_depend_on_who_was_seen_first(
    candidates: list[Candidate], order: Order, random: object
) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' random
    places = Places(4, 4)
    assert in_order(shuffled, order) == in_order(candidates, order)
    assert begin_now(shuffled, order, places) == begin_now(candidates, order, places)


@given(CANDIDATES, st.sampled_from(Order), st.integers(0, 9), st.integers(0, 9))
def test_no_place_stays_empty_while_somebody_could_take_it(
    candidates: list[Candidate], order: Order, warm: int, thawing: int
) -> None:
    begun = begin_now(candidates, order, Places(warm, thawing))
    archived = [candidate for candidate in candidates if candidate.is_archived]
    assert sum(candidate.is_archived for candidate in begun) == min(thawing, len(archived))
    assert sum(not candidate.is_archived for candidate in begun) == min(warm, len(candidates) - len(archived))
