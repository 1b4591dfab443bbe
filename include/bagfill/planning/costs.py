"""What a thaw, a copy and a verification cost, line by line.

Each line is one sum of a bill: a quantity, the prices it was multiplied with, the money. A line with a price that no
table has is unknown; it counts as nothing in the total and is named beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bagfill.planning.collection import Amount, ClassKey
from bagfill.planning.prices import PriceTable, cents
from bagfill.storage.store import ThawTier
from bagfill.thaw.tiers import allowed_tiers

DAYS_A_MONTH = 30
"""Providers bill a month by its hours; a month of 30 days gives the dearer reading."""

_FASTEST_FIRST = (ThawTier.EXPEDITED, ThawTier.STANDARD, ThawTier.BULK)


@dataclass(frozen=True, slots=True)
class Pair:
    """Where bytes come from and go to, as far as money is concerned.

    Args:
        source, destination: price tables; ``None``: none is known.
        source_name, destination_name: of the locations, for messages.
        verifies_at_destination: whether workers run in the destination's region, where reading back leaves nothing.
        copies_at_source: whether workers run in the source's region, to which reading back then leads.
    """

    source: PriceTable | None
    destination: PriceTable | None
    source_name: str
    destination_name: str
    verifies_at_destination: bool = False
    copies_at_source: bool = False

    @property
    def distance(self) -> str:
        """The key of the source's transfer price: how far the bytes go."""
        here, there = self.source, self.destination
        if here is None or there is None or here.provider != there.provider:
            return "internet"
        return "same_region" if here.region == there.region else "other_region"


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line.

    Args:
        code: stable: ``thaw-requests``.
        quantity: how much of ``unit``.
        money: rounded to the cent (exact if no band is counted on); ``None``: unknown.
        currency: ISO 4217; empty when no table is known.
        unknown: the prices that are missing, as ``table: section.class``.
    """

    code: str
    quantity: Decimal
    unit: str
    money: Decimal | None
    currency: str
    unknown: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; money as text, exact."""
        return {
            "code": self.code,
            "quantity": f"{self.quantity.normalize():f}",
            "unit": self.unit,
            "money": None if self.money is None else str(self.money),
            "currency": self.currency or None,
            "unknown_prices": list(self.unknown),
        }


@dataclass(frozen=True, slots=True)
class Totals:
    """The sum of all lines, by currency, and the prices that are not in it.

    Args:
        money: by currency; amounts in two currencies are not added.
        unknown: prices that no table has; a cap is no promise while there are any.
    """

    money: Mapping[str, Decimal]
    unknown: tuple[str, ...]

    @property
    def single(self) -> tuple[str, Decimal] | None:
        """Currency and amount, when the whole is known and in one currency; else ``None``."""
        if self.unknown or len(self.money) != 1:
            return None
        return next(iter(self.money.items()))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; money as text, exact."""
        return {
            "money": {currency: str(amount) for currency, amount in self.money.items()},
            "unknown_prices": list(self.unknown),
        }


def totals(lines: tuple[CostLine, ...]) -> Totals:
    """Add the lines up. A currency in which nothing costs anything is left out beside one in which something does."""
    money: dict[str, Decimal] = {}
    for line in lines:
        if line.money is not None and line.currency:
            money[line.currency] = money.get(line.currency, Decimal("0.00")) + line.money
    charged = {currency: amount for currency, amount in money.items() if amount} or dict(list(money.items())[:1])
    return Totals(charged, tuple(dict.fromkeys(price for line in lines for price in line.unknown)))


def tier_for(storage_class: str, wanted: ThawTier) -> ThawTier:
    """The tier that is asked for: the wanted one, or the next slower that the class allows."""
    allowed = allowed_tiers(storage_class)
    slower = _FASTEST_FIRST[_FASTEST_FIRST.index(wanted) :]
    # Azure has no Bulk; nothing slower is left then, and Standard is its slowest.
    return next((tier for tier in slower if tier in allowed), ThawTier.STANDARD)


def cost_lines(
    classes: Mapping[ClassKey, Amount], pair: Pair, tier: ThawTier, days: int, *, months: int = 1
) -> tuple[CostLine, ...]:
    """Every line of moving ``classes`` from the source to the destination and reading them back.

    Args:
        classes: what is copied.
        pair: the price tables.
        tier: the thaw tier wanted; a class that does not have it takes the next slower.
        days: how long thawed copies live.
        months: over how many months the bytes move; each begins with the first band of a monthly price again.
            0: no band is counted on, every unit costs what the dearest asks. Then the parts of a collection never add
            up to less than the whole is billed, and a budget can book them one by one; nothing is rounded.
    """
    archived = {key: amount for key, amount in classes.items() if key.archived}
    lines = [*_thaw(archived, pair, tier, days, months)] if archived else []
    return (*lines, *_copy(classes, pair, months), *_read_back(classes, pair, months))


@dataclass
class _Line:
    """Sums up one line over storage classes."""

    code: str
    unit: str
    table: PriceTable | None
    where: str
    months: int
    amounts: dict[tuple[str, ...], Decimal] = field(default_factory=dict)

    def add(self, amount: Decimal | int, *key: str) -> None:
        """Charge ``amount`` more units at the price under ``key``; an empty part of it is the table's default class."""
        if amount:
            default = "" if self.table is None else self.table.default_class
            place = tuple(part or default for part in key)
            self.amounts[place] = self.amounts.get(place, Decimal(0)) + amount

    def made(self, times: Decimal = Decimal(1)) -> CostLine:
        """The line; ``times`` is a share of a month."""
        money, unknown = Decimal(0), []
        for key, amount in self.amounts.items():
            price = None if self.table is None else self.table.price(*key)
            if price is not None:
                money += price.of_dearest(amount) if not self.months else price.of(amount / self.months) * self.months
            elif self.table is None:
                unknown.append(f"{self.where}: no price table")
            else:
                unknown.append(f"{self.table.name}: {'.'.join(key)}")
        return CostLine(
            code=self.code,
            quantity=sum(self.amounts.values(), Decimal(0)),
            unit=self.unit,
            # Parts that are booked one by one are not rounded: a thousandth of a cent is not nothing.
            money=None if unknown else cents(money * times) if self.months else money * times,
            currency="" if self.table is None else self.table.currency,
            unknown=tuple(unknown),
        )


def _thaw(
    archived: Mapping[ClassKey, Amount], pair: Pair, tier: ThawTier, days: int, months: int
) -> Iterator[CostLine]:
    table = pair.source
    requests = _Line("thaw-requests", "requests", table, pair.source_name, months)
    retrieval = _Line("thaw-retrieval", "GB", table, pair.source_name, months)
    storage = _Line("thaw-storage", "GB", table, pair.source_name, months)
    for key, amount in archived.items():
        asked = tier_for(key.storage_class, tier).value
        requests.add(amount.objects, "thaw", key.storage_class, asked, "request")
        retrieval.add(_gb(table, amount.bytes), "thaw", key.storage_class, asked, "gb")
        if table is None or table.thawed_as:
            storage.add(_gb(table, amount.bytes), "storage", "" if table is None else table.thawed_as)
    yield requests.made()
    yield retrieval.made()
    yield storage.made(Decimal(days) / DAYS_A_MONTH)


def _copy(classes: Mapping[ClassKey, Amount], pair: Pair, months: int) -> Iterator[CostLine]:
    reads = _Line("source-reads", "requests", pair.source, pair.source_name, months)
    retrieval = _Line("source-retrieval", "GB", pair.source, pair.source_name, months)
    transfer = _Line("transfer-out", "GB", pair.source, pair.source_name, months)
    for key, amount in classes.items():
        reads.add(amount.requests, "reads", key.storage_class)
        retrieval.add(_gb(pair.source, amount.bytes), "read_gb", key.storage_class)
        transfer.add(_gb(pair.source, amount.bytes), "transfer", pair.distance)
    writes = _Line("destination-writes", "requests", pair.destination, pair.destination_name, months)
    storage = _Line("destination-storage", "GB", pair.destination, pair.destination_name, months)
    writes.add(sum(amount.requests for amount in classes.values()), "writes", "")
    storage.add(_gb(pair.destination, sum(amount.bytes for amount in classes.values())), "storage", "")
    for line in (reads, retrieval, transfer, writes, storage):
        yield line.made()


def _read_back(classes: Mapping[ClassKey, Amount], pair: Pair, months: int) -> Iterator[CostLine]:
    reads = _Line("read-back-requests", "requests", pair.destination, pair.destination_name, months)
    retrieval = _Line("read-back-retrieval", "GB", pair.destination, pair.destination_name, months)
    transfer = _Line("read-back-transfer", "GB", pair.destination, pair.destination_name, months)
    size = _gb(pair.destination, sum(amount.bytes for amount in classes.values()))
    # Reading back takes one request for each file, whatever its size.
    reads.add(sum(amount.objects for amount in classes.values()), "reads", "")
    retrieval.add(size, "read_gb", "")
    if not pair.verifies_at_destination:
        transfer.add(size, "transfer", pair.distance if pair.copies_at_source else "internet")
    for line in (reads, retrieval, transfer):
        yield line.made()


def _gb(table: PriceTable | None, size: int) -> Decimal:
    return Decimal(size) / 2**30 if table is None else table.gigabytes(size)
