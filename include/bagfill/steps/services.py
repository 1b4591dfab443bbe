"""What a step works with. Built by :mod:`bagfill.wiring`, or by a test from memory parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from bagfill.audit.log import AuditLog
from bagfill.audit.rules import AuditRules
from bagfill.bag.rules.finding import Profile
from bagfill.fixity.signing import SigningKey
from bagfill.ingests.callback_rules import CallbackRules
from bagfill.ingests.request_keys import MemoryRequestKeys, RequestKeys
from bagfill.ingests.tracker import IngestTracker
from bagfill.planning.limits import Limits
from bagfill.registry.registry import Registry
from bagfill.registry.waivers import MemoryWaivers, Waivers
from bagfill.steps.records import RecordStore
from bagfill.storage.location import Location
from bagfill.storage.store import ObjectStore


class Stores(Protocol):
    """Opens the object store of a location, for one identity; opened stores are kept and shared between threads."""

    def reading(self, location: Location) -> ObjectStore:
        """The store for the identity that may list, read and thaw."""
        ...

    def writing(self, location: Location) -> ObjectStore:
        """The store for the identity that may create. Raises ValueError for a location that is read-only."""
        ...


def utc_now() -> datetime:
    """The present moment, timezone-aware."""
    return datetime.now(tz=UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which spaces belong where.

    Args:
        spaces: names of spaces; empty means every space.
        locations: names of locations where each of their bag versions belongs.
        profile: by which rules these bags are judged before and after they are copied there; ``None``: as everywhere.
    """

    spaces: tuple[str, ...]
    locations: tuple[str, ...]
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a step needs.

    Args:
        locations: configured locations by name.
        policies: which spaces belong where.
        registry: which bag versions exist and where.
        ingests: the ingest tracker.
        audits: when which replica was looked at, and what was found.
        stores: opens locations.
        work: plans, shards and results.
        receipts: evidence, kept outside the replicas.
        limits: how much at once.
        callbacks: whom a callback may reach.
        audit_rules: how often replicas are audited, and how sure samples are to be.
        clock: the present moment; tests turn it.
        signing: gives the key that seals are signed with; ``None``: they are not signed. Raises KeyUnusable or
            CredentialsError.
        profile: by which rules a bag is judged, where no policy says otherwise.
        waivers: which rules a known bag version may break.
        request_keys: idempotency keys of requests that came by HTTP.
    """

    locations: Mapping[str, Location]
    registry: Registry
    ingests: IngestTracker
    audits: AuditLog
    stores: Stores
    work: RecordStore
    receipts: RecordStore
    limits: Limits = field(default_factory=Limits)
    policies: tuple[Policy, ...] = ()
    callbacks: CallbackRules = field(default_factory=CallbackRules)
    audit_rules: AuditRules = field(default_factory=AuditRules)
    clock: Callable[[], datetime] = field(default=utc_now)
    signing: Callable[[], SigningKey] | None = None
    profile: Profile = Profile.BAGIT
    waivers: Waivers = field(default_factory=MemoryWaivers)
    request_keys: RequestKeys = field(default_factory=partial(MemoryRequestKeys, utc_now))

    def profile_of(self, space: str, destination: str) -> Profile:
        """By which rules bags of a space are judged on their way to a location: the strictest that a policy names."""
        named = {
            policy.profile
            for policy in self.policies
            if destination in policy.locations and (not policy.spaces or space in policy.spaces)
        } - {None}
        if not named:
            return self.profile
        return Profile.STORAGE_SERVICE if Profile.STORAGE_SERVICE in named else Profile.BAGIT
