from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bagfill.steps.spread import spread


@given(st.integers(0, 2000), st.integers(1, 8))
def test_every_item_is_worked_on_once_and_results_keep_the_order(count: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        assert list(spread(pool, lambda item: item * 2, range(count), threads)) == [2 * item for item in range(count)]


def test_what_the_work_raises_is_raised() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(ZeroDivisionError):
        list(spread(pool, lambda item: 1 // item, [1, 0, 1], 2))
