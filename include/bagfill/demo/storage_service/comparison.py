"""A service before and after a backfill: what changed that may not have, and what did not that must have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bagfill.demo.storage_service.setting import ServiceSetting

_WORDS = ("Replicating to {to} started", "Verification ({to}) started", "Register succeeded (completed)")


@dataclass(frozen=True)
class ServiceState:
    """Everything that the service keeps of its bags.

    Args:
        rows: of the manifests table, by id and version.
        texts: the JSON of each, by the same.
        aggregated: the aggregator's records.
    """

    rows: Mapping[tuple[str, int], Mapping[str, Any]]
    texts: Mapping[tuple[str, int], bytes]
    aggregated: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, setting: ServiceSetting) -> ServiceState:
        """As it is now."""
        rows = {(item["id"], int(item["version"])): item for item in _items(setting, setting.manifests_table)}
        s3 = setting.client("s3")
        texts = {name: _text(s3, row) for name, row in rows.items()}
        return cls(rows, texts, {item["id"]: item for item in _items(setting, setting.replicas_table)})


def problems(
    setting: ServiceSetting,
    before: ServiceState,
    after: ServiceState,
    added: Mapping[str, Any],
    ingests: Sequence[Mapping[str, Any]],
    destination: str,
) -> Iterator[str]:
    """Everything that is not as it should be after each bag version got one location more.

    Args:
        setting: of the service; the JSON of before is looked for again.
        before: as it was.
        after: as it is.
        added: the new element of a manifest, with ``{bag}`` for the bag in its prefix.
        ingests: as the service's API shows them.
        destination: name of the location, as events have it.
    """
    s3 = setting.client("s3")
    if before.rows.keys() != after.rows.keys():
        yield f"rows came or went: {sorted(before.rows.keys() ^ after.rows.keys())}"
        return
    for (bag, number), row in before.rows.items():
        name, now = f"{bag}/v{number}", after.rows[bag, number]
        element = json.loads(json.dumps(added).replace("{bag}", bag))
        yield from (f"{name}: {what}" for what in _row_problems(row, now))
        if _text(s3, row) != before.texts[bag, number]:
            yield f"{name}: the JSON of before is not what it was"
        yield from (
            f"{name}: {what}" for what in _text_problems(before.texts[bag, number], after.texts[bag, number], element)
        )
        yield from (f"{name}: {what}" for what in _record_problems(before.aggregated[name], after.aggregated[name]))
    yield from _ingest_problems(after, ingests, destination)


def _row_problems(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if {**before, "payload": None} != {**after, "payload": None}:
        yield "more than the payload of its row changed"
    if _spelling(before["payload"]) != _spelling(after["payload"]):
        yield "its pointer is spelled in another way"
    if before["payload"] == after["payload"]:
        yield "its row still points to the old JSON"


def _text_problems(before: bytes, after: bytes, element: Mapping[str, Any]) -> Iterator[str]:
    was, now = json.loads(before), json.loads(after)
    if now.get("replicaLocations") != [*was["replicaLocations"], element]:
        yield f"its replica locations are {now.get('replicaLocations')}"
    # Cut out what is longer: the rest must be the text of before, byte for byte.
    at = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    if before != after[:at] + after[at + len(after) - len(before) :]:
        yield "its JSON changed beyond the new location"


def _record_problems(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    was, now = before["payload"], after["payload"]
    kept = now["replicas"][: len(was["replicas"])] == was["replicas"] and now["location"] == was["location"]
    if not kept or len(now["replicas"]) != len(was["replicas"]) + 1:
        yield f"the aggregator's record is {now}"
    if after["version"] != before["version"] + 1:
        yield "the aggregator's counter did not grow by one"


def _ingest_problems(after: ServiceState, ingests: Sequence[Mapping[str, Any]], destination: str) -> Iterator[str]:
    shown = {bag_version_of(ingest): ingest for ingest in ingests}
    for name in (f"{bag}/v{number}" for bag, number in after.rows):
        ingest = shown.get(name)
        if ingest is None:
            yield f"{name}: the service shows no ingest of it"
        elif ingest["status"]["id"] != "succeeded":
            yield f"{name}: its ingest is shown as {ingest['status']['id']}"
        else:
            told = [event["description"] for event in ingest["events"]]
            for words in _WORDS:
                if words.format(to=destination) not in told:
                    yield f"{name}: its ingest does not say {words.format(to=destination)!r}"
    if len(ingests) != len(after.rows):
        yield f"{len(ingests)} ingests are shown of {len(after.rows)} bag versions"


def bag_version_of(ingest: Mapping[str, Any]) -> str:
    """The bag version that an ingest of the service's API is about."""
    info = ingest["bag"]["info"]
    return f"{ingest['space']['id']}/{info['externalIdentifier']}/{info['version']}"


def _spelling(payload: Mapping[str, Any]) -> list[Any]:
    inner = payload.get("typedStoreId", payload)
    return [sorted(payload), sorted(inner)]


def _text(s3: Any, row: Mapping[str, Any]) -> bytes:
    pointer = row["payload"].get("typedStoreId", row["payload"])
    bucket, key = pointer.get("bucket", pointer.get("namespace")), pointer.get("key", pointer.get("path"))
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _items(setting: ServiceSetting, table: str) -> Iterator[Mapping[str, Any]]:
    more: dict[str, Any] = {}
    while True:
        page = setting.table(table).scan(ConsistentRead=True, **more)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
