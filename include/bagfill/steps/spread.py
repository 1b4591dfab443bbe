"""Many small pieces of work over a few threads: handing over each one alone costs a tenth of copying a small object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 16
_ROUNDS = 8


def spread(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> Iterator[Result]:
    """What ``work`` makes of each item, in order; raises what it raised.

    Args:
        pool: works.
        work: on one item.
        items: at most 16 are handed over together, and few enough that each thread gets at least eight times its turn.
        threads: of the pool.
    """
    together = max(1, min(_MOST, len(items) // (threads * _ROUNDS)))
    parts = [items[start : start + together] for start in range(0, len(items), together)]
    for results in pool.map(lambda part: [work(item) for item in part], parts):
        yield from results
