"""The obstore handle of one Azure location, for reads and small writes. Loads no SDK for a key or a signature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from obstore.store import AzureStore as ObstoreAzure

from bagfill.storage.credentials import AzureAccess
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.obstore_options import RequestLimits, client_options, retry_options


def token_credential(access: AzureAccess) -> Any:
    """The azure-identity credential of an access that has neither key nor signature."""
    if access.token_credential is not None:
        return access.token_credential
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    principal = access.service_principal
    if principal is not None:
        return ClientSecretCredential(principal.tenant_id, principal.client_id, principal.client_secret)
    return DefaultAzureCredential()


def obstore_client(access: AzureAccess, container: str, limits: RequestLimits) -> ObstoreAzure:
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

        provider = AzureCredentialProvider(token_credential(access))
    return ObstoreAzure(
        container,
        config=config,  # type: ignore[arg-type]
        credential_provider=provider,
        client_options=client_options(access.account_url, access.ca_bundle, limits),
        retry_config=retry_options(limits),
    )


def open_obstore(access: AzureAccess, container: str, *, location: str, limits: RequestLimits) -> ObstoreAzure:
    """The handle of a location. Raises StoreError (MISCONFIGURED) when the credentials cannot be used."""
    with usable(location):
        return obstore_client(access, container, limits)


@contextmanager
def usable(location: str) -> Iterator[None]:
    """Turn what a client says of unusable credentials into a StoreError (MISCONFIGURED)."""
    try:
        yield
    except (ValueError, OSError) as error:
        # A key that is no base64, a malformed URL, an unreadable certificate file.
        detail = f"no usable credentials or account URL ({type(error).__name__})"
        raise StoreError(
            StoreFailure.MISCONFIGURED, location=location, key="", operation="open", detail=detail
        ) from None
