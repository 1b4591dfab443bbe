"""``[storage_service]``: the storage service that Bagfill works beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bagfill.ingests.storage_service.letters import ShownAs, ShownCallbacks
from bagfill.ingests.storage_service.rules import ServiceIngests
from bagfill.registry.storage_service.api_rules import ApiRules
from bagfill.registry.storage_service.places import ServiceManifests
from bagfill.settings.sections import ConnectionId, Duration, ProbePrefix, Section

_QUEUE = r"^https?://[^\s?#@]+$"
_ADDRESS = r"^https?://[^\s?#@]+$"
_TABLE = r"^[A-Za-z0-9_.-]{3,255}$"
_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_TOPIC = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"


@dataclass(frozen=True, slots=True)
class RegisteredBags:
    """Where newly registered bags are announced.

    Args:
        queue: URL of an SQS queue.
        connection: id of the connection that may receive and delete its messages, and send to the other queue.
        malformed_queue: URL of the queue that gets messages which are not understood; ``None``: they stay.
    """

    queue: str
    connection: str | None = None
    malformed_queue: str | None = None


class ServiceManifestsSection(Section):
    """``[storage_service.manifests]``: the service's tables and buckets, which are the registry then."""

    table: Annotated[str, Field(pattern=_TABLE)]
    bucket: Annotated[str, Field(pattern=_BUCKET)]
    connection: ConnectionId | None = None
    replicas_table: Annotated[str, Field(pattern=_TABLE)] | None = None
    responses_bucket: Annotated[str, Field(pattern=_BUCKET)] | None = None
    kept_responses: tuple[str, ...] = Field(default=("digitised/b19974760/v1",), strict=False)
    reindex_topic: Annotated[str, Field(pattern=_TOPIC)] | None = None
    segments: Annotated[int, Field(ge=1, le=1000)] = 4
    probe_prefix: ProbePrefix | None = None

    def rules(self) -> ServiceManifests:
        """As the registry takes them."""
        return ServiceManifests(**{name: getattr(self, name) for name in type(self).model_fields})


class BagsApiSection(Section):
    """``[storage_service.bags_api]``: the service's public API, to learn bags from where its tables cannot be read."""

    url: Annotated[str, Field(pattern=_ADDRESS)]
    token_url: Annotated[str, Field(pattern=_ADDRESS)]
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    secret_connection: ConnectionId
    scope: Annotated[str, Field(min_length=1, max_length=1000)] | None = None

    def rules(self) -> ApiRules:
        """As the client takes them."""
        return ApiRules(self.url, self.token_url, self.client_id, self.secret_connection, self.scope)


class ServiceIngestsSection(Section):
    """``[storage_service.ingests]``: the service's ingests tracker, and the topic of its updates."""

    tracker: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+/?$")]
    topic: Annotated[str, Field(pattern=_TOPIC)] | None = None
    connection: ConnectionId | None = None
    shown_as: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,30}$")] = "replicate"
    callbacks: Annotated[ShownCallbacks, Field(strict=False)] = ShownCallbacks.HIDDEN
    timeout: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(seconds=30))] = timedelta(seconds=5)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.connection is not None and self.topic is None:
            message = "connection publishes to the topic, and no topic is named"
            raise PydanticCustomError("keys", "{text}", {"text": message})
        return self

    def rules(self) -> ServiceIngests:
        """As the steps take them."""
        shown = ShownAs(self.shown_as, self.callbacks)
        return ServiceIngests(self.tracker, self.topic, self.connection, self.timeout.total_seconds(), shown)


class ListenerSection(Section):
    """``[storage_service.listener]``: an SQS queue that gets the service's ``RegisteredBagNotification``."""

    queue: Annotated[str, Field(pattern=_QUEUE)]
    connection: ConnectionId | None = None
    malformed_queue: Annotated[str, Field(pattern=_QUEUE)] | None = None

    def rules(self) -> RegisteredBags:
        """As the listener takes them."""
        return RegisteredBags(self.queue, self.connection, self.malformed_queue)


class StorageServiceSection(Section):
    """``[storage_service]``."""

    manifests: ServiceManifestsSection | None = None
    bags_api: BagsApiSection | None = None
    ingests: ServiceIngestsSection | None = None
    listener: ListenerSection | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.manifests is not None and self.bags_api is not None:
            message = "bags are learnt from manifests or from bags_api; leave one out (manifests tells more)"
            raise PydanticCustomError("keys", "{text}", {"text": message})
        return self
