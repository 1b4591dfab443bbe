"""Memory that is written again and again: fresh memory costs as much processor time as a third of a digest."""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Buffers:
    """One buffer for each thread that asks, kept as long as this object and grown to the largest need."""

    def __init__(self) -> None:
        self._own = threading.local()

    def of(self, size: int) -> memoryview:
        """So many bytes, valid until this thread asks again; what is in them is left from before."""
        buffer: bytearray = getattr(self._own, "buffer", bytearray())
        if len(buffer) < size:
            buffer = self._own.buffer = bytearray(size)
        return memoryview(buffer)[:size]

    def fill(self, chunks: Iterable[bytes | memoryview], size: int) -> tuple[memoryview, int]:
        """Put chunks one behind the other.

        Args:
            chunks: taken to the end.
            size: most bytes that are kept; what follows is counted only.

        Returns:
            the bytes, valid until this thread calls again, and how many there were.
        """
        view, position = self.of(size), 0
        for chunk in chunks:
            end = position + len(chunk)
            view[position : min(end, size)] = memoryview(chunk)[: max(0, size - position)]
            position = end
        return view[: min(position, size)], position
