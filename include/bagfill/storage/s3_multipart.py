"""Large objects at S3: a multipart upload that any process can go on with, completed only if nothing is there.

Each part carries its CRC-64/NVME, which the server compares on arrival, and the completion that of the whole. Servers
that know no CRC-64 compare Content-MD5 instead; AWS itself is never let off.
Sources: CreateMultipartUpload (``ChecksumAlgorithm``, ``ChecksumType``), UploadPart, ListParts, CompleteMultipartUpload
(``If-None-Match``); Amazon S3 "Checking object integrity".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.keys import require_sequence
from bagfill.storage.s3_errors import code_and_status, store_error, translated
from bagfill.storage.store import NOTHING_NOTED, AlreadyExists, Created, Noted, ObjectStore, StagedBlock, TransitCheck

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CreateMultipartUploadOutputTypeDef

MOST_PARTS = 10_000
_ALGORITHM: Final = "CRC64NVME"
_WHOLE: Final = "FULL_OBJECT"
_AWS = (".amazonaws.com", ".amazonaws.com.cn")


class _Kind(StrEnum):
    """What the server promised when the upload began; stands before the upload id in the token."""

    WHOLE = "crc64-whole"
    """It compares each part's CRC-64 and that of the whole object."""
    PARTS = "crc64"
    """It compares each part's CRC-64 only."""
    MD5 = "md5"
    """It knows no CRC-64 and compares Content-MD5."""


def open_multipart(client: S3Client, bucket: str, key: str, store: ObjectStore, token: str | None) -> S3StagedWrite:
    """Start an upload, or go on with one. The token is ``{kind of check}:{upload id}``."""
    if token is None:
        with translated(location=store.location, key=key, operation="stage"):
            kind, answer = _begun(client, bucket, key, store)
        token = f"{kind}:{answer['UploadId']}"
    return S3StagedWrite(client, bucket, key, store, token)


def _begun(
    client: S3Client, bucket: str, key: str, store: ObjectStore
) -> tuple[_Kind, CreateMultipartUploadOutputTypeDef]:
    """Begin with CRC-64, and without it where a server other than AWS refuses or ignores that."""
    is_aws = (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_AWS)
    try:
        answer = client.create_multipart_upload(
            Bucket=bucket, Key=key, ChecksumAlgorithm=_ALGORITHM, ChecksumType=_WHOLE
        )
    except ClientError as error:
        if is_aws or code_and_status(error)[1] not in {400, 501}:
            raise
        return _Kind.MD5, client.create_multipart_upload(Bucket=bucket, Key=key)
    if answer.get("ChecksumAlgorithm") == _ALGORITHM:
        return _Kind.WHOLE if answer.get("ChecksumType") == _WHOLE else _Kind.PARTS, answer
    if is_aws:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=answer["UploadId"])
        detail = f"the answer does not promise to check {_ALGORITHM}"
        raise StoreError(StoreFailure.UNSUPPORTED, location=store.location, key=key, operation="stage", detail=detail)
    return _Kind.MD5, answer


class S3StagedWrite:
    """One multipart upload; see :class:`bagfill.storage.store.StagedWrite`. Part number = block index + 1."""

    def __init__(self, client: S3Client, bucket: str, key: str, store: ObjectStore, token: str) -> None:
        self._client = client
        self._key = key
        self._store = store
        self._token = token
        kind, _colon, upload_id = token.partition(":")
        # A token of an unknown kind began without CRC-64: MD5 is what every server checks.
        self._kind = _Kind(kind) if kind in set(_Kind) else _Kind.MD5
        self._target: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
        self._sent: dict[StagedBlock, str] = {}

    @property
    def token(self) -> str:
        """Kind of check and upload id. No secret."""
        return self._token

    @property
    def check(self) -> TransitCheck:
        """What the server promised when the upload began."""
        return TransitCheck.MD5 if self._kind is _Kind.MD5 else TransitCheck.CRC64

    def staged(self, noted: Noted = NOTHING_NOTED) -> Mapping[int, StagedBlock]:
        """See :meth:`StagedWrite.staged`. A part listed twice with different bytes has no known CRC, nor has any part
        of a server that lists none (SeaweedFS).
        """
        found: dict[int, StagedBlock] = {}
        with translated(location=self._store.location, key=self._key, operation="list blocks"):
            for listed, _etag in self._parts():
                block = listed if listed.crc is not None else replace(listed, crc=noted.get(listed.label))
                same = found.get(block.index, block) == block
                found[block.index] = block if same else StagedBlock(block.index, block.size, None)
        return found

    def stage(self, index: int, data: bytes | memoryview, crc: Crc64) -> StagedBlock:
        """See :meth:`StagedWrite.stage`. All blocks but the last have at least 5 MiB, and there are at most 10,000."""
        if not 0 <= index < MOST_PARTS:
            raise self._error(StoreFailure.UNSUPPORTED, "stage block", f"block {index}: S3 takes {MOST_PARTS:,} parts")
        with translated(location=self._store.location, key=self._key, operation="stage block"):
            answer = self._client.upload_part(
                **self._target,
                PartNumber=index + 1,
                Body=bytes(data) if isinstance(data, memoryview) else data,
                **self._checked(data, crc),
            )
        if answer.get("ChecksumCRC64NVME", crc.s3) != crc.s3:
            raise self._error(StoreFailure.CORRUPTED_IN_TRANSIT, "stage block", "the server computed another CRC-64")
        block = StagedBlock(index=index, size=len(data), crc=crc)
        self._sent[block] = answer["ETag"]
        return block

    def _checked(self, data: bytes | memoryview, crc: Crc64) -> dict[str, Any]:
        if self._kind is not _Kind.MD5:
            return {"ChecksumCRC64NVME": crc.s3}
        # Damage since the bytes were read must not get a checksum of its own.
        if Crc64.of(data) != crc:
            raise self._error(StoreFailure.CORRUPTED_IN_TRANSIT, "stage block", "the block has another CRC-64")
        return {"ContentMD5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()}

    def commit(self, blocks: Sequence[StagedBlock]) -> Created | AlreadyExists:
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
                **self._target, MultipartUpload={"Parts": parts}, IfNoneMatch="*", **self._whole(blocks)
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

    def _whole(self, blocks: Sequence[StagedBlock]) -> dict[str, Any]:
        """The checksum of the whole object, for the server to compare before it makes the object."""
        known = [block.crc for block in blocks if block.crc is not None]
        if self._kind is not _Kind.WHOLE or len(known) < len(blocks):
            return {}
        return {"ChecksumCRC64NVME": Crc64.whole(known).s3, "ChecksumType": _WHOLE}

    def _chosen(self, blocks: Sequence[StagedBlock]) -> list[CompletedPartTypeDef]:
        """The parts to complete, each compared with what the provider holds. Raises ClientError or StoreError."""
        held: dict[int, list[tuple[StagedBlock, str]]] = {}
        for there, etag in self._parts():
            held.setdefault(there.index, []).append((there, etag))
        parts: list[CompletedPartTypeDef] = []
        for block in blocks:
            fitting = [etag for there, etag in held.get(block.index, []) if _fits(block, there)]
            if not fitting:
                raise self._error(StoreFailure.MISSING, "commit", f"block {block.index} is not staged so")
            # A server may still list a part that was replaced: the one that this process sent, else the last.
            sent = f'"{block.label}"' if block.label else self._sent.get(block)
            part: CompletedPartTypeDef = {
                "PartNumber": block.index + 1,
                "ETag": sent if sent in fitting else fitting[-1],
            }
            if block.crc is not None and self._kind is not _Kind.MD5:
                part["ChecksumCRC64NVME"] = block.crc.s3
            parts.append(part)
        return parts

    def _parts(self) -> Iterator[tuple[StagedBlock, str]]:
        """Every part with its quoted ETag, page after page."""
        marker = 0
        while True:
            page = self._client.list_parts(**self._target, PartNumberMarker=marker)
            for part in page.get("Parts", []):
                text, size = part.get("ChecksumCRC64NVME"), part["Size"]
                crc = Crc64.from_s3(text, size) if text and self._kind is not _Kind.MD5 else None
                yield StagedBlock(part["PartNumber"] - 1, size, crc, part["ETag"].strip('"')), part["ETag"]
            following = page.get("NextPartNumberMarker")
            if not page.get("IsTruncated") or not following or int(following) <= marker:
                return
            marker = int(following)

    def _translate(self, error: Exception, operation: str) -> StoreError:
        return store_error(error, location=self._store.location, key=self._key, operation=operation)

    def _error(self, failure: StoreFailure, operation: str, detail: str) -> StoreError:
        return StoreError(failure, location=self._store.location, key=self._key, operation=operation, detail=detail)


def _fits(block: StagedBlock, there: StagedBlock) -> bool:
    return block.size == there.size and (there.crc is None or block.crc is None or there.crc == block.crc)
