"""The registry beside the storage service that the settings name, and the service's public API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from bagfill.registry.manifest_store import ManifestObjects
from bagfill.registry.storage_service.aftermath import Aftermath
from bagfill.registry.storage_service.api_http import ApiHttp
from bagfill.registry.storage_service.api_rules import ApiRules
from bagfill.registry.storage_service.bags_api import BagsApi
from bagfill.registry.storage_service.beside import Beside
from bagfill.registry.storage_service.lazy import LazyCache, LazyPublisher, LazyTable, WhenAsked
from bagfill.registry.storage_service.objects import BucketObjects
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.registry.storage_service.registry import ServiceRegistry, ServiceStore
from bagfill.registry.storage_service.sql_scan_marks import SqlScanMarks
from bagfill.registry.storage_service.tokens import Tokens
from bagfill.storage.credentials import Credentials
from bagfill.storage.location import Location, Provider

if TYPE_CHECKING:
    from bagfill.storage.dynamodb import DynamoTable
    from bagfill.storage.s3_forget import S3ResponseCache
    from bagfill.storage.sns import SnsTopic

_NOBODY = "bagfill/nobody"


@contextmanager
def open_beside(
    places: ServiceManifests,
    engine: Engine,
    credentials: Credentials,
    writing: Callable[[Location], ManifestObjects],
) -> Iterator[Beside]:
    """The service's registry, for the time of the block. Nothing is asked of the service yet.

    Args:
        places: where everything is.
        engine: of the registry's database, where the index is.
        credentials: supplies the access behind the connection.
        writing: opens the store of a bucket, for an identity that may create and read.

    Whoever asks it first may get StoreError (MISCONFIGURED, the credentials cannot be used) or CredentialsError.
    """

    @cache
    def bucket(name: str) -> ManifestObjects:
        connection = places.connection
        location = Location(f"manifests in {name}", Provider.AMAZON_S3, name, "", connection, connection, writable=True)
        return writing(location)

    # boto3 is loaded by whoever asks the service: most tasks of a run do not.
    table = WhenAsked(partial(_open_table, places.table, places, credentials))
    replicas = WhenAsked(partial(_open_table, places.replicas_table or "", places, credentials))
    responses = WhenAsked(partial(_open_responses, places, credentials))
    reindex = WhenAsked(partial(_open_topic, places, credentials))
    aftermath = Aftermath(
        None if places.replicas_table is None else LazyTable(replicas),
        None if places.responses_bucket is None else LazyCache(responses),
        frozenset(places.kept_responses),
        None if places.reindex_topic is None else LazyPublisher(reindex),
    )

    def check() -> None:
        # Asked with the rights that the work needs anyway; that there is no such row is as good an answer.
        table().get({"id": _NOBODY, "version": 1})
        if places.replicas_table is not None:
            replicas().get({"id": f"{_NOBODY}/v1"})
        if places.reindex_topic is not None:
            reindex().check()

    store = ServiceStore(LazyTable(table), BucketObjects(bucket), places.bucket, aftermath)
    with closing(table), closing(replicas), closing(responses), closing(reindex):
        yield Beside(
            ServiceRegistry(engine, store), store.table, places.table, places.segments, SqlScanMarks(engine), check
        )


def open_bags_api(rules: ApiRules, credentials: Credentials, timeout_seconds: float = 60.0) -> BagsApi:
    """The public API; nothing is asked of it yet, and its secret is looked up when a token is needed."""
    http = ApiHttp(timeout_seconds)
    secret = partial(credentials.secret, rules.secret_connection)
    return BagsApi(http, rules.url, Tokens(http, rules.token_url, rules.client_id, secret, scope=rules.scope))


def _open_table(name: str, places: ServiceManifests, credentials: Credentials) -> DynamoTable:
    from bagfill.storage.dynamodb import DynamoTable

    return DynamoTable(name, credentials.s3(places.connection))


def _open_responses(places: ServiceManifests, credentials: Credentials) -> S3ResponseCache:
    from bagfill.storage.s3_forget import S3ResponseCache

    return S3ResponseCache(places.responses_bucket or "", credentials.s3(places.connection))


def _open_topic(places: ServiceManifests, credentials: Credentials) -> SnsTopic:
    from bagfill.storage.sns import SnsTopic

    # A topic is asked for in its own region, whatever the connection's is.
    topic = places.reindex_topic or ""
    return SnsTopic(topic, replace(credentials.s3(places.connection), region=topic.split(":")[3]))
