"""What no server here gives: restore status in listings, Intelligent-Tiering, KMS, refused capacity. Stubbed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from bagfill.checksum.crc64 import Crc64
from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.s3 import S3Store
from bagfill.storage.s3_reads import S3Reads
from bagfill.storage.store import (
    AlreadyExists,
    ArchiveState,
    StagedBlock,
    ThawAnswer,
    ThawTier,
    TransitCheck,
)

EXPIRY = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
CRC = Crc64.of(b"block")


@pytest.fixture(scope="module")
def store() -> S3Store:
    return S3Store("bucket", S3Access(region="eu-west-1", access_key_id="k", secret_access_key="s"), location="aws")


@pytest.fixture
def answers(store: S3Store) -> Iterator[Stubber]:
    with Stubber(store._sdk.client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def _head(storage_class: str, **more: Any) -> dict[str, Any]:
    return {"ContentLength": 1, "ETag": '"e"', "StorageClass": storage_class, **more}


def test_intelligent_tiering_is_restored_without_days(store: S3Store, answers: Stubber) -> None:
    answers.add_client_error("restore_object", "MalformedXML", http_status_code=400)
    answers.add_response("head_object", _head("INTELLIGENT_TIERING", ArchiveStatus="ARCHIVE_ACCESS"))
    request = {"GlacierJobParameters": {"Tier": "Bulk"}}
    answers.add_response(
        "restore_object",
        {"ResponseMetadata": {"HTTPStatusCode": 202}},
        {"Bucket": "bucket", "Key": "a", "RestoreRequest": request},
    )
    assert store.request_thaw("a", tier=ThawTier.BULK, days=3) is ThawAnswer.REQUESTED


@pytest.mark.parametrize(
    ("code", "status", "failure"),
    [
        ("GlacierExpeditedRetrievalNotAvailable", 503, StoreFailure.NO_CAPACITY),
        ("SlowDown", 503, StoreFailure.THROTTLED),
        ("InternalError", 500, StoreFailure.UNAVAILABLE),
    ],
)
def test_a_restore_refused_for_now_can_be_asked_again(
    store: S3Store, answers: Stubber, code: str, status: int, failure: StoreFailure
) -> None:
    answers.add_client_error("restore_object", code, http_status_code=status)
    with pytest.raises(StoreError) as raised:
        store.request_thaw("a", tier=ThawTier.EXPEDITED, days=1)
    assert raised.value.failure is failure
    assert raised.value.retryable
    assert code in raised.value.detail


def test_a_restore_under_way_is_no_error(store: S3Store, answers: Stubber) -> None:
    answers.add_client_error("restore_object", "RestoreAlreadyInProgress", http_status_code=409)
    assert store.request_thaw("a", tier=ThawTier.BULK, days=1) is ThawAnswer.ALREADY_IN_PROGRESS


@pytest.mark.parametrize("code", ["InvalidObjectState", "ObjectAlreadyInActiveTierError"])
def test_a_restore_of_what_can_be_read_is_told_by_its_state(store: S3Store, answers: Stubber, code: str) -> None:
    answers.add_client_error("restore_object", code, http_status_code=403)
    answers.add_response("head_object", _head("STANDARD"))
    assert store.request_thaw("a", tier=ThawTier.BULK, days=1) is ThawAnswer.NOT_ARCHIVED


def test_a_restore_that_is_not_permitted_is_denied(store: S3Store, answers: Stubber) -> None:
    answers.add_client_error("restore_object", "AccessDenied", http_status_code=403)
    answers.add_response("head_object", _head("GLACIER"))
    with pytest.raises(StoreError) as raised:
        store.request_thaw("a", tier=ThawTier.BULK, days=1)
    assert raised.value.failure is StoreFailure.DENIED


def test_a_tier_the_class_does_not_have_is_unsupported(store: S3Store, answers: Stubber) -> None:
    answers.add_client_error("restore_object", "InvalidArgument", http_status_code=400)
    answers.add_response("head_object", _head("DEEP_ARCHIVE"))
    with pytest.raises(StoreError) as raised:
        store.request_thaw("a", tier=ThawTier.EXPEDITED, days=1)
    assert raised.value.failure is StoreFailure.UNSUPPORTED


_PROMISE = {"UploadId": "u", "ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}
_PART = {"PartNumber": 1, "Size": 5, "ETag": '"e"', "ChecksumCRC64NVME": CRC.s3}
_BLOCK = StagedBlock(index=0, size=5, crc=CRC)
_UPLOAD = {"Bucket": "bucket", "Key": "a", "UploadId": "u"}


def test_aws_checks_the_crc64_of_each_part_and_of_the_whole_whoever_goes_on(store: S3Store, answers: Stubber) -> None:
    asked = {"Bucket": "bucket", "Key": "a", "ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}
    answers.add_response("create_multipart_upload", _PROMISE, asked)
    token = store.stage("a").token
    continued = store.stage("a", token=token)
    assert continued.check is TransitCheck.CRC64
    sent = {**_UPLOAD, "PartNumber": 1, "Body": b"block", "ChecksumCRC64NVME": CRC.s3}
    answers.add_response("upload_part", {"ETag": '"e"', "ChecksumCRC64NVME": CRC.s3}, sent)
    assert continued.stage(0, b"block", CRC) == _BLOCK
    answers.add_response("list_parts", {"Parts": [_PART]})
    assert dict(continued.staged()) == {0: _BLOCK}
    answers.add_response("list_parts", {"Parts": [_PART]})
    parts = {"Parts": [{"PartNumber": 1, "ETag": '"e"', "ChecksumCRC64NVME": CRC.s3}]}
    whole = {"ChecksumCRC64NVME": CRC.s3, "ChecksumType": "FULL_OBJECT", "IfNoneMatch": "*"}
    answers.add_response(
        "complete_multipart_upload",
        {"ETag": '"x-1"', "ResponseMetadata": {"RequestId": "r"}},
        {**_UPLOAD, "MultipartUpload": parts, **whole},
    )
    assert continued.commit([_BLOCK]) != AlreadyExists()


def test_a_part_of_which_the_server_computed_another_crc64_was_damaged(store: S3Store, answers: Stubber) -> None:
    answers.add_response("upload_part", {"ETag": '"e"', "ChecksumCRC64NVME": Crc64.of(b"bl0ck").s3})
    with pytest.raises(StoreError) as raised:
        store.stage("a", token="crc64-whole:u").stage(0, b"block", CRC)
    assert raised.value.failure is StoreFailure.CORRUPTED_IN_TRANSIT


def test_aws_without_its_promise_to_check_is_never_written_to(store: S3Store, answers: Stubber) -> None:
    answers.add_response("create_multipart_upload", {"UploadId": "u"})
    answers.add_response("abort_multipart_upload", {}, _UPLOAD)
    with pytest.raises(StoreError) as raised:
        store.stage("a")
    assert raised.value.failure is StoreFailure.UNSUPPORTED


def test_aws_that_refuses_the_check_is_not_asked_for_less(store: S3Store, answers: Stubber) -> None:
    answers.add_client_error("create_multipart_upload", "InvalidRequest", http_status_code=400)
    with pytest.raises(StoreError):
        store.stage("a")


@pytest.mark.parametrize("refuses", [True, False])
def test_another_server_that_knows_no_crc64_checks_content_md5(refuses: bool) -> None:
    access = S3Access("http://127.0.0.1:9", region="x", access_key_id="k", secret_access_key="s")
    elsewhere = S3Store("bucket", access, location="old server")
    with Stubber(elsewhere._sdk.client) as answers:
        if refuses:
            answers.add_client_error("create_multipart_upload", "NotImplemented", http_status_code=501)
        answers.add_response("create_multipart_upload", {"UploadId": "u"})
        write = elsewhere.stage("a")
        assert write.token == "md5:u"
        assert write.check is TransitCheck.MD5
        md5 = base64.b64encode(hashlib.md5(b"block", usedforsecurity=False).digest()).decode()
        answers.add_response(
            "upload_part", {"ETag": '"e"'}, {**_UPLOAD, "PartNumber": 1, "Body": b"block", "ContentMD5": md5}
        )
        assert write.stage(0, b"block", CRC) == _BLOCK
        with pytest.raises(StoreError) as raised:
            write.stage(0, b"bl0ck", CRC)
        assert raised.value.failure is StoreFailure.CORRUPTED_IN_TRANSIT
        answers.add_response("list_parts", {"Parts": [{"PartNumber": 1, "Size": 5, "ETag": '"e"'}]})
        assert dict(write.staged()) == {0: StagedBlock(index=0, size=5, crc=None)}


@pytest.mark.parametrize("there", [True, False])
def test_a_conflicting_commit_is_told_by_what_is_there(store: S3Store, answers: Stubber, there: bool) -> None:
    answers.add_response("list_parts", {"Parts": [_PART]})
    answers.add_client_error("complete_multipart_upload", "ConditionalRequestConflict", http_status_code=409)
    if there:
        answers.add_response("head_object", _head("STANDARD"))
    else:
        answers.add_client_error("head_object", "404", http_status_code=404)
    write = store.stage("a", token="md5:u")
    blocks = [_BLOCK]
    if there:
        assert write.commit(blocks) == AlreadyExists()
    else:
        store._bucket_seen = True
        with pytest.raises(StoreError) as raised:
            write.commit(blocks)
        assert raised.value.failure is StoreFailure.CONFLICT


def test_parts_are_listed_page_after_page(store: S3Store, answers: Stubber) -> None:
    etag = '"e"'
    first = {"Parts": [{"PartNumber": 1, "Size": 5, "ETag": etag}], "IsTruncated": True, "NextPartNumberMarker": 1}
    answers.add_response("list_parts", first, {"Bucket": "bucket", "Key": "a", "UploadId": "u", "PartNumberMarker": 0})
    second = {"Parts": [{"PartNumber": 2, "Size": 5, "ETag": etag}], "IsTruncated": False}
    answers.add_response("list_parts", second, {"Bucket": ANY, "Key": ANY, "UploadId": ANY, "PartNumberMarker": 1})
    assert list(store.stage("a", token="md5:u").staged()) == [0, 1]


def test_more_parts_than_s3_takes_are_refused(store: S3Store) -> None:
    with pytest.raises(StoreError) as raised:
        store.stage("a", token="md5:u").stage(10_000, b"x", CRC)
    assert raised.value.failure is StoreFailure.UNSUPPORTED


def test_a_thawed_object_is_readable_until_its_expiry(store: S3Store, answers: Stubber) -> None:
    header = f'ongoing-request="false", expiry-date="{EXPIRY:%a, %d %b %Y %H:%M:%S} GMT"'
    answers.add_response("head_object", _head("GLACIER", Restore=header))
    info = store.stat("a")
    assert info is not None
    assert (info.archive, info.readable_until) == (ArchiveState.THAWED, EXPIRY)


@pytest.mark.parametrize(
    ("code", "status", "head", "failure"),
    [
        ("InvalidObjectState", 403, "GLACIER", StoreFailure.ARCHIVED),
        ("AccessDenied", 403, "GLACIER", StoreFailure.ARCHIVED),
        ("AccessDenied", 403, "STANDARD", StoreFailure.DENIED),
        ("SignatureDoesNotMatch", 403, None, StoreFailure.UNAUTHENTICATED),
        ("InvalidAccessKeyId", 403, None, StoreFailure.UNAUTHENTICATED),
        ("RequestTimeTooSkewed", 403, None, StoreFailure.UNAUTHENTICATED),
    ],
)
def test_a_403_of_a_read_is_told_apart_by_code_and_state(
    store: S3Store, answers: Stubber, code: str, status: int, head: str | None, failure: StoreFailure
) -> None:
    answers.add_client_error("get_object", code, http_status_code=status)
    if head is not None:
        answers.add_response("head_object", _head(head))
    with pytest.raises(StoreError) as raised:
        S3Reads(store._sdk.client, "bucket", store).open("a", 0, None, None)
    assert raised.value.failure is failure
