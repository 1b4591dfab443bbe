"""Opening a body with obstore, and a small write, for whichever provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.resuming import OpenRange
from bagfill.storage.store import Created

if TYPE_CHECKING:
    from obstore.store import AzureStore, S3Store

CHUNK = 1024 * 1024
# What the connection brings is handed on as it is: collecting it into larger pieces costs a copy of every byte into
# fresh memory, and a digest is as fast over these. A small body is fetched in one call instead of three.
_LEAST_CHUNK = 64 * 1024
_ONE_CHUNK = 256 * 1024
UNCLEAR = (BaseError, OSError, ValueError)
"""What obstore raises. It tells hardly anything apart (its NotFound is an OSError, and may be the bucket's): whoever
catches these asks the vendor's SDK, which gives the answer or the exact failure."""

ErrorOf = Callable[[StoreFailure, str], StoreError]


def open_range(
    client: S3Store | AzureStore, key: str, start: int, length: int | None, etag: str | None, error: ErrorOf
) -> OpenRange:
    """Open the body of ``[start, start + length)``.

    Args:
        client: obstore's handle.
        key: a key that obstore keeps as it is.
        start: first byte.
        length: number of bytes, at least 1, or ``None`` to the end.
        etag: unquoted; the read fails if the object is another.
        error: builds the StoreError for a body that breaks.

    Raises:
        one of ``UNCLEAR``: obstore got no body.
    """
    options: dict[str, Any] = {}
    if length is not None:
        options["range"] = (start, start + length)
    elif start:
        options["range"] = {"offset": start}
    if etag is not None:
        options["if_match"] = f'"{etag}"'
    answer = obstore.get(client, key, options=options)  # type: ignore[arg-type]
    first, end = answer.range
    found = (answer.meta["e_tag"] or "").strip('"')
    return OpenRange(first, end, answer.meta["size"], found, _chunks(answer, error))


def create_once(client: S3Store | AzureStore, key: str, data: bytes | memoryview) -> Created | None:
    """Write a whole object, where the plain requests cannot go (through a proxy).

    Returns:
        ``None``: refused as existing; obstore says so for any 409 too.

    Raises:
        one of ``UNCLEAR``: obstore could not.
    """
    try:
        # Bytes only: a stream would become an unconditional upload in parts.
        answer = obstore.put(client, key, data, mode="create", use_multipart=False)
    except AlreadyExistsError:
        return None
    return Created(etag=(answer["e_tag"] or "").strip('"'), version_id=answer["version"])


def _chunks(answer: obstore.GetResult, error: ErrorOf) -> Iterator[bytes | memoryview]:
    first, end = answer.range
    try:
        if end - first <= _ONE_CHUNK:
            yield memoryview(answer.bytes())
        else:
            yield from answer.stream(min_chunk_size=_LEAST_CHUNK)
    except (BaseError, OSError) as broken:
        raise error(StoreFailure.UNAVAILABLE, f"the body broke ({type(broken).__name__})") from None
