"""Learn the bags of a storage service beside us from its own table: every row, or those of one bag."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bagfill.bag.identifiers import BagId
from bagfill.manifest.errors import ManifestFormatError
from bagfill.manifest.model import StorageManifest
from bagfill.registry.errors import ManifestDamagedError, RegistryContendedError
from bagfill.registry.registry import Added, AlreadyKnown, ConflictingManifest
from bagfill.registry.storage_service.beside import Beside
from bagfill.registry.storage_service.registry import ServiceRegistry
from bagfill.registry.storage_service.rows import ManifestRow, RowFormatError
from bagfill.registry.storage_service.scanning import scan_pages
from bagfill.steps.import_location import ImportOutcome
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError

logger = logging.getLogger(__name__)

_MOST_NOTED = 1000


@dataclass(slots=True)
class ServiceImport:
    """What an import of a service came to.

    Args:
        counts: rows by what became of them.
        notable: those that were left out, the first of them: name and why.
        rows_before: that an import read which was interrupted, and which this one went on with.
    """

    counts: Counter[ImportOutcome] = field(default_factory=Counter)
    notable: list[tuple[str, ImportOutcome, str]] = field(default_factory=list)
    rows_before: int = 0

    @property
    def rows(self) -> int:
        """Rows that were looked at."""
        return self.counts.total()

    @property
    def is_clean(self) -> bool:
        """Whether every row is known to the registry now."""
        return all(outcome.is_known for outcome, count in self.counts.items() if count)

    def add(self, name: str, outcome: ImportOutcome, why: str = "") -> None:
        """Count one row."""
        self.counts[outcome] += 1
        if not outcome.is_known:
            logger.warning("%s: %s: %s", name, outcome, why)
            if len(self.notable) < _MOST_NOTED:
                self.notable.append((name, outcome, why))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        notable = [{"name": name, "outcome": outcome.value, "why": why} for name, outcome, why in self.notable]
        return {
            "rows": self.rows,
            "rows_before": self.rows_before,
            "counts": {outcome.value: count for outcome, count in self.counts.items()},
            "notable": notable,
        }


Looked = Callable[[int], None]
"""Is told how many rows were looked at by now."""


def import_service(services: Services, beside: Beside, *, looked: Looked = lambda _: None) -> ServiceImport:
    """Read the whole table, some segments side by side, and what changed since the last time.

    A row that points where the index has it already is not opened. One that was interrupted goes on where it was; its
    counts are of what it read itself.

    Args:
        services: locations, limits.
        beside: the service.
        looked: is told how many rows were looked at by now, by earlier tries too.

    Raises:
        StoreError: the table was not to be read; what was learnt before stays.
    """
    scan = beside.marks.begin(beside.name, beside.segments)
    result = ServiceImport(rows_before=scan.rows)
    learning = _Learning(services, beside.registry, result)
    with ThreadPoolExecutor(services.limits.concurrency, thread_name_prefix="manifests") as pool:
        for items in scan_pages(beside.table, scan, beside.marks, pool):
            learning.page(pool, items)
            looked(result.rows_before + result.rows)
    return result


def import_bag_of_service(services: Services, registry: ServiceRegistry, bag: BagId) -> ServiceImport:
    """The rows of one bag alone. Raises StoreError."""
    result = ServiceImport()
    learning = _Learning(services, registry, result)
    with ThreadPoolExecutor(1) as pool:
        try:
            rows = registry.rows_of(bag)
        except RowFormatError as error:
            result.add(str(bag), ImportOutcome.NOT_SOUND, str(error))
        else:
            learning.rows(pool, rows)
    return result


class _Learning:
    def __init__(self, services: Services, registry: ServiceRegistry, result: ServiceImport) -> None:
        self._services = services
        self._registry = registry
        self._result = result

    def page(self, pool: ThreadPoolExecutor, items: Iterable[Any]) -> None:
        rows = []
        for item in items:
            try:
                rows.append(ManifestRow.of(item))
            except RowFormatError as error:
                self._result.add(str(item.get("id")), ImportOutcome.NOT_SOUND, str(error))
        self.rows(pool, rows)

    def rows(self, pool: ThreadPoolExecutor, rows: Sequence[ManifestRow]) -> None:
        known = self._registry.pointers(row.bag_version for row in rows)
        news = [row for row in rows if known.get(row.bag_version) != row.pointer]
        self._result.counts[ImportOutcome.ALREADY_KNOWN] += len(rows) - len(news)
        for row, manifest in zip(news, pool.map(self._read, news), strict=True):
            self._learn(row, manifest)

    def _read(self, row: ManifestRow) -> StorageManifest | str:
        try:
            return self._registry.read(row)
        except (StoreError, ManifestFormatError, ManifestDamagedError) as error:
            return str(error)

    def _learn(self, row: ManifestRow, manifest: StorageManifest | str) -> None:
        name = str(row.bag_version)
        if isinstance(manifest, str):
            # Its row is there, so it exists; what is wrong with its JSON a person has to see to.
            self._result.add(name, ImportOutcome.UNREADABLE, manifest)
            return
        there = places_of(self._services, manifest)
        try:
            learnt = self._registry.learn(row, manifest, there)
        except (StoreError, ManifestFormatError, ManifestDamagedError, RegistryContendedError) as error:
            self._result.add(name, ImportOutcome.UNREADABLE, str(error))
            return
        match learnt:
            case Added():
                self._result.add(name, ImportOutcome.IMPORTED)
            case AlreadyKnown():
                self._result.add(name, ImportOutcome.ALREADY_KNOWN)
            case ConflictingManifest(differences=differences):
                self._result.add(name, ImportOutcome.CONFLICTING, "; ".join(differences))


def places_of(services: Services, manifest: StorageManifest) -> Sequence[str]:
    """Names of the configured locations that a manifest lists."""
    there = services.locations.values()
    return [each.name for each in there if manifest.is_at(each.in_manifest(manifest.id.bag))]
