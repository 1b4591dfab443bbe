"""What each channel was told, so that nothing is told twice. ``tests/contracts/notices_contract.py`` checks each."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Protocol


class Notices(Protocol):
    """Remembers what channels were told: values by key."""

    def told(self, channel: str) -> Mapping[str, str]:
        """What a channel was told last; nothing for one that is new."""
        ...

    def tell(self, channel: str, told: Mapping[str, str]) -> None:
        """A channel was told this; what is not among it any more is forgotten, and would be news if it came back."""
        ...


class MemoryNotices:
    """See :class:`Notices`. One process, nothing is kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._told: dict[str, dict[str, str]] = {}

    def told(self, channel: str) -> Mapping[str, str]:
        """See :meth:`Notices.told`."""
        with self._lock:
            return dict(self._told.get(channel, {}))

    def tell(self, channel: str, told: Mapping[str, str]) -> None:
        """See :meth:`Notices.tell`."""
        with self._lock:
            self._told[channel] = dict(told)
