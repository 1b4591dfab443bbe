"""The outbox: what the storage service has yet to be told, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to tell.

    Args:
        number: order of writing.
        ingest_id: whose.
        body: JSON values; see :mod:`bagfill.ingests.storage_service.letters`.
        attempts: how often it was tried.
        creates: whether it creates the ingest, which comes before everything else about it.
    """

    number: int
    ingest_id: UUID
    body: Mapping[str, Any]
    attempts: int
    creates: bool


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """How much lies there.

    Args:
        pending: letters that will be sent.
        held: letters about ingests that the service would not create; they wait for a person.
        refused: letters that the service refused for good, kept to be looked at.
        oldest: when the oldest pending one was written.
        why: what was last said of one that could not be sent, or was refused.
        paused_until: nothing is sent before, for nobody answered.
    """

    pending: int
    held: int
    refused: int
    oldest: datetime | None = None
    why: str | None = None
    paused_until: datetime | None = None


class Outbox(Protocol):
    """Letters go out in order for each ingest, by one sender at a time."""

    def take(self, sender: str, now: datetime, until: datetime) -> bool:
        """Become the sender until a moment; ``False``: another one is, or nothing is to be sent yet."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[Letter]:
        """The first letter of each ingest whose first letter is due; of ingests that are not held."""
        ...

    def delivered(self, letter: Letter) -> None:
        """The service has it."""
        ...

    def refused(self, letter: Letter, why: str) -> None:
        """The service will never take it. A creation that is refused holds everything else about its ingest."""
        ...

    def later(self, letter: Letter, due: datetime, why: str) -> None:
        """Try it again, and before it nothing else about its ingest."""
        ...

    def pause(self, until: datetime, why: str) -> None:
        """Nobody sends anything before a moment."""
        ...

    def release(self, sender: str) -> None:
        """Let another be the sender."""
        ...

    def counts(self) -> OutboxCounts:
        """How much lies there."""
        ...

    def try_again(self, now: datetime) -> int:
        """Put refused creations up again, end a pause, and make everything due; returns the letters pending now."""
        ...
