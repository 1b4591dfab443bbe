"""What else of the service has to know of a new location: its aggregator, the cache of large answers, its indexer.

Each part can be made again, and finds what was done. The notification of registered bags is never sent: catalogue,
tagger and file finder would do their work once more.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from bagfill.bag.identifiers import BagVersionId
from bagfill.manifest.errors import ManifestFormatError
from bagfill.manifest.location_codec import location_json, parse_location
from bagfill.manifest.model import LocationRole, ManifestLocation
from bagfill.registry.contention import Contention
from bagfill.registry.storage_service.rows import Item, RowFormatError, Table

logger = logging.getLogger(__name__)

_CONTENTION: Contention[bool] = Contention(attempts=20, first_pause=0.02, longest_pause=1.0)


class ResponseCache(Protocol):
    """The bucket of large answers."""

    def forget(self, key: str) -> None:
        """Remove an answer, if there is one. Raises StoreError."""
        ...


class Publisher(Protocol):
    """A topic."""

    def publish(self, message: str) -> None:
        """Publish a message. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The parts that an installation has; one that is not named is left alone.

    Args:
        replicas: the aggregator's table.
        responses: the cache of the bags API.
        kept_responses: names of bag versions whose cached answer is never forgotten, for the API cannot make it again.
        reindex: the topic of the bag indexer alone.
        sleep: waits some seconds before a lost race for the aggregator's record is run again.
    """

    replicas: Table | None = None
    responses: ResponseCache | None = None
    kept_responses: frozenset[str] = frozenset()
    reindex: Publisher | None = None
    sleep: Callable[[float], None] = time.sleep

    def complete(self, bag_version: BagVersionId, location: ManifestLocation) -> None:
        """Do what is not done yet.

        Raises:
            StoreError: a part did not answer, or refused.
            RowFormatError: the aggregator's record is in no spelling that is known.
            RegistryContendedError: others write it all the time.
        """
        if self.replicas is not None:
            self._tell_aggregator(self.replicas, bag_version, location)
        if self.responses is not None and str(bag_version) not in self.kept_responses:
            self.responses.forget(f"responses/{bag_version}")
        if self.reindex is not None:
            self.reindex.publish(_notification(bag_version))

    def _tell_aggregator(self, table: Table, bag_version: BagVersionId, location: ManifestLocation) -> None:
        key = {"id": str(bag_version)}

        def attempt() -> bool | None:
            item = table.get(key)
            if item is None:
                # Bags from before the aggregator have none, and one without a primary location would mislead it.
                logger.info("%s has no record in the service's table of replicas", bag_version)
                return True
            payload, known, counter = _understood(item, bag_version)
            if _is_among(known, location, bag_version):
                return True
            more = {**payload, "replicas": [*known, _aggregated(location, bag_version)]}
            return table.change(key, {"payload": more, "version": counter + 1}, expected={"version": counter}) or None

        _CONTENTION.until_won(attempt, str(bag_version), self.sleep)


def _understood(item: Item, bag_version: BagVersionId) -> tuple[Mapping[str, Any], Sequence[Any], Any]:
    """Payload, replicas and counter of a record. Raises RowFormatError: what is not understood is not written over."""
    payload, counter = item.get("payload"), item.get("version")
    known = payload.get("replicas") if isinstance(payload, Mapping) else None
    if not isinstance(payload, Mapping) or not isinstance(known, list | None):
        raise RowFormatError(f"record {bag_version} of the replicas table: its payload has no list of replicas")
    if not isinstance(counter, int | Decimal):
        raise RowFormatError(f"record {bag_version} of the replicas table: its counter is {counter!r}")
    return payload, known or [], counter


def _aggregated(location: ManifestLocation, bag_version: BagVersionId) -> dict[str, Any]:
    """As the aggregator writes it: the class name wraps the fields, and the prefix has the version."""
    stored = location_json(location)
    (_, bucket), (name, prefix) = stored["prefix"].items()
    bucket_name = next(iter(stored["prefix"]))
    wrapper = str(stored["type"]).replace("StorageLocation", "ReplicaLocation")
    return {wrapper: {"prefix": {bucket_name: bucket, name: f"{prefix}/{bag_version.version}"}}}


def _is_among(known: Sequence[Mapping[str, Any]], location: ManifestLocation, bag_version: BagVersionId) -> bool:
    tail = f"/{bag_version.version}"
    for each in known:
        try:
            parsed = parse_location(each, LocationRole.SECONDARY, "replicas")
        except ManifestFormatError:
            continue
        place = ManifestLocation(parsed.role, parsed.provider, parsed.bucket, parsed.prefix.removesuffix(tail))
        if place.is_same_place(location):
            return True
    return False


def _notification(bag_version: BagVersionId) -> str:
    values = {
        "space": str(bag_version.space),
        "externalIdentifier": str(bag_version.external_identifier),
        "version": str(bag_version.version),
        "type": "RegisteredBagNotification",
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
