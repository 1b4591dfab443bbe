"""A read that goes on at the byte where its connection broke, and never hands out a wrong count of bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from bagfill.storage.errors import StoreError, StoreFailure

RESUMABLE = frozenset({StoreFailure.UNAVAILABLE, StoreFailure.CORRUPTED_IN_TRANSIT, StoreFailure.THROTTLED})


@dataclass(frozen=True, slots=True)
class OpenRange:
    """An answered read request.

    Args:
        start: first byte of the body within the object.
        end: byte after the last, as the provider announces it.
        size: length of the whole object.
        etag: identity of the object the body belongs to, unquoted.
        chunks: the body; raises StoreError when it breaks.
    """

    start: int
    end: int
    size: int
    etag: str
    chunks: Iterator[bytes | memoryview]


class OpenAt(Protocol):
    """Asks a provider for bytes."""

    def __call__(self, start: int, length: int | None, etag: str | None, *, resuming: bool) -> OpenRange:
        """Open the body of ``[start, start + length)``, to the end if ``length`` is ``None``. Raises StoreError."""
        ...


def resumed(
    open_at: OpenAt,
    *,
    start: int,
    length: int | None,
    etag: str | None,
    error: Callable[[StoreFailure, str], StoreError],
    attempts: int = 4,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[bytes | memoryview]:
    """Yield exactly the bytes asked for, or raise.

    Every later request is pinned to the ETag of the first answer, so that no read mixes two objects.

    Args:
        open_at: opens a body; its failure before the first answer is raised as it is.
        start: first byte.
        length: bytes to yield, or ``None`` to the end.
        etag: the object it has to be, unquoted, or ``None`` for whatever is there.
        error: builds the StoreError.
        attempts: most requests in a row that bring no byte.
        pause: sleeps for a number of seconds.
    """
    position, end, fruitless = start, None if length is None else start + length, 0
    first = True
    while first or end is None or position < end:
        got = position
        try:
            body = open_at(position, None if end is None else end - position, etag, resuming=not first)
            first, etag = False, etag or body.etag
            end = body.size if end is None else end
            if body.start != position or body.end != end:
                raise error(StoreFailure.CHANGED, f"the object ends at byte {body.size}")
            for chunk in body.chunks:
                position += len(chunk)
                if position > end:
                    raise error(StoreFailure.CHANGED, "more bytes arrived than were asked for")
                yield chunk
            if position < end:
                raise error(StoreFailure.CORRUPTED_IN_TRANSIT, f"the body ended at byte {position} of {end}")
        except StoreError as broken:
            if first or broken.failure not in RESUMABLE:
                raise
            fruitless = 1 if position > got else fruitless + 1
            if fruitless >= attempts:
                raise
            pause(0.1 * 2**fruitless)
