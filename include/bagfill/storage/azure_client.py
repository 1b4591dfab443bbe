"""The two clients of one Azure location: the SDK for control and large writes, obstore for reads and small writes."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.storage.blob import ContainerClient, ExponentialRetry
from obstore.store import AzureStore as ObstoreAzure

from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits, client_options, retry_options

_CHUNK = 4 * 1024 * 1024
LARGEST_CREATE = 256 * 1024 * 1024


def token_credential(access: AzureAccess) -> Any:
    """The azure-identity credential of an access that has neither key nor signature."""
    if access.token_credential is not None:
        return access.token_credential
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    principal = access.service_principal
    if principal is not None:
        return ClientSecretCredential(principal.tenant_id, principal.client_id, principal.client_secret)
    return DefaultAzureCredential()


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


def obstore_client(access: AzureAccess, container: str, credential: Any, limits: RequestLimits) -> ObstoreAzure:
    """An obstore handle to the same account. Everything is explicit: obstore would fill gaps from the environment."""
    config: dict[str, Any] = {
        "account_name": access.account_name,
        "endpoint": access.account_url,
        "use_emulator": False,
        "skip_signature": False,
        "credential_type": "auto",
    }
    provider: Any = None
    if access.account_key:
        config |= {"account_key": access.account_key, "credential_type": "access_key"}
    elif access.sas_token:
        config |= {"sas_key": access.sas_token, "credential_type": "sas_token"}
    else:
        from obstore.auth.azure import AzureCredentialProvider

        provider = AzureCredentialProvider(credential)
    return ObstoreAzure(
        container,
        config=config,  # type: ignore[arg-type]
        credential_provider=provider,
        client_options=client_options(access.account_url, access.ca_bundle, limits),
        retry_config=retry_options(limits),
    )


def open_clients(
    access: AzureAccess, container: str, *, location: str, limits: RequestLimits
) -> tuple[ContainerClient, ObstoreAzure]:
    """Both clients of a location. Raises StoreError (MISCONFIGURED) when the credentials cannot be used."""
    try:
        credential = sdk_credential(access)
        client = container_client(access, container, credential, limits)
        return client, obstore_client(access, container, credential, limits)
    except (ValueError, OSError) as error:
        # A key that is no base64, a malformed URL, an unreadable certificate file.
        detail = f"no usable credentials or account URL ({type(error).__name__})"
        raise StoreError(
            StoreFailure.MISCONFIGURED, location=location, key="", operation="open", detail=detail
        ) from None
