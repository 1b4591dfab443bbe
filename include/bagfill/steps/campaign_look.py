"""Looking which bags need a thaw before they are started: one listing for each of their missing versions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.steps.look_at import Seen, look_at
from bagfill.steps.services import Services
from bagfill.steps.sweep_candidates import SweepStart
from bagfill.storage.errors import StoreError
from bagfill.storage.store import Capability

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frozen:
    """What of a bag has to be thawed first.

    Args:
        bytes: how much.
        classes: the storage classes it is in.
    """

    bytes: int = 0
    classes: frozenset[str] = frozenset()


def frozen_parts(services: Services, starts: Sequence[SweepStart], preferred: str | None) -> Mapping[str, Frozen]:
    """What of each bag has to be thawed first, by the start's run id; bags that need no thaw are left out.

    A bag that could not be looked at counts as one that needs none: its own run finds out.

    Args:
        preferred: name of the location that is read where a bag is there; ``None``: where it was registered first.
    """
    with ThreadPoolExecutor(services.limits.concurrency, thread_name_prefix="look") as pool:
        found = pool.map(lambda start: _frozen(services, start, preferred), starts)
        return {start.run_id: part for start, part in zip(starts, found, strict=True) if part.bytes}


def _frozen(services: Services, start: SweepStart, preferred: str | None) -> Frozen:
    bag, size, classes = BagId.parse(start.bag, stored=True), 0, set[str]()
    try:
        for version in services.registry.versions(bag):
            seen = _seen(services, BagVersionId(bag, version), start.destination, preferred)
            size += seen.archived.bytes
            classes |= {key.storage_class for key in seen.classes if key.archived}
    except StoreError as error:
        logger.warning("%s was not looked at before it is started: %s", start.bag, error)
    return Frozen(size, frozenset(classes))


def _seen(services: Services, bag_version: BagVersionId, destination: str, preferred: str | None) -> Seen:
    places = [replica.location for replica in services.registry.replicas(bag_version)]
    if destination in places:
        return Seen()
    configured = [name for name in places if name in services.locations]
    if not configured:
        return Seen()
    source = preferred if preferred in configured else configured[0]
    if Capability.THAW not in services.stores.reading(services.locations[source]).capabilities:
        return Seen()
    return look_at(services, bag_version, source, destination)
