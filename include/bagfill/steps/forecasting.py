"""What a forecast between two locations starts from: their price tables, the measured rates, the settings."""

from __future__ import annotations

from bagfill.planning.costs import Pair
from bagfill.planning.rates import Rate
from bagfill.planning.times import Bounds
from bagfill.steps.services import Services
from bagfill.storage.location import VERIFY_RATE


def pair_of(services: Services, source: str, destination: str) -> Pair:
    """The two locations as far as money is concerned.

    Args:
        source, destination: names of locations; empty: none is named, and no price is known.

    Raises:
        PriceTableError: a table cannot be used.
    """
    workers_at = services.forecast.workers_at
    return Pair(
        source=services.prices(source) if source else None,
        destination=services.prices(destination) if destination else None,
        source_name=source or "the source",
        destination_name=destination or "the destination",
        verifies_at_destination=bool(destination) and workers_at == destination,
        copies_at_source=bool(source) and workers_at == source,
    )


def bounds_of(services: Services, destination: str) -> Bounds:
    """What limits copying to a location and reading back from it."""
    place = services.locations.get(destination)
    rate = VERIFY_RATE if place is None else place.verify_rate
    declared = Rate(services.forecast.seconds_a_file, 1 / rate)
    return Bounds(
        workers=services.forecast.workers,
        copy=declared,
        verify=declared,
        thaw_requests_per_second=services.limits.thaw_requests_per_second,
        bandwidth=services.forecast.bandwidth,
    )
