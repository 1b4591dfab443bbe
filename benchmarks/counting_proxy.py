"""Passes bytes on to a server, and counts the HTTP requests among them."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_METHODS = (b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ")
_BLOCK = 256 * 1024


class CountingProxy:
    """On a port of its own before one server; ``with`` starts and stops it.

    A client of HTTP/1.1 that does not pipeline sends the head of a request first thing on a connection, or first thing
    after an answer; so nothing has to be parsed, and payload is never taken for a request.

    Args:
        endpoint: the server's ``http://host:port…``.

    Attributes:
        requests: how many passed by.
    """

    def __init__(self, endpoint: str) -> None:
        self._there = urlsplit(endpoint)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.requests = 0
        self.endpoint = ""

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = started.result()
        port = self._server.sockets[0].getsockname()[1]
        self.endpoint = self._there._replace(netloc=f"127.0.0.1:{port}").geturl()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        """Break the connections that clients have left open."""
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(self._there.hostname, self._there.port)
        answered = [True]

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asking: bool) -> None:
            with suppress(OSError):
                while block := await reader.read(_BLOCK):
                    if asking and answered[0] and block.startswith(_METHODS):
                        self.requests += 1
                    answered[0] = not asking
                    writer.write(block)
                    await writer.drain()
            writer.close()

        await asyncio.gather(pass_on(client, to_server, asking=True), pass_on(server, to_client, asking=False))
