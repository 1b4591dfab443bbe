"""Free ports on loopback that no two stacks of one user pick at the same time."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below the range Linux takes for outgoing connections (32768 and up), so that a port stays free until its server binds
# it, and again while its server restarts.
FIRST, LAST = 20_000, 31_999
# Held until this process ends; the lock, not the file, says that a port is taken.
_held: dict[int, int] = {}


def free_port() -> int:
    """A port nobody listens on, kept from every other Bagfill process of this user until this process ends."""
    folder = Path(tempfile.gettempdir()) / f"bagfill-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for _ in range(1000):
        port = random.SystemRandom().randint(FIRST, LAST)
        if port not in _held and _take(folder / str(port), port):
            return port
    raise OSError(f"no free port between {FIRST} and {LAST} on {LOOPBACK}")


def _take(lock: Path, port: int) -> bool:
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Without SO_REUSEADDR: a port whose last connections still linger is not free enough for every server.
        with socket.socket() as probe:
            probe.bind((LOOPBACK, port))
    except OSError:
        os.close(descriptor)
        return False
    _held[port] = descriptor
    return True


def release_ports(*ports: int) -> None:
    for port in ports:
        descriptor = _held.pop(port, None)
        if descriptor is not None:
            os.close(descriptor)
