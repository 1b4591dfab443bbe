"""A TCP proxy on the loopback that flips one bit of what passes: the wire that nobody vouches for."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

FILLER = b"Z"
_RUN = FILLER * 64
"""What is flipped is inside such a run, so headers and lengths stay what they are: fill files with it."""


class FlippingProxy:
    """Passes everything on to one server and back; ``with`` starts and stops it.

    Args:
        upstream: address of the server, ``http://127.0.0.1:port/path``.
        requests: flip on the way to the server.
        responses: flip on the way back.
        times: how many bits to flip, each in another piece of what passes.
    """

    def __init__(
        self, upstream: str, *, requests: bool = False, responses: bool = False, times: int = 1_000_000
    ) -> None:
        self._upstream = urlsplit(upstream)
        self._requests = requests
        self._responses = responses
        self._left = times
        self.flipped = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flipping-proxy", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def endpoint(self) -> str:
        """The server's address through this proxy."""
        return urlunsplit(self._upstream._replace(netloc=f"127.0.0.1:{self._port}"))

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            up_reader, up_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        except OSError:
            writer.close()
            return
        there = self._pass_on(reader, up_writer, flips=self._requests)
        back = self._pass_on(up_reader, writer, flips=self._responses)
        await asyncio.gather(there, back)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, flips: bool) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(self._flip(data) if flips else data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def _flip(self, data: bytes) -> bytes:
        place = data.find(_RUN)
        if place < 0 or not self._left:
            return data
        self._left -= 1
        self.flipped += 1
        place += len(_RUN) // 2
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
