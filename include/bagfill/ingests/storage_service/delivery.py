"""Handing letters over: to the tracker's API, or to the topic that its worker listens to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bagfill.ingests.storage_service.outbox import Letter


@dataclass(frozen=True, slots=True)
class Delivered:
    """The service has it."""


@dataclass(frozen=True, slots=True)
class RefusedForGood:
    """It said that it never will, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """It may take it later.

    Args:
        why: what was said, or that nothing was.
        nobody: whether nobody answered, so that no other letter is worth trying.
    """

    why: str
    nobody: bool = False


Outcome = Delivered | RefusedForGood | NotNow


class NotThere(Exception):
    """What letters are handed to does not exist, or may not be used. Not retryable: a person must make or name it."""

    retryable = False


class Delivery(Protocol):
    """A way to the service."""

    def send(self, letter: Letter) -> Outcome:
        """Hand one over. Raises nothing that a busy or absent service would cause."""
        ...

    def check(self) -> None:
        """Raise NotThere if letters could never be delivered. A service that does not answer now is no such thing."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
