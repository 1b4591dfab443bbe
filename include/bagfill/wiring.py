"""The only module that knows every implementation: settings in, services out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Engine

from bagfill.audit.sql import SqlAuditLog
from bagfill.campaigns.sql import SqlCampaigns
from bagfill.database.engine import open_database
from bagfill.database.errors import DatabaseError
from bagfill.database.revision import NEWEST, current_revision
from bagfill.fixity.signing import KeyUnusable, SigningKey, load_signing_key
from bagfill.ingests.callback_rules import CallbackRules
from bagfill.ingests.followers import Follower
from bagfill.ingests.sql import SqlIngestTracker
from bagfill.ingests.sql_failed_bags import SqlFailedBags
from bagfill.ingests.sql_releases import SqlReleases
from bagfill.ingests.sql_request_keys import SqlRequestKeys
from bagfill.ingests.storage_service.post import NoPost, Post
from bagfill.notices.sql import SqlNotices
from bagfill.planning.prices import PriceTable
from bagfill.rates.sql import SqlRateLog
from bagfill.registry.manifest_store import ManifestStore
from bagfill.registry.sql import SqlRegistry
from bagfill.registry.sql_waivers import SqlWaivers
from bagfill.registry.storage_service.bags_api import BagsApi
from bagfill.registry.storage_service.beside import Beside
from bagfill.registry.storage_service.lazy import WhenAsked
from bagfill.settings import Settings
from bagfill.settings.prices import find_price_table
from bagfill.settings.sections import SigningSource
from bagfill.steps.campaign_acts import CampaignThawPermits
from bagfill.steps.forecasting import pair_of
from bagfill.steps.priced_acts import PricedActs
from bagfill.steps.records import RecordStore
from bagfill.steps.service_post import open_post, showing
from bagfill.steps.service_registry import open_bags_api, open_beside
from bagfill.steps.services import Services, utc_now
from bagfill.storage.copy_routes import open_server_copy, route_between
from bagfill.storage.credentials import Credentials
from bagfill.storage.gate import Gate
from bagfill.storage.limited import LimitedStore
from bagfill.storage.location import Location, Provider
from bagfill.storage.obstore_options import RequestLimits
from bagfill.storage.providers import open_store
from bagfill.storage.retrying import RetryingStore
from bagfill.storage.server_copy import ServerCopy
from bagfill.storage.shares import LocationShares, MemoryShares
from bagfill.storage.sql_shares import SqlShares
from bagfill.storage.store import ObjectStore
from bagfill.thaw.sql_ledger import SqlThawLedger
from bagfill.thaw.sql_pace import SqlPace

if TYPE_CHECKING:
    from bagfill.thaw.batch import BatchRunner


class OpenedStores:
    """Stores by location and identity: opened when first asked for, kept, shared between threads, closed together.

    Args:
        credentials: supplies the accesses behind connection ids.
        shares: who works at a location, for those with limits.
        looks_per_second: of this process at one location, at objects whose state a listing does not tell; ``None``: as
            it comes.
    """

    def __init__(
        self, credentials: Credentials, shares: LocationShares | None = None, *, looks_per_second: float | None = None
    ) -> None:
        self._credentials = credentials
        self._looks_per_second = looks_per_second
        self._shares = shares or MemoryShares()
        self._gates: dict[str, Gate] = {}
        self._opened: dict[tuple[Location, bool], ObjectStore] = {}
        self._ways: dict[tuple[Location, Location], ServerCopy | None] = {}
        self._lock = threading.Lock()

    def reading(self, location: Location) -> ObjectStore:
        """See :class:`bagfill.steps.services.Stores`. Raises StoreError."""
        return self._store(location, writing=False)

    def writing(self, location: Location) -> ObjectStore:
        """See :class:`bagfill.steps.services.Stores`. Raises StoreError."""
        if not location.writable:
            raise ValueError(f"location {location.name!r} is configured for reading only")
        return self._store(location, writing=True)

    def server_copy(self, source: Location, destination: Location) -> ServerCopy | None:
        """See :class:`bagfill.steps.services.Stores`. Raises StoreError."""
        abilities = self.reading(source).capabilities, self.writing(destination).capabilities
        route = route_between(source, abilities[0], destination, abilities[1])
        if route is None:
            return None
        with self._lock:
            key = (source, destination)
            if key not in self._ways:
                gates = self._gates.get(source.name), self._gates.get(destination.name)
                self._ways[key] = open_server_copy(route, source, destination, self._credentials, gates)
            return self._ways[key]

    def area(self, location: Location) -> ObjectStore:
        """The store of an area, for reading and writing; the folder of a local one is made when it is missing."""
        if location.provider is Provider.LOCAL:
            Path(location.bucket).mkdir(parents=True, exist_ok=True)
        return self.writing(location)

    def close(self) -> None:
        """Close every store."""
        with self._lock:
            for way in self._ways.values():
                if way is not None:
                    way.close()
            self._ways.clear()
            for store in self._opened.values():
                store.close()
            self._opened.clear()
            for gate in self._gates.values():
                gate.close()
            self._gates.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _store(self, location: Location, *, writing: bool) -> ObjectStore:
        key = (location, writing)
        with self._lock:
            if key not in self._opened:
                looks = self._looks_per_second
                opened = open_store(location, self._credentials, writing=writing, looks_per_second=looks)
                self._opened[key] = RetryingStore(self._limited(opened, location))
            return self._opened[key]

    def _limited(self, store: ObjectStore, location: Location) -> ObjectStore:
        """Both identities of a location share its gate. A folder asks nobody for patience."""
        if location.provider is Provider.LOCAL and not location.limits.is_limited:
            return store
        most = RequestLimits().connections
        gate = self._gates.setdefault(location.name, Gate(location.name, location.limits, self._shares, most=most))
        return LimitedStore(store, gate)


@contextmanager
def open_services(settings: Settings, credentials: Credentials) -> Iterator[Services]:
    """Everything that steps work with, closed at the end of the block.

    Locations are opened when first asked for; database and areas at once. The database is brought up to date, unless
    the settings say ``auto_migrate = false``: then one that is not is an error.

    Args:
        settings: what is configured.
        credentials: supplies the accesses behind connection ids.

    Raises:
        DatabaseError: the database did not answer, or is not up to date and must not be changed.
        StoreError: MISCONFIGURED, an area's credentials cannot be used.
    """
    engine = open_database(settings.database.get_secret_value())
    try:
        _make_ready(engine, settings)
        looks = settings.limits.looks_per_second
        with (
            closing(OpenedStores(credentials, SqlShares(engine), looks_per_second=looks)) as stores,
            closing(_post(settings, engine, credentials)) as post,
            _beside(settings, engine, credentials, stores) as beside,
            _bags_api(settings, credentials) as bags_api,
        ):
            manifests = settings.manifests.location
            work, receipts = settings.work_area.location, settings.receipts.location
            services = Services(
                locations=settings.locations,
                policies=settings.policies,
                registry=SqlRegistry(engine, ManifestStore(stores.area(manifests), manifests.prefix))
                if beside is None
                else beside.registry,
                beside=beside,
                bags_api=bags_api,
                ingests=SqlIngestTracker(engine, _followers(settings)),
                audits=SqlAuditLog(engine),
                stores=stores,
                work=RecordStore(stores.area(work), work.prefix),
                receipts=RecordStore(stores.area(receipts), receipts.prefix),
                limits=settings.limits,
                callbacks=_callbacks(settings, credentials),
                campaign_rules=settings.campaigns,
                audit_rules=settings.audit,
                profile=settings.profile,
                waivers=SqlWaivers(engine),
                request_keys=SqlRequestKeys(engine, utc_now),
                campaigns=SqlCampaigns(engine),
                releases=SqlReleases(engine),
                failed=SqlFailedBags(engine),
                post=post,
                reports=_reports(settings, stores),
                notices=SqlNotices(engine),
                prices=price_lookup(settings),
                forecast=settings.forecast,
                thaws=SqlThawLedger(engine),
                thaw_pace=SqlPace(engine),
                rates=SqlRateLog(engine),
                batch=cache(partial(_batch_runner, stores, credentials)),
                signing=None if settings.signing is None else partial(_signing_key, settings.signing, credentials),
            )
            services = replace(
                services, act_costs=PricedActs(partial(pair_of, services), services.limits.hash_before_write)
            )
            yield replace(services, thaw_permits=CampaignThawPermits(services))
    finally:
        engine.dispose()


def _followers(settings: Settings) -> tuple[Follower, ...]:
    rules = settings.service_ingests
    return () if rules is None else (showing(rules, settings.locations, utc_now),)


def _beside(
    settings: Settings, engine: Engine, credentials: Credentials, stores: OpenedStores
) -> AbstractContextManager[Beside | None]:
    places = settings.service_manifests
    return nullcontext() if places is None else open_beside(places, engine, credentials, stores.writing)


def _bags_api(
    settings: Settings, credentials: Credentials
) -> AbstractContextManager[WhenAsked[BagsApi]] | AbstractContextManager[None]:
    rules = settings.bags_api
    return nullcontext() if rules is None else closing(WhenAsked(partial(open_bags_api, rules, credentials)))


def _post(settings: Settings, engine: Engine, credentials: Credentials) -> Post:
    rules = settings.service_ingests
    return NoPost() if rules is None else open_post(rules, engine, credentials, utc_now)


def _reports(settings: Settings, stores: OpenedStores) -> RecordStore | None:
    if settings.reports is None:
        return None
    return RecordStore(stores.area(settings.reports.location), settings.reports.location.prefix)


def _callbacks(settings: Settings, credentials: Credentials) -> CallbackRules:
    connection = settings.callback_secret
    return replace(settings.callbacks, secret=None if connection is None else partial(credentials.secret, connection))


def price_lookup(settings: Settings) -> Callable[[str], PriceTable | None]:
    """Finds the price table of a location when it is first asked for; see ``Services.prices``."""

    @cache
    def prices(location: str) -> PriceTable | None:
        place = settings.locations[location]
        name = place.prices or ("free" if place.provider is Provider.LOCAL else None)
        table = None if name is None else find_price_table(name, settings.path.parent / "prices")
        if table is None or place.thaw.copies is None:
            return table
        # Azure's tables say that a thaw makes no copy; here it makes one.
        return replace(table, thawed_as=place.thaw.into)

    return prices


def _batch_runner(stores: OpenedStores, credentials: Credentials, location: Location) -> BatchRunner | None:
    """What runs jobs on a location's objects, opened when it is asked for. Raises StoreError or CredentialsError."""
    rules = location.batch
    if rules is None:
        return None
    # boto3 is loaded for the few locations that have jobs.
    from bagfill.storage.s3_batch import S3BatchJobs
    from bagfill.thaw.batch import BatchRunner

    area = Location(
        f"batch area of {location.name}",
        Provider.AMAZON_S3,
        rules.bucket,
        rules.prefix,
        read_connection=rules.connection,
        write_connection=rules.connection,
        writable=True,
    )
    jobs = S3BatchJobs(rules, credentials.s3(rules.connection), location=location.name)
    return BatchRunner(jobs, stores.writing(area), rules.prefix, location.bucket, time.sleep)


def _signing_key(source: SigningSource, credentials: Credentials) -> SigningKey:
    """Read anew for each receipt: a key that was replaced counts at once. Raises KeyUnusable or CredentialsError."""
    if source.key is None:
        pem = credentials.secret(source.connection or "").encode()
        return load_signing_key(pem, source=f"connection {source.connection!r}")
    try:
        return load_signing_key(source.key.read_bytes(), source=str(source.key))
    except OSError as error:
        raise KeyUnusable(f"{source.key}: {error.strerror}") from None


def _make_ready(engine: Engine, settings: Settings) -> None:
    current = current_revision(engine)
    if current == NEWEST:
        return
    # Alembic is loaded for a change only: each task comes by here.
    from bagfill.database.migrate import known_revisions, upgrade

    known = known_revisions()
    if current is not None and current not in known:
        detail = f"it is at revision {current}, which a newer Bagfill made; this one knows {known[0]} and older"
        raise DatabaseError(detail, retryable=False)
    if not settings.auto_migrate:
        detail = (
            f"it is at revision {current or 'none (no tables)'}, this Bagfill needs {known[0]}; "
            "run bagfill db upgrade, or set registry.auto_migrate = true"
        )
        raise DatabaseError(detail, retryable=False)
    upgrade(engine)
