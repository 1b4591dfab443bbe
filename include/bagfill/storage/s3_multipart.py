"""Large objects at S3: a multipart upload that any process can go on with, completed only if nothing is there.

Sources: CreateMultipartUpload, UploadPart, ListParts, CompleteMultipartUpload (``If-None-Match``).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import require_sequence
from bagfill.storage.s3_errors import code_and_status, store_error, translated
from bagfill.storage.store import AlreadyExists, Created, ObjectStore, StagedBlock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

MOST_PARTS = 10_000
_MD5_HEX = re.compile(r"[0-9a-f]{32}")
# With these encryptions a part's ETag is the MD5 of its bytes; with KMS it has the same form and is something else.
_PLAIN_ENCRYPTION = frozenset({None, "AES256"})
_PLAIN, _OPAQUE = "md5", "opaque"


def open_multipart(client: S3Client, bucket: str, key: str, store: ObjectStore, token: str | None) -> S3StagedWrite:
    """Start an upload, or go on with one.

    The token is ``md5:{upload id}`` or ``opaque:{upload id}``: whether part ETags are MD5s is said once, at the start.
    """
    if token is None:
        with translated(location=store.location, key=key, operation="stage"):
            answer = client.create_multipart_upload(Bucket=bucket, Key=key)
        plain = answer.get("ServerSideEncryption") in _PLAIN_ENCRYPTION
        token = f"{_PLAIN if plain else _OPAQUE}:{answer['UploadId']}"
    return S3StagedWrite(client, bucket, key, store, token)


class S3StagedWrite:
    """One multipart upload; see :class:`bagfill.storage.store.StagedWrite`. Part number = block index + 1."""

    def __init__(self, client: S3Client, bucket: str, key: str, store: ObjectStore, token: str) -> None:
        self._client = client
        self._key = key
        self._store = store
        self._token = token
        kind, _colon, self._upload_id = token.partition(":")
        self._etags_are_md5 = kind == _PLAIN
        self._target: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": self._upload_id}

    @property
    def token(self) -> str:
        """Kind of ETags and upload id. No secret."""
        return self._token

    def staged(self) -> Mapping[int, StagedBlock]:
        """See :meth:`StagedWrite.staged`. A part listed twice with different bytes has no known MD5 (SeaweedFS)."""
        found: dict[int, StagedBlock] = {}
        with translated(location=self._store.location, key=self._key, operation="list blocks"):
            for index, size, etag in self._parts():
                block = StagedBlock(index=index, size=size, md5=self._md5(etag))
                found[index] = block if found.get(index, block) == block else StagedBlock(index, size, None)
        return found

    def stage(self, index: int, data: bytes | memoryview, md5: bytes) -> StagedBlock:
        """See :meth:`StagedWrite.stage`. All blocks but the last have at least 5 MiB, and there are at most 10,000."""
        if not 0 <= index < MOST_PARTS:
            raise self._error(StoreFailure.UNSUPPORTED, "stage block", f"block {index}: S3 takes {MOST_PARTS:,} parts")
        with translated(location=self._store.location, key=self._key, operation="stage block"):
            self._client.upload_part(
                **self._target,
                PartNumber=index + 1,
                Body=bytes(data) if isinstance(data, memoryview) else data,
                ContentMD5=base64.b64encode(md5).decode(),
            )
        return StagedBlock(index=index, size=len(data), md5=md5)

    def commit(
        self,
        blocks: Sequence[StagedBlock],
        *,
        content_md5: bytes | None = None,  # noqa: ARG002 - S3 keeps no Content-MD5
    ) -> Created | AlreadyExists:
        """See :meth:`StagedWrite.commit`."""
        require_sequence(blocks)
        if not blocks:
            # S3 completes no upload without parts.
            answer = self._store.create(self._key, b"")
            self.abandon()
            return answer
        try:
            parts = self._chosen(blocks)
            done = self._client.complete_multipart_upload(
                **self._target, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except ClientError as error:
            code, status = code_and_status(error)
            # 404: the upload is gone, perhaps because it was completed. 409: another write won or is about to.
            if status == 412 or ((status == 409 or code == "NoSuchUpload") and self._store.stat(self._key) is not None):
                return AlreadyExists()
            raise self._translate(error, "commit") from None
        except BotoCoreError as error:
            raise self._translate(error, "commit") from None
        request_id = done["ResponseMetadata"].get("RequestId")
        return Created(etag=done["ETag"].strip('"'), version_id=done.get("VersionId"), request_id=request_id)

    def abandon(self) -> None:
        """See :meth:`StagedWrite.abandon`."""
        try:
            self._client.abort_multipart_upload(**self._target)
        except ClientError as error:
            if code_and_status(error)[0] != "NoSuchUpload":
                raise self._translate(error, "abandon") from None
        except BotoCoreError as error:
            raise self._translate(error, "abandon") from None

    def _chosen(self, blocks: Sequence[StagedBlock]) -> list[CompletedPartTypeDef]:
        """The parts to complete, each compared with what the provider holds. Raises ClientError or StoreError."""
        held: dict[int, list[tuple[int, str]]] = {}
        for index, size, etag in self._parts():
            held.setdefault(index, []).append((size, etag))
        parts: list[CompletedPartTypeDef] = []
        for block in blocks:
            # The last of those that fit: a server may still list a part that was replaced.
            fitting = [etag for size, etag in held.get(block.index, []) if self._fits(block, size, etag)]
            if not fitting:
                raise self._error(StoreFailure.MISSING, "commit", f"block {block.index} is not staged so")
            parts.append({"PartNumber": block.index + 1, "ETag": fitting[-1]})
        return parts

    def _fits(self, block: StagedBlock, size: int, etag: str) -> bool:
        known = self._md5(etag)
        return size == block.size and (known is None or block.md5 is None or known == block.md5)

    def _parts(self) -> Iterator[tuple[int, int, str]]:
        """Block index, size and quoted ETag of every part, page after page."""
        marker = 0
        while True:
            page = self._client.list_parts(**self._target, PartNumberMarker=marker)
            for part in page.get("Parts", []):
                yield part["PartNumber"] - 1, part["Size"], part["ETag"]
            following = page.get("NextPartNumberMarker")
            if not page.get("IsTruncated") or not following or int(following) <= marker:
                return
            marker = int(following)

    def _md5(self, etag: str) -> bytes | None:
        plain = etag.strip('"').lower()
        return bytes.fromhex(plain) if self._etags_are_md5 and _MD5_HEX.fullmatch(plain) else None

    def _translate(self, error: Exception, operation: str) -> StoreError:
        return store_error(error, location=self._store.location, key=self._key, operation=operation)

    def _error(self, failure: StoreFailure, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=self._key, operation=operation, detail=detail)
