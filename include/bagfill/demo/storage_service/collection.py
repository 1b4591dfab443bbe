"""Bag versions of a storage service as it has them after some years: rows and JSON in every spelling that it reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bagfill.checksum.algorithm import Algorithm
from bagfill.demo.bag_maker import BAGGING_DATE, BagMaker, FetchedFile, SampleBag
from bagfill.demo.content import Content, noise, text
from bagfill.demo.storage_service.setting import ServiceSetting

_NAMES = ("b{:08d}", "PP/MIA/{}", "PP MIA {}", "SA.GEO.{}", "miro_A-{}")
_ALGORITHMS = (Algorithm.SHA256,)
_SPACES = ("digitised", "born-digital", "miro")


@dataclass(frozen=True, slots=True)
class ServiceBag:
    """One bag version of the service.

    Args:
        sample: its objects.
        paths: name in the bag → path from the bag's root, and content, of every file.
        number: decides about its spelling.
    """

    sample: SampleBag
    paths: Mapping[str, tuple[str, Content]]
    number: int


@dataclass(frozen=True, slots=True)
class ServiceLocations:
    """Where the service's replicas are: a primary bucket, and a second one. Prefixes are empty.

    Args:
        primary: bucket.
        cold: bucket.
    """

    primary: str
    cold: str


def service_collection(primary: str, bag_versions: int) -> Iterator[ServiceBag]:
    """So many bag versions, two of each bag; the second fetches a file from the first.

    Args:
        primary: bucket that ``fetch.txt`` names.
        bag_versions: an even number.
    """
    maker = BagMaker(primary)
    for bag in range(bag_versions // 2):
        name = f"{_SPACES[bag % len(_SPACES)]}/{_NAMES[bag % len(_NAMES)].format(bag)}"
        kept, first, second = noise(3000 + bag, bag), text(f"first {bag}\n"), text(f"second {bag}\n")
        one = maker.make(name, 1, "of a service", {"page.jp2": kept, "mets.xml": first}, algorithms=_ALGORITHMS)
        fetched = {"page.jp2": FetchedFile("v1/data/page.jp2", kept)}
        two = maker.make(name, 2, "of a service", {"mets.xml": second}, fetched=fetched, algorithms=_ALGORITHMS)
        yield ServiceBag(one, _paths(one, {}), 2 * bag)
        yield ServiceBag(two, _paths(two, {"data/page.jp2": ("v1/data/page.jp2", kept)}), 2 * bag + 1)


def put_collection(
    setting: ServiceSetting,
    bags: Sequence[ServiceBag],
    locations: ServiceLocations,
    *,
    put: Callable[[int], None] = lambda _: None,
) -> None:
    """Write objects of the primary location, JSON, rows, and the aggregator's records, as the service would have.

    Args:
        setting: of the service; its tables and buckets are made already.
        bags: what to write.
        locations: both buckets are made.
        put: is told each bag version.
    """
    s3 = setting.client("s3")
    manifests, replicas = setting.table(setting.manifests_table), setting.table(setting.replicas_table)

    def write(bag: ServiceBag) -> None:
        name = str(bag.sample.id)
        for item in bag.sample.objects:
            body = b"".join(item.content.chunks())
            s3.put_object(Bucket=locations.primary, Key=f"{name}/{item.path}", Body=body)
        key, body = _key(bag), stored_text(bag, locations)
        s3.put_object(Bucket=setting.manifests_bucket, Key=key, Body=body)
        number = bag.sample.id.version.number
        payload = _payload(bag.number, setting.manifests_bucket, key)
        manifests.put_item(Item={"id": str(bag.sample.id.bag), "version": number, "payload": payload})
        replicas.put_item(Item={"id": name, "version": 1, "payload": _aggregated(bag, locations)})

    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(write, bags):
            put(1)


def stored_text(bag: ServiceBag, locations: ServiceLocations) -> bytes:
    """The JSON of its storage manifest, in the spelling that its number chooses."""
    id_, prefix = bag.sample.id, str(bag.sample.id.bag)
    way = bag.number % 5
    total = sum(content.size for name, (_, content) in bag.paths.items() if name.startswith("data/"))
    payload = [name for name in bag.paths if name.startswith("data/")]
    info: dict[str, Any] = {
        "externalIdentifier": str(id_.external_identifier),
        "payloadOxum": {"payloadBytes": total, "numberOfPayloadFiles": len(payload)},
        "baggingDate": BAGGING_DATE,
    }
    organisation = "sourceOrganization" if way == 4 else "sourceOrganisation"
    info[organisation] = {"underlying": "Bagfill sample collection"}
    if way == 4:
        info |= {"externalDescription": None, "internalSenderIdentifier": None}
    algorithm: Any = {"SHA256": {}} if way == 2 else {"type": "SHA256"}
    document: dict[str, Any] = {
        "space": str(id_.space),
        "info": info,
        "version": id_.version.number,
        "manifest": {"checksumAlgorithm": algorithm, "files": [_file(bag, name) for name in payload]},
        "tagManifest": {
            "checksumAlgorithm": algorithm,
            "files": [_file(bag, name) for name in bag.paths if name not in payload],
        },
        "location": _location("PrimaryS3StorageLocation", locations.primary, prefix, way),
        "replicaLocations": [_location("SecondaryS3StorageLocation", locations.cold, prefix, way)],
        "createdDate": "2021-07-16T09:00:00.123456789Z" if way == 3 else "2021-07-16T09:00:00Z",
    }
    if way == 4:
        document["unknownToAnybody"] = {"kept": [1.50, "ü"]}
    document["ingestId"] = str(uuid5(NAMESPACE_URL, str(id_)))
    # Compact from Scala, spaced from Python's migrations.
    separators = (", ", ": ") if way in {1, 3} else (",", ":")
    return json.dumps(document, ensure_ascii=way == 1, separators=separators).encode()


def _paths(sample: SampleBag, fetched: Mapping[str, tuple[str, Content]]) -> dict[str, tuple[str, Content]]:
    own = {item.path: (f"{sample.id.version}/{item.path}", item.content) for item in sample.objects}
    return {**own, **fetched}


def _file(bag: ServiceBag, name: str) -> dict[str, Any]:
    path, content = bag.paths[name]
    return {"checksum": content.digests[Algorithm.SHA256].hex, "name": name, "path": path, "size": content.size}


def _location(kind: str, bucket: str, prefix: str, way: int) -> dict[str, Any]:
    names = ("namespace", "path") if way == 3 else ("bucket", "keyPrefix")
    place = {"prefix": dict(zip(names, (bucket, prefix), strict=True))}
    return {kind: place} if way == 2 else {**place, "type": kind}


def _key(bag: ServiceBag) -> str:
    id_ = bag.sample.id
    tail = "" if bag.number % 4 == 3 else ".json"
    return f"{id_.bag}/{id_.version.number}/{uuid5(NAMESPACE_URL, f'json {id_}')}{tail}"


def _payload(number: int, bucket: str, key: str) -> dict[str, Any]:
    if number % 3 == 0:
        return {"bucket": bucket, "key": key}
    old = {"namespace": bucket, "path": key}
    return old if number % 3 == 1 else {"typedStoreId": old}


def _aggregated(bag: ServiceBag, locations: ServiceLocations) -> dict[str, Any]:
    prefix = str(bag.sample.id)
    primary = {"PrimaryS3ReplicaLocation": {"prefix": {"bucket": locations.primary, "keyPrefix": prefix}}}
    cold = {"SecondaryS3ReplicaLocation": {"prefix": {"bucket": locations.cold, "keyPrefix": prefix}}}
    return {"location": primary, "replicas": [cold]}
