"""What a step needs to learn the bags of a storage service beside us."""

from __future__ import annotations

from dataclasses import dataclass

from bagfill.registry.storage_service.registry import ServiceRegistry
from bagfill.registry.storage_service.rows import Table


@dataclass(frozen=True, slots=True)
class Beside:
    """A storage service.

    Args:
        registry: the index of its bag versions; the same object as the services' registry.
        table: its manifests.
        segments: parts of the table that are read side by side.
    """

    registry: ServiceRegistry
    table: Table
    segments: int = 4
