"""A plan for a scope: what there is, what cannot go, and what each thaw tier comes to. Its JSON is documented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bagfill.planning.collection import Amount, ClassKey, Collection
from bagfill.planning.forecast import TierForecast
from bagfill.planning.prices import PriceTable
from bagfill.planning.rates import Rate
from bagfill.planning.thaw_waits import ThawWaits


class Looked(StrEnum):
    """What is known of storage classes and names."""

    LISTED = "listed"
    """Every bag version's objects were listed."""
    SAMPLED = "sampled"
    """Some, drawn at random; the rest is taken to be like them."""
    ASSUMED = "assumed"
    """None: everything is taken to be readable, in the source's default class."""
    INVENTORY = "inventory"
    """A list that the provider or a person made."""


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What a backfill would come to.

    Args:
        scope: in words.
        source: name of the location that is read; empty: of each bag its primary, or the inventory's.
        destination: name of the location that is to gain replicas; empty: none was named.
        looked: what is known of storage classes and names.
        collection: the counts.
        classes: of everything that can go.
        tiers: one forecast for each thaw tier.
        days: how long thawed copies are to live.
        copy, verify: the rates used.
        source_prices, destination_prices: the tables used; ``None``: none is known.
        waits: how long thaws took at the source, where it was measured.
    """

    scope: str
    source: str
    destination: str
    looked: Looked
    collection: Collection
    classes: Mapping[ClassKey, Amount]
    tiers: tuple[TierForecast, ...]
    days: int
    copy: Rate
    verify: Rate
    source_prices: PriceTable | None
    destination_prices: PriceTable | None
    waits: ThawWaits = field(default_factory=dict)

    @property
    def archived(self) -> Amount:
        """What needs a thaw."""
        total = Amount()
        for key, amount in self.classes.items():
            if key.archived:
                total.add(amount.objects, amount.bytes, amount.requests)
        return total

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; sizes in bytes, times in seconds, money as text."""
        found = self.collection
        return {
            "scope": self.scope,
            "source": self.source or None,
            "destination": self.destination or None,
            "bag_versions": found.bag_versions,
            "files": found.files,
            "bytes": found.bytes,
            "archived_files": self.archived.objects,
            "archived_bytes": self.archived.bytes,
            "at_destination_already": found.elsewhere,
            "largest_bag_version": found.largest_bag.to_json() if found.bag_versions else None,
            "largest_file": found.largest_file.to_json() if found.largest_file.name else None,
            "looked": self.looked.value,
            "looked_at_bag_versions": found.looked_at,
            "storage_classes": [
                {
                    "storage_class": key.storage_class,
                    "archived": key.archived,
                    "files": amount.objects,
                    "bytes": amount.bytes,
                }
                for key, amount in sorted(self.classes.items())
            ],
            "cannot_go": {reason: refused.to_json() for reason, refused in sorted(found.refused.items())},
            "thaw_days": self.days,
            "tiers": [tier.to_json() for tier in self.tiers],
            "rates": {"copy": _rate(self.copy), "verify": _rate(self.verify), "thaws": _waits(self.waits)},
            "prices": {"source": _table(self.source_prices), "destination": _table(self.destination_prices)},
        }


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "seconds_a_file": rate.seconds_a_file,
        "bytes_a_second": None if not rate.seconds_a_byte else round(1 / rate.seconds_a_byte),
        "measured_shards": rate.measured,
        "measured_until": None if rate.until is None else rate.until.isoformat(),
        "measured_workers": round(rate.at_once, 1) if rate.measured else None,
    }


def _waits(waits: ThawWaits) -> list[dict[str, Any]]:
    return [
        {
            "storage_class": storage_class,
            "tier": tier.value,
            "first_seconds": round(wait.first.total_seconds()),
            "last_seconds": round(wait.last.total_seconds()),
            "measured_thaws": wait.measured,
            "measured_until": wait.until.isoformat(),
        }
        for (storage_class, tier), wait in sorted(waits.items())
    ]


def _table(table: PriceTable | None) -> dict[str, Any] | None:
    if table is None:
        return None
    return {
        "table": table.name,
        "region": table.region,
        "currency": table.currency,
        "date": table.date.isoformat(),
        "sources": list(table.sources),
    }
