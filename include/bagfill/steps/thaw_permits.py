"""Who must agree before thaws are paid: asked once for each chunk of requests, before the first of them is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bagfill.steps.outcomes import IngestRef, StepFailed
from bagfill.storage.store import ThawTier


@dataclass(frozen=True, slots=True)
class ThawChunk:
    """Requests that are about to be sent.

    Args:
        id: the same whenever this very chunk is tried again, by whatever task: what was booked under it counts once.
        ingest: for whom.
        location: where the objects are.
        storage_class: theirs, in the provider's word; objects of several classes are several chunks.
        tier: how fast.
        days: how long the copies shall live.
        objects, bytes: of the chunk.
        extension: copies that live are prolonged: a request is paid, and storage, but no retrieval.
    """

    id: str
    ingest: IngestRef
    location: str
    storage_class: str
    tier: ThawTier
    days: int
    objects: int
    bytes: int
    extension: bool = False


@dataclass(frozen=True, slots=True)
class ThawSpent:
    """What became of a chunk: thaws that the provider accepted, and so will ask money for."""

    objects: int
    bytes: int


class ThawPermits(Protocol):
    """The keeper of a budget. Called from several tasks and machines at once."""

    def permit(self, chunk: ThawChunk) -> StepFailed | None:
        """Book the chunk, or say why it must not be sent.

        A chunk that was booked and not settled is permitted again without a second booking: its sender may have died
        between the booking and the requests, or between the requests and the settling.

        Args:
            chunk: what is about to be asked for.

        Returns:
            ``None``: it may be sent. A failure stops this ingest's step; nothing of the chunk is sent.
        """
        ...

    def settle(self, chunk: ThawChunk, spent: ThawSpent) -> None:
        """Put what was accepted in the place of what was booked. May come again with the same numbers."""
        ...


class EveryThawPermitted:
    """Nobody keeps a budget beyond ``limits.max_thaw_bytes``, which :mod:`bagfill.steps.request_thaw` keeps to."""

    def permit(self, chunk: ThawChunk) -> StepFailed | None:  # noqa: ARG002 - a protocol's arguments
        """Always."""
        return None

    def settle(self, chunk: ThawChunk, spent: ThawSpent) -> None:
        """Nothing was booked."""
