"""Where an S3 location is and with which keys to speak, found without boto3 wherever the settings say enough."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bagfill.storage.credentials import S3Access
from bagfill.storage.obstore_options import RequestLimits

# What leads boto3 to another endpoint than a region's usual one.
_ELSEWHERE = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT")
# Regions of these partitions have names of their own: https://docs.aws.amazon.com/general/latest/gr/s3.html.
_OTHER_PARTITIONS = ("cn-", "us-iso", "eu-isoe", "us-isob", "us-isof", "eusc-")


@dataclass(frozen=True, slots=True)
class Keys:
    """One identity at one moment; never shown."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class S3Place:
    """An endpoint and an identity.

    Args:
        endpoint: scheme and host, without a slash at its end; the bucket is the first segment of the path.
        region: that requests are signed for.
        keys: gives those of this moment.
        session: the ``boto3.Session`` behind them; ``None`` for fixed keys.
    """

    endpoint: str
    region: str
    keys: Callable[[], Keys] = field(repr=False)
    session: Any = field(default=None, repr=False)


def find_place(access: S3Access, *, location: str, limits: RequestLimits) -> S3Place:
    """The place of an access. boto3 is loaded when keys or endpoint have to be found out.

    Args:
        access: endpoint and identity.
        location: the configured location's name, for errors.
        limits: bounds of the requests that boto3 may have to send.

    Raises:
        StoreError: MISCONFIGURED, no usable credentials.
    """
    if access.session is None and access.profile is None and access.access_key_id and access.secret_access_key:
        endpoint = access.endpoint_url or usual_endpoint(access.region, os.environ)
        if endpoint and access.region:
            fixed = Keys(access.access_key_id, access.secret_access_key, access.session_token)
            return S3Place(endpoint.rstrip("/"), access.region, lambda: fixed)
    from bagfill.storage.s3_client import boto3_client, boto3_session, usable

    with usable(location):
        session = boto3_session(access)
        meta = boto3_client(session, access, limits).meta
        credentials = session.get_credentials()
        if credentials is None:
            raise ValueError("no credentials")

    def keys() -> Keys:
        with usable(location):
            frozen = credentials.get_frozen_credentials()
        return Keys(str(frozen.access_key), str(frozen.secret_key), frozen.token)

    return S3Place(meta.endpoint_url.rstrip("/"), meta.region_name, keys, session)


def usual_endpoint(region: str | None, environment: Mapping[str, str]) -> str | None:
    """The endpoint that AWS has for a region; ``None`` where boto3 might be led to another one.

    Args:
        region: as configured.
        environment: variables of this process.
    """
    if not region or region.startswith(_OTHER_PARTITIONS) or any(environment.get(name) for name in _ELSEWHERE):
        return None
    shared = environment.get("AWS_CONFIG_FILE") or "~/.aws/config"
    if Path(shared).expanduser().exists():
        return None
    return f"https://s3.{region}.amazonaws.com"
