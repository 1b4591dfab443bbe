"""What acts cost in a simulation: straight lines through what :func:`bagfill.planning.costs.cost_lines` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.costs import CostLine, Pair, cost_lines
from bagfill.storage.store import ThawTier

_MANY = 10**9
_EACH_ALONE = 0


class UnknownPrices(Exception):
    """A cap cannot be promised: these prices are in no table, or not all in one currency. Not retryable."""

    retryable = False


@dataclass(frozen=True, slots=True)
class _Slope:
    """Money for each object, byte and request."""

    objects: Decimal
    bytes: Decimal
    requests: Decimal

    def of(self, objects: int, size: int, requests: int) -> Decimal:
        return self.objects * objects + self.bytes * size + self.requests * requests


class ActPrices:
    """Prices of acts at the dearest band, as a campaign books them.

    Without bands every line is linear, so three looks at it give the money of any act, a hundred times faster.

    Args:
        pair: price tables.
        storage_class: of archived objects.
        tier: they are thawed at.

    Raises:
        UnknownPrices: there is a price that no table has.
    """

    def __init__(self, pair: Pair, storage_class: str, tier: ThawTier) -> None:
        self._pair, self._tier = pair, tier
        readable, archived = ClassKey("", archived=False), ClassKey(storage_class, archived=True)
        self._copy = self._slope(readable, lambda line: line.code.startswith(("source-", "transfer-", "destination-w")))
        self._keep = self._slope(readable, lambda line: line.code == "destination-storage")
        self._verify = self._slope(readable, lambda line: line.code.startswith("read-back-"))
        self._thaw = self._slope(archived, lambda line: line.code in {"thaw-requests", "thaw-retrieval"})
        self._prolong = self._slope(archived, lambda line: line.code == "thaw-requests")
        self._day = self._slope(archived, lambda line: line.code == "thaw-storage")

    def copy(self, files: int, size: int, requests: int) -> Decimal:
        """Reading, transfer, writing."""
        return self._copy.of(files, size, requests)

    def keep(self, size: int) -> Decimal:
        """The first month at the destination."""
        return self._keep.of(0, size, 0)

    def verify(self, files: int, size: int) -> Decimal:
        """Reading back."""
        return self._verify.of(files, size, 0)

    def thaw(self, files: int, size: int, days: int, *, prolong: bool = False) -> Decimal:
        """Asking for thaws, and the copies for their days; prolonging retrieves nothing."""
        asked = self._prolong if prolong else self._thaw
        return asked.of(files, size, files) + self._day.of(files, size, files) * days

    def _slope(self, key: ClassKey, chosen: Callable[[CostLine], bool]) -> _Slope:
        return _Slope(
            self._money(key, Amount(_MANY, 0, 0), chosen) / _MANY,
            self._money(key, Amount(0, _MANY, 0), chosen) / _MANY,
            self._money(key, Amount(0, 0, _MANY), chosen) / _MANY,
        )

    def _money(self, key: ClassKey, amount: Amount, chosen: Callable[[CostLine], bool]) -> Decimal:
        total = Decimal(0)
        for line in cost_lines({key: amount}, self._pair, self._tier, 1, months=_EACH_ALONE):
            if line.money is None:
                raise UnknownPrices(f"unknown prices: {', '.join(line.unknown)}")
            total += line.money if chosen(line) else 0
        return total
