"""The whole installation, or one location of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime

from bagfill.doctor.connections import examine_connections
from bagfill.doctor.database import examine_database
from bagfill.doctor.examine import Examination, examine_area, examine_location
from bagfill.doctor.model import EVERYBODY, Identity
from bagfill.doctor.queue import examine_queue
from bagfill.doctor.service import BAGS_API, INGESTS, examine_bags_api, examine_ingests
from bagfill.doctor.service_manifests import SUBJECT as MANIFESTS
from bagfill.doctor.service_manifests import examine_manifests
from bagfill.settings import Settings
from bagfill.storage.credentials import Credentials


def examine(
    settings: Settings,
    credentials: Credentials,
    now: Callable[[], datetime],
    is_set: Callable[[str], bool],
    *,
    location: str | None = None,
    identities: AbstractSet[Identity] = EVERYBODY,
) -> Iterator[tuple[str, Examination]]:
    """Examine one subject after the other; yields each with what is known by then.

    Args:
        settings: of this installation.
        credentials: supplies the accesses behind connection ids.
        now: this machine's clock.
        is_set: whether there is a connection of an id.
        location: only this one; ``None``: everything that is configured.
        identities: only these; areas, database and queue are looked at with all of them alone.
    """
    examination = Examination()
    for place in settings.locations.values():
        if location in {None, place.name}:
            examine_location(place, credentials, now, examination, identities)
            yield place.name, examination
    if location is not None or identities != EVERYBODY:
        return
    areas = (settings.work_area, settings.receipts, settings.manifests, settings.reports)
    for area in (each for each in areas if each is not None):
        examine_area(area.location, credentials, now, examination)
        yield area.location.name, examination
    examination.findings += examine_connections(settings, is_set)
    yield "connections", examination
    examination.findings += examine_database(settings, now)
    yield "registry", examination
    if settings.thaw_events is not None:
        examination.findings += examine_queue(settings.thaw_events, credentials)
        yield "thaw_events", examination
    if settings.service_manifests is not None:
        examine_manifests(settings.service_manifests, credentials, now, examination)
        yield MANIFESTS, examination
    if settings.bags_api is not None:
        examination.findings += examine_bags_api(settings.bags_api, credentials)
        yield BAGS_API, examination
    if settings.service_ingests is not None:
        examination.findings += examine_ingests(settings.service_ingests, credentials)
        yield INGESTS, examination
    if settings.registered_bags is not None:
        listener = "storage_service.listener"
        examination.findings += examine_queue(settings.registered_bags, credentials, listener)
        yield listener, examination
