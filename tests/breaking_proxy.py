"""A TCP proxy on the loopback whose connections break or fall silent in the middle of a body."""

from __future__ import annotations

import asyncio

from flipping_proxy import FlippingProxy


class BreakingProxy(FlippingProxy):
    """Passes on, and breaks the connections that have carried so many bytes.

    Args:
        upstream: address of the server, ``http://127.0.0.1:port/path``.
        after: bytes in the direction that is looked at, on one connection.
        requests, responses: which direction.
        stalls: fall silent instead of resetting the connection.
        times: how many connections break.
    """

    def __init__(
        self,
        upstream: str,
        *,
        after: int,
        requests: bool = False,
        responses: bool = False,
        stalls: bool = False,
        times: int = 1,
    ) -> None:
        super().__init__(upstream, requests=requests, responses=responses, times=times)
        self._after = after
        self._stalls = stalls
        self.broken = 0

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, flips: bool) -> None:
        passed = 0
        try:
            while data := await reader.read(65536):
                passed += len(data)
                if flips and passed > self._after and self._left:
                    self._left -= 1
                    self.broken += 1
                    if self._stalls:
                        await asyncio.sleep(3600)
                    # Both ends see a reset, not an end.
                    writer.transport.abort()
                    reader._transport.abort()  # type: ignore[attr-defined]
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
