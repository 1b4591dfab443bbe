"""How obstore is set up for every provider: bounds, TLS, and the keys it must never be given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Bounds of one request inside the SDKs.

    Args:
        attempts: most tries of one request, the first included.
        connect_seconds: time to connect.
        read_seconds: time without a byte before a connection counts as broken.
        connections: most connections kept.
    """

    attempts: int = 3
    connect_seconds: int = 5
    read_seconds: int = 60
    connections: int = 32


def client_options(endpoint: str, ca_bundle: str | None, limits: RequestLimits) -> ClientConfig:
    """Time limits and TLS: plain HTTP only for an explicit ``http://`` endpoint, certificates always checked."""
    options: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "allow_invalid_certificates": False,
        "connect_timeout": timedelta(seconds=limits.connect_seconds),
        "read_timeout": timedelta(seconds=limits.read_seconds),
        # The whole body of a long read must fit: `read_timeout` is what notices a stall.
        "timeout": timedelta(hours=1),
    }
    if ca_bundle:
        options["root_certificate"] = Path(ca_bundle).read_bytes()
    return options


def retry_options(limits: RequestLimits) -> RetryConfig:
    """The same number of tries as the SDKs make."""
    return {
        "max_retries": limits.attempts - 1,
        "retry_timeout": timedelta(minutes=2),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }


def obstore_holds(key: str) -> bool:
    """Whether obstore keeps this key as it is: it refuses some and would write ``dir/`` as ``dir``."""
    segments = key.split("/")
    return {"", ".", ".."}.isdisjoint(segments) and not _CONTROL.search(key)
