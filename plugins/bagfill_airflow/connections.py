"""Airflow connections as accesses to stores: the one place that reads connections.

A connection with plain keys is read here, in the same way as outside Airflow. Everything else (assumed roles, web
identities, managed identities, a session factory of one's own) is left to the hooks of the providers' packages, which
are imported only then: that costs 0.3 to 1 s of processor time in each task.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from airflow.sdk import BaseHook, Connection
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from bagfill.storage.credentials import AzureAccess, CredentialsError, S3Access
from bagfill.storage.environment_credentials import EnvironmentCredentials

logger = logging.getLogger(__name__)

_PLAIN_AWS = {"region_name", "endpoint_url", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
_PLAIN_WASB = {"connection_string", "shared_access_key", "sas_token"}
_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


def task_connection(connection_id: str) -> Connection:
    """A connection, looked up by a task.

    Raises:
        CredentialsError: there is none of that name.
    """
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        raise _unknown(connection_id) from None


async def trigger_connections(connection_ids: Iterable[str]) -> Mapping[str, Connection]:
    """The connections of these names, looked up without blocking the triggerer's loop; unknown ones are left out."""
    found = {}
    for connection_id in sorted(set(connection_ids)):
        try:
            found[connection_id] = await BaseHook.aget_connection(connection_id)
        except AirflowNotFoundException:
            logger.warning("There is no Airflow connection %r.", connection_id)
    return found


@dataclass(frozen=True, slots=True)
class AirflowCredentials:
    """Credentials from Airflow connections (the protocol is :class:`bagfill.storage.credentials.Credentials`).

    Args:
        connection: looks a connection up; raises CredentialsError.
        mask: told every secret that is taken out of a connection, so that it is starred out of logs.
    """

    connection: Callable[[str], Connection] = field(repr=False)
    mask: Callable[[str], None] = field(default=mask_secret, repr=False)

    @classmethod
    def of(cls, connections: Mapping[str, Connection]) -> AirflowCredentials:
        """From connections that were looked up before (and masked then), for use in threads of the triggerer."""

        def look_up(connection_id: str) -> Connection:
            if connection_id not in connections:
                raise _unknown(connection_id)
            return connections[connection_id]

        return cls(look_up, mask=_masked_already)

    def s3(self, connection_id: str | None) -> S3Access:
        """The access behind an ``aws`` connection; ``None``: the environment. Raises CredentialsError."""
        if connection_id is None:
            return EnvironmentCredentials(os.environ).s3(None)
        connection = self.connection(connection_id)
        extra = _extra(connection, ("aws", "s3"))
        bundle = _bundle(connection, extra)
        plain = bool(connection.login or extra.get("aws_access_key_id")) and set(extra) <= _PLAIN_AWS
        if plain and not conf.get("aws", "session_factory", fallback=""):
            access = _plainly(connection).s3(connection_id)
        else:
            access = _s3_by_provider(connection, bundle)
        self._mask(access.secret_access_key, access.session_token)
        return access

    def azure(self, connection_id: str | None) -> AzureAccess:
        """The access behind a ``wasb`` connection; ``None``: the environment. Raises CredentialsError."""
        if connection_id is None:
            return EnvironmentCredentials(os.environ).azure(None)
        connection = self.connection(connection_id)
        extra = _extra(connection, ("wasb", "azure"))
        _bundle(connection, extra)
        plain = (connection.password or extra) and set(extra) <= _PLAIN_WASB
        whole_url = str(extra.get("sas_token", "")).startswith("https")
        access = (
            _plainly(connection).azure(connection_id) if plain and not whole_url else _azure_by_provider(connection)
        )
        self._mask(access.account_key, access.sas_token)
        return access

    def secret(self, connection_id: str) -> str:
        """The password of a connection of any type. Raises CredentialsError."""
        connection = self.connection(connection_id)
        if not connection.password:
            raise CredentialsError(f"Airflow connection {connection_id!r} has no password")
        self._mask(connection.password)
        return connection.password

    def _mask(self, *secrets: str | None) -> None:
        for secret in secrets:
            if secret:
                self.mask(secret)


def _masked_already(_secret: str) -> None:
    """Airflow masks a connection's password and extra when it is looked up."""


def _unknown(connection_id: str) -> CredentialsError:
    return CredentialsError(f"There is no Airflow connection {connection_id!r}, which the settings name.")


def _extra(connection: Connection, kinds: tuple[str, ...]) -> dict[str, Any]:
    if connection.conn_type not in kinds:
        found = f"Airflow connection {connection.conn_id!r}: its type is {connection.conn_type!r}"
        raise CredentialsError(f"{found}, needed is {kinds[0]!r}")
    return {key: value for key, value in connection.extra_dejson.items() if value not in (None, "")}


def _bundle(connection: Connection, extra: dict[str, Any]) -> str | None:
    """A file of certificates named by ``verify``; switching verification off is refused."""
    verify = extra.get("verify", extra.get("connection_verify", True))
    if verify is True or (isinstance(verify, str) and verify.lower() == "true"):
        return os.environ.get(_BUNDLES[0]) or None
    if isinstance(verify, str) and verify.lower() not in {"false", "0", "no"}:
        return verify
    raise CredentialsError(
        f"Airflow connection {connection.conn_id!r}: verify is off, and TLS is always verified; "
        "name a file of certificates, or use an http:// endpoint for a server without TLS"
    )


def _plainly(connection: Connection) -> EnvironmentCredentials:
    """Read it as it would be read outside Airflow, so that both readings agree."""
    name = f"AIRFLOW_CONN_{str(connection.conn_id).upper()}"
    bundles = {variable: os.environ[variable] for variable in _BUNDLES if variable in os.environ}
    return EnvironmentCredentials({name: connection.as_json(), **bundles})


def _s3_by_provider(connection: Connection, bundle: str | None) -> S3Access:
    from airflow.providers.amazon.aws.hooks.base_aws import SessionFactory
    from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper

    wrapper = AwsConnectionWrapper(conn=connection)
    if wrapper.botocore_config is not None:
        logger.warning("Airflow connection %r: config_kwargs are not used by Bagfill.", connection.conn_id)
    session = SessionFactory(conn=wrapper, region_name=wrapper.region_name).create_session()
    return S3Access(
        endpoint_url=wrapper.get_service_endpoint_url("s3"),
        region=session.region_name,
        session=session,
        ca_bundle=bundle,
    )


def _azure_by_provider(connection: Connection) -> AzureAccess:
    from airflow.providers.microsoft.azure.hooks.wasb import WasbHook
    from azure.core.credentials import AzureSasCredential

    class Given(WasbHook):
        """The hook, working on a connection that was looked up before."""

        @classmethod
        def get_connection(cls, conn_id: str) -> Connection:  # noqa: ARG003 - the hook's signature
            return connection

    client = Given(wasb_conn_id=str(connection.conn_id)).get_conn()
    credential: Any = client.credential
    parts = urlsplit(client.url)
    url = urlunsplit(parts._replace(query="")).rstrip("/")
    bundle = os.environ.get(_BUNDLES[1]) or None
    if isinstance(credential, AzureSasCredential):
        return AzureAccess(url, sas_token=credential.signature.lstrip("?"), ca_bundle=bundle)
    if parts.query:
        return AzureAccess(url, sas_token=parts.query, ca_bundle=bundle)
    if key := getattr(credential, "account_key", None):
        return AzureAccess(url, account_key=str(key), ca_bundle=bundle)
    return AzureAccess(url, token_credential=credential, ca_bundle=bundle)
