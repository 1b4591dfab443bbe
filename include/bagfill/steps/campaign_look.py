"""Looking which bags need a thaw before they are started: one listing for each of their missing versions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.steps.look_at import look_at
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepStart
from bagfill.storage.errors import StoreError
from bagfill.storage.store import Capability

logger = logging.getLogger(__name__)


def archived_bytes(services: Services, starts: Sequence[SweepStart], preferred: str | None) -> Mapping[str, int]:
    """Bytes of each bag that have to be thawed first, by the start's run id; bags that need no thaw are left out.

    A bag that could not be looked at counts as one that needs none: its own run finds out.

    Args:
        preferred: name of the location that is read where a bag is there; ``None``: where it was registered first.
    """
    with ThreadPoolExecutor(services.limits.concurrency, thread_name_prefix="look") as pool:
        found = pool.map(lambda start: _archived(services, start, preferred), starts)
        return {start.run_id: size for start, size in zip(starts, found, strict=True) if size}


def _archived(services: Services, start: SweepStart, preferred: str | None) -> int:
    bag, total = BagId.parse(start.bag, stored=True), 0
    try:
        for version in services.registry.versions(bag):
            total += _of_version(services, BagVersionId(bag, version), start.destination, preferred)
    except StoreError as error:
        logger.warning("%s was not looked at before it is started: %s", start.bag, error)
    return total


def _of_version(services: Services, bag_version: BagVersionId, destination: str, preferred: str | None) -> int:
    places = [replica.location for replica in services.registry.replicas(bag_version)]
    if destination in places:
        return 0
    configured = [name for name in places if name in services.locations]
    if not configured:
        return 0
    source = preferred if preferred in configured else configured[0]
    if Capability.THAW not in services.stores.reading(services.locations[source]).capabilities:
        return 0
    return look_at(services, bag_version, source, destination).archived.bytes
