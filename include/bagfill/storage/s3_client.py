"""boto3's client of one S3 location."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.s3_errors import store_error
from bagfill.storage.s3_obstore import not_usable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def boto3_session(access: S3Access) -> boto3.Session:
    """The session of an access; a ready one is taken as it is."""
    if access.session is not None:
        return cast("boto3.Session", access.session)
    return boto3.Session(
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
        aws_session_token=access.session_token,
        region_name=access.region,
        profile_name=access.profile,
    )


def boto3_client(session: boto3.Session, access: S3Access, limits: RequestLimits) -> S3Client:
    """A thread-safe client of S3 with bounded pool, retries and times."""
    return cast("S3Client", aws_client("s3", session, access, limits))


def aws_client(service: str, session: boto3.Session, access: S3Access, limits: RequestLimits) -> Any:
    """A thread-safe client of one of AWS's services; see :func:`boto3_client`."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": limits.attempts},
        max_pool_connections=limits.connections,
        connect_timeout=limits.connect_seconds,
        read_timeout=limits.read_seconds,
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path" if access.endpoint_url else "auto"},
        # Servers beside AWS refuse or ignore the SDK's newer default checksums; we send our own where it matters.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client: Any = session.client
    return client(
        service,
        endpoint_url=access.endpoint_url,
        region_name=access.region or session.region_name or "us-east-1",
        verify=access.ca_bundle,
        config=config,
    )


def open_sdk(access: S3Access, *, location: str, limits: RequestLimits) -> S3Client:
    """The client of a location. Raises StoreError (MISCONFIGURED) when the credentials cannot be used."""
    with usable(location):
        return boto3_client(boto3_session(access), access, limits)


@contextmanager
def usable(location: str) -> Iterator[None]:
    """Turn what a client says of unusable credentials into a StoreError (MISCONFIGURED)."""
    try:
        yield
    except BotoCoreError as error:
        raise store_error(error, location=location, key="", operation="open") from None
    except (ValueError, OSError) as error:
        raise not_usable(location, error) from None
