"""RestoreObject: asking S3 for a readable copy of an archived object.

Source: Amazon S3 API reference, RestoreObject; Intelligent-Tiering objects take no days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.s3_errors import code_and_status, store_error
from bagfill.storage.s3_state import TIERING_CLASS
from bagfill.storage.store import ArchiveState, ObjectStore, ThawAnswer, ThawTier

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def request_restore(
    client: S3Client, bucket: str, key: str, store: ObjectStore, tier: ThawTier, days: int
) -> ThawAnswer:
    """Ask once. See :meth:`ObjectStore.request_thaw`.

    Args:
        client: boto3's.
        bucket: the bucket.
        key: the object.
        store: the same bucket's store, asked for the object's state when the answer leaves it open.
        tier: how fast.
        days: how long the copy shall live.
    """
    request: dict[str, Any] = {"Days": days, "GlacierJobParameters": {"Tier": tier.value}}
    try:
        return _restore(client, bucket, key, request)
    except ClientError as error:
        return _explained(client, bucket, key, store, tier, error)
    except BotoCoreError as error:
        raise store_error(error, location=store.location, key=key, operation="request thaw") from None


def _explained(
    client: S3Client, bucket: str, key: str, store: ObjectStore, tier: ThawTier, refused: ClientError
) -> ThawAnswer:
    code, status = code_and_status(refused)
    error = store_error(refused, location=store.location, key=key, operation="request thaw")
    if code == "RestoreAlreadyInProgress":
        return ThawAnswer.ALREADY_IN_PROGRESS
    if status not in {400, 403, 404, 405, 409}:
        raise error
    info = store.stat(key)
    if info is None:
        raise _error(StoreFailure.MISSING, store, key, "no such object")
    if info.archive is ArchiveState.READABLE:
        # Refused because there is nothing to restore, whatever code this server gives (405: it knows no restores).
        return ThawAnswer.NOT_ARCHIVED
    if status == 400 and info.storage_class == TIERING_CLASS:
        try:
            return _restore(client, bucket, key, {"GlacierJobParameters": {"Tier": tier.value}})
        except (ClientError, BotoCoreError) as again:
            raise store_error(again, location=store.location, key=key, operation="request thaw") from None
    if status == 400:
        raise _error(StoreFailure.UNSUPPORTED, store, key, error.detail)
    if error.failure is StoreFailure.ARCHIVED:
        # InvalidObjectState of an object that is archived: another state than we know; let it be asked again.
        raise _error(StoreFailure.CONFLICT, store, key, error.detail)
    raise error


def _restore(client: S3Client, bucket: str, key: str, request: dict[str, Any]) -> ThawAnswer:
    answer = client.restore_object(Bucket=bucket, Key=key, RestoreRequest=request)  # type: ignore[arg-type]
    accepted = answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    return ThawAnswer.REQUESTED if accepted else ThawAnswer.EXTENDED


def _error(failure: StoreFailure, store: ObjectStore, key: str, detail: str) -> StoreError:
    return StoreError(failure, location=store.location, key=key, operation="request thaw", detail=detail)
