"""The registry beside the storage service that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cache

from sqlalchemy import Engine

from bagfill.registry.manifest_store import ManifestObjects
from bagfill.registry.storage_service.aftermath import Aftermath
from bagfill.registry.storage_service.beside import Beside
from bagfill.registry.storage_service.objects import BucketObjects
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.registry.storage_service.registry import ServiceRegistry, ServiceStore
from bagfill.storage.credentials import Credentials
from bagfill.storage.location import Location, Provider


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

    Raises:
        StoreError: MISCONFIGURED, the credentials cannot be used.
        CredentialsError: they cannot be had.
    """
    from bagfill.storage.dynamodb import DynamoTable
    from bagfill.storage.s3_forget import S3ResponseCache
    from bagfill.storage.sns import SnsTopic

    access = credentials.s3(places.connection)

    @cache
    def bucket(name: str) -> ManifestObjects:
        connection = places.connection
        location = Location(f"manifests in {name}", Provider.AMAZON_S3, name, "", connection, connection, writable=True)
        return writing(location)

    with ExitStack() as opened:
        table = opened.enter_context(closing(DynamoTable(places.table, access)))
        replicas = responses = reindex = None
        if places.replicas_table is not None:
            replicas = opened.enter_context(closing(DynamoTable(places.replicas_table, access)))
        if places.responses_bucket is not None:
            responses = opened.enter_context(closing(S3ResponseCache(places.responses_bucket, access)))
        if places.reindex_topic is not None:
            region = places.reindex_topic.split(":")[3]
            reindex = opened.enter_context(closing(SnsTopic(places.reindex_topic, replace(access, region=region))))
        store = ServiceStore(
            table,
            BucketObjects(bucket),
            places.bucket,
            Aftermath(replicas, responses, frozenset(places.kept_responses), reindex),
        )
        yield Beside(ServiceRegistry(engine, store), table, places.segments)
