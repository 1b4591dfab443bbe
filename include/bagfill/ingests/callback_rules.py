"""Whom a callback may reach: a request must not make Bagfill call inside networks (server-side request forgery)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ANY_HOST = "*"
"""In ``allowed_hosts``: every host, as long as its addresses are public."""

Resolve = Callable[[str, int], list[str]]
"""Addresses of a host, for a port. Raises OSError."""


def addresses_of(host: str, port: int) -> list[str]:
    """Every address of a host, as the system's resolver has it. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class CallbackForbidden(Exception):
    """The rules let nobody call there. Not retryable: a person has to change the rules or the URL."""

    retryable = False


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """Whom a callback may reach, and how.

    Args:
        allowed_hosts: host names (with ``:port`` if not the scheme's own) whose public addresses may be called;
            ``*``: any. Nothing else is.
        private_hosts: likewise, at whatever address: loopback and private ones too.
        timeout_seconds: for one attempt.
        redirects: how many are followed, each to a place that is allowed as well.
        secret: gives the secret that notifications are signed with; ``None``: they are not. Raises CredentialsError.
        resolve: looks addresses up.
    """

    allowed_hosts: tuple[str, ...] = ()
    private_hosts: tuple[str, ...] = ()
    timeout_seconds: float = 10.0
    redirects: int = 0
    secret: Callable[[], str] | None = field(default=None, repr=False)
    resolve: Resolve = field(default=addresses_of, repr=False)

    def refusal(self, url: str) -> str | None:
        """Why a URL may not be called, as far as it says itself; ``None``: it may, if its addresses are allowed."""
        # What urlsplit drops in silence would be judged without, and sent with.
        if not url.isprintable() or " " in url:
            return "not a URL"
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - reading it checks it
        except ValueError:
            return "not a URL"
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            return "needed is http(s)://host/…, without a user name"
        if ANY_HOST in self.allowed_hosts or parts.netloc in {*self.allowed_hosts, *self.private_hosts}:
            return None
        known = ", ".join((*self.allowed_hosts, *self.private_hosts)) or "none (set callbacks.allowed_hosts)"
        return f"host {parts.netloc!r} may not be called; allowed are {known}"

    def address_of(self, url: str) -> str:
        """The address to connect to, looked up once and then used: a second answer of the resolver changes nothing.

        Raises:
            CallbackForbidden: the URL or one of the host's addresses is not allowed.
            OSError: the host is not known.
        """
        if (refused := self.refusal(url)) is not None:
            raise CallbackForbidden(refused)
        parts = urlsplit(url)
        host = parts.hostname or ""
        addresses = self.resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
        if not addresses:
            raise OSError("the host has no address")
        if parts.netloc not in self.private_hosts and not all(map(_is_public, addresses)):
            raise CallbackForbidden(f"host {host!r} has a private address; allow it in callbacks.private_hosts")
        return addresses[0]


def _is_public(address: str) -> bool:
    # A scope (`fe80::1%eth0`) is of link-local addresses alone.
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_global and not (mapped or parsed).is_multicast
