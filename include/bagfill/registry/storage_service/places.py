"""Where a storage service keeps its manifests, as configured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceManifests:
    """Where a storage service keeps its storage manifests.

    Args:
        table: DynamoDB table of rows.
        bucket: where new JSON is written; rows may point to others too.
        connection: id of the connection that reads both, creates objects and updates rows.
        replicas_table: the aggregator's; ``None``: it is not told.
        responses_bucket: the bags API's cache of large answers; ``None``: nothing in it is forgotten.
        kept_responses: bag versions whose cached answer stays, for the service hard-codes one (a million files).
        reindex_topic: ARN of the indexer's own topic; ``None``: it is not told.
        segments: parts of the table that are scanned side by side.
        probe_prefix: where in ``bucket`` ``bagfill doctor`` may write probe objects; ``None``: nowhere.
    """

    table: str
    bucket: str
    connection: str | None = None
    replicas_table: str | None = None
    responses_bucket: str | None = None
    kept_responses: tuple[str, ...] = ("digitised/b19974760/v1",)
    reindex_topic: str | None = None
    segments: int = 4
    probe_prefix: str | None = None
