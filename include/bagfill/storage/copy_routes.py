"""Which way leads from one location to another past this process, by what both stores say they can do."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import assert_never

from bagfill.storage.credentials import Credentials, CredentialsError
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.gate import Gate
from bagfill.storage.limited_copy import LimitedServerCopy
from bagfill.storage.location import Location, Provider
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.retrying_copy import RetryingServerCopy
from bagfill.storage.server_copy import ServerCopy
from bagfill.storage.signed_source import SignedSource
from bagfill.storage.store import Capability


class CopyRoute(StrEnum):
    """The kinds of ways."""

    FROM_URL = "from URL"
    """The destination's provider fetches from signed URLs of the source."""
    WITHIN = "within"
    """One provider copies between its own buckets."""


def route_between(
    source: Location,
    from_abilities: AbstractSet[Capability],
    destination: Location,
    to_abilities: AbstractSet[Capability],
) -> CopyRoute | None:
    """The way that both settings allow and both stores can go, or ``None``: then bytes pass through the worker."""
    if not (source.server_copy and destination.server_copy):
        return None
    if Capability.COPY_FROM_URL in to_abilities and Capability.SIGNED_URLS in from_abilities:
        return CopyRoute.FROM_URL
    if Capability.COPY_WITHIN in to_abilities & from_abilities and source.provider is destination.provider:
        return CopyRoute.WITHIN
    return None


def open_server_copy(
    route: CopyRoute,
    source: Location,
    destination: Location,
    credentials: Credentials,
    gates: tuple[Gate | None, Gate | None] = (None, None),
) -> ServerCopy | None:
    """Open a way: the source for the identity that reads, the destination for the one that writes.

    Args:
        gates: of the source and of the destination, which every request passes.

    Returns:
        ``None`` if the two turn out to be at different providers that speak one API.

    Raises:
        StoreError: MISCONFIGURED, an access cannot be used.
    """
    try:
        way = _opened(route, source, destination, credentials, RequestLimits())
    except CredentialsError as error:
        place = f"{source.name} to {destination.name}"
        raise StoreError(
            StoreFailure.MISCONFIGURED, location=place, key="", operation="open", detail=str(error)
        ) from None
    # Each try waits for its turn.
    return None if way is None else RetryingServerCopy(LimitedServerCopy(way, *gates))


def _opened(
    route: CopyRoute, source: Location, destination: Location, credentials: Credentials, limits: RequestLimits
) -> ServerCopy | None:
    match route:
        case CopyRoute.FROM_URL:
            from bagfill.storage.azure_from_url import AzureFromUrl
            from bagfill.storage.azure_lean import AzureLean

            access = credentials.azure(destination.write_connection)
            container = AzureLean(destination.bucket, access, location=destination.name, limits=limits)
            return AzureFromUrl(_signed(source, credentials, limits), container)
        case CopyRoute.WITHIN:
            from bagfill.storage.s3_lean import S3Lean
            from bagfill.storage.s3_signed import S3SignedSource
            from bagfill.storage.s3_within import S3Within

            reading = credentials.s3(source.read_connection)
            writing = credentials.s3(destination.write_connection)
            if reading.endpoint_url != writing.endpoint_url:
                return None
            bucket = S3Lean(source.bucket, reading, location=source.name, limits=limits)
            target = S3Lean(destination.bucket, writing, location=destination.name, limits=limits)
            return S3Within(S3SignedSource(bucket), source.bucket, target)
        case _:
            assert_never(route)


def _signed(source: Location, credentials: Credentials, limits: RequestLimits) -> SignedSource:
    match source.provider:
        case Provider.AMAZON_S3:
            from bagfill.storage.s3_lean import S3Lean
            from bagfill.storage.s3_signed import S3SignedSource

            access = credentials.s3(source.read_connection)
            return S3SignedSource(S3Lean(source.bucket, access, location=source.name, limits=limits))
        case Provider.AZURE_BLOB_STORAGE:
            from bagfill.storage.azure_signed import AzureSignedSource

            azure = credentials.azure(source.read_connection)
            return AzureSignedSource(source.bucket, azure, location=source.name, limits=limits)
        case Provider.LOCAL | Provider.MEMORY:
            raise CredentialsError(f"location {source.name!r} is at {source.provider.value}, which signs no URLs")
        case _:
            assert_never(source.provider)
