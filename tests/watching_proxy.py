"""A TCP proxy on the loopback before Azurite that counts what passes, and calls when so much has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from flipping_proxy import FlippingProxy

_CHUNK = 1024 * 1024


class WatchingProxy(FlippingProxy):
    """Passes everything on, one process after the other.

    A client of HTTP/1.1 that does not pipeline sends the head of a request first thing after an answer, so that heads
    are told from bodies without parsing.

    Attributes:
        sent, received: bytes from and to clients.
        blocks: Put Block requests.
        commits: Put Block List requests.
        when: what to wait for; once it holds, ``then`` is called.
        loses_commit: the answer to a commit is not passed on, and ``then`` is called instead.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.sent = self.received = self.blocks = self.commits = 0
        self.loses_commit = False
        self.then: Callable[[], None] = lambda: None
        self.when: Callable[[], bool] = lambda: False

    def expect(self, when: Callable[[], bool], then: Callable[[], None], *, loses_commit: bool = False) -> None:
        """What to do next, once."""
        self.when, self.then, self.loses_commit = when, then, loses_commit

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        up_reader, up_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port, limit=_CHUNK)
        commits = asyncio.Event()
        await asyncio.gather(self._there(reader, up_writer, commits), self._back(up_reader, writer, commits))

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commits: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                line = data[:2048].partition(b"\r\n")[0] if data.startswith(b"PUT ") else b""
                self.blocks += b"comp=block&" in line
                if b"comp=blocklist" in line:
                    self.commits += 1
                    commits.set()
                self.sent += len(data)
                self._look()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commits: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if commits.is_set() and self.loses_commit:
                    self._call()
                    break
                commits.clear()
                self.received += len(data)
                self._look()
                writer.write(data)
                await writer.drain()
        writer.close()

    def _look(self) -> None:
        if self.when():
            self._call()

    def _call(self) -> None:
        then = self.then
        self.expect(lambda: False, lambda: None)
        then()
