"""Single HTTP requests with little work: blocks, and what server-to-server copy sends by the thousand.

An SDK spends 1.5 to 3 ms of processor time on a request, and half a second on being loaded; these take 0.3 ms. TLS,
pooling and proxies are urllib3's.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from bagfill.storage.obstore_options import RequestLimits

_LONGEST_BODY = 64 * 1024
"""Of an answer: errors and results of copies, a few hundred bytes of XML."""
_PIECE = 1024 * 1024
"""Of a body that is sent: the time limit is for each piece."""


class NoAnswer(Exception):
    """The request was perhaps sent, and no whole answer came.

    Args:
        detail: the class of what went wrong; never the URL, which may be signed.
        trusted: whether the server proved who it is; if not, trying again is useless.
    """

    def __init__(self, detail: str, *, trusted: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.trusted = trusted


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Args:
        status: HTTP status.
        headers: names in any case.
        body: its beginning.
        is_whole: whether nothing of the body was left out.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    is_whole: bool = True


class LeanHttp:
    """A pool of connections to one server. Safe to use from several threads.

    Args:
        base_url: scheme and host of the server; a proxy from the environment is used as every client uses it.
        ca_bundle: file with the certificates to trust, instead of the system's.
        limits: times and number of connections; a request is never repeated here.
    """

    def __init__(self, base_url: str, ca_bundle: str | None, limits: RequestLimits) -> None:
        proxy = proxy_for(base_url)
        timeout = urllib3.Timeout(connect=limits.connect_seconds, read=limits.read_seconds)
        if proxy:
            self._pool: urllib3.PoolManager = urllib3.ProxyManager(
                proxy, maxsize=limits.connections, timeout=timeout, ca_certs=ca_bundle
            )
        else:
            self._pool = urllib3.PoolManager(maxsize=limits.connections, timeout=timeout, ca_certs=ca_bundle)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes | memoryview = b"",
        longest: int = _LONGEST_BODY,
    ) -> Answer:
        """One request; redirects are not followed.

        Args:
            method, url: what and where.
            headers: with ``Content-Length`` if there is a body.
            body: sent as it is, without a copy.
            longest: bytes of the answer's body that are kept.

        Raises:
            NoAnswer: time-out, refused or broken connection, untrusted certificate.
        """
        try:
            response = self._pool.request(
                method,
                url,
                headers=dict(headers),
                body=_pieces(body) if body else None,
                redirect=False,
                retries=False,
                preload_content=False,
            )
            try:
                answered = response.read(longest + 1)
                response.drain_conn()
            finally:
                response.release_conn()
        except SSLError as error:
            raise NoAnswer(type(error).__name__, trusted=False) from None
        except HTTPError as error:
            raise NoAnswer(type(error).__name__) from None
        return Answer(response.status, response.headers, answered[:longest], len(answered) <= longest)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def proxy_for(base_url: str) -> str | None:
    """The proxy that the environment names for a server, if any."""
    parts = urlsplit(base_url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    return None if not proxy or urllib.request.proxy_bypass(parts.hostname or "") else proxy


def _pieces(body: bytes | memoryview) -> Iterator[bytes]:
    view = memoryview(body)
    # Said to be bytes, as urllib3's annotation wants it; a view goes to the socket without a copy.
    return (cast("bytes", view[start : start + _PIECE]) for start in range(0, len(view), _PIECE))
