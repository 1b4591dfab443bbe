"""The obstore handle of one S3 location, for reads and small writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from obstore.store import S3Store as ObstoreS3

from bagfill.storage.credentials import S3Access
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits, client_options, retry_options
from bagfill.storage.s3_place import S3Place

# obstore asks again when this has passed; keys of an assumed role may end soon, whatever a longer stamp would say.
_CREDENTIAL_LIFE = timedelta(minutes=5)


def open_obstore(place: S3Place, access: S3Access, bucket: str, *, location: str, limits: RequestLimits) -> ObstoreS3:
    """The handle of a location. Raises StoreError (MISCONFIGURED) when endpoint or certificates cannot be used."""
    try:
        if place.session is not None:
            from obstore.auth.boto3 import Boto3CredentialProvider

            provider: Any = Boto3CredentialProvider(place.session, ttl=_CREDENTIAL_LIFE)
        else:
            keys = place.keys()
            fixed = {
                "access_key_id": keys.access_key_id,
                "secret_access_key": keys.secret_access_key,
                "token": keys.session_token,
                "expires_at": None,
            }

            # By a provider: of keys in the configuration obstore would take a missing token from the environment.
            def provider() -> dict[str, str | None]:
                return fixed

        return _handle(bucket, place.endpoint, place.region, access, limits, provider)
    except (ValueError, OSError) as error:
        raise not_usable(location, error) from None


def _handle(
    bucket: str,
    endpoint_url: str,
    region: str,
    access: S3Access,
    limits: RequestLimits,
    provider: Any,
) -> ObstoreS3:
    """Everything is explicit: obstore would fill gaps from the environment."""
    endpoint = endpoint_url.rstrip("/")
    config: dict[str, Any] = {
        "endpoint": endpoint,
        "aws_endpoint_url_s3": endpoint,
        "region": region,
        "virtual_hosted_style_request": False,
        "skip_signature": False,
        "conditional_put": "etag",
        # The server checks the SHA-256 of a small write on arrival; a bucket with object lock demands a checksum.
        "checksum_algorithm": "SHA256",
    }
    return ObstoreS3(
        bucket,
        config=config,  # type: ignore[arg-type]
        credential_provider=provider,
        client_options=client_options(endpoint, access.ca_bundle, limits),
        retry_config=retry_options(limits),
    )


def not_usable(location: str, error: Exception) -> StoreError:
    """The error for no credentials at all, a malformed endpoint, an unreadable certificate file."""
    detail = f"no usable credentials or endpoint ({type(error).__name__})"
    return StoreError(StoreFailure.MISCONFIGURED, location=location, key="", operation="open", detail=detail)
