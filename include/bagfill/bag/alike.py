"""Groups of names that have something in common, found among a million of them without keeping them all."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection
from itertools import pairwise

_SORTED_TOGETHER = 200_000


def alike_groups(names: Collection[str], common: Callable[[str], str]) -> list[list[str]]:
    """The names that share their ``common`` form with another name: each group ascending, the groups by their first.

    Hashes are compared first, eight bytes a name, and nearly always no two are equal; only names whose hashes are equal
    are then held and compared themselves.

    Args:
        names: read twice if need be.
        common: the same for names that are alike.
    """
    repeated = _repeated(array("q", (hash(common(name)) for name in names)))
    if not repeated:
        return []
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        form = common(name)
        if hash(form) in repeated:
            groups[form].append(name)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def _repeated(hashes: array[int]) -> frozenset[int]:
    # In parts: sorted, a hash takes five times the memory that it has here.
    parts = 1 + len(hashes) // _SORTED_TOGETHER
    return frozenset(
        one
        for part in range(parts)
        for one, other in pairwise(sorted(number for number in hashes if number % parts == part))
        if one == other
    )
