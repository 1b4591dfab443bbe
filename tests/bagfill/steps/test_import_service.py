"""One bag version of a storage service that cannot be learnt is counted and named; the others are learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from bagfill.bag.identifiers import BagId, BagVersion, BagVersionId
from bagfill.manifest.errors import ManifestFormatError
from bagfill.manifest.model import StorageManifest
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.registry.memory import MemoryRegistry
from bagfill.registry.registry import Added
from bagfill.registry.storage_service.rows import ManifestRow
from bagfill.steps.import_bags_api import import_bags_of_api
from bagfill.steps.import_location import ImportOutcome
from bagfill.steps.import_service import import_bag_of_service
from bagfill.storage.errors import StoreError, StoreFailure
from contracts.sample_manifests import bag_version, sample_manifest
from world import World

BAD, GOOD = bag_version("b1", 1), bag_version("b1", 2)
ERRORS = [
    ManifestDamagedError("bucket/key", "other bytes when it was read back"),
    ManifestFormatError("$.manifest", "an object", "None"),
    RegistryContendedError(str(BAD), 1),
    StoreError(StoreFailure.UNAVAILABLE, location="manifests", key="k", operation="create", detail="503"),
]


class Service:
    """Shows two versions of a bag, of which one cannot be learnt."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def rows_of(self, bag: BagId) -> Sequence[ManifestRow]:
        return [ManifestRow(each, "bucket", "key", {}) for each in (BAD, GOOD)]

    def pointers(self, bag_versions: Any) -> Mapping[BagVersionId, str]:
        return {}

    def read(self, row: ManifestRow) -> StorageManifest:
        return sample_manifest(row.bag_version)

    def learn(self, row: ManifestRow, manifest: StorageManifest, locations: Sequence[str]) -> Added:
        if row.bag_version == BAD:
            raise self._error
        return Added()

    def versions(self, bag: BagId) -> Sequence[BagVersion]:
        return [BAD.version, GOOD.version]

    @contextmanager
    def manifest(self, about: BagVersionId) -> Iterator[StorageManifest]:
        yield sample_manifest(about)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_by_its_table(error: Exception) -> None:
    service: Any = Service(error)
    result = import_bag_of_service(World().services(), service, BAD.bag)
    assert result.counts[ImportOutcome.IMPORTED] == 1
    assert result.notable == [(str(BAD), ImportOutcome.UNREADABLE, str(error))]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_by_its_api(error: Exception) -> None:
    class Registry(MemoryRegistry):
        def add_bag_version(self, manifest: StorageManifest, *, locations: Sequence[str]) -> Any:
            if manifest.id == BAD:
                raise error
            return super().add_bag_version(manifest, locations=locations)

    service: Any = Service(error)
    services = replace(World().services(), registry=Registry())
    result = import_bags_of_api(services, service, [BAD.bag])
    assert result.counts[ImportOutcome.IMPORTED] == 1
    assert result.notable == [(str(BAD), ImportOutcome.UNREADABLE, str(error))]
