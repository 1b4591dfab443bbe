"""The one list of providers. A provider's SDK is loaded when its first store is opened, and no other's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import assert_never

from bagfill.storage.credentials import AzureAccess, Credentials, CredentialsError
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location, Provider
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.pace import Pace
from bagfill.storage.store import ObjectStore
from bagfill.storage.thaw_identity import ThawedByAnother


def open_store(
    location: Location, credentials: Credentials, *, writing: bool, looks_per_second: float | None = None
) -> ObjectStore:
    """Open a location with the identity for reading or the one for writing.

    Args:
        location: the configured location.
        credentials: supplies the access behind the location's connection ids.
        writing: take ``write_connection``; reading takes ``read_connection``, has no need to write, and asks for thaws
            with ``thaw_connection``, if there is one.
        looks_per_second: of single objects whose state a listing does not tell; ``None``: as it comes.

    Raises:
        StoreError: MISCONFIGURED, the location is read-only or its credentials cannot be used.
        ValueError: a memory location, which exists in a test's own process only.
    """
    if writing and not location.writable:
        raise _misconfigured(location, "read-only: it is not set writable")
    connection = location.write_connection if writing else location.read_connection
    if not writing and location.thaw_connection is not None:
        plain = replace(location, thaw_connection=None)
        reading = open_store(plain, credentials, writing=False, looks_per_second=looks_per_second)
        thawing = replace(location, read_connection=location.thaw_connection, thaw_connection=None)
        return ThawedByAnother(reading, lambda: open_store(thawing, credentials, writing=False))
    try:
        match location.provider:
            case Provider.AMAZON_S3:
                from bagfill.storage.s3 import S3Store

                looks = None if looks_per_second is None else Pace(looks_per_second)
                return S3Store(location.bucket, credentials.s3(connection), location=location.name, looks=looks)
            case Provider.AZURE_BLOB_STORAGE:
                from bagfill.storage.azure import AzureStore

                access = credentials.azure(connection)
                store = AzureStore(location.bucket, access, location=location.name, thaw_to=location.thaw.into)
                return store if writing else _with_copies(store, location, access)
            case Provider.LOCAL:
                from bagfill.storage.local import LocalStore

                return LocalStore(Path(location.bucket), location=location.name, writing=writing)
            case Provider.MEMORY:
                message = f"location {location.name!r}: a memory store is made by the test that shares its bucket"
                raise ValueError(message)
            case _:
                assert_never(location.provider)
    except CredentialsError as error:
        raise _misconfigured(location, str(error)) from None


def _with_copies(store: ObjectStore, location: Location, access: AzureAccess) -> ObjectStore:
    """The store for reading, thawing as the location says."""
    copies, into = location.thaw.copies, location.thaw.into
    if copies is None:
        return store
    from bagfill.storage.azure import AzureStore
    from bagfill.storage.azure_copies import ThawedByCopy
    from bagfill.storage.azure_copy_maker import CopyMaker
    from bagfill.storage.azure_lean import AzureLean

    lean = AzureLean(copies, access, location=location.name, limits=RequestLimits())
    beside = AzureStore(copies, access, location=location.name, thaw_to=into)
    return ThawedByCopy(store, beside, CopyMaker(access, location.bucket, copies, lean, into))


def _misconfigured(location: Location, detail: str) -> StoreError:
    return StoreError(StoreFailure.MISCONFIGURED, location=location.name, key="", operation="open", detail=detail)
