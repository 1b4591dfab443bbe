"""Rows and records of the service that are in no known shape: an error that names them, and nothing is written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bagfill.manifest.model import LocationRole, ManifestLocation, Provider
from bagfill.registry.errors import RegistryContendedError
from bagfill.registry.storage_service.aftermath import Aftermath
from bagfill.registry.storage_service.rows import Item, ManifestRow, RowFormatError
from contracts.sample_manifests import bag_version
from memory_table import MemoryTable

ABOUT = bag_version("b1")
SHELF = ManifestLocation(LocationRole.SECONDARY, Provider.AMAZON_S3, "shelf", "digitised/b1")
OLD, NEW = {"namespace": "bucket", "path": "old"}, {"bucket": "bucket", "key": "old"}
KNOWN = {"SecondaryS3ReplicaLocation": {"prefix": {"bucket": "cold", "keyPrefix": "digitised/b1/v1"}}}


def row(payload: Any) -> ManifestRow:
    return ManifestRow.of({"id": "digitised/b1", "version": Decimal(1), "payload": payload})


@pytest.mark.parametrize(
    "payload",
    [
        OLD,
        NEW,
        {"typedStoreId": OLD},
        {"typedStoreId": NEW, "more": 1},
        {**OLD, **NEW},
        {"typedStoreId": {**OLD, **NEW}},
    ],
)
def test_a_pointer_is_moved_wherever_it_is_spelled(payload: dict[str, Any]) -> None:
    before = row(payload)
    after = row(before.payload_at("bucket/new.json"))
    assert (before.pointer, after.pointer) == ("bucket/old", "bucket/new.json")
    assert "old" not in str(after.payload)
    assert after.payload.keys() == payload.keys()


def test_names_without_values_are_no_pointer_and_stay() -> None:
    before = row({"bucket": None, "key": None, **OLD})
    assert before.payload_at("bucket/new") == {"bucket": None, "key": None, "namespace": "bucket", "path": "new"}


def test_a_row_that_points_to_two_places_is_not_decided_for_its_owner() -> None:
    with pytest.raises(RowFormatError, match="digitised/b1/v1: its payload points to two places"):
        row({**OLD, "bucket": "bucket", "key": "another"})


@pytest.mark.parametrize("payload", [None, "text", [], {}, {"typedStoreId": None}, {"bucket": "b", "path": "p"}])
def test_a_row_that_points_nowhere_is_named(payload: Any) -> None:
    with pytest.raises(RowFormatError, match="digitised/b1/v1"):
        row(payload)


def table(**record: Any) -> MemoryTable:
    return MemoryTable("id", items=[{"id": str(ABOUT), **record}])


@pytest.mark.parametrize(
    "record",
    [
        {"version": 3, "payload": {"location": None, "replicas": {"0": KNOWN}}},
        {"version": 3, "payload": {"replicas": "none"}},
        {"version": 3, "payload": None},
        {"version": 3},
        {"payload": {"replicas": [KNOWN]}},
        {"version": "3", "payload": {"replicas": [KNOWN]}},
    ],
)
def test_an_aggregator_s_record_that_is_not_understood_is_left_as_it_is(record: dict[str, Any]) -> None:
    replicas = table(**record)
    before = replicas.items()
    with pytest.raises(RowFormatError, match=f"record {ABOUT} of the replicas table"):
        Aftermath(replicas).complete(ABOUT, SHELF)
    assert replicas.items() == before


@pytest.mark.parametrize("known", [None, [], [KNOWN]])
def test_an_aggregator_s_record_gains_one_replica_whatever_it_had(known: list[Any] | None) -> None:
    replicas = table(version=Decimal(3), payload={"location": None, "replicas": known, "more": 1})
    Aftermath(replicas).complete(ABOUT, SHELF)
    [record] = replicas.items()
    assert record["payload"]["replicas"][:-1] == (known or [])
    assert record["payload"]["more"] == 1
    assert record["version"] == 4


def test_an_aggregator_that_is_always_faster_is_waited_for_between_tries_and_then_an_error() -> None:
    pauses: list[float] = []

    class Contended(MemoryTable):
        def change(self, key: Item, values: Item, *, expected: Item) -> bool:
            return False

    contended = Contended("id", items=[{"id": str(ABOUT), "version": 1, "payload": {"replicas": []}}])
    with pytest.raises(RegistryContendedError):
        Aftermath(contended, sleep=pauses.append).complete(ABOUT, SHELF)
    assert len(pauses) == 19
