"""Putting a body that comes in chunks into memory that is there already."""

from __future__ import annotations

from collections.abc import Iterable


def filled(chunks: Iterable[bytes | memoryview], into: memoryview) -> bool:
    """Whether the chunks fill ``into`` exactly. Raises what they raise."""
    position = 0
    for chunk in chunks:
        end = position + len(chunk)
        if end > len(into):
            return False
        into[position:end] = chunk
        position = end
    return position == len(into)
