"""Opens probes, as ``providers.py`` opens stores."""

from __future__ import annotations

from typing import assert_never

from bagfill.storage.credentials import Credentials
from bagfill.storage.location import Location, Provider
from bagfill.storage.probe import Probe


def open_probe(location: Location, connection: str | None, credentials: Credentials) -> Probe | None:
    """A probe of a location; ``None``: a folder, of which there is nothing to ask that the disk does not tell.

    Args:
        location: what to probe.
        connection: id of the connection whose rights are to be known.
        credentials: supplies the access behind it.

    Raises:
        CredentialsError: there is none, or it cannot be used.
        StoreError: MISCONFIGURED, no client can be made of it.
    """
    match location.provider:
        case Provider.AMAZON_S3:
            from bagfill.storage.s3_probe import S3Probe

            return S3Probe(location.bucket, credentials.s3(connection), location=location.name)
        case Provider.AZURE_BLOB_STORAGE:
            from bagfill.storage.azure_probe import AzureProbe

            return AzureProbe(location.bucket, credentials.azure(connection), location=location.name)
        case Provider.LOCAL | Provider.MEMORY:
            return None
        case _:
            assert_never(location.provider)
