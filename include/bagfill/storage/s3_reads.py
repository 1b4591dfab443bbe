"""Reading from S3: obstore first, boto3 for the keys and the failures that obstore cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import obstore_holds
from bagfill.storage.obstore_reads import CHUNK, UNCLEAR, open_range
from bagfill.storage.resuming import OpenRange, require_readable
from bagfill.storage.s3_errors import code_and_status, store_error, translated
from bagfill.storage.store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore.store import S3Store as ObstoreS3


class S3Reads:
    """Opens bodies of one bucket.

    Args:
        client: boto3's.
        fast: obstore's.
        bucket: the bucket.
        store: the same bucket's store, asked for an object's state.
    """

    def __init__(self, client: S3Client, fast: ObstoreS3, bucket: str, store: ObjectStore) -> None:
        self._client = client
        self._fast = fast
        self._bucket = bucket
        self._store = store

    def open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        """Open the body of a range of at least one byte. Raises StoreError."""
        if obstore_holds(key):
            try:
                return open_range(self._fast, key, start, length, etag, partial(self._error, key))
            except UNCLEAR:
                pass
        return self._open_boto3(key, start, length, etag)

    def _open_boto3(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        if start or length is not None:
            arguments["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        if etag is not None:
            arguments["IfMatch"] = f'"{etag}"'
        try:
            answer = self._client.get_object(**arguments)
        except ClientError as error:
            if code_and_status(error)[1] in {403, 404}:
                # The object's state tells archived from denied, and an object from its bucket; error texts do not.
                require_readable(self._store, key)
            raise store_error(error, location=self._store.location, key=key, operation="read") from None
        except BotoCoreError as error:
            raise store_error(error, location=self._store.location, key=key, operation="read") from None
        first, end, size = content_range(answer.get("ContentRange"), answer["ContentLength"])
        return OpenRange(first, end, size, answer["ETag"].strip('"'), self._chunks(key, answer["Body"]))

    def _chunks(self, key: str, body: Any) -> Iterator[bytes | memoryview]:
        with body, translated(location=self._store.location, key=key, operation="read"):
            yield from body.iter_chunks(CHUNK)

    def _error(self, key: str, failure: StoreFailure, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=key, operation="read", detail=detail)


def content_range(header: str | None, length: int) -> tuple[int, int, int]:
    """First byte, byte after the last, and size, out of ``bytes 0-9/100``; without a header the whole object."""
    if not header:
        return 0, length, length
    span, _slash, size = header.removeprefix("bytes ").partition("/")
    first, _dash, last = span.partition("-")
    return int(first), int(last) + 1, int(size)
