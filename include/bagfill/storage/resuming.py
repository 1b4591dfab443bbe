"""A read that goes on at the byte where its connection broke, and never hands out a wrong count of bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.store import ObjectInfo, ObjectStore

RESUMABLE = frozenset({StoreFailure.UNAVAILABLE, StoreFailure.CORRUPTED_IN_TRANSIT, StoreFailure.THROTTLED})
"""Failures that a further request may pass. Of being throttled whoever limits the requests has to know at once, and can
go on by itself, if it named the object that it reads."""


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


OpenAt = Callable[[str, int, int | None, str | None], OpenRange]
"""Opens the body of ``[start, start + length)`` of a key, to the end if length is ``None``, of the object with an ETag:
``open_at(key, start, length, etag)``. The length is at least 1. Raises StoreError."""


def resumed(
    open_at: OpenAt,
    store: ObjectStore,
    key: str,
    *,
    start: int,
    length: int | None,
    etag: str | None,
    attempts: int = 4,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[bytes | memoryview]:
    """Yield exactly the bytes asked for, or raise StoreError.

    Every later request is pinned to the ETag of the first answer, so that no read mixes two objects.

    Args:
        open_at: opens a body; its failure before the first answer is raised as it is.
        store: where the object is, for its state and for messages.
        key: the object.
        start: first byte.
        length: bytes to yield, or ``None`` to the end.
        etag: the object it has to be, unquoted, or ``None`` for whatever is there.
        attempts: most requests in a row that bring no byte.
        pause: sleeps for a number of seconds.
    """
    error = partial(_error, store, key)
    hopeful = RESUMABLE if etag is None else RESUMABLE - {StoreFailure.THROTTLED}
    if length == 0:
        _require_reach(store, key, start, etag)
        return
    position, end, fruitless = start, None if length is None else start + length, 0
    first = True
    while first or end is None or position < end:
        before = position
        try:
            body = open_at(key, position, None if end is None else end - position, etag)
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
            if first or broken.failure not in hopeful:
                raise
            fruitless = 1 if position > before else fruitless + 1
            if fruitless >= attempts:
                raise
            pause(0.1 * 2**fruitless)


def require_readable(store: ObjectStore, key: str) -> ObjectInfo:
    """The state of an object whose bytes can be read now. Raises StoreError (MISSING, ARCHIVED, or stat's own)."""
    info = store.stat(key)
    if info is None:
        raise _error(store, key, StoreFailure.MISSING, "no such object")
    if not info.is_readable:
        raise _error(store, key, StoreFailure.ARCHIVED, f"storage class {info.storage_class}")
    return info


def _require_reach(store: ObjectStore, key: str, start: int, etag: str | None) -> None:
    """A range of no bytes cannot be asked for over HTTP; still the object has to be there and to reach that far."""
    info = require_readable(store, key)
    if etag is not None and info.etag != etag:
        raise _error(store, key, StoreFailure.CHANGED, "another ETag")
    if start > info.size:
        raise _error(store, key, StoreFailure.CHANGED, f"the object ends at byte {info.size}")


def _error(store: ObjectStore, key: str, failure: StoreFailure, detail: str) -> StoreError:
    return StoreError(failure, location=store.location, key=key, operation="read", detail=detail)
