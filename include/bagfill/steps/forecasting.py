"""What a forecast between two locations starts from: their price tables, the measured rates, the settings."""

from __future__ import annotations

from bagfill.planning.costs import Pair
from bagfill.planning.rates import Activity, Rate, learn_rate
from bagfill.planning.thaw_waits import learn_waits
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


def bounds_of(services: Services, source: str, destination: str) -> Bounds:
    """What limits thawing at a location, copying from it to another, and reading back from that one.

    Args:
        source, destination: names of locations; empty: none is named, and what is declared counts.

    Raises:
        DatabaseError: the measured rates could not be read.
    """
    place = services.locations.get(destination)
    rate = VERIFY_RATE if place is None else place.verify_rate
    declared = Rate(services.forecast.seconds_a_file, 1 / rate)
    copies = services.rates.shards(Activity.COPY, destination, source) if source else ()
    return Bounds(
        workers=services.forecast.workers,
        copy=learn_rate(copies, declared) or declared,
        # Wherever the bytes came from: they are read at the destination.
        verify=learn_rate(services.rates.shards(Activity.VERIFY, destination), declared) or declared,
        thaw_requests_per_second=services.limits.thaw_requests_per_second,
        bandwidth=services.forecast.bandwidth,
        waits=learn_waits(services.rates.thaws(source)),
    )
