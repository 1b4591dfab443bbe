"""What adding a location to a storage manifest means, decided from the manifests alone."""

from __future__ import annotations

from dataclasses import dataclass

from bagfill.manifest.append import with_replica_location
from bagfill.manifest.compare import REPLICA_LOCATIONS, manifest_differences
from bagfill.manifest.model import ManifestLocation, StorageManifest
from bagfill.registry.registry import BagReplaced, Claim


@dataclass(frozen=True, slots=True)
class AlreadyListed:
    """The manifest lists the location (as a replica or as the primary)."""


@dataclass(frozen=True, slots=True)
class ToStore:
    """The manifest with the location appended; nothing else changed."""

    manifest: StorageManifest


class AppendedTooMuchError(Exception):
    """Appending a location changed something else; the result must not be stored. A fault in this program."""

    retryable = False


def require_claim_for(claim: Claim, planned_from: StorageManifest, location: str) -> None:
    """Raises ValueError when a claim is for something else than what is to be registered."""
    if claim.bag_version != planned_from.id or claim.location != location:
        raise ValueError(
            f"the claim is for {claim.bag_version} at {claim.location!r}, not for {planned_from.id} at {location!r}"
        )


def append_location(
    stored: StorageManifest, planned_from: StorageManifest, location: ManifestLocation
) -> ToStore | AlreadyListed | BagReplaced:
    """Append one location, if the bag version is still the one that was copied.

    Args:
        stored: the current manifest.
        planned_from: the manifest the copying was planned from.
        location: the element to append.

    Raises:
        AppendedTooMuchError: invariant 2 would be broken.
    """
    differences = manifest_differences(stored, planned_from, ignoring=REPLICA_LOCATIONS)
    if differences:
        return BagReplaced(differences)
    if stored.is_at(location):
        return AlreadyListed()
    appended = with_replica_location(stored, location)
    # It has compared both texts; the list is what everybody acts on.
    if appended.replica_locations != (*stored.replica_locations, location):
        raise AppendedTooMuchError(f"adding {location} to the manifest of {stored.id} changed its replica locations")
    return ToStore(appended)
