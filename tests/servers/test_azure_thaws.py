"""A bag in Azure's Archive tier, thawed in place or by copying, on a real server: Azurite, which rehydrates at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from bagfill.bag.identifiers import BagId, BagVersionId
from bagfill.demo.azurite import Azurite
from bagfill.fixity.receipt_form import ObjectFromCopy
from bagfill.fixity.receipts import ReceiptReader
from bagfill.steps.backfill import backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.location import ThawDefaults
from bagfill.storage.store import Created
from world import bag_files

pytestmark = pytest.mark.servers

BAG = BagId.parse("born-digital/PP CRI.1/A 2")
V1 = BagVersionId.parse(f"{BAG}/v1")
COPIES = "thawed-copies-of-tests"
FILES = bag_files(BAG, {"small +%2F é.txt": b"frozen", "large.bin": bytes(range(256)) * 50_000})


@pytest.fixture
def service(azurite: Azurite) -> Iterator[Any]:
    """The SDK without our store."""
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    if not service.get_container_client(COPIES).exists():
        service.create_container(COPIES)
    yield service
    service.close()


def archived(services: Services, service: Any) -> list[str]:
    """A bag whose payload is archived; the names of its blobs."""
    place = services.locations["azurite"]
    for path, data in FILES.items():
        assert isinstance(services.stores.writing(place).create(f"{place.version_prefix(V1)}{path}", data), Created)
    assert import_location(services, "azurite").is_clean
    names = [f"{place.version_prefix(V1)}{path}" for path in FILES if path.startswith("data/")]
    for name in names:
        service.get_blob_client(place.bucket, name).set_standard_blob_tier("Archive")
    return names


def tiers(services: Services, service: Any, names: list[str]) -> set[str]:
    bucket = services.locations["azurite"].bucket
    return {str(service.get_blob_client(bucket, name).get_blob_properties().blob_tier) for name in names}


@pytest.mark.parametrize("copies", [None, COPIES], ids=["in place", "by copying"])
def test_an_archived_bag_is_thawed_and_arrives(
    open_world: Callable[[], Services], service: Any, copies: str | None
) -> None:
    services = open_world()
    place = services.locations["azurite"]
    services.locations["azurite"] = replace(place, thaw=ThawDefaults(into="Cool", copies=copies))  # type: ignore[index]
    names = archived(services, service)

    fields = {"space": str(BAG.space), "external_identifier": str(BAG.external_identifier), "destination": "shelf"}
    result = backfill(services, BackfillRequest.parse(services, "test", fields), poll_seconds=0.2)

    assert result.succeeded, result
    shelf = services.stores.reading(services.locations["shelf"])
    assert {path: b"".join(shelf.read(f"{V1}/{path}")) for path in FILES} == FILES
    assert tiers(services, service, names) == ({"Cool"} if copies is None else {"Archive"})
    (name,) = [replica.receipt for replica in services.registry.replicas(V1) if replica.location == "shelf"]
    chunks = services.receipts.read_chunks(name or "")
    assert chunks is not None
    told = {line.path: line.object for line in ReceiptReader(chunks).files()}
    for path, each in told.items():
        is_copy = copies is not None and path.startswith("data/")
        assert isinstance(each, ObjectFromCopy) is is_copy
        if isinstance(each, ObjectFromCopy):
            container, _, key = each.read_from.partition("/")
            assert container == COPIES
            assert service.get_blob_client(container, key).get_blob_properties().size == len(FILES[path])
