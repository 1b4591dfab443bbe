"""What a step needs to learn the bags of a storage service beside us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bagfill.registry.storage_service.registry import ServiceRegistry
from bagfill.registry.storage_service.rows import Table
from bagfill.registry.storage_service.scan_marks import MemoryScanMarks, ScanMarks


def _nothing_to_check() -> None:
    """Of a service that is in memory."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A storage service.

    Args:
        registry: the index of its bag versions; the same object as the services' registry.
        table: its manifests.
        name: of the table.
        segments: parts of the table that are read side by side.
        marks: how far a scan of the table is.
        check: asks for everything that registering a location needs, before anything is copied. Raises StoreError or
            CredentialsError.
    """

    registry: ServiceRegistry
    table: Table
    name: str = "manifests"
    segments: int = 4
    marks: ScanMarks = field(default_factory=MemoryScanMarks)
    check: Callable[[], None] = field(default=_nothing_to_check)
