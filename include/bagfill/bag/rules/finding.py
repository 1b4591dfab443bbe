"""What the rules report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """By which rules a bag is judged."""

    BAGIT = "bagit"
    """BagIt alone, versions 0.93 to 1.0 (RFC 8493)."""

    STORAGE_SERVICE = "storage-service"
    """What the storage service demands of a bag version in its own layout."""


class Severity(StrEnum):
    """Whether a finding makes the bag invalid."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One thing that is wrong with a bag.

    Args:
        code: of the rule that is broken; stable.
        severity: whether it makes the bag invalid.
        path: of the file it is about, from the bag version's folder; empty for the bag as a whole.
        message: for people: the storage service's text where it has one.
    """

    code: str
    severity: Severity
    path: str
    message: str
