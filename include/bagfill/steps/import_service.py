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
from bagfill.registry.errors import ManifestDamagedError
from bagfill.registry.registry import Added, AlreadyKnown, ConflictingManifest
from bagfill.registry.storage_service.registry import ServiceRegistry
from bagfill.registry.storage_service.rows import ManifestRow, RowFormatError, Table
from bagfill.steps.import_location import ImportOutcome
from bagfill.steps.services import Services
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location

logger = logging.getLogger(__name__)

_MOST_NOTED = 1000


@dataclass(slots=True)
class ServiceImport:
    """What an import of a service came to.

    Args:
        counts: rows by what became of them.
        notable: those that were left out, the first of them: name and why.
    """

    counts: Counter[ImportOutcome] = field(default_factory=Counter)
    notable: list[tuple[str, ImportOutcome, str]] = field(default_factory=list)

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
            "counts": {outcome.value: count for outcome, count in self.counts.items()},
            "notable": notable,
        }


Looked = Callable[[int], None]
"""Is told how many rows were looked at by now."""


def import_service(
    services: Services, registry: ServiceRegistry, table: Table, *, segments: int = 4, looked: Looked = lambda _: None
) -> ServiceImport:
    """Read the whole table, segment by segment side by side, and what changed since the last time.

    A row that points where the index has it already is not opened. Interrupted, it is run again.

    Args:
        services: locations, limits.
        registry: learns what is found.
        table: the service's manifests.
        segments: parts of the table that are read at the same time.
        looked: is told how far it is.

    Raises:
        StoreError: the table was not to be read; what was learnt before stays.
    """
    result = ServiceImport()
    learning = _Learning(services, registry, result)
    with ThreadPoolExecutor(services.limits.concurrency, thread_name_prefix="manifests") as pool:
        # In turns: memory holds one page of each segment.
        after: dict[int, str | None] = dict.fromkeys(range(segments))
        while after:
            pages = pool.map(lambda each: (each[0], *table.page(each[0], segments, each[1])), list(after.items()))
            for segment, items, cursor in pages:
                learning.page(pool, items)
                looked(result.rows)
                if cursor is None:
                    del after[segment]
                else:
                    after[segment] = cursor
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
        there = [each.name for each in self._services.locations.values() if _is_at(manifest, each)]
        try:
            learnt = self._registry.learn(row, manifest, there)
        except (StoreError, ManifestDamagedError) as error:
            self._result.add(name, ImportOutcome.UNREADABLE, str(error))
            return
        match learnt:
            case Added():
                self._result.add(name, ImportOutcome.IMPORTED)
            case AlreadyKnown():
                self._result.add(name, ImportOutcome.ALREADY_KNOWN)
            case ConflictingManifest(differences=differences):
                self._result.add(name, ImportOutcome.CONFLICTING, "; ".join(differences))


def _is_at(manifest: StorageManifest, location: Location) -> bool:
    return manifest.is_at(location.in_manifest(manifest.id.bag))
