"""Reading from S3 with boto3, which holds every key and tells failures apart that obstore cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bagfill.storage.errors import StoreFailure
from bagfill.storage.obstore_reads import CHUNK
from bagfill.storage.resuming import OpenRange, require_readable
from bagfill.storage.s3_errors import code_and_status, failure_of, store_error, translated
from bagfill.storage.store import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Reads:
    """Opens bodies of one bucket.

    Args:
        client: boto3's.
        bucket: the bucket.
        store: the same bucket's store, asked for an object's state.
    """

    def __init__(self, client: S3Client, bucket: str, store: ObjectStore) -> None:
        self._client = client
        self._bucket = bucket
        self._store = store

    def open(self, key: str, start: int, length: int | None, etag: str | None) -> OpenRange:
        """Open the body of a range of at least one byte. Raises StoreError."""
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        if start or length is not None:
            arguments["Range"] = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
        if etag is not None:
            arguments["IfMatch"] = f'"{etag}"'
        try:
            answer = self._client.get_object(**arguments)
        except ClientError as error:
            refused = code_and_status(error)[1] in {403, 404}
            if refused and failure_of(error) is not StoreFailure.UNAUTHENTICATED:
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


def content_range(header: str | None, length: int) -> tuple[int, int, int]:
    """First byte, byte after the last, and size, out of ``bytes 0-9/100``; without a header the whole object."""
    if not header:
        return 0, length, length
    span, _slash, size = header.removeprefix("bytes ").partition("/")
    first, _dash, last = span.partition("-")
    return int(first), int(last) + 1, int(size)
