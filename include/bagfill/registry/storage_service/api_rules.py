"""Where the service's public API is, as configured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiRules:
    """Where the API is.

    Args:
        url: what stands before ``/bags/…``.
        token_url: of the token endpoint.
        client_id: of our application client.
        secret_connection: id of the connection whose password is the client's secret.
        scope: what the token is for; ``None``: what the client may have.
    """

    url: str
    token_url: str
    client_id: str
    secret_connection: str
    scope: str | None = None
