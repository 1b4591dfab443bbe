"""What acts cost by the price tables of their locations, at the dearest price of every band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from bagfill.planning.budget import Spend
from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.costs import CostLine, Pair, cost_lines
from bagfill.planning.shards import CopyItem
from bagfill.steps.act_costs import ActCost, copy_requests, source_bytes, writes_of
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.thaw_permits import ThawChunk
from bagfill.storage.store import ThawTier

_RETRIEVAL = "thaw-retrieval"
_EACH_ALONE = 0
"""Months: no act counts on a cheaper band that others would have to fill."""


class PricedActs:
    """See :class:`bagfill.steps.act_costs.ActCosts`.

    Args:
        pair: the price tables of a source and a destination, by name.
        hash_before_write: of the limits: decides what is read twice.
    """

    def __init__(self, pair: Callable[[str, str], Pair], hash_before_write: int) -> None:
        self._pair = pair
        self._hash_before_write = hash_before_write

    def of_copy(self, ref: IngestRef, items: Sequence[CopyItem]) -> ActCost:
        """See :meth:`ActCosts.of_copy`."""
        if not items:
            return ActCost(Spend())
        amount = Amount()
        for item in items:
            amount.add(1, source_bytes(item, self._hash_before_write), writes_of(item))
        # Thawed copies are read as objects of the class that the table writes by default.
        classes = {ClassKey("", archived=False): amount}
        lines = cost_lines(classes, self._pair(ref.source, ref.destination), ThawTier.STANDARD, 1, months=_EACH_ALONE)
        return _sum(lines, sum(item.size for item in items), copy_requests(items))

    def of_thaw(self, chunk: ThawChunk, objects: int, size: int) -> ActCost:
        """See :meth:`ActCosts.of_thaw`. What is copied later is counted as bytes then."""
        if not objects:
            return ActCost(Spend())
        amount = Amount()
        amount.add(objects, size, objects)
        pair = self._pair(chunk.location, chunk.ingest.destination)
        classes = {ClassKey(chunk.storage_class, archived=True): amount}
        lines = cost_lines(classes, pair, chunk.tier, chunk.days, months=_EACH_ALONE)
        free = {_RETRIEVAL} if chunk.extension else set()
        return _sum([line for line in lines if line.code.startswith("thaw-") and line.code not in free], 0, objects)


def _sum(lines: Sequence[CostLine], volume: int, requests: int) -> ActCost:
    money = Decimal(0)
    currencies: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for line in lines:
        unknown |= dict.fromkeys(line.unknown)
        if line.money:
            money += line.money
            currencies[line.currency] = None
    if len(currencies) > 1:
        unknown[f"one currency for {', '.join(currencies)}"] = None
    return ActCost(Spend(money, volume, requests), next(iter(currencies), ""), tuple(unknown))
