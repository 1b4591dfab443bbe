"""What a provider charges in one region, as a table of prices; the numbers come from files, never from code.

A price that the table lacks is unknown (``None``), never zero. Money is :class:`decimal.Decimal` in the table's
currency; amounts in two currencies are never added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Band:
    """One step of a price that falls (or rises) with the amount bought in a month.

    Args:
        price: of ``per`` units, for the units in this band.
        up_to: the amount at which the band ends, counted from zero; ``None``: the last band.
    """

    price: Decimal
    up_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What an amount costs.

    Args:
        bands: ascending; only the last has no end.
        per: how many units a band's price buys: 1,000 for requests of S3, 10,000 for operations of Azure.
    """

    bands: tuple[Band, ...]
    per: int = 1

    def of_dearest(self, amount: Decimal | int) -> Decimal:
        """The money for ``amount`` units if each cost as much as in the dearest band: never less than :meth:`of`."""
        return amount * max(band.price for band in self.bands) / self.per

    def of(self, amount: Decimal | int) -> Decimal:
        """The money for ``amount`` units (0 or more) of one month, not rounded."""
        total, begin = Decimal(0), Decimal(0)
        for band in self.bands:
            end = Decimal(amount) if band.up_to is None else min(Decimal(amount), band.up_to)
            if end > begin:
                total += (end - begin) * band.price
                begin = end
        return total / self.per


@dataclass(frozen=True, slots=True)
class PriceTable:
    """One file of ``include/config/prices``.

    Args:
        name: the file's name without ``.toml``; locations of the settings file refer to it.
        provider: whose prices.
        region: the provider's own name of the region.
        currency: ISO 4217 code.
        date: the day on which the prices were looked up.
        sources: where.
        bytes_per_gb: how many bytes the provider bills as one GB.
        default_class: the storage class of an object that is written without naming one.
        thawed_as: the class whose storage price a thawed copy costs beside the archived object; empty: no copy is made
            (Azure thaws in place).
        prices: by section, storage class and so on: ``("thaw", "GLACIER", "Standard", "gb")``.
        quotas: what an account may do: requests a second and bytes a second, by name.
    """

    name: str
    provider: str
    region: str
    currency: str
    date: date
    sources: tuple[str, ...]
    bytes_per_gb: int
    default_class: str
    thawed_as: str
    prices: Mapping[tuple[str, ...], Price] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)

    def price(self, *key: str) -> Price | None:
        """The price under a key, or ``None`` when the table does not have it: unknown, not free."""
        return self.prices.get(key)

    def gigabytes(self, size: int) -> Decimal:
        """Bytes as the provider's GB, exact."""
        return Decimal(size) / self.bytes_per_gb


def cents(money: Decimal) -> Decimal:
    """Rounded to the cent, halves upwards."""
    return money.quantize(CENT, ROUND_HALF_UP)
