"""How a store proves who it is: what each provider's store needs, and who supplies it.

Secrets are in no ``repr``. No SDK is imported here: a provider's own module turns an access into a client.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit


class CredentialsError(ValueError):
    """Credentials that cannot be used. The message names the connection and the key, never a value."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where an S3 API is and with which identity to speak.

    Without keys, profile and session, boto3's own chain decides (environment, shared files, instance role).

    Args:
        endpoint_url: ``None`` for AWS itself. Only an explicit ``http://`` turns TLS off.
        region: ``None`` lets boto3 decide.
        access_key_id: with ``secret_access_key``: fixed keys.
        secret_access_key: never shown.
        session_token: of temporary keys; never shown.
        profile: a profile of the shared configuration files.
        session: a ready ``boto3.Session`` that refreshes itself (of Airflow's ``S3Hook``); wins over the rest.
        ca_bundle: file with the certificates to trust, instead of the system's.
    """

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    session: object | None = field(default=None, repr=False)
    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An Entra ID application that signs in with a secret."""

    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AzureAccess:
    """Where a storage account is and with which identity to speak: the first of these that is set, in this order.

    Without any, azure-identity's ``DefaultAzureCredential`` decides.

    Args:
        account_url: ``https://{account}.blob.core.windows.net``, or ``http://host:port/{account}`` of an emulator.
        account_key: the account's shared key, base64; never shown.
        sas_token: a shared access signature without leading ``?``; never shown.
        token_credential: an object of azure-identity (of Airflow's ``WasbHook``).
        service_principal: an application's secret.
        ca_bundle: file with the certificates to trust, instead of the system's.
    """

    account_url: str
    account_key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)
    token_credential: object | None = field(default=None, repr=False)
    service_principal: ServicePrincipal | None = None
    ca_bundle: str | None = None

    def __post_init__(self) -> None:
        """Refuse an URL that carries a secret: it would be shown."""
        parts = urlsplit(self.account_url)
        if parts.query or parts.username or parts.scheme not in {"http", "https"} or not parts.hostname:
            message = "an Azure account URL is http(s)://host[/account], without query or user"
            raise CredentialsError(message)

    @property
    def account_name(self) -> str:
        """The account: the path of an emulator's URL, else the first label of the host."""
        parts = urlsplit(self.account_url)
        return parts.path.strip("/") or (parts.hostname or "").split(".")[0]


class Credentials(Protocol):
    """Who supplies accesses: Airflow connections inside Airflow, the environment outside."""

    def s3(self, connection_id: str | None) -> S3Access:
        """The access behind a connection id; ``None`` means the default chain. Raises CredentialsError."""
        ...

    def azure(self, connection_id: str | None) -> AzureAccess:
        """The access behind a connection id; ``None`` means the default chain. Raises CredentialsError."""
        ...

    def secret(self, connection_id: str) -> str:
        """The password of a connection of any type; a key that receipts are signed with. Raises CredentialsError."""
        ...


def parse_azure_connection_string(text: str, *, source: str, ca_bundle: str | None = None) -> AzureAccess:
    """The access in an Azure Storage connection string.

    Args:
        text: ``Key=Value`` pairs with ``;`` between them.
        source: where the text is from, for errors.
        ca_bundle: passed on.

    Raises:
        CredentialsError: it names no account, or neither key nor signature.
    """
    pairs = dict(pair.partition("=")[::2] for pair in text.strip().strip(";").split(";"))
    fields = {name.strip().lower(): value.strip() for name, value in pairs.items()}
    account = fields.get("accountname", "")
    account_url = fields.get("blobendpoint", "")
    if not account_url and account:
        scheme = fields.get("defaultendpointsprotocol", "https")
        suffix = fields.get("endpointsuffix", "core.windows.net")
        account_url = f"{scheme}://{account}.blob.{suffix}"
    if not account_url:
        message = f"{source}: the connection string names neither BlobEndpoint nor AccountName"
        raise CredentialsError(message)
    key, sas = fields.get("accountkey"), fields.get("sharedaccesssignature")
    if not key and not sas:
        message = f"{source}: the connection string holds neither AccountKey nor SharedAccessSignature"
        raise CredentialsError(message)
    return AzureAccess(
        account_url=account_url.rstrip("/"),
        account_key=key or None,
        sas_token=None if key else (sas or "").lstrip("?"),
        ca_bundle=ca_bundle,
    )
