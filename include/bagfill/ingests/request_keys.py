"""Idempotency keys: a client that lost our answer sends its request again, and gets the ingests that it has already.

Source: the IETF draft "The Idempotency-Key HTTP Header Field" (httpapi working group).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a key stands for since it was first used.

    Args:
        key: digest of the client and its key; the key itself is not kept.
        content: digest of the request.
        request_id: of the request that was made of it.
        created: timezone-aware.
    """

    key: str
    content: str
    request_id: str
    created: datetime


class RequestKeys(Protocol):
    """Remembers keys; ``tests/contracts/request_keys_contract.py`` checks every implementation."""

    def find(self, key: str) -> RequestKey | None:
        """What the key stands for, or ``None`` if it was never used."""
        ...

    def claim(self, key: str, *, content: str, request_id: str) -> RequestKey:
        """Let the key stand for a request, unless it stands for one; returns what counts. Of many callers one wins."""
        ...


class MemoryRequestKeys:
    """See :class:`RequestKeys`. One process, nothing is kept."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, RequestKey] = {}

    def find(self, key: str) -> RequestKey | None:
        """See :meth:`RequestKeys.find`."""
        with self._lock:
            return self._known.get(key)

    def claim(self, key: str, *, content: str, request_id: str) -> RequestKey:
        """See :meth:`RequestKeys.claim`."""
        with self._lock:
            return self._known.setdefault(key, RequestKey(key, content, request_id, self._clock()))
