"""What is missing of one bag at one location, as the sweep takes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bagfill.bag.identifiers import BagId, BagVersion


@dataclass(frozen=True, slots=True)
class MissingVersion:
    """One bag version that is not registered at a location.

    Args:
        version: which.
        files, bytes: its concrete files.
        added: when the registry learnt of it; timezone-aware.
    """

    version: BagVersion
    files: int
    bytes: int
    added: datetime


@dataclass(frozen=True, slots=True)
class MissingBag:
    """Every version of one bag that is not registered at a location.

    Args:
        bag: which.
        versions: ascending; at least one.
    """

    bag: BagId
    versions: tuple[MissingVersion, ...]

    @property
    def files(self) -> int:
        """Concrete files of all missing versions."""
        return sum(version.files for version in self.versions)

    @property
    def bytes(self) -> int:
        """Of those files."""
        return sum(version.bytes for version in self.versions)
