"""One connection to an HTTP/1.1 server: a request out, an answer in, and exactly so much of it as was announced.

Source: RFC 9112.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import struct
import sys
from collections.abc import Iterator

from bagfill.storage.http_head import Head, HeadUnsound, parse_head
from bagfill.storage.lean_http import NoAnswer

_HEAD = 64 * 1024
"""Most bytes of status and headers; also what one call takes from a socket in the hope that a small body is in it."""
CHUNK = 256 * 1024
"""Most bytes of a body that are handed out at once."""
_PIECE = 256 * 1024
"""Most bytes that are sent within one time limit."""
_END = b"\r\n\r\n"
_ENDED = "the connection ended"
_TOO_MUCH = "more came than was announced"
_TIMED_OUT = (TimeoutError, BlockingIOError)
"""By Python's limit, and by the kernel's."""
_TOO_LONG = TimeoutError.__name__
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,6})[ \t]*(?:;.*)?")


class Unframed(Exception):
    """The answer's length is not announced, or it is no HTTP/1: for a client that knows more."""


class BodyBroke(Exception):
    """A body ended before its announced length.

    Args:
        detail: the class of what went wrong.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NothingCame(Exception):
    """Not one byte of an answer."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Connection:
    """One connection, used by one thread at a time.

    Args:
        made: connected, with or without TLS.
        seconds: without a byte before it counts as broken.
    """

    __slots__ = ("_buffer", "_look", "_socket", "_tls")

    def __init__(self, made: socket.socket, seconds: float) -> None:
        _limit(made, seconds)
        self._socket = made
        self._tls = made if isinstance(made, ssl.SSLSocket) else None
        self._buffer = bytearray(_HEAD)
        self._look = select.poll()
        self._look.register(made, select.POLLIN)

    def is_quiet(self) -> bool:
        """Whether nothing came unasked: an end, or bytes that could be taken for the next answer."""
        unread = 0 if self._tls is None else self._tls.pending()
        return not unread and not self._look.poll(0)

    def close(self) -> None:
        self._socket.close()

    def ask(self, head: bytes, body: bytes | memoryview) -> tuple[Head, memoryview]:
        """Send a request; the head of its answer, and what came of the body with it."""
        try:
            self._send(head, body)
        except _TIMED_OUT:
            raise NoAnswer(_TOO_LONG) from None
        except OSError:
            # A server that refuses early closes its end; what it said may be there to be read.
            pass
        view, size = memoryview(self._buffer), 0
        while True:
            size += self._came(view, size)
            while (end := self._buffer.find(_END, 0, size)) >= 0:
                try:
                    found = parse_head(view[:end])
                except HeadUnsound:
                    raise Unframed from None
                rest = view[end + len(_END) : size]
                if found.status >= 200:
                    return found, rest
                # An interim answer: the real one follows.
                size = len(rest)
                self._buffer[:size] = bytes(rest)
            if size == len(view):
                raise Unframed

    def _came(self, view: memoryview, size: int) -> int:
        """Take more of an answer of which so many bytes are there: at least one."""
        try:
            got = self._socket.recv_into(view[size:])
        except _TIMED_OUT:
            raise NoAnswer(_TOO_LONG) from None
        except OSError as error:
            raise (NoAnswer if size else NothingCame)(type(error).__name__) from None
        if not got:
            raise (NoAnswer if size else NothingCame)(_ENDED)
        return got

    def body(self, begun: memoryview, length: int) -> Iterator[memoryview]:
        """So many bytes, of which some came with the head. Raises BodyBroke."""
        if len(begun) > length:
            raise BodyBroke(_TOO_MUCH)
        done, first = 0, bytes(begun)
        if first and len(first) == length:
            yield memoryview(first)
            return
        while done < length:
            # Fresh memory for each: whoever takes a chunk may keep it.
            chunk = memoryview(bytearray(min(CHUNK, length - done)))
            chunk[: len(first)] = first
            filled, broken = self._fill(chunk, len(first))
            first = b""
            done += filled
            # Handed out though it broke: what came is asked for no second time.
            if filled:
                yield chunk[:filled]
            if broken:
                raise BodyBroke(broken)

    def body_into(self, begun: memoryview, into: memoryview) -> None:
        """A body of the length of ``into``, of which some came with the head. Raises BodyBroke."""
        size = len(begun)
        if size > len(into):
            raise BodyBroke(_TOO_MUCH)
        into[:size] = begun
        if size < len(into):
            _, broken = self._fill(into, size)
            if broken:
                raise BodyBroke(broken)

    def chunked(self, begun: memoryview) -> Iterator[memoryview]:
        """A body in chunks of its own (RFC 9112, 7.1), as short answers come. Raises BodyBroke."""
        pending = bytearray(begun)
        while True:
            size = _chunk_size(self._line(pending))
            if size == 0:
                while self._line(pending):
                    pass
                if pending:
                    raise BodyBroke(_TOO_MUCH)
                return
            while len(pending) < size + 2:
                self._more(pending)
            if pending[size : size + 2] != b"\r\n":
                raise BodyBroke("a chunk without its end")
            yield memoryview(bytes(pending[:size]))
            del pending[: size + 2]

    def _line(self, pending: bytearray) -> bytes:
        while (end := pending.find(b"\r\n")) < 0:
            if len(pending) > _HEAD:
                raise BodyBroke("a line without an end")
            self._more(pending)
        line = bytes(pending[:end])
        del pending[: end + 2]
        return line

    def _more(self, pending: bytearray) -> None:
        piece = memoryview(bytearray(_HEAD))
        try:
            got = self._socket.recv_into(piece)
        except OSError as error:
            raise BodyBroke(_kind(error)) from None
        if not got:
            raise BodyBroke(_ENDED)
        pending += piece[:got]

    def _fill(self, chunk: memoryview, filled: int) -> tuple[int, str]:
        """Read until it is full or the connection broke: how much is in it, and what went wrong."""
        while filled < len(chunk):
            try:
                got = self._socket.recv_into(chunk[filled:])
            except OSError as error:
                return filled, _kind(error)
            if not got:
                return filled, _ENDED
            filled += got
        return filled, ""

    def _send(self, head: bytes, body: bytes | memoryview) -> None:
        if not body:
            self._socket.sendall(head)
            return
        sent = 0
        if self._tls is None:
            sent = self._socket.sendmsg([head, body])
            if sent == len(head) + len(body):
                return
        if sent < len(head):
            self._socket.sendall(head[sent:])
            sent = len(head)
        # The time limit of `sendall` is for all that it is given: a slow line has it for each piece.
        view = memoryview(body)
        for start in range(sent - len(head), len(view), _PIECE):
            self._socket.sendall(view[start : start + _PIECE])


def _limit(made: socket.socket, seconds: float) -> None:
    """Let calls end after so many seconds.

    By the kernel where it can: Python waits for a socket with a time limit by one more system call before each, and
    gives up the interpreter's lock for it.
    """
    if sys.platform != "linux" or isinstance(made, ssl.SSLSocket):
        made.settimeout(seconds)
        return
    made.settimeout(None)
    interval = struct.pack("@ll", int(seconds), int(seconds % 1 * 1_000_000))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)


def _kind(error: OSError) -> str:
    return _TOO_LONG if isinstance(error, _TIMED_OUT) else type(error).__name__


def _chunk_size(line: bytes) -> int:
    found = _CHUNK_SIZE.fullmatch(line)
    if found is None:
        raise BodyBroke("no length of a chunk")
    return int(found[1], 16)
