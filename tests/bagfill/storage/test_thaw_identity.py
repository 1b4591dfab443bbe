"""Thaws are asked for by an identity of their own, everything else by the reader."""

from __future__ import annotations

import json

import pytest

from bagfill.storage.credentials import CredentialsError
from bagfill.storage.environment_credentials import EnvironmentCredentials
from bagfill.storage.errors import StoreError, StoreFailure
from bagfill.storage.location import Location, Provider
from bagfill.storage.memory import MemoryStore
from bagfill.storage.memory_bucket import MemoryBucket
from bagfill.storage.providers import open_store
from bagfill.storage.store import ObjectStore, ThawAnswer, ThawTier
from bagfill.storage.thaw_identity import ThawedByAnother
from contracts.store_contract import Home, StoreContract


class Counting(MemoryStore):
    """Notes the thaws that it is asked for."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket)
        self.thaws: list[str] = []
        self.closed = False

    def request_thaw(self, key: str, *, tier: ThawTier, days: int) -> ThawAnswer:
        self.thaws.append(key)
        return super().request_thaw(key, tier=tier, days=days)

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.fixture
def bucket() -> MemoryBucket:
    made = MemoryBucket()
    made.put_unconditionally("a", b"a")
    made.archive("a", "GLACIER")
    return made


def test_thaws_go_to_the_other_identity_and_nothing_else_does(bucket: MemoryBucket) -> None:
    reader, thawer = Counting(bucket), Counting(bucket)
    store = ThawedByAnother(reader, lambda: thawer)
    assert store.stat("a") is not None
    assert store.request_thaw("a", tier=ThawTier.STANDARD, days=1) is ThawAnswer.REQUESTED
    assert (reader.thaws, thawer.thaws) == ([], ["a"])
    store.close()
    assert (reader.closed, thawer.closed) == (True, True)


def test_who_only_reads_needs_no_credentials_for_thaws(bucket: MemoryBucket) -> None:
    def refused() -> ObjectStore:
        raise CredentialsError("AIRFLOW_CONN_THAW: is not there")

    store = ThawedByAnother(MemoryStore(bucket), refused)
    assert [info.key for info in store.list("")] == ["a"]
    store.close()


def test_a_connection_for_thaws_that_cannot_be_used_is_said_when_a_thaw_is_asked_for() -> None:
    connection = {"conn_type": "aws", "login": "k", "password": "s", "extra": {"region_name": "eu-west-1"}}
    environ = {"AIRFLOW_CONN_READ": json.dumps(connection), "AIRFLOW_CONN_THAW": "{no json"}
    place = Location("s3", Provider.AMAZON_S3, "bucket", read_connection="read", thaw_connection="thaw")
    store = open_store(place, EnvironmentCredentials(environ), writing=False)
    with pytest.raises(StoreError) as refused:
        store.request_thaw("key", tier=ThawTier.BULK, days=1)
    assert refused.value.failure is StoreFailure.MISCONFIGURED
    assert "AIRFLOW_CONN_THAW" in str(refused.value)
    store.close()


class TestThawedByAnother(StoreContract):
    """It is a store as any other."""

    @pytest.fixture
    def home(self) -> Home:
        bucket = MemoryBucket()

        def opened() -> ObjectStore:
            return ThawedByAnother(MemoryStore(bucket), lambda: MemoryStore(bucket))

        return Home(open=opened, shared=opened(), put=bucket.put_unconditionally, remove=bucket.remove)
