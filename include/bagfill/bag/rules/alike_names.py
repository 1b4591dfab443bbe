"""Names that are the same but for something that not every system tells apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


def alike(names: Iterable[str], common: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Each name that has the same ``common`` form as one before it, with that one; ascending."""
    first: dict[str, str] = {}
    for name in sorted(names):
        other = first.setdefault(common(name), name)
        if other != name:
            yield name, other
