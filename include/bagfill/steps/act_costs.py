"""What one act of an ingest costs at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bagfill.planning.budget import Spend
from bagfill.planning.shards import CopyItem
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.thaw_permits import ThawChunk

_MORE_REQUESTS = 2
"""To begin and to commit a large file."""


@dataclass(frozen=True, slots=True)
class ActCost:
    """What an act comes to.

    Args:
        spend: its money is a promise only if nothing is unknown.
        currency: of the money; empty if it costs nothing.
        unknown: prices that no table has, as a person would look for them.
    """

    spend: Spend
    currency: str = ""
    unknown: tuple[str, ...] = ()


class ActCosts(Protocol):
    """Knows prices. Never less than what a provider will ask for, so that a budget can book act by act."""

    def of_copy(self, ref: IngestRef, items: Sequence[CopyItem]) -> ActCost:
        """Copying items and reading them back: requests, transfer out, and the first month's storage."""
        ...

    def of_thaw(self, chunk: ThawChunk, objects: int, size: int) -> ActCost:
        """Asking for this part of a chunk: requests, retrieval, and the copies while they live."""
        ...


class UnpricedActs:
    """No prices are known: bytes and requests are counted, and every amount of money is unknown."""

    def of_copy(self, ref: IngestRef, items: Sequence[CopyItem]) -> ActCost:
        """See :meth:`ActCosts.of_copy`."""
        if not items:
            return ActCost(Spend())
        spend = Spend(bytes=sum(item.size for item in items), requests=copy_requests(items))
        return ActCost(spend, unknown=(f"{ref.source}: no price table", f"{ref.destination}: no price table"))

    def of_thaw(self, chunk: ThawChunk, objects: int, size: int) -> ActCost:  # noqa: ARG002 - the protocol's
        """See :meth:`ActCosts.of_thaw`."""
        if not objects:
            return ActCost(Spend())
        return ActCost(Spend(requests=objects), unknown=(f"{chunk.location}: no price table",))


def writes_of(item: CopyItem) -> int:
    """Requests that write an item: one for a small object; the blocks of a large one, and those round them."""
    if not item.file.block_bytes:
        return 1
    return -(-item.size // item.file.block_bytes) + _MORE_REQUESTS


def copy_requests(items: Sequence[CopyItem]) -> int:
    """Requests to both providers: to read, to write, to read back."""
    return sum(2 * writes_of(item) + 1 for item in items)


def source_bytes(item: CopyItem, hash_before_write: int) -> int:
    """Bytes that leave the source.

    Args:
        hash_before_write: files up to this size are hashed before they are written; one that several tasks stage is
            read once more for that by the one that commits it.
    """
    return 2 * item.size if item.is_range and item.file.size <= hash_before_write else item.size
