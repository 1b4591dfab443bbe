"""A configured location: a bucket, container or folder at a provider, holding any number of bags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.manifest.model import LocationRole, ManifestLocation, Provider
from bagfill.storage.batch_rules import BatchRules
from bagfill.storage.gate import LocationLimits
from bagfill.storage.held_names import NamesHeld
from bagfill.storage.store import ThawTier

__all__ = ["VERIFY_RATE", "Location", "Provider", "ThawDefaults"]

VERIFY_RATE = 20 * 1024 * 1024
"""Bytes a second that copying, and reading back, reach at a location whose settings say nothing else."""


@dataclass(frozen=True, slots=True)
class ThawDefaults:
    """How a location's archived objects are thawed when a request does not say.

    Args:
        tier: how fast.
        days: how long the readable copy shall live; more where it is not enough for what has to be done meanwhile.
        most_days: a bag whose copies would have to live longer is thawed in pieces.
        overdue_after: a thaw that takes longer is reported; ``None``: three times what its tier usually takes.
        into: at Azure, the tier that a thawed blob gets for good, or its copy: Hot, Cool or Cold.
        account: whose request rate counts; locations of one account share it. ``None``: all of a provider's do.
        copies: at Azure, the container of the same account in which readable copies are made; ``None``: blobs are moved
            to another tier in place.
    """

    tier: ThawTier = ThawTier.STANDARD
    days: int = 7
    most_days: int = 30
    overdue_after: timedelta | None = None
    into: str = "Hot"
    account: str | None = None
    copies: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """One configured location.

    Args:
        name: the name used in settings, params and reports.
        provider: who stores it.
        bucket: bucket (S3), container (Azure), or absolute folder path (local).
        prefix: what stands before ``{space}/`` in every key: empty, or ending in ``/``.
        read_connection: connection id for listing and reading; ``None``: the provider's default chain.
        write_connection: connection id for creating objects.
        writable: whether it may be a destination.
        thaw: defaults for thawing.
        archives_after: age at which its lifecycle moves objects into an archive tier; ``None``: it does not.
        batch: what S3 Batch Operations need here; ``None``: they are not used.
        verify_rate: bytes a second that copying to it, and reading back from it, reach.
        names: which names the place holds apart, beyond what its provider's rules say.
        prices: name of the table that says what it charges; ``None``: nobody knows (a local folder: nothing).
        server_copy: whether providers may copy from it, and to it, by themselves.
        limits: what all tasks on all machines together may do there.
        inspect_connection: connection id for ``bagfill doctor`` to ask how the bucket is set up; ``None``: as reader.
        probe_prefix: where ``bagfill doctor`` may write probe objects; ``None``: nowhere.
        thaw_connection: connection id for asking for thaws, which spends money; ``None``: as reader.
    """

    name: str
    provider: Provider
    bucket: str
    prefix: str = ""
    read_connection: str | None = None
    write_connection: str | None = None
    writable: bool = False
    thaw: ThawDefaults = ThawDefaults()
    names: NamesHeld = NamesHeld.EXACT
    archives_after: timedelta | None = None
    batch: BatchRules | None = None
    verify_rate: int = VERIFY_RATE
    prices: str | None = None
    server_copy: bool = True
    limits: LocationLimits = field(default_factory=LocationLimits)
    inspect_connection: str | None = None
    probe_prefix: str | None = None
    thaw_connection: str | None = None

    def bag_prefix(self, bag: BagId) -> str:
        """``{prefix}{space}/{external identifier}``: what a storage manifest calls the location's path; no version."""
        return f"{self.prefix}{bag}"

    def version_prefix(self, bag_version: BagVersionId) -> str:
        """The folder of one bag version, always ending in ``/`` (``v1/`` is no prefix of ``v10/``)."""
        return f"{self.prefix}{bag_version}/"

    def in_manifest(self, bag: BagId, role: LocationRole = LocationRole.SECONDARY) -> ManifestLocation:
        """This location as an element of a bag's storage manifests."""
        return ManifestLocation(role, self.provider, self.bucket, self.bag_prefix(bag))
