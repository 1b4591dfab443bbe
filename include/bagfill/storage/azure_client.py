"""The SDK's client of one Azure location."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.storage.blob import ContainerClient, ExponentialRetry

from bagfill.storage.azure_obstore import token_credential, usable
from bagfill.storage.credentials import AzureAccess
from bagfill.storage.obstore_options import RequestLimits

_CHUNK = 4 * 1024 * 1024
LARGEST_CREATE = 256 * 1024 * 1024


def sdk_credential(access: AzureAccess) -> Any:
    """What the SDK signs with."""
    if access.account_key:
        return AzureNamedKeyCredential(access.account_name, access.account_key)
    if access.sas_token:
        return AzureSasCredential(access.sas_token)
    return token_credential(access)


def container_client(access: AzureAccess, container: str, credential: Any, limits: RequestLimits) -> ContainerClient:
    """A thread-safe client with bounded retries and times."""
    certificates: dict[str, Any] = {"connection_verify": access.ca_bundle} if access.ca_bundle else {}
    return ContainerClient(
        access.account_url,
        container,
        credential=credential,
        # The SDK's own 15 s before the first retry would hold a worker for nothing.
        retry_policy=ExponentialRetry(
            initial_backoff=0, increment_base=2, retry_total=limits.attempts - 1, random_jitter_range=1
        ),
        connection_timeout=limits.connect_seconds,
        read_timeout=limits.read_seconds,
        max_single_put_size=LARGEST_CREATE,
        max_single_get_size=_CHUNK,
        max_chunk_get_size=_CHUNK,
        **certificates,
    )


def open_sdk(access: AzureAccess, container: str, *, location: str, limits: RequestLimits) -> ContainerClient:
    """The client of a location. Raises StoreError (MISCONFIGURED) when the credentials cannot be used."""
    with usable(location):
        return container_client(access, container, sdk_credential(access), limits)
