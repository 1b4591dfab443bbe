"""The post to the storage service that the settings name, and what writes its letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine

from bagfill.ingests.model import Ingest
from bagfill.ingests.storage_service.by_topic import Topic, TopicDelivery
from bagfill.ingests.storage_service.delivery import Delivery
from bagfill.ingests.storage_service.letters import SourcePlace
from bagfill.ingests.storage_service.post import ServicePost
from bagfill.ingests.storage_service.rules import ServiceIngests
from bagfill.ingests.storage_service.showing import Showing
from bagfill.ingests.storage_service.sql_outbox import SqlOutbox
from bagfill.ingests.storage_service.tracker_api import TrackerApi
from bagfill.storage.credentials import Credentials, CredentialsError
from bagfill.storage.errors import StoreError
from bagfill.storage.location import Location
from bagfill.storage.obstore_options import RequestLimits


def open_post(
    rules: ServiceIngests, engine: Engine, credentials: Credentials, clock: Callable[[], datetime]
) -> ServicePost:
    """The post. Nothing is connected before the first letter, and nothing is asked of the service.

    Args:
        rules: where the service is.
        engine: of the registry's database, where the outbox is.
        credentials: supplies the access behind the connection.
        clock: the present moment.
    """
    return ServicePost(SqlOutbox(engine), open_delivery(rules, credentials), clock)


def open_delivery(rules: ServiceIngests, credentials: Credentials) -> Delivery:
    """The way to the service alone; see :func:`open_post`."""
    tracker = TrackerApi(rules.tracker, rules.shown.type_id, rules.timeout_seconds)
    if rules.topic is None:
        return tracker
    return TopicDelivery(tracker, _topic(rules.topic, rules.connection, credentials), _PROBLEMS)


def showing(rules: ServiceIngests, locations: Mapping[str, Location], clock: Callable[[], datetime]) -> Showing:
    """What writes letters with the changes of ingests.

    Args:
        rules: how ingests are shown.
        locations: by name; say where an ingest reads.
        clock: dates letters.
    """

    def source(ingest: Ingest) -> SourcePlace:
        # The service's tracker knows sources in S3 alone, so a container takes the place of the bucket. A location
        # that is configured no more is named by its name.
        location = locations.get(ingest.source)
        if location is None:
            return SourcePlace(ingest.source, str(ingest.bag_version))
        return SourcePlace(location.bucket, location.version_prefix(ingest.bag_version))

    return Showing(rules.shown, source, clock)


_LIMITS = RequestLimits(attempts=2, connect_seconds=5, read_seconds=20)
"""An update is tried again by the outbox: one try must end well before the sender's lease does."""
_PROBLEMS = (StoreError, CredentialsError)


def _topic(arn: str, connection: str | None, credentials: Credentials) -> Callable[[], Topic]:
    def opened() -> Topic:
        # boto3 is loaded where there is a topic, and something to be said.
        from bagfill.storage.sns import SnsTopic

        # A topic is asked for in its own region, whatever the connection's is.
        access = replace(credentials.s3(connection), region=arn.split(":")[3])
        return SnsTopic(arn, access, limits=_LIMITS)

    return opened
