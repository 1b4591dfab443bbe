"""Names that are the same but for something that not every system tells apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from bagfill.bag.alike import alike_groups


def alike(names: Collection[str], common: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Each name that has the same ``common`` form as one before it, with the first of them; ascending."""
    pairs = [(name, first) for first, *others in alike_groups(names, common) for name in others]
    return iter(sorted(pairs))
