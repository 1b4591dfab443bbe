"""Two real bag versions of the Wellcome storage service: the second fetches a file from the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bagfill.bag.identifiers import BagVersionId
from bagfill.ingests.reasons import Reason
from bagfill.steps.backfill import backfill
from bagfill.steps.import_location import import_location
from bagfill.steps.requests import BackfillRequest
from bagfill.steps.services import Services
from bagfill.storage.store import Created

pytestmark = pytest.mark.servers

BAGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "storage-service-bags"
BUCKET = "wellcomecollection-storage"
"""The bucket that the second version's ``fetch.txt`` refers to."""


@pytest.fixture
def services(open_world: Callable[[str], Services]) -> Services:
    """The bags in a bucket of the right name, imported."""
    if not BAGS.is_dir():
        pytest.skip(f"the real bags are not here: {BAGS.name} is missing beside the project (../shared/data)")
    opened = open_world(BUCKET)
    store = opened.stores.writing(opened.locations["ministack"])
    for file in sorted((BAGS / "testing").rglob("*")):
        if file.is_file():
            assert isinstance(store.create(file.relative_to(BAGS).as_posix(), file.read_bytes()), Created)
    imported = import_location(opened, "ministack")
    assert imported.is_clean, imported
    return opened


def request(services: Services, request_id: str, version: str | None = None) -> BackfillRequest:
    fields = {"space": "testing", "external_identifier": "test_bag", "destination": "azurite", "version": version}
    return BackfillRequest.parse(services, request_id, fields)


def test_both_versions_arrive_in_order_and_the_second_alone_is_refused(services: Services) -> None:
    alone = backfill(services, request(services, "test:alone", "v2"))
    assert [closed.reason for closed in alone.closed] == [Reason.OLDER_VERSION_MISSING.code]

    both = backfill(services, request(services, "test:both"))

    assert both.succeeded, both
    assert [closed.bag_version for closed in both.closed] == ["testing/test_bag/v1", "testing/test_bag/v2"]
    azurite = services.locations["azurite"]
    store = services.stores.reading(azurite)
    held = {info.key: b"".join(store.read(info.key)) for info in store.list("testing/test_bag/")}
    expected = {
        file.relative_to(BAGS).as_posix(): file.read_bytes() for file in (BAGS / "testing").rglob("*") if file.is_file()
    }
    assert held == expected
    for version in ("v1", "v2"):
        replicas = services.registry.replicas(BagVersionId.parse(f"testing/test_bag/{version}"))
        assert [replica.location for replica in replicas] == ["ministack", "azurite"]
