"""What became readable since the last look: noted in the thaw ledger, and how long it took, for forecasts."""

from __future__ import annotations

import logging
from collections import defaultdict

from bagfill.database.errors import DatabaseError
from bagfill.planning.thaw_waits import ThawTiming
from bagfill.rates.log import ThawSeen
from bagfill.steps.outcomes import IngestRef
from bagfill.steps.services import Services
from bagfill.storage.location import Provider
from bagfill.storage.store import ObjectInfo, ThawTier
from bagfill.thaw.ledger import FOR_GOOD, ThawKind, ThawRecord, ThawStand
from bagfill.thaw.states import ThawStates
from bagfill.thaw.tiers import is_archive_class

logger = logging.getLogger(__name__)


def note_readable(services: Services, ref: IngestRef, states: ThawStates) -> None:
    """Note until when the copies live that this look found, and how long those took that no look had found before.

    Args:
        services: of the step.
        ref: the ingest.
        states: as they were just seen.
    """
    until = {key: states.infos[key].readable_until or FOR_GOOD for key in states.readable}
    rows = services.thaws.of(ref.source, until)
    news = {key: until[key] for key, row in rows.items() if row.until != until[key]}
    if not news:
        return
    # Before the ledger knows: a step that is killed in between finds them once more, as the same group.
    # What another run had asked for may have been readable long before anybody looked.
    ours = [(states.infos[key], rows[key]) for key in news if rows[key].holder == ref.ingest_id]
    _note_times(services, ref.source, ours)
    services.thaws.readable(ref.source, news)


def _note_times(services: Services, location: str, found: list[tuple[ObjectInfo, ThawRecord]]) -> None:
    now = services.clock()
    groups: dict[tuple[str, str, ThawTier], list[float]] = defaultdict(list)
    for info, row in found:
        name = _archived_class(info, services.locations[location].provider)
        # Of what somebody had asked for before, or was moved to a faster tier, nobody knows since when.
        is_first = row.paid and row.kind is ThawKind.ARCHIVED and row.stand is ThawStand.ASKED
        if is_first and row.until is None and name is not None:
            groups[row.chunk, name, row.tier].append(max(0.0, (now - row.since).total_seconds()))
    for (chunk, name, tier), waits in groups.items():
        timing = ThawTiming(name, tier, min(waits), max(waits), now)
        try:
            services.rates.thaw_seen(ThawSeen(location, chunk, timing))
        except DatabaseError as error:
            logger.warning("%s: how long a thaw took was not noted: %s", location, error)


def _archived_class(info: ObjectInfo, provider: Provider) -> str | None:
    """The class it was thawed from. A blob that is rehydrated in place has left its class, the only one there is."""
    if is_archive_class(info.storage_class):
        return info.storage_class.upper()
    return "ARCHIVE" if provider is Provider.AZURE_BLOB_STORAGE else None
