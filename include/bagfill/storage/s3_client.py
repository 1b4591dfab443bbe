"""The two clients of one S3 location: boto3 for control and large writes, obstore for reads and small writes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store as ObstoreS3

from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits, client_options, retry_options
from bagfill.storage.s3_errors import store_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# obstore asks again when this has passed; keys of an assumed role may end soon, whatever a longer stamp would say.
_CREDENTIAL_LIFE = timedelta(minutes=5)


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
    """A thread-safe client with bounded pool, retries and times."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": limits.attempts},
        max_pool_connections=limits.connections,
        connect_timeout=limits.connect_seconds,
        read_timeout=limits.read_seconds,
        signature_version="s3v4",
        s3={"addressing_style": "path" if access.endpoint_url else "auto"},
        # Servers beside AWS refuse or ignore the SDK's newer default checksums; we send our own where it matters.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return session.client(
        "s3",
        endpoint_url=access.endpoint_url,
        region_name=access.region or session.region_name or "us-east-1",
        verify=access.ca_bundle,
        config=config,
    )


def obstore_client(
    session: boto3.Session, client: S3Client, bucket: str, access: S3Access, limits: RequestLimits
) -> ObstoreS3:
    """An obstore handle to the same endpoint. Everything is explicit: obstore would fill gaps from the environment."""
    endpoint = client.meta.endpoint_url.rstrip("/")
    config: dict[str, Any] = {
        "endpoint": endpoint,
        "aws_endpoint_url_s3": endpoint,
        "region": client.meta.region_name,
        "virtual_hosted_style_request": False,
        "skip_signature": False,
        "conditional_put": "etag",
        # The server checks the SHA-256 of a small write on arrival; a bucket with object lock demands a checksum.
        "checksum_algorithm": "SHA256",
    }
    return ObstoreS3(
        bucket,
        config=config,  # type: ignore[arg-type]
        credential_provider=Boto3CredentialProvider(session, ttl=_CREDENTIAL_LIFE),
        client_options=client_options(endpoint, access.ca_bundle, limits),
        retry_config=retry_options(limits),
    )


def open_clients(access: S3Access, bucket: str, *, location: str, limits: RequestLimits) -> tuple[S3Client, ObstoreS3]:
    """Both clients of a location. Raises StoreError (MISCONFIGURED) when the credentials cannot be used."""
    try:
        session = boto3_session(access)
        client = boto3_client(session, access, limits)
        return client, obstore_client(session, client, bucket, access, limits)
    except BotoCoreError as error:
        raise store_error(error, location=location, key="", operation="open") from None
    except (ValueError, OSError) as error:
        # No credentials at all, a malformed endpoint, an unreadable certificate file.
        detail = f"no usable credentials or endpoint ({type(error).__name__})"
        raise StoreError(
            StoreFailure.MISCONFIGURED, location=location, key="", operation="open", detail=detail
        ) from None
