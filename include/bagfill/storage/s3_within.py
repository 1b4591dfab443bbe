"""S3 copies from S3: UploadPartCopy between two buckets of one provider, into a staged write like any other.

Never CopyObject: a server that does not know ``If-None-Match`` on it ignores the header and overwrites, and none tells
beforehand. A multipart upload is completed under that condition, which the store contract demands of every server.
Source: Amazon S3 API reference, UploadPartCopy (``x-amz-copy-source-if-match``, ``x-amz-copy-source-range``).
"""

from __future__ import annotations

import re
from urllib.parse import quote

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreFailure
from bagfill.storage.lean_http import Answer
from bagfill.storage.s3_failures import failure_of_answer
from bagfill.storage.s3_lean import S3Lean
from bagfill.storage.s3_multipart import MOST_PARTS
from bagfill.storage.s3_signed import S3SignedSource
from bagfill.storage.server_copy import FetchedBlock, FetchedObject, NotFetched, PinnedSource, Refusal
from bagfill.storage.store import AlreadyExists

_ETAG = re.compile(r"<ETag>(?:&quot;|&#34;|\")?([^<&\"]+)(?:&quot;|&#34;|\")?</ETag>")
_CRC = re.compile(r"<ChecksumCRC64NVME>([A-Za-z0-9+/=]+)</ChecksumCRC64NVME>")
_CODE = re.compile(r"<Code>([A-Za-z]+)</Code>")
_REFUSALS = {
    "InvalidObjectState": Refusal.ARCHIVED,
    "NoSuchKey": Refusal.MISSING,
    "NoSuchBucket": Refusal.UNREACHABLE,
    "AccessDenied": Refusal.DENIED,
    "AllAccessDisabled": Refusal.DENIED,
    "PreconditionFailed": Refusal.CHANGED,
    "InvalidRange": Refusal.CHANGED,
    "NotImplemented": Refusal.UNSUPPORTED,
    "MethodNotAllowed": Refusal.UNSUPPORTED,
}


class S3Within:
    """See :class:`bagfill.storage.server_copy.ServerCopy`.

    Args:
        source: for the identity that reads: it pins.
        source_bucket: its bucket.
        destination: for the identity that writes; it must be able to read the source, since S3 knows no other way.
    """

    least_bytes = 8 * 1024 * 1024
    """A multipart copy takes five requests; smaller objects cost less, in work and in money, as one read and one
    write (measured), and the read back is the same."""

    def __init__(self, source: S3SignedSource, source_bucket: str, destination: S3Lean) -> None:
        self._source = source
        self._source_bucket = source_bucket
        self._destination = destination

    def pin(self, key: str, etag: str) -> PinnedSource | NotFetched:
        """See :meth:`ServerCopy.pin`."""
        return self._source.pin(key, etag)

    def look_again(self, source: PinnedSource) -> NotFetched | None:
        """One HEAD, though each part was copied under the condition that the ETag is the pinned one: a server that does
        not know the condition ignores it, and none tells.
        """
        found = self._source.pin(source.key, source.etag)
        return found if isinstance(found, NotFetched) else None

    def can_create(self, source: PinnedSource) -> bool:  # noqa: ARG002 - see the module
        """Never: there is no conditional copy in one request."""
        return False

    def create(self, source: PinnedSource, key: str) -> FetchedObject | AlreadyExists | NotFetched:  # noqa: ARG002
        """See :meth:`can_create`."""
        return NotFetched(Refusal.UNSUPPORTED, "no conditional copy in one request")

    def stage(
        self, source: PinnedSource, key: str, token: str, *, index: int, start: int, length: int
    ) -> FetchedBlock | NotFetched:
        """See :meth:`ServerCopy.stage`."""
        if not 0 <= index < MOST_PARTS:
            raise self._destination.error(
                StoreFailure.UNSUPPORTED, key, "copy part", f"block {index}: S3 takes {MOST_PARTS:,} parts"
            )
        # By name and not by version: the condition pins the bytes, and a version would need another right.
        copy_source = f"/{self._source_bucket}/{quote(source.key, safe='/~')}"
        answer = self._destination.send(
            "PUT",
            key,
            operation="copy part",
            parameters={"partNumber": str(index + 1), "uploadId": token.partition(":")[2]},
            headers={
                "x-amz-copy-source": copy_source,
                "x-amz-copy-source-if-match": f'"{source.etag}"',
                "x-amz-copy-source-range": f"bytes={start}-{start + length - 1}",
            },
        )
        return self._part(answer, key, index, length)

    def close(self) -> None:
        """Close both sides' connections."""
        self._source.close()
        self._destination.close()

    def _part(self, answer: Answer, key: str, index: int, length: int) -> FetchedBlock | NotFetched:
        text = answer.body.decode(errors="replace")
        etag = _ETAG.search(text)
        # A copy that fails after its headers were sent is a 200 with an error for a body.
        if answer.status == 200 and etag is not None:
            crc = _CRC.search(text)
            return FetchedBlock(index, length, etag[1], Crc64.from_s3(crc[1], length) if crc else None)
        code = match[1] if (match := _CODE.search(text)) else ""
        status = 500 if answer.status == 200 else answer.status
        detail = f"{code or 'no error code'}, HTTP {answer.status}"
        if code in _REFUSALS or (status == 403 and not code):
            return NotFetched(_REFUSALS.get(code, Refusal.DENIED), detail)
        raise self._destination.error(failure_of_answer(code, status), key, "copy part", detail)
