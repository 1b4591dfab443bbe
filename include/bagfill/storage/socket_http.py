"""HTTP/1.1 over plain sockets, for objects that are moved by the thousand, and for the bytes of large ones.

A request takes half the processor time that it takes through obstore, a third of urllib3's (docs/decisions/0041), and
a long body at most as much (docs/decisions/0046). It does what objects need and no more: GET and PUT over connections
that are kept, bodies of a length that was announced. Whatever else a server answers is told as such, and another client
asks again.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bagfill.storage.http_connection import BodyBroke, Connection, NothingCame, Unframed
from bagfill.storage.http_head import Head
from bagfill.storage.lean_http import NoAnswer
from bagfill.storage.obstore_options import RequestLimits

_GOOD = frozenset({200, 201})
_SHORT = 64 * 1024
"""Bytes of a body nobody waited for that are taken all the same, so that its connection can be used again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer whose body is still to come.

    Args:
        status: HTTP status.
        headers: names in lower case.
        length: of the body, in bytes; ``None`` for one in chunks of its own.
        body: the whole of it, or BodyBroke. Taken to its end it gives the connection back, else it closes it.
    """

    status: int
    headers: Mapping[str, str]
    length: int | None
    body: Iterator[memoryview] = field(repr=False)


class SocketHttp:
    """Connections to one server, as many as there are requests at once. Safe to use from several threads.

    Args:
        base_url: scheme and host of the server.
        ca_bundle: file with the certificates to trust, instead of the system's.
        limits: times of a request; it is never repeated here once a byte of an answer may have come.
    """

    def __init__(self, base_url: str, ca_bundle: str | None, limits: RequestLimits) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._tls = _verifying(ca_bundle) if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._root = f"{parts.scheme}://{parts.netloc}/"
        self._netloc = parts.netloc
        self._limits = limits
        # Lists are appended to and taken from in one step, whichever thread does it.
        self._idle: list[Connection] = []
        self._closed = False

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | memoryview = b"") -> Answered:
        """One request; redirects are not followed.

        Args:
            method: GET or PUT.
            url: of this server, encoded.
            headers: all but ``Host``; with ``Content-Length`` for a PUT.
            body: sent as it is, without a copy.

        Raises:
            NoAnswer: time-out, refused or broken connection, untrusted certificate.
            Unframed: an answer of which it is not plain where it ends.
        """
        connection, head, begun = self._asked(method, url, headers, body)
        coming = self._body(connection, head, begun)
        # From here on the connection is given back or closed, whatever becomes of the body.
        next(coming)
        return Answered(head.status, head.headers, head.length, coming)

    def whole(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | memoryview, into: memoryview
    ) -> tuple[Head, bytes | None]:
        """One request whose answer is wanted whole and at once. Arguments and errors as for :meth:`send`.

        Args:
            into: takes the body of a 200 or 201 of exactly this length.

        Returns:
            the head, and ``None`` if ``into`` was filled; else the body that came instead, as far as it is short.
        """
        connection, head, begun = self._asked(method, url, headers, body)
        found: bytes | None = None
        whole = False
        try:
            if head.length == len(into) and head.status in _GOOD:
                connection.body_into(begun, into)
            else:
                found = _short_body(connection, head, begun)
            whole = True
        except BodyBroke:
            found = b""
        finally:
            self._done(connection, keep=whole and not head.is_last)
        return head, found

    def close(self) -> None:
        """Close the connections; one that is in use closes when it would be given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_quiet():
                return connection
            connection.close()

    def _connect(self) -> Connection:
        try:
            plain = socket.create_connection((self._host, self._port), timeout=self._limits.connect_seconds)
            try:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                made = self._tls.wrap_socket(plain, server_hostname=self._host) if self._tls else plain
            except BaseException:
                plain.close()
                raise
        except ssl.SSLCertVerificationError as error:
            raise NoAnswer(type(error).__name__, trusted=False) from None
        except OSError as error:
            raise NoAnswer(type(error).__name__) from None
        return Connection(made, self._limits.read_seconds)

    def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | memoryview
    ) -> tuple[Connection, Head, memoryview]:
        """Send a request over a connection of its own: that, the head of the answer, what came of the body with it."""
        if not url.startswith(self._root):
            raise ValueError("a URL of another server")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        path = url[len(self._root) - 1 :]
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._netloc}\r\n{lines}\r\n".encode("latin-1")
        kept = self._take()
        if kept is not None:
            try:
                return self._exchange(kept, head, body)
            except NothingCame:
                # The server had closed it: a connection that is kept ends without notice (RFC 9112, 9.3.1 and 9.6).
                # What was sent twice is harmless: a GET changes nothing, a PUT of ours creates once or is refused.
                pass
        try:
            return self._exchange(self._connect(), head, body)
        except NothingCame as nothing:
            raise NoAnswer(nothing.detail) from None

    def _exchange(
        self, connection: Connection, head: bytes, body: bytes | memoryview
    ) -> tuple[Connection, Head, memoryview]:
        try:
            answer, begun = connection.ask(head, body)
            if not answer.is_framed:
                raise Unframed
        except BaseException:
            connection.close()
            raise
        return connection, answer, begun

    def _body(self, connection: Connection, head: Head, begun: memoryview) -> Iterator[memoryview]:
        whole = False
        try:
            yield memoryview(b"")
            yield from connection.chunked(begun) if head.length is None else connection.body(begun, head.length)
            whole = True
        finally:
            self._done(connection, keep=whole and not head.is_last)

    def _done(self, connection: Connection, *, keep: bool) -> None:
        if keep and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()


def _short_body(connection: Connection, head: Head, begun: memoryview) -> bytes:
    """Raises BodyBroke: it is longer than anybody wants."""
    if head.length is not None and head.length > _SHORT:
        raise BodyBroke("a long body")
    text = bytearray()
    for piece in connection.chunked(begun) if head.length is None else connection.body(begun, head.length):
        text += piece
        if len(text) > _SHORT:
            raise BodyBroke("a long body")
    return bytes(text)


def _verifying(ca_bundle: str | None) -> ssl.SSLContext:
    """Checks certificates and host names, as the standard library does by default."""
    return ssl.create_default_context(cafile=ca_bundle)
