"""One sweep from end to end: find what is missing, pack it, have it started. Memory is bounded by one shipment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bagfill.planning.parcels import pack
from bagfill.steps.housekeeping import keep_house
from bagfill.steps.services import Services
from bagfill.steps.shipments import Shipment, ShipmentRecords, describe, shipments
from bagfill.steps.sweep import LeftAlone, starts_among
from bagfill.steps.sweep_candidates import SweepStart, sweep_candidates


class Starter(Protocol):
    """Starts runs in a workflow system, which knows each run id once."""

    def bag(self, start: SweepStart) -> bool:
        """Start a run for one bag; ``False`` if its run id is there already."""
        ...

    def shipment(self, shipment: Shipment) -> bool:
        """Start a run for a shipment's parcels; ``False`` if its run is there already."""
        ...


@dataclass(slots=True)
class Swept:
    """What a sweep came to.

    Args:
        bags: that are started now, in runs of their own and in parcels.
        runs: new runs of single bags.
        shipments: new runs of parcels.
        parcels: in those.
        there_already: runs that somebody else had started.
        abandoned: ingests whose run was lost, and that were closed.
        left_alone: bags that are not started now, and why.
    """

    bags: int = 0
    runs: int = 0
    shipments: int = 0
    parcels: int = 0
    there_already: int = 0
    abandoned: int = 0
    left_alone: LeftAlone = field(default_factory=LeftAlone)

    def to_json(self) -> dict[str, Any]:
        """Counts, as plain JSON values."""
        counts = ("bags", "runs", "shipments", "parcels", "there_already", "abandoned")
        return {**{name: getattr(self, name) for name in counts}, "left_alone": dict(self.left_alone.kinds)}


def start_missing(
    services: Services,
    starter: Starter,
    *,
    destination: str | None = None,
    space: str | None = None,
    limit: int,
    dry_run: bool = False,
) -> Swept:
    """Start what is missing, small bags in parcels; see :func:`sweep_candidates`.

    A sweep that was killed is run again: what it started is there already.

    Args:
        starter: starts the runs.
        destination: only this location; ``None``: every location of every policy.
        space: only this space.
        limit: most bags to start.
        dry_run: nothing is written, and ``starter`` is only told what would be started.

    Raises:
        SweepError: ``destination`` is no location, or no policy sends anything there.
        StoreError: a shipment could not be written.
    """
    swept = Swept()
    if not dry_run:
        swept.abandoned = keep_house(services)
    found = sweep_candidates(services, destination=destination, space=space)
    start_chosen(services, starter, starts_among(found, swept.left_alone, limit), swept, dry_run=dry_run)
    return swept


def start_chosen(
    services: Services, starter: Starter, chosen: Iterable[SweepStart], swept: Swept, *, dry_run: bool = False
) -> None:
    """Start these bags, small ones in parcels, and count them in ``swept``.

    Raises:
        StoreError: a shipment could not be written.
    """
    records = ShipmentRecords(services.work)
    for each in shipments(pack(chosen, services.limits)):
        if isinstance(each, SweepStart):
            if starter.bag(each):
                swept.runs += 1
                swept.bags += 1
            else:
                swept.there_already += 1
            continue
        shipment = describe(each) if dry_run else records.write(each)
        if starter.shipment(shipment):
            swept.shipments += 1
            swept.parcels += shipment.parcels
            swept.bags += shipment.bags
        else:
            swept.there_already += 1
