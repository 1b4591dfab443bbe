"""Plain requests to programs on loopback: is it ready, and the few calls that prepare it."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable

from bagfill.demo.ports import LOOPBACK

Probe = Callable[[], bool]


def accepts_connections(port: int) -> Probe:
    def probe() -> bool:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=2):
                return True
        except OSError:
            return False

    return probe


def answers_http(port: int, path: str = "/", *, below: int = 500) -> Probe:
    """True when a GET of ``path`` is answered with a status under ``below``."""

    def probe() -> bool:
        # http.client knows no proxies, so a proxy in the environment cannot get between us and loopback.
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < below
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe


def request(port: int, method: str, path: str, headers: dict[str, str] | None = None) -> None:
    """One request without a body.

    Raises:
        OSError: it was not answered with success, or with 409: what should be made is there already.
    """
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    try:
        connection.request(method, path, headers={"Content-Length": "0", **(headers or {})})
        answer = connection.getresponse()
        if answer.status >= 300 and answer.status != http.HTTPStatus.CONFLICT:
            raise OSError(f"{method} {path} on port {port}: {answer.status} {answer.read(500)!r}")
    finally:
        connection.close()
