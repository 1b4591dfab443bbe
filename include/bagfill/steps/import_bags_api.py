"""Learn bags of a storage service through its public API, where its tables cannot be read.

The API lists the versions of a bag and no bags, so somebody names them. It takes no new locations: those that are added
stay in our own registry.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.manifest.errors import ManifestFormatError
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.registry.registry import Added, AlreadyKnown, ConflictingManifest
from bagfill.registry.storage_service.api_errors import BagsApiError
from bagfill.registry.storage_service.bags_api import BagsApi
from bagfill.steps.import_location import ImportOutcome
from bagfill.steps.import_service import Looked, ServiceImport, places_of
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError


@dataclass(frozen=True, slots=True)
class _Learnt:
    name: str
    outcome: ImportOutcome
    why: str = ""


def import_bags_of_api(
    services: Services, api: BagsApi, bags: Iterable[BagId], *, looked: Looked = lambda _: None
) -> ServiceImport:
    """Learn every version of some bags that is not known yet, several bags at a time. Running it again is harmless.

    Args:
        services: registry, locations, limits.
        api: is asked.
        bags: which.
        looked: is told how many bag versions were looked at by now.

    Returns:
        what became of each; a bag that the service does not know is ``not sound``.
    """
    result = ServiceImport()
    for some in _in_turn(services, api, bags):
        for each in some:
            result.add(each.name, each.outcome, each.why)
        looked(result.rows)
    return result


def _in_turn(services: Services, api: BagsApi, bags: Iterable[BagId]) -> Iterator[Sequence[_Learnt]]:
    waiting: deque[Future[Sequence[_Learnt]]] = deque()
    with ThreadPoolExecutor(services.limits.concurrency, thread_name_prefix="bags") as pool:
        for bag in bags:
            if len(waiting) >= 2 * services.limits.concurrency:
                yield waiting.popleft().result()
            waiting.append(pool.submit(_learn_bag, services, api, bag))
        while waiting:
            yield waiting.popleft().result()


def _learn_bag(services: Services, api: BagsApi, bag: BagId) -> Sequence[_Learnt]:
    try:
        versions = api.versions(bag)
    except BagsApiError as error:
        return [_Learnt(str(bag), ImportOutcome.UNREADABLE, str(error))]
    if not versions:
        return [_Learnt(str(bag), ImportOutcome.NOT_SOUND, "the service knows no such bag")]
    known = set(services.registry.versions(bag))
    return [
        _Learnt(str(BagVersionId(bag, version)), ImportOutcome.ALREADY_KNOWN)
        if version in known
        else _learn(services, api, BagVersionId(bag, version))
        for version in versions
    ]


def _learn(services: Services, api: BagsApi, bag_version: BagVersionId) -> _Learnt:
    name = str(bag_version)
    try:
        with api.manifest(bag_version) as manifest:
            if manifest is None:
                return _Learnt(name, ImportOutcome.UNREADABLE, "it is listed, and the service shows no such manifest")
            learnt = services.registry.add_bag_version(manifest, locations=places_of(services, manifest))
    except (BagsApiError, ManifestFormatError, ManifestDamagedError, RegistryContendedError, StoreError) as error:
        # One bag version of many: the others are learnt, and this one is found by the next import.
        return _Learnt(name, ImportOutcome.UNREADABLE, str(error))
    match learnt:
        case Added():
            return _Learnt(name, ImportOutcome.IMPORTED)
        case AlreadyKnown():
            return _Learnt(name, ImportOutcome.ALREADY_KNOWN)
        case ConflictingManifest(differences=differences):
            return _Learnt(name, ImportOutcome.CONFLICTING, "; ".join(differences))
