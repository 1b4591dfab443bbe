"""What a step works with. Built by :mod:`bagfill.wiring`, or by a test from memory parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Protocol

from bagfill.audit.log import AuditLog
from bagfill.audit.rules import AuditRules
from bagfill.bag.rules.finding import Profile
from bagfill.campaigns.ledger import Campaigns
from bagfill.campaigns.memory import MemoryCampaigns
from bagfill.fixity.signing import SigningKey
from bagfill.ingests.callback_rules import CallbackRules
from bagfill.ingests.failed_bags import FailedBags
from bagfill.ingests.releases import MemoryReleases, Releases
from bagfill.ingests.request_keys import MemoryRequestKeys, RequestKeys
from bagfill.ingests.storage_service.post import NoPost, Post
from bagfill.ingests.tracker import IngestTracker
from bagfill.notices.log import MemoryNotices, Notices
from bagfill.planning.forecast_rules import ForecastRules
from bagfill.planning.limits import Limits
from bagfill.planning.prices import PriceTable
from bagfill.rates.log import RateLog
from bagfill.rates.memory import MemoryRateLog
from bagfill.registry.registry import Registry
from bagfill.registry.storage_service.bags_api import BagsApi
from bagfill.registry.storage_service.beside import Beside
from bagfill.registry.waivers import MemoryWaivers, Waivers
from bagfill.steps.act_costs import ActCosts, UnpricedActs
from bagfill.steps.records import RecordStore
from bagfill.steps.thaw_permits import EveryThawPermitted, ThawPermits
from bagfill.storage.location import Location
from bagfill.storage.server_copy import ServerCopy
from bagfill.storage.store import ObjectStore
from bagfill.thaw.batch import BatchRunner
from bagfill.thaw.ledger import ThawLedger
from bagfill.thaw.memory_ledger import MemoryThawLedger
from bagfill.thaw.pace import MemoryPace, SharedPace


class Stores(Protocol):
    """Opens the object store of a location, for one identity; opened stores are kept and shared between threads."""

    def reading(self, location: Location) -> ObjectStore:
        """The store for the identity that may list, read and thaw."""
        ...

    def writing(self, location: Location) -> ObjectStore:
        """The store for the identity that may create. Raises ValueError for a location that is read-only."""
        ...

    def server_copy(self, source: Location, destination: Location) -> ServerCopy | None:
        """The way between two locations on which providers copy by themselves, if there is one. Raises StoreError."""
        ...


class PriceTableError(Exception):
    """Price tables cannot be used; ``problems`` says each: file, line, what was found, what is allowed.

    Not retryable: the file will be wrong until a person changes it.
    """

    retryable = False

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[PriceTableError], tuple[tuple[str, ...]]]:
        """Pickle by the arguments (exceptions cross process borders)."""
        return type(self), (self.problems,)


def no_prices(_location: str) -> PriceTable | None:
    """What is charged where nothing is configured: nobody knows."""
    return None


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
class CampaignRules:
    """What campaigns need a person for.

    Args:
        approval_above: a campaign whose plan comes to more than this (in its own currency), or to an unknown amount,
            waits for approval; ``None``: none does.
        priorities: of spaces, for campaigns whose order is by priority; higher goes first.
    """

    approval_above: Decimal | None = None
    priorities: Mapping[str, int] = field(default_factory=dict)


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
        prices: the price table of a location, by its name; ``None``: none is named. Raises PriceTableError.
        forecast: what forecasts start from, where nothing was measured.
        thaw_permits: who must agree before thaws are paid.
        campaigns: the campaigns, and the ledger of what they spend.
        act_costs: what acts of ingests cost.
        campaign_rules: what campaigns need a person for.
        releases: which bags a person has seen to.
        failed: counts bags that failed where they are kept; ``None``: each is gone through.
        beside: the storage service whose registry it is; ``None``: the registry is our own alone.
        bags_api: gives the public API of a storage service, opened when it is first asked for; ``None``: none is named.
            Raises CredentialsError.
        post: tells a storage service beside us what happens to ingests.
        thaws: what was asked for when, so that one request for an object is in flight.
        thaw_pace: the rate of thaw requests that all runs share.
        batch: gives what runs S3 Batch Operations on a location's objects, where it is configured. Raises StoreError or
            CredentialsError.
        rates: what shards and thaws took before.
        sleep: waits, for a turn to ask; tests turn the clock.
        reports: where reports are kept; ``None``: beside the receipts.
        notices: what channels were told.
        ingest_ended: told the status, and the code of the reason if there is one, of each ingest that ends here.
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
    prices: Callable[[str], PriceTable | None] = field(default=no_prices)
    forecast: ForecastRules = field(default_factory=ForecastRules)
    thaw_permits: ThawPermits = field(default_factory=EveryThawPermitted)
    campaigns: Campaigns = field(default_factory=MemoryCampaigns)
    act_costs: ActCosts = field(default_factory=UnpricedActs)
    campaign_rules: CampaignRules = CampaignRules()
    releases: Releases = field(default_factory=MemoryReleases)
    failed: FailedBags | None = None
    beside: Beside | None = None
    bags_api: Callable[[], BagsApi] | None = None
    post: Post = field(default_factory=NoPost)
    thaws: ThawLedger = field(default_factory=MemoryThawLedger)
    thaw_pace: SharedPace = field(default_factory=MemoryPace)
    batch: Callable[[Location], BatchRunner | None] = field(default=lambda _: None)
    rates: RateLog = field(default_factory=MemoryRateLog)
    sleep: Callable[[float], None] = field(default=time.sleep)
    reports: RecordStore | None = None
    notices: Notices = field(default_factory=MemoryNotices)
    ingest_ended: Callable[[str, str | None], None] = field(default=lambda _status, _reason: None)

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
