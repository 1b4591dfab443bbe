"""Work through one parcel: the steps of a backfill for one small bag after the other, in this process.

Each bag has its own request, ingests, claims, receipts and failures, as in a run of its own, and none is held up by
another. Ingests are opened when their bag's turn comes, so a parcel that waits in a queue holds nothing. Run again
after it was killed, a parcel finds what is finished and goes on with the rest.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bagfill.logs import Line, tell
from bagfill.steps.close_ingest import close_ingests
from bagfill.steps.parcel_bag import BagEnd, BagEnded, replicate_bag
from bagfill.steps.services import Services
from bagfill.steps.shipments import ParcelBag, Shipment, ShipmentRecords

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ParcelEnded:
    """How a parcel ended.

    Args:
        bags: how each ended, in the parcel's order.
    """

    bags: tuple[BagEnded, ...]

    def those(self, end: BagEnd) -> tuple[BagEnded, ...]:
        """The bags that ended in this way."""
        return tuple(bag for bag in self.bags if bag.end is end)

    def counts(self) -> dict[str, int]:
        """Bags by their end, and what was registered."""
        ends = Counter(bag.end.value for bag in self.bags)
        amounts = {"files": sum(bag.files for bag in self.bags), "bytes": sum(bag.bytes for bag in self.bags)}
        return {"bags": len(self.bags), **ends, **amounts}


def run_parcel(
    services: Services,
    shipment_id: str,
    number: int,
    *,
    last_try: bool = True,
    ended: Callable[[BagEnded], Any] = lambda _: None,
) -> ParcelEnded:
    """Replicate every bag of a parcel, ``limits.bags_at_once`` at the same time.

    Args:
        shipment_id: of the parcel's shipment.
        number: of the parcel in it, from 0.
        last_try: no retry will follow: bags that failed for a passing reason are closed too. Otherwise they stay open,
            with their claims, and are listed as ``TO_RETRY``.
        ended: is told each bag when it has ended; called from several threads.

    Raises:
        ShipmentError: there is no such parcel.
        StoreError: its record could not be read.
    """
    records = ShipmentRecords(services.work)
    bags = records.bags(shipment_id, number)

    def one(bag: ParcelBag) -> BagEnded:
        end = _whatever_happens(services, bag, bag.request_id(shipment_id), last_try=last_try)
        tell(logger, Line.BAG_ENDED, bag=end.bag, end=end.end.value, why=end.text or None)
        ended(end)
        return end

    pool = ThreadPoolExecutor(max_workers=services.limits.bags_at_once)
    try:
        result = ParcelEnded(tuple(pool.map(one, bags)))
    finally:
        # Whoever ends this task waits for the bags under way, and not for those that were not begun.
        pool.shutdown(cancel_futures=True)
    if not result.those(BagEnd.TO_RETRY):
        records.mark_done(shipment_id, number, result.counts())
    return result


def close_parcels(services: Services, shipment: Shipment) -> int:
    """Close what parcels left open that were killed in their last try, or were never begun; how many ingests.

    For the end of a run: no task of it works any more.
    """
    records, closed = ShipmentRecords(services.work), 0
    for number in records.open_parcels(shipment):
        for bag in records.bags(shipment.id, number):
            request_id = bag.request_id(shipment.id)
            ingests = services.ingests.of_request(request_id)
            if ingests:
                close_ingests(services, request_id)
            closed += sum(not ingest.status.is_final for ingest in ingests)
    return closed


def _whatever_happens(services: Services, bag: ParcelBag, request_id: str, *, last_try: bool) -> BagEnded:
    try:
        return replicate_bag(services, bag, request_id, last_try=last_try)
    except Exception as error:  # a surprise with one bag must not hold up its neighbours; it is told and retried
        logger.exception("%s", bag.bag)
        text = f"{type(error).__name__}: {error}"
        return BagEnded(bag.bag, BagEnd.FAILED if last_try else BagEnd.TO_RETRY, text)
