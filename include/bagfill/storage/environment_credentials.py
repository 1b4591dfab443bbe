"""Credentials outside Airflow: connections in ``AIRFLOW_CONN_…`` variables, else each provider's own chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from bagfill.storage.credentials import (
    AzureAccess,
    CredentialsError,
    S3Access,
    ServicePrincipal,
    parse_azure_connection_string,
)


@dataclass(frozen=True, slots=True)
class _Connection:
    """The parts of an Airflow connection that we use."""

    variable: str
    login: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)

    def text(self, key: str) -> str:
        value = self.extra.get(key)
        if value is not None and not isinstance(value, str):
            message = f"{self.variable}: extra.{key} must be a string, found {type(value).__name__}"
            raise CredentialsError(message)
        return value or ""


class EnvironmentCredentials:
    """Looks connections up in an environment, written as Airflow writes them: JSON or URI.

    A connection id without a variable means the provider's default chain, as in Airflow's Amazon provider.

    Args:
        environ: usually ``os.environ``.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def s3(self, connection_id: str | None) -> S3Access:
        """The access of an ``aws`` connection. Raises CredentialsError."""
        env = self._environ
        ca_bundle = env.get("AWS_CA_BUNDLE") or None
        connection = self._connection(connection_id, ("aws", "s3"))
        if connection is None:
            return S3Access(
                endpoint_url=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None,
                region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None,
                access_key_id=env.get("AWS_ACCESS_KEY_ID") or None,
                secret_access_key=env.get("AWS_SECRET_ACCESS_KEY") or None,
                session_token=env.get("AWS_SESSION_TOKEN") or None,
                profile=env.get("AWS_PROFILE") or None,
                ca_bundle=ca_bundle,
            )
        for key in ("role_arn", "credential_process", "assume_role_method"):
            if connection.extra.get(key):
                message = f"{connection.variable}: extra.{key} works inside Airflow only; outside, use profile_name"
                raise CredentialsError(message)
        access_key_id = connection.login or connection.text("aws_access_key_id")
        secret_access_key = connection.password or connection.text("aws_secret_access_key")
        if bool(access_key_id) != bool(secret_access_key):
            message = f"{connection.variable}: login and password (access key and secret) go together"
            raise CredentialsError(message)
        return S3Access(
            endpoint_url=_s3_endpoint(connection),
            region=connection.text("region_name") or None,
            access_key_id=access_key_id or None,
            secret_access_key=secret_access_key or None,
            session_token=connection.text("aws_session_token") or None,
            profile=connection.text("profile_name") or None,
            ca_bundle=ca_bundle,
        )

    def azure(self, connection_id: str | None) -> AzureAccess:
        """The access of a ``wasb`` connection. Raises CredentialsError."""
        env = self._environ
        ca_bundle = env.get("REQUESTS_CA_BUNDLE") or None
        connection = self._connection(connection_id, ("wasb", "azure"))
        if connection is None:
            text = env.get("AZURE_STORAGE_CONNECTION_STRING", "")
            if text:
                return parse_azure_connection_string(
                    text, source="AZURE_STORAGE_CONNECTION_STRING", ca_bundle=ca_bundle
                )
            account = env.get("AZURE_STORAGE_ACCOUNT") or env.get("AZURE_STORAGE_ACCOUNT_NAME")
            if not account:
                sought = f"AIRFLOW_CONN_{connection_id.upper()}, " if connection_id else ""
                message = f"no Azure account: set {sought}AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT"
                raise CredentialsError(message)
            return AzureAccess(f"https://{account}.blob.core.windows.net", ca_bundle=ca_bundle)
        if text := connection.text("connection_string"):
            return parse_azure_connection_string(text, source=connection.variable, ca_bundle=ca_bundle)
        account_url = _account_url(connection)
        if sas_token := connection.text("sas_token"):
            return AzureAccess(account_url, sas_token=_signature(sas_token), ca_bundle=ca_bundle)
        if tenant_id := connection.text("tenant_id"):
            principal = ServicePrincipal(tenant_id, connection.login, connection.password)
            return AzureAccess(account_url, service_principal=principal, ca_bundle=ca_bundle)
        key = connection.password or connection.text("shared_access_key")
        return AzureAccess(account_url, account_key=key or None, ca_bundle=ca_bundle)

    def secret(self, connection_id: str) -> str:
        """The password of a connection of any type. Raises CredentialsError."""
        found = self._any_connection(connection_id)
        if found is None:
            raise CredentialsError(f"AIRFLOW_CONN_{connection_id.upper()} is not set, which the settings need")
        _, connection = found
        if not connection.password:
            raise CredentialsError(f"{connection.variable}: has no password")
        return connection.password

    def _connection(self, connection_id: str | None, kinds: tuple[str, ...]) -> _Connection | None:
        found = None if connection_id is None else self._any_connection(connection_id)
        if found is None:
            return None
        kind, connection = found
        if kind not in kinds:
            message = f"{connection.variable}: conn_type is {kind!r}, expected {' or '.join(kinds)}"
            raise CredentialsError(message)
        return connection

    def _any_connection(self, connection_id: str) -> tuple[str, _Connection] | None:
        """Type and parts of a connection; ``None`` if the environment has none of that name."""
        variable = f"AIRFLOW_CONN_{connection_id.upper()}"
        text = self._environ.get(variable, "").strip()
        if not text:
            return None
        return _from_json(variable, text) if text.startswith("{") else _from_uri(variable, text)


def _from_json(variable: str, text: str) -> tuple[str, _Connection]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        # The decoder's message quotes no text, but its exception object holds all of it: drop the cause.
        message = f"{variable}: no JSON at character {error.pos}"
        raise CredentialsError(message) from None
    extra = found.get("extra") or {}
    if isinstance(extra, str):
        extra = _extra(variable, extra)
    login, password, host = (str(found.get(key) or "") for key in ("login", "password", "host"))
    return str(found.get("conn_type", "")), _Connection(variable, login, password, host, extra)


def _from_uri(variable: str, text: str) -> tuple[str, _Connection]:
    parts = urlsplit(text)
    extra: dict[str, object] = dict(parse_qsl(parts.query))
    nested = extra.pop("__extra__", None)
    if isinstance(nested, str):
        extra |= _extra(variable, nested)
    login, password = unquote(parts.username or ""), unquote(parts.password or "")
    return parts.scheme, _Connection(variable, login, password, unquote(parts.hostname or ""), extra)


def _extra(variable: str, text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        message = f"{variable}: extra is no JSON object"
        raise CredentialsError(message)
    return found


def _s3_endpoint(connection: _Connection) -> str | None:
    """``extra.endpoint_url``, or the spelling of newer connections, ``extra.service_config.s3.endpoint_url``."""
    if endpoint_url := connection.text("endpoint_url"):
        return endpoint_url
    service_config = connection.extra.get("service_config")
    s3 = service_config.get("s3") if isinstance(service_config, dict) else None
    endpoint = s3.get("endpoint_url") if isinstance(s3, dict) else None
    return str(endpoint) if endpoint else None


def _account_url(connection: _Connection) -> str:
    host = connection.host or connection.text("account_url")
    if not host:
        if not connection.login:
            message = f"{connection.variable}: host (account URL) or login (account name) is needed"
            raise CredentialsError(message)
        return f"https://{connection.login}.blob.core.windows.net"
    if "://" not in host:
        host = f"https://{host}" if "." in host else f"https://{host}.blob.core.windows.net"
    return host.rstrip("/")


def _signature(sas_token: str) -> str:
    """The signature alone: a connection may hold it with ``?`` or as a whole URL."""
    return sas_token.rpartition("?")[2]
